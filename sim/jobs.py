"""What apps ask of a living device, and how each request ends: exactly once."""

from dataclasses import dataclass
from typing import Literal, Protocol

from planners.values import Goals, Question
from sim.drafts import Draft
from sim.surroundings import Surroundings

Ending = Literal["done", "late", "failed"]


@dataclass(frozen=True, eq=False, slots=True)
class App:
    """One source of requests."""

    name: str
    question: Question
    """Model, device, goals; link and server as they are at best."""
    decider: "Decider"
    priority: int = 0
    """Requests of a higher one go first where the device orders by priority."""
    deadline_s: float | None = None
    """Seconds from arrival after which an answer is late."""
    weight_bytes: float = 0.0
    """What the model takes in memory, and from flash where it is not there."""


class Decider(Protocol):
    """How plans are made: before all requests, for each on beliefs, or by an oracle."""

    def draft(
        self, app: App, believed: Surroundings, truth: Surroundings, *, connected: bool = False
    ) -> Draft:
        """What to carry out for a request that comes in now; raises NoPlan.

        `connected`: whether the radio is awake from its last use, which a device knows of itself.
        """

    def recover(self, job: "Job", state: Surroundings, goals: Goals) -> Draft:
        """What to carry out instead of what broke; raises NoPlan."""


class NoPlan(Exception):
    """There is no way to carry a request out."""


@dataclass(eq=False, slots=True)
class Job:
    """One request from its arrival to its end."""

    number: int
    app: App
    arrived_s: float
    base_mark_j: float = 0.0
    """Each request's share of the baseline up to its arrival."""
    energy_j: float = 0.0
    ended: Ending | None = None
    reason: str | None = None
    """Of a failure."""
    ended_s: float = 0.0
    recoveries: int = 0
    draft: Draft | None = None
    layers_done: int = 0
    """Leading planned layers whose outputs are on the device, as of the last break."""

    @property
    def latency_s(self) -> float:
        """From arrival to the end."""
        return self.ended_s - self.arrived_s

    @property
    def due_s(self) -> float | None:
        """Instant of the deadline."""
        limit = self.app.deadline_s
        return None if limit is None else self.arrived_s + limit


class Sink(Protocol):
    """What hears of requests."""

    def began(self, job: Job) -> None:
        """The request came in."""

    def ended(self, job: Job) -> None:
        """The request is done, late or failed; a tail of the radio may still be charged to it."""

    def closed(self, job: Job) -> None:
        """The request's energy is final."""


NUMBER_BITS = 48
"""Of a rank: the number of the request, below what its order puts first."""
Order = Literal["fifo", "priority", "deadline"]


def rank(job: Job, order: Order) -> int:
    """Number by which a request queues, the smallest first: unique, ties in order of arrival."""
    ahead = 0
    if order == "priority":
        ahead = -job.app.priority
    elif order == "deadline" and job.due_s is not None:
        ahead = round(job.due_s * 1e9)
    elif order == "deadline":
        ahead = 1 << 62
    return (ahead << NUMBER_BITS) + job.number
