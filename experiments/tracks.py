"""Timelines as rows without overlaps, and as Chrome traces (chrome://tracing, Perfetto)."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim import Interval, Outcome

MICRO = 1e6


def resources(intervals: Iterable["Interval"]) -> tuple[str, ...]:
    """Resources in the order in which they are first used; radio and cloud come last."""
    found = dict.fromkeys(interval.resource for interval in intervals)
    last = [name for name in ("radio", "cloud") if name in found]
    return (*(name for name in found if name not in last), *last)


def rows(intervals: Iterable["Interval"]) -> Iterator[tuple[str, int, "Interval"]]:
    """(resource, row, interval): intervals of one resource that overlap lie in different rows."""
    free: dict[str, list[float]] = {}
    for interval in sorted(intervals, key=lambda i: (i.start_s, i.stop_s)):
        ends = free.setdefault(interval.resource, [])
        row = next((n for n, end_s in enumerate(ends) if end_s <= interval.start_s), len(ends))
        if row == len(ends):
            ends.append(0.0)
        ends[row] = interval.stop_s
        yield interval.resource, row, interval


def chrome_trace(outcome: "Outcome", title: str) -> dict[str, Any]:
    """The Trace Event Format: one track a resource (and row), and the device's power."""
    names = resources(outcome.timeline)
    events: list[dict[str, Any]] = [_named("process_name", 0, title)]
    tracks: dict[tuple[str, int], int] = {}
    slices = []
    for resource, row, interval in rows(outcome.timeline):
        track = tracks.setdefault((resource, row), 100 * (names.index(resource) + 1) + row)
        slices.append(_slice(interval, track))
    for (resource, row), track in sorted(tracks.items(), key=lambda item: item[1]):
        events.append(_named("thread_name", track, f"{resource} {row + 1}" if row else resource))
    events += sorted(slices, key=lambda event: (event["ts"], -event["dur"]))
    return {"traceEvents": events + list(_power(outcome)), "displayTimeUnit": "ms"}


def _named(what: str, track: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": what, "pid": 1, "tid": track, "args": {"name": name}}


def _slice(interval: "Interval", track: int) -> dict[str, Any]:
    return {
        "ph": "X",
        "name": interval.label,
        "cat": interval.resource,
        "pid": 1,
        "tid": track,
        "ts": interval.start_s * MICRO,
        "dur": (interval.stop_s - interval.start_s) * MICRO,
        "args": {"added_power_w": interval.power_w},
    }


def _power(outcome: "Outcome") -> Iterator[dict[str, Any]]:
    """Counter events: the device's power, by component, from each change on."""
    if not outcome.timeline:
        return
    now: dict[str, float] = {}
    table = outcome.power().sort_values("time_s", kind="stable")
    for time_s, group in table.groupby("time_s"):
        now |= dict(zip(group["component"], group["power_w"], strict=True))
        watts = {name: round(value, 9) for name, value in now.items()}
        at_us = float(time_s) * MICRO  # type: ignore[arg-type]
        yield {"ph": "C", "name": "power_w", "pid": 1, "tid": 0, "ts": at_us, "args": watts}
