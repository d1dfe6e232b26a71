"""A battery: open-circuit voltage by charge behind an internal resistance.

V = OCV(charge) - I R and P = V I give I = (OCV - sqrt(OCV^2 - 4 R P)) / (2 R), the smaller root.
Between events P is constant and the charge moves by far less than the table's steps, so that OCV
is held from one event to the next.

A device shuts down when its voltage stays below the cut-off, not at a peak of a millisecond: what
counts is the voltage at the mean current, averaged with weights exp(-t / averaging_s).
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from math import exp, sqrt

EMPTY = "battery empty"


class Battery:
    """Charge left, and what the internal resistance has turned to heat."""

    charge: float
    """Share of the capacity that is left."""
    loss_j: float
    drawn_j: float
    """What the device has drawn at the terminals."""

    def __init__(
        self,
        *,
        capacity_coulombs: float,
        resistance_ohm: float,
        open_circuit_v: Sequence[tuple[float, float]],
        cut_off_v: float,
        averaging_s: float = 10.0,
        charge: float = 1.0,
        emptied: Callable[[], None] = lambda: None,
    ) -> None:
        """`open_circuit_v`: (charge, volts) ascending in charge.

        `emptied` is called once, when terminals stay below `cut_off_v` or cannot give the power.
        """
        self.capacity_coulombs, self.resistance_ohm, self.cut_off_v = (
            capacity_coulombs,
            resistance_ohm,
            cut_off_v,
        )
        self._charges = [share for share, _ in open_circuit_v]
        self._volts = [volts for _, volts in open_circuit_v]
        self.charge, self.start, self.loss_j, self.drawn_j = charge, charge, 0.0, 0.0
        self.least_v = self.open_circuit()
        self._averaging_s, self._mean_a = averaging_s, 0.0
        self.empty = False
        self.emptied_s: float | None = None
        """When, for whoever keeps the time."""
        self._emptied = emptied

    def open_circuit(self) -> float:
        """Volts without load at the present charge: the table, linear in between."""
        at = bisect_right(self._charges, self.charge)
        if at == 0:
            return self._volts[0]
        if at == len(self._charges):
            return self._volts[-1]
        low, high = self._charges[at - 1], self._charges[at]
        share = (self.charge - low) / (high - low)
        return self._volts[at - 1] + share * (self._volts[at] - self._volts[at - 1])

    def advance(self, duration_s: float, energy_j: float) -> None:
        """Give so many joules, evenly, over a duration."""
        if self.empty:
            return
        open_v, resistance = self.open_circuit(), self.resistance_ohm
        power_w = energy_j / duration_s
        room = open_v * open_v - 4.0 * resistance * power_w
        if room < 0.0:
            self._run_out()
            return
        # the root's stable form: 2 P / (V + sqrt(V^2 - 4 R P)) loses no digits for small P
        current_a = 2.0 * power_w / (open_v + sqrt(room))
        self.least_v = min(self.least_v, open_v - current_a * resistance)
        kept = exp(-duration_s / self._averaging_s)
        self._mean_a = current_a + (self._mean_a - current_a) * kept
        self.charge -= current_a * duration_s / self.capacity_coulombs
        self.loss_j += current_a * current_a * resistance * duration_s
        self.drawn_j += energy_j
        if open_v - self._mean_a * resistance < self.cut_off_v or self.charge <= 0.0:
            self._run_out()

    def _run_out(self) -> None:
        self.empty = True
        self._emptied()
