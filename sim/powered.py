"""The energy of a living device: who draws what, and what lives on it.

Between two events all powers are constant, so what was drawn since the last event follows in closed
form when the next one settles the device; battery and heat are told then.
"""

from collections import Counter
from typing import Protocol

from simpy import Environment

from planners.compiling import baseline_w
from planners.values import Question
from sim.governors import Governor
from sim.jobs import Job
from sim.living_radio import LivingRadio
from sim.meter import STANDBY, Meter
from sim.tasks import Task


class PowerListener(Protocol):
    """What lives on the device's power: a battery, a thermal model."""

    def advance(self, duration_s: float, energy_j: float) -> None:
        """The device drew so many joules, evenly, over the last seconds."""


class Powered:
    """What is under way on a device, and the energy that it has taken.

    Tasks are charged to their requests. The baseline of an awake device is shared equally by the
    requests in flight; that of a device which sleeps while the radio's tail runs is the request's
    that used the radio last; beyond that nothing but `standby_w` is drawn, which is no request's.
    """

    radio: LivingRadio
    settled_s: float
    """Up to when energy is accounted."""
    settled_j: float
    """Energy of the device up to then."""
    base_each_j: float
    """The baseline's share of a request that would have been in flight all the time."""
    dead: str | None
    """Why the device is off for good: it gives no answers and draws nothing."""

    def __init__(self, env: Environment, question: Question, standby_w: float) -> None:
        self.env, self.question, self.standby_w = env, question, standby_w
        self.meter = Meter()
        self.listeners: list[PowerListener] = []
        self.in_flight: dict[Job, None] = {}
        self.settled_s, self.settled_j, self.base_each_j = env.now, 0.0, 0.0
        state = question.conditions
        self._active_w = baseline_w(question, state, active=True)
        self._asleep_w = baseline_w(question, state, active=False)
        self.dead = None
        self.until_idle = question.energy_window == "until_idle"
        self._tasks: dict[Task, None] = {}
        self._governors: dict[str, Governor] = {}
        self._at_work: Counter[str] = Counter()

    def govern(self, governor: Governor) -> None:
        """Let a governor choose a processor's clock."""
        self._governors[governor.processor] = governor

    def take(self, task: Task) -> None:
        """A task is under way from now on."""
        self._tasks[task] = None
        task.attempt.tasks[task] = None
        if self._governors:
            self._work(task.resource, 1)

    def drop(self, task: Task) -> None:
        """A task is no longer under way."""
        task.attempt.tasks.pop(task, None)
        if task in self._tasks:
            del self._tasks[task]
            if self._governors:
                self._work(task.resource, -1)

    def _work(self, resource: str, change: int) -> None:
        governor = self._governors.get(resource)
        if governor is not None:
            self._at_work[resource] += change
            governor.working(self._at_work[resource] > 0)

    def settle(self) -> None:
        """Account energy up to now; powers have been constant since the last time."""
        duration_s = self.env.now - self.settled_s
        if duration_s <= 0.0:
            return
        self.settled_s = self.env.now
        before_j = self.settled_j
        if self.dead is None:
            for task in self._tasks:
                task.settle(duration_s)
            self.radio.settle(duration_s)
            self._settle_baseline(duration_s)
        for listener in self.listeners:
            listener.advance(duration_s, self.settled_j - before_j)

    def _settle_baseline(self, duration_s: float) -> None:
        joules = self.meter.joules
        if self.in_flight:
            taken_j = _charge(joules, self._active_w, duration_s)
            self.base_each_j += taken_j / len(self.in_flight)
        elif self.until_idle and self.radio.owner is not None:
            taken_j = _charge(joules, self._asleep_w, duration_s)
            self.radio.owner.energy_j += taken_j
        else:
            taken_j = self.standby_w * duration_s
            joules[STANDBY] += taken_j
        self.settled_j += taken_j


def _charge(
    joules: dict[str, float], watts: tuple[tuple[str, float], ...], duration_s: float
) -> float:
    total_j = 0.0
    for component, power_w in watts:
        joules[component] += power_w * duration_s
        total_j += power_w * duration_s
    return total_j
