"""The radio of a living device: its link's rate moves, and a transfer under way moves with it."""

from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

from simpy import Event

from sim.clock import Ended, when
from sim.jobs import Job
from sim.meter import STANDBY
from sim.program import RADIO, Wait
from sim.tasks import Task
from socs import Link

if TYPE_CHECKING:
    from sim.attempt import Attempt
    from sim.living import LivingDevice


class TransferTask(Task):
    """Bytes sent or received at the link's present rate."""

    __slots__ = ("size_bytes", "uplink")

    def __init__(self, attempt: "Attempt", wait: Wait, ended: Ended) -> None:
        super().__init__(attempt, wait, ended)
        activity = wait.activities[0]
        state = attempt.draft.question.conditions
        self.uplink = activity.label.startswith("upload ")
        rate = state.up_bytes_per_s if self.uplink else state.down_bytes_per_s
        self.size_bytes = activity.seconds * rate

    def follow(self, rate_bytes_per_s: float, link: Link) -> None:
        """Go on at a rate, at the power that the link takes for it."""
        watts = link.transfer_w(rate_bytes_per_s, uplink=self.uplink) - link.idle_w.value
        self.loads = ((RADIO, 0.0, watts),)
        self.run(rate_bytes_per_s / self.size_bytes if self.size_bytes else 1.0)


class LivingRadio:
    """idle -> promotion -> transfers one after the other -> the tail's phases -> idle.

    Promotion and tail are charged to the request that used the radio last, with the energy window
    `until_output` up to its output only (what follows is standby); all power is above the link's
    idle power. Transfers queue by precedence, then first come first served.
    """

    owner: Job | None
    """Whose promotion or tail it is."""

    def __init__(self, device: "LivingDevice", link: Link | None) -> None:
        self.device, self.link = device, link
        self.owner = None
        self._watts = 0.0
        self._sending: TransferTask | None = None
        self._waiting: list[tuple[int, int, TransferTask]] = []
        self._numbers = count()
        self._pending: Event | None = None
        self._phase: int | None = None
        """Of the tail; -1 while promoting; None while idle or sending."""

    @property
    def awake(self) -> bool:
        """Whether it is in any state but idle."""
        return self._phase is not None or self._sending is not None

    def settle(self, duration_s: float) -> None:
        """Charge promotion or tail since the device was last settled."""
        if self.owner is None or self._watts == 0.0:
            return
        taken_j = self._watts * duration_s
        self.device.settled_j += taken_j
        if self.owner.ended is not None and not self.device.until_idle:
            self.device.meter.joules[STANDBY] += taken_j
            return
        self.device.meter.joules[RADIO] += taken_j
        self.owner.energy_j += taken_j

    def transfer(self, attempt: "Attempt", wait: Wait, ended: Ended) -> Task:
        """Queue a transfer; a radio that is idle is promoted first."""
        task = TransferTask(attempt, wait, self._sent(ended))
        attempt.tasks[task] = None
        heappush(self._waiting, (attempt.precedence, next(self._numbers), task))
        if self._sending is None and self._phase != -1:
            if self._phase is None:
                self._promote(attempt.job)
            else:
                self._next()
        return task

    def follow(self) -> None:
        """The link's rate has changed; the device has been settled."""
        if self._sending is not None:
            self._go(self._sending)

    def withdraw(self, attempt: "Attempt") -> None:
        """Forget an attempt's transfers: those that wait, and the one under way."""
        self._waiting = [entry for entry in self._waiting if entry[2].attempt is not attempt]
        heapify(self._waiting)
        if self._sending is not None and self._sending.attempt is attempt:
            self._sending = None
            self._own(attempt.job)
            self._next()

    def switch_off(self) -> None:
        """Idle at once, without a tail; nothing waits any more."""
        self._phase = self._pending = None
        self._watts = 0.0
        self._own(None)

    def _promote(self, job: Job) -> None:
        assert self.link is not None
        self._own(job)
        self._phase = -1
        self._watts = self.link.promotion_w.value - self.link.idle_w.value
        self._wait(self.link.promotion_s.value)

    def _next(self) -> None:
        """The next transfer, or the tail."""
        if not self._waiting:
            self._tail(0)
            return
        task = heappop(self._waiting)[2]
        self._pending = self._phase = None
        self._watts = 0.0
        self._own(task.attempt.job)
        self._sending = task
        self.device.take(task)
        self._go(task)

    def _go(self, task: TransferTask) -> None:
        assert self.link is not None
        state = self.device.world.now
        rate = state.up_bytes_per_s if task.uplink else state.down_bytes_per_s
        task.follow(rate or 0.0, self.link)

    def _sent(self, ended: Ended) -> Ended:
        def sent(event: Event) -> None:
            self._sending = None
            self._next()
            ended(event)

        return sent

    def _tail(self, phase: int) -> None:
        assert self.link is not None
        if phase == len(self.link.tail):
            self._phase, self._watts, self._pending = None, 0.0, None
            self._own(None)
            return
        self._phase = phase
        self._watts = self.link.tail[phase].power_w.value - self.link.idle_w.value
        self._wait(self.link.tail[phase].duration_s.value)

    def _wait(self, seconds: float) -> None:
        self._pending = self.device.env.timeout(seconds)
        when(self._pending, self._state_ends)

    def _state_ends(self, event: Event) -> None:
        if event is not self._pending:
            return
        self.device.settle()
        if self._phase == -1:
            self._next()
        else:
            assert self._phase is not None
            self._tail(self._phase + 1)

    def _own(self, job: Job | None) -> None:
        """The next joules are this request's; the one before may be closed now."""
        before, self.owner = self.owner, job
        if before is not None and before is not job:
            self.device.close_account(before)
