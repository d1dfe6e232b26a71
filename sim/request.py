"""One request on its way through the steps of its program."""

from collections.abc import Callable
from typing import Protocol

from simpy import Event

from planners.compiling import Lane, Step
from sim.device import Device
from sim.program import Program, ProgramLane, ProgramStep


class Watcher(Protocol):
    """What looks on while a request runs: it carries tensors, or notes what planning took."""

    def lane_begins(self, step: Step, lane: Lane) -> None:
        """All that the lane reads must be there."""

    def lane_ends(self, step: Step, lane: Lane) -> None:
        """What the lane makes or moves is there now."""

    def step_ends(self, step: Step) -> None:
        """All gangs of a step have ended."""


class Request:
    """Each step after those it waits for; in a step gangs in sequence; in a gang lanes together."""

    __slots__ = ("_answered", "_waiting", "device", "number", "program", "watchers")

    def __init__(
        self,
        number: int,
        program: Program,
        device: Device,
        answered: Callable[[], None],
        watchers: tuple[Watcher, ...] = (),
    ) -> None:
        self.number, self.program, self.device = number, program, device
        self.watchers, self._answered = watchers, answered
        self._waiting = [len(step.step.after) for step in program.steps]

    def begin(self) -> None:
        """Arrive now."""
        self.device.arrived()
        first = _StepRun(self, 0)
        self.device.processors.acquire(self.number, first.step.processors, first.begin)

    def step_ended(self, run: "_StepRun") -> None:
        """Begin the steps that waited for this one alone; the last step is the request's end."""
        for watcher in self.watchers:
            watcher.step_ends(run.step.step)
        held, processors = run.step.processors, self.device.processors
        if run.number == len(self.program.steps) - 1:
            processors.release(held)
            self.device.answered()
            self._answered()
            return
        ready = []
        for follower in self.program.followers[run.number]:
            self._waiting[follower] -= 1
            if not self._waiting[follower]:
                ready.append(_StepRun(self, follower))
        if not ready:
            processors.release(held)
        for following in ready:
            processors.hand_over(self.number, held, following.step.processors, following.begin)
            held = ()


class _StepRun:
    """A step under way."""

    __slots__ = ("_gang", "_lanes", "number", "request", "step")

    def __init__(self, request: Request, number: int) -> None:
        self.request, self.number = request, number
        self.step: ProgramStep = request.program.steps[number]
        self._gang, self._lanes = -1, 0

    def begin(self) -> None:
        """Start the lanes of the next gang together, or end the step."""
        self._gang += 1
        if self._gang == len(self.step.gangs):
            self.request.step_ended(self)
            return
        gang = self.step.gangs[self._gang]
        self._lanes = len(gang)
        for lane in gang:
            _LaneRun(self, lane).begin()

    def lane_ended(self) -> None:
        """The last lane of a gang to end makes way for the next gang."""
        self._lanes -= 1
        if not self._lanes:
            self.begin()


class _LaneRun:
    """A lane under way: its waits one after the other."""

    __slots__ = ("_at", "_lane", "_start_s", "_step")

    def __init__(self, step: _StepRun, lane: ProgramLane) -> None:
        self._step, self._lane = step, lane
        self._at, self._start_s = 0, 0.0

    def begin(self) -> None:
        """Tell the watchers, and start."""
        for watcher in self._step.request.watchers:
            watcher.lane_begins(self._step.step.step, self._lane.lane)
        self._next()

    def _next(self) -> None:
        waits = self._lane.waits
        if self._at == len(waits):
            for watcher in self._step.request.watchers:
                watcher.lane_ends(self._step.step.step, self._lane.lane)
            self._step.lane_ended()
            return
        device = self._step.request.device
        self._start_s = device.env.now
        device.begin(waits[self._at], self._ended)

    def _ended(self, _: Event) -> None:
        self._step.request.device.account(self._lane.waits[self._at], self._start_s)
        self._at += 1
        self._next()
