"""Max-min fair sharing of the memory bus among lanes of phases, in closed form between events."""

from collections.abc import Sequence

from socs.law import Phase

Lane = Sequence[Phase]
Span = tuple[float, float]


def max_min(caps: Sequence[float], capacity: float) -> list[float]:
    """Rates of flows with caps that share a capacity max-min fairly (progressive filling)."""
    rates = [0.0] * len(caps)
    order = sorted(range(len(caps)), key=caps.__getitem__)
    left = capacity
    for position, index in enumerate(order):
        rates[index] = min(caps[index], left / (len(order) - position))
        left -= rates[index]
    return rates


def finish(lanes: Sequence[Lane], bus_bytes_per_s: float) -> list[list[Span]]:
    """Start and stop of each phase of lanes that start together at 0 and share the bus.

    A phase without bytes lasts its seconds; one with bytes is a flow capped at bytes / seconds.
    """
    if len(lanes) == 1 or not _contended(lanes, bus_bytes_per_s):
        return [_alone(lane, bus_bytes_per_s) for lane in lanes]
    return _shared(lanes, bus_bytes_per_s)


def _cap(phase: Phase) -> float:
    return float(phase.size_bytes / phase.seconds) if phase.seconds > 0 else float("inf")


def _contended(lanes: Sequence[Lane], bus_bytes_per_s: float) -> bool:
    peaks = [max((_cap(p) for p in lane if p.size_bytes > 0), default=0.0) for lane in lanes]
    return sum(peaks) > bus_bytes_per_s


def _alone(lane: Lane, bus_bytes_per_s: float) -> list[Span]:
    spans, now_s = [], 0.0
    for phase in lane:
        stop_s = now_s + max(float(phase.seconds), float(phase.size_bytes) / bus_bytes_per_s)
        spans.append((now_s, stop_s))
        now_s = stop_s
    return spans


def _shared(lanes: Sequence[Lane], bus_bytes_per_s: float) -> list[list[Span]]:
    """Steps from one phase's end to the next; `left` is bytes of a flow or seconds of a delay."""
    spans: list[list[Span]] = [[] for _ in lanes]
    started = [0.0] * len(lanes)
    left = [_amount(lane, 0) for lane in lanes]
    now_s = 0.0
    while True:
        live = [i for i, lane in enumerate(lanes) if len(spans[i]) < len(lane)]
        if not live:
            return spans
        current = {i: lanes[i][len(spans[i])] for i in live}
        flows = [i for i in live if current[i].size_bytes > 0]
        shares = max_min([_cap(current[i]) for i in flows], bus_bytes_per_s)
        speed = dict.fromkeys(live, 1.0) | dict(zip(flows, shares, strict=True))
        ends = {i: left[i] / speed[i] for i in live}
        step_s = min(ends.values())
        now_s += step_s
        for i in live:
            if ends[i] <= step_s * (1.0 + 1e-15):
                spans[i].append((started[i], now_s))
                started[i], left[i] = now_s, _amount(lanes[i], len(spans[i]))
            else:
                left[i] -= speed[i] * step_s


def _amount(lane: Lane, position: int) -> float:
    if position >= len(lane):
        return 0.0
    phase = lane[position]
    return float(phase.size_bytes if phase.size_bytes > 0 else phase.seconds)
