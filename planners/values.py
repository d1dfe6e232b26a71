"""The values that planners take and give: Question, Goals, Conditions, Options, UnitBlock, Plan."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from planners.cost import CostModel, Roofline
from socs import Cloud, Host, Link, Runtime, Soc, hosts_of, load_runtime
from socs.law import Device
from workloads import Workload

Objective = Literal["energy", "latency", "edp"]
EnergyWindow = Literal["until_idle", "until_output"]
CLOUD = "cloud"
"""Name of the server where a plan names a processor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What the device believes about itself and its surroundings."""

    link: Link | None = None
    cloud: Cloud | None = None
    uplink_bytes_per_s: float | None = None
    """None: the link's own rate."""
    downlink_bytes_per_s: float | None = None
    busy: Mapping[str, float] = field(default_factory=dict)
    """Share of each processor that background load takes, in [0, 1)."""
    free_memory_bytes: float | None = None
    """None: the capacity less what the system holds."""
    temperature_c: float = 50.0
    charge: float = 1.0
    radio_state: Literal["idle", "connected"] = "idle"

    def __post_init__(self) -> None:
        for name, share in self.busy.items():
            if not 0.0 <= share < 1.0:
                raise ValueError(f"busy {name}={share}: must lie in [0, 1)")
        for rate in (self.uplink_bytes_per_s, self.downlink_bytes_per_s):
            if rate is not None and not 0.0 < rate < float("inf"):
                raise ValueError(f"link rate {rate} bytes/s: must be finite and greater than 0")

    @property
    def has_cloud(self) -> bool:
        """Whether there is a server and a link to it."""
        return self.link is not None and self.cloud is not None

    @property
    def up_bytes_per_s(self) -> float:
        """Believed uplink rate; only with a link."""
        assert self.link is not None
        return self.uplink_bytes_per_s or self.link.uplink_bytes_per_s.value

    @property
    def down_bytes_per_s(self) -> float:
        """Believed downlink rate; only with a link."""
        assert self.link is not None
        return self.downlink_bytes_per_s or self.link.downlink_bytes_per_s.value


LARGEST_LIMIT = 1e150
"""A limit beyond is a slip; its square would overflow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goals:
    """What the user asks for: one objective, and limits that a plan must keep."""

    objective: Objective = "energy"
    deadline_s: float | None = None
    energy_j: float | None = None
    memory_bytes: float | None = None
    error: float | None = None
    """Largest relative error; None: the model's own error_limit."""

    def __post_init__(self) -> None:
        for name in ("deadline_s", "energy_j", "memory_bytes"):
            limit = getattr(self, name)
            if limit is not None and not 0.0 < limit <= LARGEST_LIMIT:
                raise ValueError(
                    f"{name} {limit}: must be greater than 0 and at most {LARGEST_LIMIT:g}"
                )
        if self.error is not None and not 0.0 <= self.error <= LARGEST_LIMIT:
            raise ValueError(f"error {self.error}: must be from 0 to {LARGEST_LIMIT:g}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The search space of a planner."""

    name: str
    processors: tuple[str, ...] | Literal["prototype", "all"]
    """Local processors; `prototype`: those the paper used on the SoC."""
    precisions: Mapping[str, tuple[str, ...]] | Literal["all"]
    """By processor kind."""
    frequencies: Literal["max", "all"]
    ranks: tuple[float, ...]
    """Rank levels as shares of a layer's break-even rank; staying dense is always an option."""
    split_parts: int = 8
    """Units of a split layer are cut at multiples of 1 / split_parts."""
    max_parts: int = 2
    remote_segments: int = 1
    """Contiguous runs of layers that may go to the cloud; 0 keeps everything local."""
    runtime: str = "deepx"
    """What carries out plans other than the single-processor baselines."""


_RANKS = tuple(step / 16 for step in range(1, 16))
PAPER = Options(
    name="paper",
    processors="prototype",
    precisions={"cpu": ("fp32",), "gpu": ("fp32",), "lpc": ("fp32",), "dsp": ("int8",)},
    frequencies="max",
    ranks=_RANKS,
    runtime="deepx_2016",
)
"""What the abstract's prototype could choose from."""
FULL = Options(name="full", processors="all", precisions="all", frequencies="all", ranks=_RANKS)
"""Everything the device offers."""


@dataclass(frozen=True, slots=True)
class UnitBlock:
    """Units [first_unit, last_unit) of a planned layer, and how they run."""

    layer: str
    first_unit: int
    last_unit: int
    processor: str
    frequency_hz: float | None
    precision: str
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a plan costs by the planner's cost model, planning included."""

    latency_s: float
    energy_j: float
    peak_memory_bytes: float
    error: float
    planning_s: float
    planning_j: float

    @property
    def plan_energy_j(self) -> float:
        """Energy, planning aside."""
        return self.energy_j - self.planning_j

    @property
    def plan_latency_s(self) -> float:
        """Latency, planning aside."""
        return self.latency_s - self.planning_s


@dataclass(frozen=True, slots=True)
class Plan:
    """Where each unit-block runs: complete, and replayable without its planner."""

    planner: str
    blocks: tuple[UnitBlock, ...]
    predicted: Prediction | None
    evaluations: int
    runtime: str
    """Name of what carries the plan out (socs/runtimes/)."""
    certificate: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """All that a planner is told about one request."""

    workload: Workload
    soc: Soc
    conditions: Conditions = field(default_factory=Conditions)
    goals: Goals = field(default_factory=Goals)
    options: Options = PAPER
    hosts: Mapping[str, Host] = field(default_factory=dict)
    """By processor; empty: the SoC's defaults."""
    runtimes: Mapping[str, Runtime] = field(default_factory=dict)
    """By name, before the shipped ones of that name."""
    energy_window: EnergyWindow = "until_idle"
    cost: CostModel = field(default_factory=Roofline)

    def __post_init__(self) -> None:
        if set(self.hosts) != set(self.soc.processors):
            object.__setattr__(self, "hosts", hosts_of(self.soc, self.hosts))
        for name in self.conditions.busy:
            if name not in self.soc.processors:
                known = ", ".join(self.soc.processors)
                raise ValueError(f"busy {name}: no such processor; there are {known}")

    def runtime(self, name: str) -> Runtime:
        """The runtime of that name: this question's own, else the shipped one; UnknownName."""
        return self.runtimes[name] if name in self.runtimes else load_runtime(name)

    @property
    def error_limit(self) -> float:
        """The error limit in force."""
        asked = self.goals.error
        return self.workload.error_limit if asked is None else asked

    @property
    def layer_error_limit(self) -> float:
        """Largest sqrt(tail energy) of one layer: the model's, in proportion to the limit asked."""
        guard, usual = self.workload.layer_error_limit, self.workload.error_limit
        if guard is None or usual == 0.0:
            return 1.0
        return min(1.0, guard * self.error_limit / usual)

    @property
    def memory_limit_bytes(self) -> float:
        """The tighter of what is free and what the user allows."""
        memory = self.soc.memory
        free = self.conditions.free_memory_bytes
        if free is None:
            free = memory.capacity_bytes.value - memory.reserved_bytes.value
        asked = self.goals.memory_bytes
        return free if asked is None else min(free, asked)

    def device(self, conditions: Conditions | None = None) -> Device:
        """The device under conditions (default: the believed ones)."""
        state = conditions or self.conditions
        return Device(self.soc, self.hosts, dict(state.busy), state.temperature_c)

    def under(self, **changes: Any) -> "Question":
        """This question with fields replaced."""
        return replace(self, **changes)


class Planner(Protocol):
    """A callable that answers a question with a plan.

    Raises Infeasible when the goals cannot be met, NotApplicable when it cannot serve at all.
    """

    def __call__(self, question: Question, /) -> Plan:
        """The plan for one request."""


PlanFunction = Callable[[Question], Plan]


@dataclass(frozen=True, slots=True)
class Conflict:
    """A goal that cannot be met: what was asked, and the best that is possible."""

    goal: str
    asked: float
    best: float
    unit: str

    def __str__(self) -> str:
        asked, best = (f"{value:.6g} {self.unit}".strip() for value in (self.asked, self.best))
        return f"{self.goal}: asked {asked}, best possible {best}"


class Infeasible(Exception):
    """No plan meets the goals; `conflicts` say which and by how much."""

    def __init__(self, conflicts: tuple[Conflict, ...], reason: str = "") -> None:
        self.conflicts = conflicts
        self.reason = reason
        text = "; ".join(str(conflict) for conflict in conflicts)
        super().__init__(": ".join(part for part in (reason, text) if part))


class NotApplicable(Exception):
    """The planner cannot serve this question at all."""


class PlanError(ValueError):
    """A plan that breaks a rule; the message names layer and rule."""
