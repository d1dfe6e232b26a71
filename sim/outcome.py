"""What a run has shown: latency, energy by component, intervals, and power over time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sim.deviation import Deviation
from sim.meter import CLOUD
from sim.timeline import Interval

if TYPE_CHECKING:
    import pandas as pd


class RunFailed(Exception):
    """A request that the device could not carry out; `reason` names what was missing."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Outcome:
    """One request carried out. Energies are the device's over the energy window, planning in."""

    latency_s: float
    """From arrival to the output in the device's memory."""
    energy_j: float
    energy_breakdown_j: Mapping[str, float]
    """By component; adds up to `energy_j`."""
    cloud_energy_j: float
    """The server's, beside the device's."""
    planning_latency_s: float
    planning_energy_j: float
    """Part of `energy_j`: baseline and loads while planning."""
    peak_memory_bytes: float
    window_s: float
    """Seconds from arrival to the end of the energy window."""
    timeline: tuple[Interval, ...]
    """Activities by start; they cover [0, latency_s]. Empty where nothing was recorded."""
    verification: Deviation | None = None
    baseline_w: tuple[tuple[str, float, float], ...] = field(default=(), repr=False)
    """Component, watts until the output, watts from then to the end of the window."""

    def frame(self) -> pd.DataFrame:
        """The timeline as a table: resource, label, start_s, stop_s, power_w."""
        return timeline_frame(self.timeline)

    def power(self) -> pd.DataFrame:
        """Power over time: time_s, component, power_w, each row holding until the next one.

        Every component ends with a row of 0 W at the end of the window; its integral is
        `energy_breakdown_j`. Raises ValueError where no timeline was recorded.
        """
        if not self.timeline:
            raise ValueError("no timeline was recorded: run with record=True")
        spans = [(name, 0.0, self.latency_s, watts) for name, watts, _ in self.baseline_w]
        spans += [(n, self.latency_s, self.window_s, asleep) for n, _, asleep in self.baseline_w]
        spans += [
            (component, interval.start_s, interval.stop_s, watts)
            for interval in self.timeline
            for component, watts in interval.component_w
            if component != CLOUD
        ]
        return _power_frame(spans)


def timeline_frame(timeline: Iterable[Interval]) -> pd.DataFrame:
    """Intervals as a table: resource, label, start_s, stop_s, power_w."""
    import pandas as pd

    columns = ["resource", "label", "start_s", "stop_s", "power_w"]
    rows = [[getattr(interval, name) for name in columns] for interval in timeline]
    return pd.DataFrame(rows, columns=columns)


def _power_frame(spans: Iterable[tuple[str, float, float, float]]) -> pd.DataFrame:
    """Spans of (component, start, stop, watts) added up between the instants of change."""
    import pandas as pd

    changes: dict[str, dict[float, float]] = {}
    for component, start_s, stop_s, watts in spans:
        steps = changes.setdefault(component, {})
        steps[start_s] = steps.get(start_s, 0.0) + watts
        steps[stop_s] = steps.get(stop_s, 0.0) - watts
    rows: list[dict[str, Any]] = []
    for component, steps in changes.items():
        power_w, last_s = 0.0, max(steps)
        for time_s in sorted(steps):
            power_w += steps[time_s]
            shown_w = 0.0 if time_s == last_s else power_w
            rows.append({"time_s": time_s, "component": component, "power_w": shown_w})
    return pd.DataFrame(rows, columns=["time_s", "component", "power_w"])
