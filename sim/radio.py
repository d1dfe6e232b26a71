"""The radio of the device: promotion, transfers one at a time, and the tail after them."""

from collections import deque

from simpy import Environment, Event

from sim.clock import Ended, after
from sim.meter import Meter
from sim.program import RADIO, Activity
from sim.timeline import Timeline
from socs import Link


class Radio:
    """State machine idle -> promotion -> transfer -> tail -> idle, energies in closed form.

    All power is charged above the link's idle power, which the device draws anyway.
    """

    busy_until_s: float | None
    """End of the last activity; None while there was none."""

    def __init__(
        self, env: Environment, link: Link, meter: Meter, timeline: Timeline, *, connected: bool
    ) -> None:
        self.env, self.link, self.meter, self.timeline = env, link, meter, timeline
        self.busy_until_s = env.now if connected else None
        self._ours = False
        self._sending = False
        self._waiting: deque[tuple[Activity, Ended]] = deque()

    @property
    def idle_s(self) -> float | None:
        """When the tail of the last transfer ends; None while nothing was sent."""
        if not self._ours or self.busy_until_s is None:
            return None
        return self.busy_until_s + self.link.tail_s

    def transfer(self, activity: Activity, ended: Ended) -> None:
        """Send or receive, after the transfers before; a radio that is idle is promoted first."""
        if self._sending:
            self._waiting.append((activity, ended))
            return
        self._sending = True
        connected = self._connected()
        self.settle(self.env.now)
        if connected:
            self._send(activity, ended)
            return
        start_s, link = self.env.now, self.link
        loads = ((RADIO, 0.0, link.promotion_w.value - link.idle_w.value),)

        def promoted(_: Event) -> None:
            self.meter.charge(loads, link.promotion_s.value)
            self.timeline.add(RADIO, "promotion", start_s, self.env.now, loads)
            self._send(activity, ended)

        after(self.env, link.promotion_s.value, promoted)

    def settle(self, until_s: float) -> None:
        """Charge the tail since the last transfer up to an instant.

        The tail of a connection that was there before the first transfer is not this device's
        requests' to pay.
        """
        if self.busy_until_s is None or not self._ours:
            return
        link, start_s = self.link, self.busy_until_s
        elapsed_s = until_s - start_s
        self.meter.charge(
            ((RADIO, link.tail_j(elapsed_s) - link.idle_w.value * elapsed_s, 0.0),), 0.0
        )
        for phase in link.tail:
            stop_s = min(start_s + phase.duration_s.value, until_s)
            loads = ((RADIO, 0.0, phase.power_w.value - link.idle_w.value),)
            self.timeline.add(RADIO, f"tail: {phase.state}", start_s, stop_s, loads)
            start_s = stop_s

    def _connected(self) -> bool:
        last_s = self.busy_until_s
        return last_s is not None and self.env.now - last_s < self.link.tail_s

    def _send(self, activity: Activity, ended: Ended) -> None:
        start_s = self.env.now

        def sent(event: Event) -> None:
            self.meter.charge(activity.loads, activity.seconds)
            self.timeline.add(RADIO, activity.label, start_s, self.env.now, activity.loads)
            self.busy_until_s, self._ours, self._sending = self.env.now, True, False
            if self._waiting:
                self.transfer(*self._waiting.popleft())
            ended(event)

        after(self.env, activity.seconds, sent)
