"""What happened when: intervals of activity, recorded on request."""

from collections.abc import Iterable
from dataclasses import dataclass

from sim.meter import CLOUD, Load


@dataclass(frozen=True, slots=True)
class Interval:
    """One activity of a resource, and the mean power it adds above the baseline meanwhile."""

    resource: str
    label: str
    start_s: float
    stop_s: float
    component_w: tuple[tuple[str, float], ...]

    @property
    def power_w(self) -> float:
        """Added power of all of the device's components."""
        return sum(watts for component, watts in self.component_w if component != CLOUD)


class Timeline:
    """Intervals in order of their end; keeps nothing unless asked to record."""

    __slots__ = ("_intervals", "recording")

    def __init__(self, *, recording: bool) -> None:
        self.recording = recording
        self._intervals: list[Interval] = []

    def add(
        self, resource: str, label: str, start_s: float, stop_s: float, loads: Iterable[Load]
    ) -> None:
        """Record an activity; one that takes no time leaves no interval."""
        if not self.recording or stop_s <= start_s:
            return
        duration_s = stop_s - start_s
        watts = tuple((component, joules / duration_s + w) for component, joules, w in loads)
        self._intervals.append(Interval(resource, label, start_s, stop_s, watts))

    def intervals(self) -> tuple[Interval, ...]:
        """All intervals by start, then resource."""
        return tuple(
            sorted(self._intervals, key=lambda i: (i.start_s, i.stop_s, i.resource, i.label))
        )
