"""What a stream's YAML says: device, apps, policies, and what moves around them."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from socs.specs import NotNegative, Positive
from workloads.sourced import Sourced

Seconds = Annotated[float, Field(gt=0, le=1e9)]
Share = Annotated[float, Field(ge=0, lt=1)]
Rate = Annotated[float, Field(gt=0, le=1e12)]
MOST_REQUESTS = 10**9


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def one_of(owner: BaseModel, *names: str) -> None:
    """ValueError unless exactly one of the fields is given."""
    given = [name for name in names if getattr(owner, name) is not None]
    if len(given) != 1:
        raise ValueError(f"must have exactly one of {', '.join(names)}, has {len(given)}")


class DeviceSpec(_Spec):
    """The device, its link and its server, as on the command line."""

    soc: str
    network: str = "wifi"
    cloud: str = "k40_server"
    options: Literal["paper", "full"] = "full"
    processors: tuple[str, ...] | None = Field(None, min_length=1)
    hosts: dict[str, str] = Field(default_factory=dict)
    energy_window: Literal["until_idle", "until_output"] = "until_idle"
    standby_w: Sourced | None = None
    """What it draws while no request is in flight and the radio is idle; None: not counted."""


class PeriodicSpec(_Spec):
    """Every `period_s`, from `offset_s` on."""

    period_s: Seconds
    offset_s: float = Field(0.0, ge=0, le=1e9)


class PoissonSpec(_Spec):
    """Independent exponential gaps."""

    per_second: Rate


class BurstySpec(_Spec):
    """A Markov-modulated Poisson process of two states."""

    per_second_on: Rate
    per_second_off: float = Field(0.0, ge=0, le=1e12)
    mean_on_s: Seconds
    mean_off_s: Seconds


class TraceSpec(_Spec):
    """A CSV file beside the YAML, its first column `time_s` ascending from 0 or later."""

    file: str = Field(min_length=1)


class ArrivalsSpec(_Spec):
    """When an app asks: exactly one of the keys is given."""

    periodic: PeriodicSpec | None = None
    poisson: PoissonSpec | None = None
    bursty: BurstySpec | None = None
    trace: TraceSpec | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        one_of(self, "periodic", "poisson", "bursty", "trace")
        return self


class AppSpec(_Spec):
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


class AssumedSpec(_Spec):
    """What a static plan is made for."""

    busy: dict[str, Share] = Field(default_factory=dict)
    bus_share: Share = 0.0
    rate_share: float = Field(1.0, gt=0, le=100)
    """Of the link's rates."""
    server_speed: float = Field(1.0, gt=0, le=1)
    offline: bool = False
    """Without a link."""


class PolicySpec(_Spec):
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


class OnOffSpec(_Spec):
    """On and off for exponential times."""

    mean_on_s: Seconds
    mean_off_s: Seconds


class LoadSpec(_Spec):
    """Background load on a processor, on and off or from a trace (`time_s`, `share`)."""

    processor: str
    share: Share | None = None
    on_off: OnOffSpec | None = None
    trace: TraceSpec | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        one_of(self, "on_off", "trace")
        if (self.share is None) != (self.on_off is None):
            raise ValueError("must have `share` with on_off, and only there")
        return self


class BusLoadSpec(_Spec):
    """Bandwidth that other work takes from the memory bus."""

    share: Share | None = None
    on_off: OnOffSpec | None = None
    trace: TraceSpec | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        one_of(self, "on_off", "trace")
        if (self.share is None) != (self.on_off is None):
            raise ValueError("must have `share` with on_off, and only there")
        return self


class WalkSpec(_Spec):
    """Link rates times exp(z), z a first-order autoregression of mean 0."""

    spread: Sourced
    """Standard deviation of z."""
    correlation_s: Sourced
    """z's autocorrelation is exp(-t / correlation_s)."""
    step_s: Seconds = 1.0
    states: int = Field(9, ge=2, le=101)

    @model_validator(mode="after")
    def _positive(self) -> Self:
        for name in ("spread", "correlation_s"):
            if getattr(self, name).value <= 0:
                raise ValueError(f"{name} is {getattr(self, name).value:g}, must be greater than 0")
        return self


class LinkSpec(_Spec):
    """How the link's rates move: a walk, or a CSV trace (`time_s`, `uplink_bytes_per_s`,
    `downlink_bytes_per_s`; rates of 0: no link).
    """

    walk: WalkSpec | None = None
    trace: TraceSpec | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        one_of(self, "walk", "trace")
        return self


class ServerSpec(_Spec):
    """The server: how many requests at once, and others' load on it."""

    slots: int = Field(1, ge=1, le=10**4)
    speed_under_load: float | None = Field(None, gt=0, lt=1)
    on_off: OnOffSpec | None = None

    @model_validator(mode="after")
    def _together(self) -> Self:
        if (self.speed_under_load is None) != (self.on_off is None):
            raise ValueError("must have speed_under_load and on_off together or neither")
        return self


class ThermalTripSpec(_Spec):
    """A cap on a processor's clock from a temperature on, until it is back at another."""

    node: Literal["junction", "case"]
    at_c: Sourced
    clear_c: Sourced
    processor: str
    cap_hz: Rate

    @model_validator(mode="after")
    def _hysteresis(self) -> Self:
        if self.clear_c.value >= self.at_c.value:
            raise ValueError(f"clear_c must be less than at_c, {self.at_c.value:g}")
        return self


class ThermalSpec(_Spec):
    """A junction on a case in air, and what they trip."""

    ambient_c: Sourced
    junction_case_k_per_w: Positive
    case_ambient_k_per_w: Positive
    junction_j_per_k: Positive
    case_j_per_k: Positive
    sampling_s: Positive
    """Between two readings of a sensor."""
    step_c: float = Field(5.0, ge=1, le=50)
    """Leakage follows the die's temperature in steps of this."""
    most_w: Positive
    """More than the device can draw."""
    trips: tuple[ThermalTripSpec, ...] = ()


class VoltageSpec(_Spec):
    """Open-circuit volts by share of charge, with one source for the table."""

    points: tuple[tuple[float, float], ...] = Field(min_length=2)
    source: str = Field(min_length=1)
    basis: Literal["measured", "datasheet", "derived", "assumed"]

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        charges = [charge for charge, _ in self.points]
        if charges != sorted(set(charges)) or charges[0] < 0 or charges[-1] > 1:
            raise ValueError("charges must ascend strictly within [0, 1]")
        if any(volts <= 0 for _, volts in self.points):
            raise ValueError("volts must be greater than 0")
        return self


class BatterySpec(_Spec):
    """Open-circuit voltage behind an internal resistance."""

    capacity_coulombs: Positive
    """Coulombs: 3.6 times the mAh."""
    resistance_ohm: Positive
    open_circuit_v: VoltageSpec
    cut_off_v: Positive
    charge: float = Field(1.0, gt=0, le=1)


class GovernorSpec(_Spec):
    """What chooses a processor's clock, never above the plan's."""

    processor: str
    governor: Literal["performance", "powersave", "ondemand", "schedutil"]
    sampling_s: Seconds = 0.1
    up_threshold: float = Field(0.8, gt=0, le=1)


class SpanSpec(_Spec):
    """From an instant to a later one."""

    start_s: float = Field(ge=0, le=1e9)
    stop_s: Seconds

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.start_s >= self.stop_s:
            raise ValueError(f"stop_s must be greater than start_s, {self.start_s:g}")
        return self


class RandomFaultSpec(_Spec):
    """Exponential gaps and durations."""

    mean_between_s: Seconds
    mean_duration_s: Seconds


class FaultSpec(_Spec):
    """Something that goes out of order for a while."""

    fault: Literal["link_lost", "server_down", "processor_offline", "throttled", "memory_pressure"]
    processor: str | None = None
    cap_hz: Rate | None = None
    free_bytes: Rate | None = None
    random: RandomFaultSpec | None = None
    at: tuple[SpanSpec, ...] | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        one_of(self, "random", "at")
        wanted = {
            "processor_offline": {"processor"},
            "throttled": {"processor", "cap_hz"},
            "memory_pressure": {"free_bytes"},
        }.get(self.fault, set())
        fields = ("processor", "cap_hz", "free_bytes")
        given = {name for name in fields if getattr(self, name) is not None}
        if given != wanted:
            needs = " and ".join(sorted(wanted)) or "none of processor, cap_hz, free_bytes"
            raise ValueError(f"{self.fault} must have {needs}")
        return self


class WeightsSpec(_Spec):
    """Models lie cold in flash until a request needs them, and go when memory is short."""

    read_s_per_byte: Positive
    read_w: NotNegative


class StreamSpec(_Spec):
    """A request stream on a living device."""

    kind: Literal["stream"]
    description: str = Field(min_length=1)
    device: DeviceSpec
    apps: tuple[AppSpec, ...] = Field(min_length=1, max_length=100)
    policies: tuple[PolicySpec, ...] = Field((PolicySpec(policy="replan"),), min_length=1)
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
