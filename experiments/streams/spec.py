"""What a stream's YAML says: device, apps, policies, and what moves around them."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from experiments.streams.common import NotEmpty, Rate, Seconds, Share, Spec, TraceSpec, one_of
from experiments.streams.hardware import (
    BatterySpec,
    FaultSpec,
    GovernorSpec,
    ThermalSpec,
    WeightsSpec,
)
from experiments.streams.moving import BusLoadSpec, LinkSpec, LoadSpec, ServerSpec
from workloads.sourced import Sourced

MOST_REQUESTS = 10**9


class DeviceSpec(Spec):
    """The device, its link and its server, as on the command line."""

    soc: str
    network: str = "wifi"
    cloud: str = "k40_server"
    options: Literal["paper", "full"] = "full"
    processors: Annotated[tuple[str, ...], NotEmpty] | None = None
    hosts: dict[str, str] = Field(default_factory=dict)
    energy_window: Literal["until_idle", "until_output"] = "until_idle"
    standby_w: Sourced | None = None
    """What it draws while no request is in flight and the radio is idle; None: not counted."""


class PeriodicSpec(Spec):
    """Every `period_s`, from `offset_s` on."""

    period_s: Seconds
    offset_s: float = Field(0.0, ge=0, le=1e9)


class PoissonSpec(Spec):
    """Independent exponential gaps."""

    per_second: Rate


class BurstySpec(Spec):
    """A Markov-modulated Poisson process of two states."""

    per_second_on: Rate
    per_second_off: float = Field(0.0, ge=0, le=1e12)
    mean_on_s: Seconds
    mean_off_s: Seconds


class ArrivalsSpec(Spec):
    """When an app asks: exactly one of the keys is given."""

    periodic: PeriodicSpec | None = None
    poisson: PoissonSpec | None = None
    bursty: BurstySpec | None = None
    trace: TraceSpec | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        one_of(self, "periodic", "poisson", "bursty", "trace")
        return self


class AppSpec(Spec):
    """One app: what it asks for, how often, and how soon it wants the answer."""

    name: str = Field(min_length=1)
    model: str = Field(min_length=1)
    frames: int | None = Field(None, ge=1, le=10**6)
    planner: str = "deepx"
    objective: Literal["energy", "latency", "edp"] = "energy"
    deadline_s: Seconds | None = None
    max_error: float | None = Field(None, ge=0)
    memory_bytes: float | None = Field(None, gt=0)
    priority: int = Field(0, ge=-1000, le=1000)
    arrivals: ArrivalsSpec


class AssumedSpec(Spec):
    """What a static plan is made for."""

    busy: dict[str, Share] = Field(default_factory=dict)
    bus_share: Share = 0.0
    rate_share: float = Field(1.0, gt=0, le=100)
    """Of the link's rates."""
    server_speed: float = Field(1.0, gt=0, le=1)
    offline: bool = False
    """Without a link."""


class PolicySpec(Spec):
    """How plans are made."""

    policy: Literal["static", "replan", "replan_on_change", "oracle"]
    name: str | None = Field(None, min_length=1)
    planner: str | None = None
    """For all apps; None: each app's own."""
    assume: AssumedSpec | None = None
    """Of `static` only."""
    belief_lag_s: float | None = Field(None, ge=0, le=1e6)
    """None: the stream's."""

    @model_validator(mode="after")
    def _only_static(self) -> Self:
        if self.assume is not None and self.policy != "static":
            raise ValueError(f"{self.policy} assumes nothing, must be static to have `assume`")
        return self

    @property
    def title(self) -> str:
        """Its name, or what it is."""
        return self.name or (f"{self.policy} {self.planner}" if self.planner else self.policy)


class StreamSpec(Spec):
    """A request stream on a living device."""

    kind: Literal["stream"]
    description: str = Field(min_length=1)
    device: DeviceSpec
    apps: Annotated[tuple[AppSpec, ...], NotEmpty]
    policies: Annotated[tuple[PolicySpec, ...], NotEmpty] = (PolicySpec(policy="replan"),)
    requests: int | None = Field(None, ge=1, le=MOST_REQUESTS)
    """All apps together, per replication; the run ends when the last is answered."""
    duration_s: Seconds | None = None
    """The run ends then, whatever is in flight."""
    warm_up_s: float = Field(0.0, ge=0, le=1e9)
    """Requests that come in before it are not counted."""
    replications: int = Field(1, ge=1, le=10**4)
    confidence: float = Field(0.95, gt=0.5, lt=1)
    seed: int = Field(0, ge=0)
    belief_lag_s: float = Field(1.0, ge=0, le=1e6)
    belief_step: float = Field(0.05, ge=0, le=0.5)
    """Beliefs are rounded to the safe side on a grid this fine."""
    order: Literal["fifo", "priority", "deadline"] = "fifo"
    most_in_flight: int = Field(1000, ge=1, le=10**6)
    """Requests that come in while so many are in flight are turned away."""
    notice_s: float = Field(0.1, ge=0, le=1e4)
    """From a break to the host's answer to it."""
    patience_s: Seconds | None = None
    """A transfer or the server's work that takes longer, queue included, is given up and what is
    left replanned locally; None: never."""
    load: tuple[LoadSpec, ...] = ()
    bus: BusLoadSpec | None = None
    link: LinkSpec | None = None
    server: ServerSpec = ServerSpec()
    governors: tuple[GovernorSpec, ...] = ()
    thermal: ThermalSpec | None = None
    battery: BatterySpec | None = None
    weights: WeightsSpec | None = None
    """None: all models are in memory from the start."""
    faults: tuple[FaultSpec, ...] = ()

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        one_of(self, "requests", "duration_s")
        for kind, names in (
            ("apps", [app.name for app in self.apps]),
            ("policies", [policy.title for policy in self.policies]),
            ("load", [load.processor for load in self.load]),
            ("governors", [governor.processor for governor in self.governors]),
        ):
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"{kind}: {name} is there twice, must be there once")
        return self
