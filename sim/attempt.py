"""One attempt of a request: what the request's walk through its program sees of a living device.

It has the parts of `sim.device.Device` that `sim.request.Request` calls, so that one walker serves
both. What breaks an attempt ends all it waits for; the walker is then never called again.
"""

from typing import TYPE_CHECKING

from simpy import Event

from planners.compiling import Lane, Step
from planners.values import CLOUD
from sim.clock import Ended, after
from sim.drafts import Draft, Priced
from sim.jobs import NUMBER_BITS, Job, rank
from sim.meter import Load
from sim.program import Wait
from sim.queues import Granted, Names
from sim.request import Request, Watcher
from sim.tasks import DelayTask, FlowTask, Task

if TYPE_CHECKING:
    from sim.living import LivingDevice


class Attempt:
    """A draft under way for one job."""

    __slots__ = (
        "_first",
        "_held",
        "_now",
        "_version",
        "_waiting",
        "closed",
        "device",
        "done",
        "draft",
        "job",
        "number",
        "tasks",
        "watchers",
    )

    def __init__(
        self, job: Job, draft: Draft, device: "LivingDevice", watchers: tuple[Watcher, ...] = ()
    ) -> None:
        self.job, self.draft, self.device, self.watchers = job, draft, device, watchers
        self.number = rank(job, device.order)
        self.closed = False
        self._waiting = 0
        """Steps that wait for processors."""
        self._held: list[str] = []
        self.tasks: dict[Task, None] = {}
        self.done: set[str] = set()
        self._first = self._now = device.pricer.priced(draft, device.world.now)
        self._version = device.world.version

    def start(self) -> None:
        """Set out."""
        walker = Request(
            self.number,
            self._first.program,
            self,  # type: ignore[arg-type]
            lambda: self.device.answer(self),
            (self, *self.watchers),
        )
        walker.begin()

    @property
    def env(self) -> object:
        """The device's clock."""
        return self.device.env

    @property
    def processors(self) -> "Attempt":
        """The walker asks it for processors."""
        return self

    @property
    def precedence(self) -> int:
        """What its request's order puts first, whatever came in before: the smallest."""
        return self.number >> NUMBER_BITS

    @property
    def peak_memory_bytes(self) -> float:
        """What it takes in memory."""
        return self._first.program.peak_memory_bytes

    def arrived(self) -> None:
        """The device knows."""

    def answered(self) -> None:
        """The device is told by the walker's end."""

    def acquire(self, number: int, wanted: Names, granted: Granted) -> None:
        """Call `granted` once all the processors are held."""
        self.hand_over(number, (), wanted, granted)

    def hand_over(self, number: int, held: Names, wanted: Names, granted: Granted) -> None:
        """Release what a step held and acquire what the next one wants."""
        if self.closed:
            return
        self._let_go(held)
        self._waiting += 1

        def got() -> None:
            if self.closed:  # broken off when its turn had come already
                self.device.processors.release(wanted)
                return
            self._held += wanted
            self._waiting -= 1
            granted()

        self.device.processors.hand_over(number, held, wanted, got)

    def release(self, held: Names) -> None:
        """Give processors back."""
        self._let_go(held)
        self.device.processors.release(held)

    def _let_go(self, held: Names) -> None:
        for name in held:
            self._held.remove(name)

    def begin(self, wait: Wait, ended: Ended) -> None:
        """Start what a lane waits for, as it is priced now; break where something is missing."""
        if self.closed:
            return
        device = self.device
        obstacle = device.obstacle(wait)
        if obstacle is not None:
            device.break_off(self, obstacle)
            return
        device.settle()
        wait = self.priced_now(wait)
        if wait.kind == "transfer":
            self._be_patient(device.radio.transfer(self, wait, ended), "link slow")
        elif wait.kind == "service":
            self._be_patient(device.server.serve(self, wait, ended), "server slow")
        else:
            task = (DelayTask if wait.kind == "delay" else FlowTask)(self, wait, ended)
            device.take(task)
            task.begin()

    def _be_patient(self, task: Task, reason: str) -> None:
        """Wait for link or server, but not for ever."""
        if self.device.patience_s is None:
            return

        def enough(_: Event) -> None:
            if task in self.tasks:
                self.device.break_off(self, reason)

        after(self.device.env, self.device.patience_s, enough)

    def account(self, wait: Wait, start_s: float) -> None:
        """Tasks are charged as they go."""

    def priced_now(self, wait: Wait) -> Wait:
        """The wait as the law has it under the present surroundings."""
        now = self._priced()
        if now is self._first:
            return wait
        return now.waits.get(self._first.places[id(wait)], wait)

    def reprice(self) -> None:
        """Go on with all local work as the law has it now."""
        before, now = self._now, self._priced()
        if now is before:
            return
        for task in self.tasks:
            if isinstance(task, DelayTask | FlowTask):
                place = before.places.get(id(task.wait)) or self._first.places.get(id(task.wait))
                task.reprice(task.wait if place is None else now.waits.get(place, task.wait))

    def _priced(self) -> Priced:
        world = self.device.world
        if self._version != world.version:
            self._now = self.device.pricer.priced(self.draft, world.now)
            self._version = world.version
        return self._now

    def charge(self, loads: tuple[Load, ...], share: float, duration_s: float) -> None:
        """Add what loads took for a share of their work in a duration."""
        joules, spent_j = self.device.meter.joules, 0.0
        for component, constant_j, watts in loads:
            taken_j = constant_j * share + watts * duration_s
            joules[component] += taken_j
            if component != CLOUD:
                spent_j += taken_j
        self.job.energy_j += spent_j
        self.device.settled_j += spent_j

    def close(self) -> None:
        """End all that it waits for, and give back what it holds."""
        self.closed = True
        for task in tuple(self.tasks):
            task.cancel()
            self.device.drop(task)
        self.device.radio.withdraw(self)
        self.device.server.withdraw(self)
        self.device.residence.withdraw(self)
        if self._waiting:
            self._waiting = 0
            self.device.processors.withdraw(self.number)
        if self._held:
            held, self._held = tuple(self._held), []
            self.device.processors.release(held)

    def lane_begins(self, step: Step, lane: Lane) -> None:
        """Of no interest."""

    def lane_ends(self, step: Step, lane: Lane) -> None:
        """Of no interest."""

    def step_ends(self, step: Step) -> None:
        """Note what is done."""
        self.done.add(step.name)
