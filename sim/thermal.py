"""Heat: a junction on a case in air, trip points that cap clocks, and the die's temperature.

C_j dTj/dt = P - (Tj - Tc) / R_jc,   C_c dTc/dt = (Tj - Tc) / R_jc - (Tc - Ta) / R_ca.

Power is constant between events, so the temperatures of the next event follow in closed form from
the two eigenvalues. A sensor is read every `sampling_s`, as the thermal engines of phones do, but
only at instants at which something can have been crossed: not before the temperature would get
there at the most power that the device can draw (the system is monotone in power).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, exp, inf, sqrt
from typing import Literal

from simpy import Event

from sim.causes import Causes
from sim.clock import after

Node = Literal["junction", "case"]


class Body:
    """Resistances (K/W) and capacities (J/K) of junction and case, in air of `ambient_c`.

    x = T - steady obeys x' = A x, and exp(A t) = sum over both eigenvalues l of exp(l t) times the
    spectral projector (A - l' I) / (l - l'), l' the other one.
    """

    def __init__(
        self,
        ambient_c: float,
        junction_case_k_per_w: float,
        case_ambient_k_per_w: float,
        junction_j_per_k: float,
        case_j_per_k: float,
    ) -> None:
        self.ambient_c = ambient_c
        self.junction_case_k_per_w = junction_case_k_per_w
        self.case_ambient_k_per_w = case_ambient_k_per_w
        self.junction_j_per_k, self.case_j_per_k = junction_j_per_k, case_j_per_k
        self._a = -1.0 / (junction_case_k_per_w * junction_j_per_k)
        self._c = 1.0 / (junction_case_k_per_w * case_j_per_k)
        self._d = -self._c - 1.0 / (case_ambient_k_per_w * case_j_per_k)
        middle, half = (self._a + self._d) / 2.0, (self._a - self._d) / 2.0
        spread = sqrt(half * half - self._a * self._c)
        self._slow, self._fast = middle + spread, middle - spread
        self._scale = 1.0 / (2.0 * spread)

    def steady_c(self, power_w: float) -> tuple[float, float]:
        """Junction and case after a long time at a power."""
        case = self.ambient_c + power_w * self.case_ambient_k_per_w
        return case + power_w * self.junction_case_k_per_w, case

    def after(
        self, junction_c: float, case_c: float, power_w: float, seconds: float
    ) -> tuple[float, float]:
        """Junction and case some seconds on at constant power."""
        steady_j, steady_c = self.steady_c(power_w)
        x, y = junction_c - steady_j, case_c - steady_c
        slow, fast = self._slow, self._fast
        u, v = exp(slow * seconds) * self._scale, exp(fast * seconds) * self._scale
        ax, ay = self._a * (x - y), self._c * x + self._d * y
        return (
            steady_j + u * (ax - fast * x) - v * (ax - slow * x),
            steady_c + u * (ay - fast * y) - v * (ay - slow * y),
        )


@dataclass(frozen=True, slots=True)
class Trip:
    """A cap on a processor's clock from a temperature on, until it falls below another."""

    node: Node
    at_c: float
    clear_c: float
    processor: str
    cap_hz: float


class Thermal:
    """Temperatures of a device under way, and what they do to it."""

    def __init__(
        self,
        causes: Causes,
        body: Body,
        trips: Sequence[Trip],
        *,
        most_w: float,
        settle: Callable[[], None],
        idle_w: float = 0.0,
        sampling_s: float = 1.0,
        step_c: float = 5.0,
    ) -> None:
        """`most_w`: the most that the device can draw; `settle` accounts its energy up to now.

        Temperatures start as `idle_w` leaves them.
        """
        self.causes, self.body, self.trips = causes, body, tuple(trips)
        self.sampling_s, self.step_c = sampling_s, step_c
        self.junction_c, self.case_c = body.steady_c(idle_w)
        self.hottest_c = {"junction": self.junction_c, "case": self.case_c}
        highest = max((trip.at_c for trip in trips), default=0.0)
        to_highest = (highest + 2.0 * step_c - body.ambient_c) / body.case_ambient_k_per_w
        self._most_w = max(most_w, to_highest)
        self._tripped: set[Trip] = set()
        self._die_c = self._bucket()
        self._settle = settle
        causes.world.change(temperature_c=self._die_c)
        self._look(None)

    def advance(self, duration_s: float, energy_j: float) -> None:
        """The device drew so many joules, evenly, over the last seconds."""
        self.junction_c, self.case_c = self.body.after(
            self.junction_c, self.case_c, energy_j / duration_s, duration_s
        )
        hottest = self.hottest_c
        hottest["junction"] = max(hottest["junction"], self.junction_c)
        hottest["case"] = max(hottest["case"], self.case_c)

    def _look(self, _: Event | None) -> None:
        """Read the sensors, act, and look again when something can have changed."""
        self._settle()
        for trip in self.trips:
            now_c = self.case_c if trip.node == "case" else self.junction_c
            if trip in self._tripped and now_c <= trip.clear_c:
                self._tripped.discard(trip)
            elif trip not in self._tripped and now_c >= trip.at_c:
                self._tripped.add(trip)
        for processor in dict.fromkeys(trip.processor for trip in self.trips):
            caps = [trip.cap_hz for trip in self._tripped if trip.processor == processor]
            self.causes.cap("thermal", processor, min(caps, default=None))
        if not self._die_c - 1.5 * self.step_c < self.junction_c <= self._die_c:
            self._die_c = self._bucket()
            self.causes.world.change(temperature_c=self._die_c)
        after(self.causes.world.env, max(self.sampling_s, self._earliest_s()), self._look)

    def _bucket(self) -> float:
        """The die's temperature, up to a whole step."""
        return ceil(self.junction_c / self.step_c - 1e-9) * self.step_c

    def _earliest_s(self) -> float:
        """Seconds before which nothing can be crossed, whatever the device does meanwhile."""
        found = [self._until("junction", self._die_c, self._most_w)]
        lowest_c = self._die_c - 1.5 * self.step_c
        if lowest_c > self.body.ambient_c:
            found.append(self._until("junction", lowest_c, 0.0))
        for trip in self.trips:
            if trip not in self._tripped:
                found.append(self._until(trip.node, trip.at_c, self._most_w))
            elif trip.clear_c > self.body.ambient_c:
                found.append(self._until(trip.node, trip.clear_c, 0.0))
        return min(found)

    def _until(self, node: Node, level_c: float, power_w: float) -> float:
        """Seconds until a node is at a level at a power that leads beyond it, by bisection.

        The difference to the level is a sum of two exponentials and a constant, which crosses 0
        exactly once where start and end lie on different sides.
        """
        which = 0 if node == "junction" else 1
        now_c = (self.junction_c, self.case_c)[which]
        side = self.body.steady_c(power_w)[which] > level_c
        if (now_c >= level_c) == side:
            return 0.0
        low, high = 0.0, 1.0

        def beyond(seconds: float) -> bool:
            then = self.body.after(self.junction_c, self.case_c, power_w, seconds)[which]
            return (then >= level_c) == side

        while not beyond(high):
            low, high = high, 2.0 * high
            if high > 1e9:
                return inf
        for _ in range(12):  # the lower end will do
            middle = (low + high) / 2.0
            low, high = (low, middle) if beyond(middle) else (middle, high)
        return low
