"""The interface of an app on a living device: requests at once, while conditions change."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from simpy import Environment

from planners.values import Conditions, Goals, Plan
from sim.causes import Causes
from sim.deciding import Planning, Policy
from sim.host import InferenceHost
from sim.jobs import App, Ending, Job
from sim.living import LivingDevice
from sim.numerics import carry_values
from sim.surroundings import Surroundings, World
from sim.tally import Tally
from workloads import Workload
from workloads.layer import Floats, Weights


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A request under way, or what became of it."""

    job: Job
    workload: Workload
    inputs: Floats
    weights: Mapping[str, Weights]

    @property
    def ended(self) -> Ending | None:
        """`done`, `late` or `failed`; None while it is in flight."""
        return self.job.ended

    @property
    def reason(self) -> str | None:
        """Why it failed."""
        return self.job.reason

    @property
    def plan(self) -> Plan | None:
        """The plan that it was carried out by, recoveries in; None where there was none."""
        return None if self.job.draft is None else self.job.draft.plan

    @property
    def output(self) -> Floats | None:
        """(frames, *output_shape); None unless there was an answer."""
        if self.job.ended not in ("done", "late") or self.plan is None:
            return None
        return carry_values(self.plan, self.workload, self.inputs, self.weights)[0]

    @property
    def latency_s(self) -> float | None:
        """From the call to its end; None while it is in flight."""
        return None if self.job.ended is None else self.job.latency_s

    @property
    def energy_j(self) -> float:
        """Of the device, so far; final once the radio's tail has passed."""
        return self.job.energy_j


@dataclass(slots=True, eq=False)
class LivingHost:
    """Models held on one living device, each request planned on beliefs that may lag behind.

    `host` names device, planner, options and the conditions at the start. Change conditions through
    `causes`, let time pass with `advance`, ask with `submit`.
    """

    host: InferenceHost
    belief_lag_s: float = 0.0
    policy: Policy = "replan"
    notice_s: float = 0.0
    tally: Tally = field(default_factory=Tally)
    causes: Causes = field(init=False)
    _device: LivingDevice = field(init=False)
    _apps: dict[tuple[str, Goals, int], App] = field(default_factory=dict)

    def __post_init__(self) -> None:
        env = Environment(initial_time=0.0)
        state = self.host.conditions
        world = World(env, surroundings_of(state), lag_s=self.belief_lag_s)
        self.causes = Causes(world)
        if not self.host.models():
            raise ValueError("the host holds no model: provide one first")
        question = self.host.question(self.host.models()[0], Goals())
        self._device = LivingDevice(env, question, world, self.tally, notice_s=self.notice_s)

    @property
    def now_s(self) -> float:
        """Seconds since the start."""
        return float(self._device.env.now)

    @property
    def energy_j(self) -> float:
        """Of the device so far."""
        self._device.settle()
        return self._device.settled_j

    def submit(
        self,
        model: str | Workload,
        inputs: Floats,
        goals: Goals | None = None,
        *,
        priority: int = 0,
    ) -> Asked:
        """Ask for an inference now; it is carried out as time passes.

        inputs as of `InferenceHost.infer`. Raises UnknownName for a model not provided.
        """
        workload, weights = self.host.model(model)
        x = self.host.frames_of(workload, inputs)
        app = self._app(workload, goals or Goals(), priority)
        return Asked(self._device.submit(app), workload, x, weights)

    def _app(self, workload: Workload, goals: Goals, priority: int) -> App:
        """One for all requests that ask the same, so that their plans can be kept."""
        key = (workload.name, goals, priority)
        if key not in self._apps:
            planning = Planning(self.host.plan_function(), self.policy, step=0.0)
            question = self.host.question(workload, goals)
            self._apps[key] = App(
                workload.name,
                question,
                planning,
                priority=priority,
                deadline_s=goals.deadline_s,
            )
        return self._apps[key]

    def cancel(self, asked: Asked) -> None:
        """Take a request back; nothing happens to one that has ended."""
        self._device.cancel(asked.job)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._device.env.run(until=self._device.env.now + seconds)
        self._device.settle()

    def finish(self) -> None:
        """Let time pass until nothing is under way."""
        self._device.env.run()
        self._device.settle()


def surroundings_of(conditions: Conditions) -> Surroundings:
    """The surroundings that conditions describe."""
    online = conditions.link is not None
    return Surroundings(
        busy=tuple(sorted((name, share) for name, share in conditions.busy.items() if share)),
        temperature_c=conditions.temperature_c,
        up_bytes_per_s=conditions.up_bytes_per_s if online else None,
        down_bytes_per_s=conditions.down_bytes_per_s if online else None,
        free_memory_bytes=conditions.free_memory_bytes,
    )
