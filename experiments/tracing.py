"""Runs as traces for Perfetto and chrome://tracing, in the Trace Event Format.

One process, the device; its threads are the request, the processors, the radio's activities and
state, and the server. Counters: power by component, bytes a second over the memory bus. Arrows
(flow events) lead from the request through its blocks. Times are whole nanoseconds, so that
slices which meet do not overlap by a rounding error.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from experiments.blocks import Key, block_details
from experiments.tracks import resources, rows
from planners import Plan, Question

if TYPE_CHECKING:
    from sim import Interval, Outcome

Event = dict[str, Any]
DEVICE = 1
REQUEST, RADIO_STATE = 1, 90
FIRST_TRACK = 100
ORDER = {"M": 0, "X": 1, "s": 2, "t": 3, "f": 4, "C": 5}
"""Of events at one instant: a flow needs the slice that it leaves or enters."""
IDLE = "idle"


def chrome_trace(outcome: "Outcome", plan: Plan, question: Question) -> dict[str, Any]:
    """The trace of one request; its run must have recorded a timeline."""
    names = resources(outcome.timeline)
    title = f"{question.workload.name} by {plan.planner}"
    tracks: dict[tuple[str, int], int] = {}
    slices, details = [], block_details(plan, question.workload)
    for resource, row, interval in rows(outcome.timeline):
        track = FIRST_TRACK * (names.index(resource) + 1) + row
        tracks[resource, row] = track
        slices.append(_activity(interval, track, details))
    events = [
        _slice("request", title, REQUEST, 0.0, outcome.latency_s),
        *slices,
        *_radio_states(outcome),
        *_flows([event for event in slices if "layer" in event["args"]]),
        *_power(outcome),
        *_bus(outcome, question.soc.memory.energy_j_per_byte.value),
    ]
    events.sort(key=lambda event: (event["ts"], ORDER[event["ph"]], -event.get("dur", 0.0)))
    named = [_named("process_name", 0, question.soc.name), *_threads(tracks)]
    if any(event["tid"] == RADIO_STATE for event in events):
        named += _thread(RADIO_STATE, "radio state")
    return {
        "traceEvents": named + events,
        "displayTimeUnit": "ms",
        "otherData": {"model": question.workload.name, "planner": plan.planner},
    }


def _threads(tracks: Mapping[tuple[str, int], int]) -> Iterator[Event]:
    yield from _thread(REQUEST, "request")
    for (resource, row), track in sorted(tracks.items(), key=lambda item: item[1]):
        yield from _thread(track, f"{resource} {row + 1}" if row else resource)


def _thread(track: int, name: str) -> tuple[Event, Event]:
    """A thread's name, and its place among the others."""
    order = _named("thread_sort_index", track, name)
    return _named("thread_name", track, name), order | {"args": {"sort_index": track}}


def _named(what: str, track: int, name: str) -> Event:
    return {"ph": "M", "name": what, "pid": DEVICE, "tid": track, "ts": 0, "args": {"name": name}}


def _microseconds(time_s: float) -> float:
    """Whole nanoseconds, in the format's unit."""
    return round(time_s * 1e9) / 1e3


def _slice(
    category: str, name: str, track: int, start_s: float, stop_s: float, **args: Any
) -> Event:
    start_us = _microseconds(start_s)
    duration_us = round(_microseconds(stop_s) - start_us, 3)
    return {
        "ph": "X",
        "name": name,
        "cat": category,
        "pid": DEVICE,
        "tid": track,
        "ts": start_us,
        "dur": duration_us,
        "args": args,
    }


def _activity(interval: "Interval", track: int, details: Mapping[Key, Mapping[str, Any]]) -> Event:
    own = details.get((interval.resource, interval.label), {})
    return _slice(
        interval.resource,
        interval.label,
        track,
        interval.start_s,
        interval.stop_s,
        added_power_w=interval.power_w,
        **own,
    )


def _flows(blocks: list[Event]) -> Iterator[Event]:
    """Arrows from the request to its blocks, in the order in which they start."""
    if not blocks:
        return
    shared = {"name": "request", "cat": "request", "id": 1, "pid": DEVICE}
    ordered = sorted(blocks, key=lambda event: (event["ts"], event["tid"]))
    yield {**shared, "ph": "s", "tid": REQUEST, "ts": 0.0}
    for block in ordered[:-1]:
        yield {**shared, "ph": "t", "tid": block["tid"], "ts": block["ts"]}
    last = ordered[-1]
    yield {**shared, "ph": "f", "bp": "e", "tid": last["tid"], "ts": last["ts"]}


def radio_states(
    timeline: Iterable["Interval"], window_s: float
) -> Iterator[tuple[str, float, float]]:
    """(state, start_s, stop_s) of the radio over the window, without gap or overlap.

    States are those of its tail (`connected`, `short_drx`, ...), `promotion`, `sending` while it
    transfers, and `idle`; waiting for the server's answer is part of the tail.
    """
    spans = [(_state(i.label), i) for i in timeline if i.resource == "radio"]
    known = [(state, i) for state, i in spans if state]
    ends = {end for _, i in known for end in (i.start_s, i.stop_s)}
    times = sorted({0.0, window_s, *(min(end, window_s) for end in ends)})
    last, begun_s = IDLE, 0.0
    for time_s in times[:-1]:
        here = [state for state, i in known if i.start_s <= time_s < i.stop_s]
        state = min(here, key=_rank, default=IDLE)
        if state != last:
            if time_s > begun_s:
                yield last, begun_s, time_s
            last, begun_s = state, time_s
    if window_s > begun_s:
        yield last, begun_s, window_s


def _state(label: str) -> str | None:
    if label.startswith("tail: "):
        return label.removeprefix("tail: ")
    if label == "promotion":
        return label
    return "sending" if label.startswith(("upload ", "download ")) else None


def _rank(state: str) -> int:
    """What counts where several hold: a transfer is sent while connected."""
    return {"sending": 0, "promotion": 1}.get(state, 2)


def _radio_states(outcome: "Outcome") -> Iterator[Event]:
    if any(interval.resource == "radio" for interval in outcome.timeline):
        for state, start_s, stop_s in radio_states(outcome.timeline, outcome.window_s):
            yield _slice("radio state", state, RADIO_STATE, start_s, stop_s)


def _power(outcome: "Outcome") -> Iterator[Event]:
    """The device's power by component, from each change on."""
    now: dict[str, float] = {}
    table = outcome.power().sort_values("time_s", kind="stable")
    for time_s, group in table.groupby("time_s"):
        now |= dict(zip(group["component"], group["power_w"], strict=True))
        watts = {name: round(value, 9) for name, value in now.items()}
        yield _counter("power_w", float(time_s), watts)  # type: ignore[arg-type]


def _bus(outcome: "Outcome", dram_j_per_byte: float) -> Iterator[Event]:
    """Bytes a second over the memory bus, mean over each activity that moves them.

    DRAM's power above its background is bytes a second times joules a byte; nothing where those
    are zero.
    """
    if dram_j_per_byte <= 0.0:
        return
    changes: dict[float, float] = {0.0: 0.0}
    for interval in outcome.timeline:
        rate = sum(w for name, w in interval.component_w if name == "dram") / dram_j_per_byte
        changes[interval.start_s] = changes.get(interval.start_s, 0.0) + rate
        changes[interval.stop_s] = changes.get(interval.stop_s, 0.0) - rate
    running, most = 0.0, max(changes.values())
    for time_s in sorted(changes):
        running += changes[time_s]
        bytes_per_s = running if running > 1e-9 * most else 0.0  # sums that ought to cancel
        yield _counter("bus", time_s, {"bytes_per_s": bytes_per_s})


def _counter(name: str, time_s: float, values: Mapping[str, float]) -> Event:
    at_us = _microseconds(time_s)
    return {"ph": "C", "name": name, "pid": DEVICE, "tid": 0, "ts": at_us, "args": dict(values)}
