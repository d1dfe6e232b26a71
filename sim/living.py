"""A living device: many requests at once, while conditions change and parts fail.

Between two events all powers are constant, so energy, battery and temperature are integrated in
closed form when the next event settles the device; nothing polls.
"""

from collections.abc import Callable

from simpy import Environment, Event

from planners.values import Goals, Question
from sim.attempt import Attempt
from sim.bandwidth import SharedBandwidth
from sim.clock import after
from sim.drafts import Draft, Pricer
from sim.jobs import App, Ending, Job, NoPlan, Order, Sink
from sim.living_radio import LivingRadio
from sim.living_server import LivingServer
from sim.powered import Powered
from sim.program import Wait
from sim.queues import ProcessorQueues
from sim.request import Watcher
from sim.residence import Flash, Residence
from sim.surroundings import Surroundings, World
from sim.survival import surviving_layers

Watch = Callable[[Job, Draft], tuple[Watcher, ...]]


class LivingDevice(Powered):
    """A SoC with link and server under moving surroundings; what changes during a simulation."""

    def __init__(
        self,
        env: Environment,
        question: Question,
        world: World,
        sink: Sink,
        *,
        slots: int = 1,
        order: Order = "fifo",
        most_in_flight: int = 1000,
        most_recoveries: int = 8,
        notice_s: float = 0.0,
        patience_s: float | None = None,
        standby_w: float = 0.0,
        flash: Flash | None = None,
        watch: Watch | None = None,
    ) -> None:
        super().__init__(env, question, standby_w)
        self.world, self.sink, self.order = world, sink, order
        self.most_in_flight, self.most_recoveries = most_in_flight, most_recoveries
        self.notice_s, self.patience_s = notice_s, patience_s
        self._watch = watch
        memory = question.soc.memory
        self._bus_bytes_per_s = memory.bandwidth_bytes_per_s.value
        self.bus = SharedBandwidth(env, self._bus_bytes_per_s * (1.0 - world.now.bus_taken))
        self.processors = ProcessorQueues(question.soc.processors)
        self.radio = LivingRadio(self, question.conditions.link)
        self.server = LivingServer(self, slots)
        self.residence = Residence(self, flash)
        self.pricer = Pricer()
        self.attempts: dict[Job, Attempt] = {}
        self._numbers = 0
        world.listen(self._surroundings_changed)

    def die(self, reason: str) -> None:
        """All requests fail, and all that will come; nothing is drawn any more."""
        self.settle()
        self.dead = reason
        for job in tuple(self.in_flight):
            self.cancel(job, reason)
        self.radio.switch_off()

    # -- requests ------------------------------------------------------------------------------

    def submit(self, app: App) -> Job:
        """A request comes in now."""
        self.settle()
        job = Job(self._numbers, app, self.env.now, self.base_each_j)
        self._numbers += 1
        self.sink.began(job)
        full = len(self.in_flight) >= self.most_in_flight
        self.in_flight[job] = None
        if full or self.dead is not None:
            self._end(job, "failed", self.dead or "too many requests in flight")
            return job
        try:
            believed, truth = self.world.believed(), self.world.now
            draft = app.decider.draft(app, believed, truth, connected=self.radio.awake)
        except NoPlan as error:
            self._end(job, "failed", str(error))
            return job
        self._begin(job, draft)
        return job

    def cancel(self, job: Job, reason: str = "cancelled") -> None:
        """End a request that is in flight; nothing happens to one that has ended."""
        if job not in self.in_flight:
            return
        self.settle()
        attempt = self.attempts.pop(job, None)
        if attempt is not None:
            attempt.close()
        self._end(job, "failed", reason)

    def _begin(self, job: Job, draft: Draft) -> None:
        job.draft = draft
        watchers = self._watch(job, draft) if self._watch else ()
        attempt = Attempt(job, draft, self, watchers)
        self.attempts[job] = attempt
        shortage = self._shortage(attempt)
        if shortage is not None:
            self.break_off(attempt, shortage)
        else:
            self.residence.ready(attempt, attempt.start)

    def answer(self, attempt: Attempt) -> None:
        """The output of a request is there."""
        self.settle()
        job = attempt.job
        attempt.closed = True
        del self.attempts[job]
        due_s = job.due_s
        late = due_s is not None and self.env.now > due_s * (1.0 + 1e-12)
        self._end(job, "late" if late else "done", None)

    def _end(self, job: Job, ending: Ending, reason: str | None) -> None:
        del self.in_flight[job]
        job.ended, job.reason, job.ended_s = ending, reason, self.env.now
        job.energy_j += self.base_each_j - job.base_mark_j
        self.sink.ended(job)
        if self.radio.owner is not job:
            self.sink.closed(job)

    def close_account(self, job: Job) -> None:
        """The radio's tail is no longer this request's."""
        if job.ended is not None:
            self.sink.closed(job)

    # -- what is missing, and what is done about it ---------------------------------------------

    def obstacle(self, wait: Wait) -> str | None:
        """What keeps a wait from starting now."""
        state = self.world.now
        if wait.kind == "transfer":
            return "link lost" if state.up_bytes_per_s is None else None
        if wait.kind == "service":
            return "server down" if state.server_speed == 0.0 else None
        if state.offline:
            for activity in wait.activities:
                if activity.resource in state.offline:
                    return f"{activity.resource} offline"
        return None

    def _shortage(self, attempt: Attempt) -> str | None:
        short = attempt.peak_memory_bytes > self.free_memory_bytes
        return "out of memory" if short else None

    @property
    def free_memory_bytes(self) -> float:
        """What other apps and the system leave to models and activations."""
        free = self.world.now.free_memory_bytes
        memory = self.question.soc.memory
        return memory.capacity_bytes.value - memory.reserved_bytes.value if free is None else free

    def break_off(self, attempt: Attempt, reason: str) -> None:
        """End an attempt; the host notices after a while and sees what can be done."""
        if attempt.closed:
            return
        self.settle()
        job = attempt.job
        attempt.close()
        del self.attempts[job]
        job.layers_done = surviving_layers(attempt, self.world.now.offline)

        def noticed(_: Event) -> None:
            if job in self.in_flight:
                self._recover(job, reason)

        after(self.env, self.notice_s, noticed)

    def _recover(self, job: Job, reason: str) -> None:
        """Replan what is left locally, or fail with the reason."""
        self.settle()
        job.recoveries += 1
        if job.recoveries > self.most_recoveries:
            self._end(job, "failed", f"gave up after {reason}")
            return
        left_s = None if job.due_s is None else job.due_s - self.env.now
        asked = job.app.question.goals
        goals = Goals(
            objective=asked.objective,
            deadline_s=left_s if left_s is not None and left_s > 0.0 else None,
            memory_bytes=asked.memory_bytes,
            error=asked.error,
        )
        try:
            draft = job.app.decider.recover(job, self.world.now, goals)
        except NoPlan as error:
            self._end(job, "failed", f"{reason}: {error}")
            return
        self._begin(job, draft)

    # -- surroundings --------------------------------------------------------------------------

    def _surroundings_changed(self, before: Surroundings, after: Surroundings) -> None:
        self.settle()
        if after.bus_taken != before.bus_taken:
            self.bus.set_capacity(self._bus_bytes_per_s * (1.0 - after.bus_taken))
        if after.free_memory_bytes != before.free_memory_bytes:
            self.residence.shrink(self.free_memory_bytes)
        if after.law != before.law:
            for attempt in self.attempts.values():
                attempt.reprice()
        for attempt, reason in self._broken(before, after):
            self.break_off(attempt, reason)
        rates = (after.up_bytes_per_s, after.down_bytes_per_s)
        if rates != (before.up_bytes_per_s, before.down_bytes_per_s):
            self.radio.follow()
        if after.server_speed != before.server_speed:
            self.server.follow()

    def _broken(self, before: Surroundings, after: Surroundings) -> list[tuple[Attempt, str]]:
        """Attempts that wait for what is no longer there."""
        worse = (
            after.up_bytes_per_s is None
            or after.server_speed == 0.0
            or after.offline != before.offline
            or after.free_memory_bytes != before.free_memory_bytes
        )
        found = []
        for attempt in self.attempts.values() if worse else ():
            reasons = (self.obstacle(task.wait) for task in attempt.tasks)
            reason = next((r for r in reasons if r is not None), None) or self._shortage(attempt)
            if reason is not None:
                found.append((attempt, reason))
        return found
