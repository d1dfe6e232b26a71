"""One request on its way through the steps of its program."""

from collections.abc import Callable
from typing import Protocol

from simpy import Event

from planners.compiling import Lane, Step
from sim.device import Device
from sim.program import Program, ProgramLane


class Watcher(Protocol):
    """What looks on while a request runs: it carries tensors, or notes what planning took."""

    def lane_begins(self, step: Step, lane: Lane) -> None:
        """All that the lane reads must be there."""

    def lane_ends(self, step: Step, lane: Lane) -> None:
        """What the lane makes or moves is there now."""

    def step_ends(self, step: Step) -> None:
        """All gangs of a step have ended."""


class Request:
    """Steps in sequence; in a step gangs in sequence; in a gang lanes side by side."""

    __slots__ = (
        "_answered",
        "_gang",
        "_running",
        "_step",
        "device",
        "number",
        "program",
        "watchers",
    )

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
        self._step = self._gang = self._running = 0

    def begin(self) -> None:
        """Arrive now."""
        self.device.arrived()
        wanted = self.program.steps[0].processors
        self.device.processors.acquire(self.number, wanted, self._step_begins)

    def _step_begins(self) -> None:
        self._gang = -1
        self._next_gang()

    def _next_gang(self) -> None:
        """Start the lanes of the next gang together, or end the step."""
        step = self.program.steps[self._step]
        self._gang += 1
        if self._gang == len(step.gangs):
            self._step_ends()
            return
        gang = step.gangs[self._gang]
        self._running = len(gang)
        for lane in gang:
            _Run(self, lane).begin()

    def lane_ended(self) -> None:
        """The last lane of a gang to end makes way for the next gang."""
        self._running -= 1
        if self._running == 0:
            self._next_gang()

    @property
    def step(self) -> Step:
        """The step under way."""
        return self.program.steps[self._step].step

    def _step_ends(self) -> None:
        steps = self.program.steps
        for watcher in self.watchers:
            watcher.step_ends(steps[self._step].step)
        held = steps[self._step].processors
        self._step += 1
        if self._step == len(steps):
            self.device.processors.release(held)
            self.device.answered()
            self._answered()
            return
        wanted = steps[self._step].processors
        self.device.processors.hand_over(self.number, held, wanted, self._step_begins)


class _Run:
    """A lane under way: its waits one after the other."""

    __slots__ = ("_at", "_lane", "_request", "_start_s")

    def __init__(self, request: Request, lane: ProgramLane) -> None:
        self._request, self._lane = request, lane
        self._at, self._start_s = 0, 0.0

    def begin(self) -> None:
        for watcher in self._request.watchers:
            watcher.lane_begins(self._request.step, self._lane.lane)
        self._next()

    def _next(self) -> None:
        waits = self._lane.waits
        if self._at == len(waits):
            for watcher in self._request.watchers:
                watcher.lane_ends(self._request.step, self._lane.lane)
            self._request.lane_ended()
            return
        device = self._request.device
        self._start_s = device.env.now
        device.begin(waits[self._at], self._ended)

    def _ended(self, _: Event) -> None:
        self._request.device.account(self._lane.waits[self._at], self._start_s)
        self._at += 1
        self._next()
