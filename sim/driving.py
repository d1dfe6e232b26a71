"""Letting requests arrive on a living device until enough have come, and stopping it then."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from simpy import Environment, Event

from sim.clock import after
from sim.jobs import App, Job, Sink

TOLD_EVERY = 100


class Submits(Protocol):
    """A device as far as arrivals need it."""

    env: Environment

    def submit(self, app: App) -> Job:
        """A request comes in now."""


@dataclass(slots=True, eq=False)
class Driver:
    """Hears of requests for a sink, and knows when the last is over."""

    sink: Sink
    requests: int | None
    """Most requests of all apps together; None: no limit."""
    over: Event
    """Fires when no request will come any more and all accounts are closed."""
    came: int = 0
    told: Callable[[int], None] = lambda _: None
    """Hears of every `TOLD_EVERY` requests that have come."""
    _open: int = 0
    _sources: int = 0

    def drive(self, device: Submits, arrivals: Mapping[App, Iterator[float]]) -> None:
        """Begin to let requests arrive."""
        self._sources = len(arrivals)
        for app, instants_s in arrivals.items():
            self._next(device, app, instants_s)
        self._look()

    def _next(self, device: Submits, app: App, instants_s: Iterator[float]) -> None:
        at_s = next(instants_s, None)
        if at_s is None or self._full:
            self._sources -= 1
            return

        def arrive(_: Event) -> None:
            if self._full:
                self._sources -= 1
                self._look()
                return
            self.came += 1
            if self.came % TOLD_EVERY == 0:
                self.told(TOLD_EVERY)
            device.submit(app)
            self._next(device, app, instants_s)
            self._look()

        after(device.env, max(0.0, at_s - device.env.now), arrive)

    @property
    def _full(self) -> bool:
        return self.requests is not None and self.came >= self.requests

    def began(self, job: Job) -> None:
        """A request came in."""
        self._open += 1
        self.sink.began(job)

    def ended(self, job: Job) -> None:
        """A request has ended."""
        self.sink.ended(job)

    def closed(self, job: Job) -> None:
        """A request's energy is final."""
        self._open -= 1
        self.sink.closed(job)
        self._look()

    def _look(self) -> None:
        nothing_comes = self._full or self._sources == 0
        if nothing_comes and self._open == 0 and not self.over.triggered:
            self.over.succeed()
