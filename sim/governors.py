"""DVFS governors: which clock a processor has, by how busy it has been.

`performance` leaves the plan's clocks alone; `powersave` holds the lowest one. `schedutil` follows
Linux: f = 1.25 f_max u, rounded up to an operating point, where u is the utilisation tracked with a
half-life of 32 ms (PELT) and scaled by the clock at which the work ran. `ondemand` (Pallipadi and
Starikovskiy, Ottawa Linux Symposium 2006) looks every `sampling_s`: beyond `up_threshold` it jumps
to the top, else to the lowest clock that keeps utilisation below the threshold; while nothing runs
it need not look again once it has seen an idle period. A governor's clock never raises a plan's.
"""

from dataclasses import dataclass
from math import inf, log2
from typing import Literal

from simpy import Event

from sim.clock import when
from sim.surroundings import World, with_share

Policy = Literal["performance", "powersave", "ondemand", "schedutil"]
HALF_LIFE_S = 0.032
MARGIN = 1.25


@dataclass(frozen=True, slots=True)
class Settings:
    """How a governor works."""

    policy: Policy
    sampling_s: float = 0.1
    up_threshold: float = 0.8


class Governor:
    """One processor's governor; told when the processor starts and stops working."""

    def __init__(
        self, world: World, processor: str, clocks_hz: tuple[float, ...], settings: Settings
    ) -> None:
        self.world, self.processor, self.clocks_hz = world, processor, clocks_hz
        self.settings = settings
        self._at = len(clocks_hz) - 1
        self._working = False
        self._use, self._since_s = 0.0, world.env.now
        self._pending: Event | None = None
        if settings.policy != "performance":
            self._set(0)

    def working(self, working: bool) -> None:
        """The processor begins or ends work on a request."""
        if self.settings.policy in ("performance", "powersave") or working == self._working:
            return
        sampling = self.settings.policy == "ondemand" and self._pending is not None
        if self.settings.policy == "ondemand" and not sampling:
            self._use, self._since_s = 0.0, self.world.env.now
        self._track()
        self._working = working
        if not sampling:
            self._wait()

    @property
    def clock_hz(self) -> float:
        """The clock that it allows now."""
        return self.clocks_hz[self._at]

    def _set(self, at: int) -> None:
        self._at = at
        limit = None if at == len(self.clocks_hz) - 1 else self.clocks_hz[at]
        governed = with_share(self.world.now.governed_hz, self.processor, limit)
        self.world.change(governed_hz=governed)

    def _background(self) -> float:
        return dict(self.world.now.busy).get(self.processor, 0.0)

    def _target(self) -> float:
        """Where utilisation goes, scaled by the clock."""
        share = 1.0 if self._working else self._background()
        return share * self.clock_hz / self.clocks_hz[-1]

    def _track(self) -> None:
        """Utilisation up to now: an exponential towards its target; a mean for `ondemand`."""
        env = self.world.env
        passed_s, self._since_s = env.now - self._since_s, env.now
        if self.settings.policy == "schedutil":
            target = self._target()
            self._use = target + (self._use - target) * 2.0 ** (-passed_s / HALF_LIFE_S)
        else:
            self._use += passed_s * (1.0 if self._working else self._background())

    def _wait(self) -> None:
        """Wake up when the clock has to change."""
        self._pending = None
        if self.settings.policy == "schedutil":
            seconds = self._crossing_s()
        else:
            awake = self._working or self._at > 0
            seconds = self.settings.sampling_s if awake else inf
        if seconds < inf:
            self._pending = self.world.env.timeout(seconds)
            when(self._pending, self._wake)

    def _crossing_s(self) -> float:
        """Seconds until utilisation asks for another clock; inf: never as things are."""
        top, target, use = self.clocks_hz[-1], self._target(), self._use
        up = self.clock_hz / (MARGIN * top)
        down = self.clocks_hz[self._at - 1] / (MARGIN * top) if self._at else -1.0
        level = up if target > up else down
        if self._at == len(self.clocks_hz) - 1 and level == up:
            return inf
        if (use > up and level == up) or (use <= down and level == down):
            return 0.0
        if not min(use, target) < level < max(use, target):
            return inf
        return HALF_LIFE_S * log2((use - target) / (level - target))

    def _wake(self, event: Event) -> None:
        if event is not self._pending:
            return
        self._track()
        if self.settings.policy == "schedutil":
            up = self._target() > self._use
            self._set(min(self._at + 1, len(self.clocks_hz) - 1) if up else max(self._at - 1, 0))
        else:
            self._sample()
        self._wait()

    def _sample(self) -> None:
        use = self._use / self.settings.sampling_s
        self._use = 0.0
        top = len(self.clocks_hz) - 1
        if use > self.settings.up_threshold:
            self._set(top)
            return
        wanted_hz = use * self.clock_hz / self.settings.up_threshold
        self._set(next((i for i, hz in enumerate(self.clocks_hz) if hz >= wanted_hz), top))
