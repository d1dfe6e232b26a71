"""Bus sharing of one or two lanes for arrays of options at once (`planners.fluid`, vectorised)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from socs.law import Phase

Floats = NDArray[np.float64]


def lane_durations(
    lanes: Sequence[tuple[Phase, ...]], bus_bytes_per_s: float, count: int
) -> list[list[Floats]]:
    """Seconds of each phase of each lane, per option, when the lanes start together.

    Raises ValueError for more than two lanes.
    """
    if len(lanes) > 2:
        raise ValueError(f"{len(lanes)} lanes: options have at most two parts")
    alone = [[np.broadcast_to(p.alone_s(bus_bytes_per_s), count) for p in lane] for lane in lanes]
    if len(lanes) < 2:
        return alone
    peaks = [np.max([_cap(phase, count) for phase in lane], axis=0) for lane in lanes]
    shared = np.flatnonzero(peaks[0] + peaks[1] > bus_bytes_per_s)
    if not shared.size:
        return alone
    durations = [[seconds.copy() for seconds in lane] for lane in alone]
    slowed = _stepped([_Lane(lane, count, shared) for lane in lanes], bus_bytes_per_s)
    for lane, lane_slowed in zip(durations, slowed, strict=True):
        for seconds, changed in zip(lane, lane_slowed, strict=True):
            seconds[shared] = changed
    return durations


def _cap(phase: Phase, count: int) -> Floats:
    """Cap of a flow in bytes a second; 0 for a delay, infinite where only the bus limits."""
    size = np.broadcast_to(np.asarray(phase.size_bytes, dtype=np.float64), count)
    seconds = np.broadcast_to(np.asarray(phase.seconds, dtype=np.float64), count)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(size > 0, size / seconds, 0.0)


class _Lane:
    """Progress of one lane over all contended options."""

    def __init__(self, phases: tuple[Phase, ...], count: int, rows: NDArray[np.int64]) -> None:
        self.caps = np.array([_cap(phase, count)[rows] for phase in phases])
        sizes = [np.broadcast_to(phase.size_bytes, count)[rows] for phase in phases]
        seconds = [np.broadcast_to(phase.seconds, count)[rows] for phase in phases]
        self.amounts = np.where(np.array(sizes) > 0, sizes, seconds)
        self.flows = np.array(sizes) > 0
        self.at = np.zeros(rows.size, dtype=np.int64)
        self.column = np.arange(rows.size)
        self.left = self.amounts[0].copy()
        self.spent = np.zeros_like(self.amounts)

    @property
    def live(self) -> NDArray[np.bool_]:
        return self.at < len(self.amounts)

    def demand(self) -> Floats:
        """Cap of the phase under way; 0 where it is a delay or the lane has ended."""
        at = np.minimum(self.at, len(self.amounts) - 1)
        return np.where(self.live, self.caps[at, self.column], 0.0)

    def end_s(self, rate: Floats) -> Floats:
        """Seconds until the phase under way ends at a rate of its flow."""
        at = np.minimum(self.at, len(self.amounts) - 1)
        speed = np.where(self.flows[at, self.column], rate, 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.live, self.left / speed, np.inf)

    def advance(self, step_s: Floats, end_s: Floats, rate: Floats) -> None:
        """Move on by a step; a phase that ends within it hands over to the next."""
        live = self.live
        at = np.minimum(self.at, len(self.amounts) - 1)
        self.spent[at, self.column] += np.where(live, step_s, 0.0)
        speed = np.where(self.flows[at, self.column], rate, 1.0)
        done = live & (end_s <= step_s * (1.0 + 1e-15))
        self.left = np.where(live & ~done, self.left - speed * step_s, self.left)
        self.at = self.at + done
        following = np.minimum(self.at, len(self.amounts) - 1)
        self.left = np.where(done, self.amounts[following, self.column], self.left)


def _rates(first: Floats, second: Floats, capacity: float) -> tuple[Floats, Floats]:
    """Max-min fair rates of two flows with caps."""
    half = capacity / 2.0
    rate_first = np.minimum(first, np.maximum(half, capacity - second))
    return rate_first, np.minimum(second, np.maximum(half, capacity - first))


def _stepped(lanes: Sequence[_Lane], capacity: float) -> list[Floats]:
    one, two = lanes
    for _ in range(len(one.amounts) + len(two.amounts)):
        rate_one, rate_two = _rates(one.demand(), two.demand(), capacity)
        end_one, end_two = one.end_s(rate_one), two.end_s(rate_two)
        step_s = np.minimum(end_one, end_two)
        step_s = np.where(np.isfinite(step_s), step_s, 0.0)
        one.advance(step_s, end_one, rate_one)
        two.advance(step_s, end_two, rate_two)
    return [one.spent, two.spent]
