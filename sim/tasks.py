"""What a request waits for on a living device: work at a speed that may change before it ends."""

from typing import TYPE_CHECKING

from simpy import Event

from sim.bandwidth import Flow
from sim.clock import Ended, after, when
from sim.meter import Load
from sim.program import Wait

if TYPE_CHECKING:
    from sim.attempt import Attempt


class Task:
    """Work of which a share is left, done at `speed` shares a second.

    Energy of a share s done in d seconds: joules x s + watts x d, per load.
    """

    __slots__ = ("attempt", "due", "ended", "left", "loads", "speed", "wait")

    def __init__(self, attempt: "Attempt", wait: Wait, ended: Ended) -> None:
        self.attempt, self.wait, self.ended = attempt, wait, ended
        self.left, self.speed = 1.0, 0.0
        self.loads: tuple[Load, ...] = loads_of(wait)
        self.due: Event | None = None

    @property
    def resource(self) -> str:
        """What does the work."""
        return self.wait.activities[0].resource

    def run(self, speed: float) -> None:
        """Go on at a speed from now; the device has been settled."""
        self.speed, self.due = speed, None
        if speed <= 0.0:
            return
        env = self.attempt.device.env
        self.due = env.timeout(self.left / speed)
        when(self.due, self._over)

    def settle(self, duration_s: float) -> None:
        """Account what was done since the device was last settled."""
        share = min(self.left, self.speed * duration_s)
        self.left -= share
        self.attempt.charge(self.loads, share, duration_s)

    def cancel(self) -> None:
        """It will never end."""
        self.due = None

    def _over(self, event: Event) -> None:
        if event is not self.due:
            return
        device = self.attempt.device
        device.settle()
        self.attempt.charge(self.loads, self.left, 0.0)
        self.left, self.due = 0.0, None
        device.drop(self)
        self._tell(event)

    def _tell(self, event: Event) -> None:
        self.ended(event)


class DelayTask(Task):
    """Seconds of one resource that nothing else slows."""

    __slots__ = ()

    def begin(self) -> None:
        """Start it."""
        if self.wait.seconds > 0.0:
            self.run(1.0 / self.wait.seconds)
            return
        after(self.attempt.device.env, 0.0, self._at_once)

    def _at_once(self, event: Event) -> None:
        self.due = event
        self._over(event)

    def reprice(self, wait: Wait) -> None:
        """Do the rest as the law has it now."""
        self.wait, self.loads = wait, loads_of(wait)
        if self.wait.seconds > 0.0 and self.left > 0.0:
            self.run(1.0 / wait.seconds)


class FlowTask(Task):
    """Bytes that share the memory bus."""

    __slots__ = ("flow",)

    flow: Flow

    def begin(self) -> None:
        """Start the flow."""
        activity, device = self.wait.activities[0], self.attempt.device
        self.flow = device.bus.transfer(activity.size_bytes, activity.cap_bytes_per_s)
        self.due = self.flow
        when(self.flow, self._over)

    def settle(self, duration_s: float) -> None:
        """Account by the bytes that the bus has moved."""
        left = self.flow.left_bytes / self.flow.size_bytes
        self.attempt.charge(self.loads, self.left - left, duration_s)
        self.left = left

    def reprice(self, wait: Wait) -> None:
        """Move the rest at the cap and the power that the law has now."""
        self.wait, self.loads = wait, loads_of(wait)
        self.flow.set_cap(wait.activities[0].cap_bytes_per_s)

    def cancel(self) -> None:
        """Take it off the bus."""
        self.due = None
        self.flow.cancel()


def loads_of(wait: Wait) -> tuple[Load, ...]:
    """What a wait takes: joules of the whole and watts while it lasts."""
    return wait.fixed if wait.kind == "delay" else wait.activities[0].loads
