"""Energy by component, integrated in closed form between events."""

from collections import defaultdict
from collections.abc import Iterable

Load = tuple[str, float, float]
"""Component, joules whatever the duration, watts over the duration; above the baseline."""

CLOUD = "cloud"
"""The component whose energy is the server's, never the device's."""

STANDBY = "standby"
"""The component of what a living device draws on no request's account."""


class Meter:
    """Joules per component since the start."""

    __slots__ = ("joules",)

    joules: dict[str, float]

    def __init__(self) -> None:
        self.joules = defaultdict(float)

    def charge(self, loads: Iterable[Load], duration_s: float) -> None:
        """Add what loads take over a duration: joules + watts x d, per component."""
        joules = self.joules
        for component, constant_j, watts in loads:
            joules[component] += constant_j + watts * duration_s

    @property
    def device_j(self) -> float:
        """All but the server's."""
        return sum(joules for component, joules in self.joules.items() if component != CLOUD)
