"""Timelines as rows without overlaps."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim import Interval


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
