"""What a stream has shown, in memory that does not grow with its requests."""

from collections import Counter
from dataclasses import dataclass, field

from sim.jobs import App, Job
from sim.sketch import Sketch


@dataclass(slots=True)
class Tally:
    """Counts and sketches over requests that came in from `warm_up_s` on.

    arrived = done + late + failed + in flight, always.
    """

    warm_up_s: float = 0.0
    arrived: int = 0
    done: int = 0
    late: int = 0
    failed: int = 0
    recovered: int = 0
    """Requests that were broken off at least once and yet answered."""
    reasons: Counter[str] = field(default_factory=Counter)
    latency: Sketch = field(default_factory=Sketch)
    """Of requests with an answer, in seconds."""
    energy: Sketch = field(default_factory=Sketch)
    """Of requests with an answer, in joules, radio tails in."""
    failed_j: float = 0.0
    """Spent on requests that failed."""

    def counts(self, job: Job) -> bool:
        """Whether a request came in after the warm-up."""
        return job.arrived_s >= self.warm_up_s

    def began(self, job: Job) -> None:
        """It came in."""
        self.arrived += self.counts(job)

    def ended(self, job: Job) -> None:
        """It is done, late or failed."""
        if not self.counts(job):
            return
        if job.ended == "failed":
            self.failed += 1
            self.reasons[job.reason or ""] += 1
            return
        self.done += job.ended == "done"
        self.late += job.ended == "late"
        self.recovered += job.recoveries > 0
        self.latency.add(job.latency_s)

    def closed(self, job: Job) -> None:
        """Its energy is final."""
        if not self.counts(job):
            return
        if job.ended == "failed":
            self.failed_j += job.energy_j
        else:
            self.energy.add(job.energy_j)

    @property
    def in_flight(self) -> int:
        """Neither done nor late nor failed yet."""
        return self.arrived - self.done - self.late - self.failed

    @property
    def missed(self) -> float | None:
        """Share of ended requests without an answer in time; None of none."""
        ended = self.done + self.late + self.failed
        return (self.late + self.failed) / ended if ended else None


@dataclass(slots=True)
class Tallies:
    """A tally of each app, and one of all."""

    warm_up_s: float = 0.0
    total: Tally = field(init=False)
    by_app: dict[App, Tally] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.total = Tally(self.warm_up_s)

    def of(self, app: App) -> Tally:
        """The app's own."""
        found = self.by_app.get(app)
        if found is None:
            found = self.by_app[app] = Tally(self.warm_up_s)
        return found

    def began(self, job: Job) -> None:
        """A request came in."""
        self.total.began(job)
        self.of(job.app).began(job)

    def ended(self, job: Job) -> None:
        """A request has ended."""
        self.total.ended(job)
        self.of(job.app).ended(job)

    def closed(self, job: Job) -> None:
        """A request's energy is final."""
        self.total.closed(job)
        self.of(job.app).closed(job)
