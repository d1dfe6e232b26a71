"""What hardware is: frozen specifications read from YAML, every figure with its source.

All figures are `workloads.sourced.Sourced` (value, source, basis, low, high) in SI units.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from workloads.sourced import Sourced


def _positive(figure: Sourced) -> Sourced:
    if figure.value <= 0:
        raise ValueError("must be greater than 0")
    return figure


def _not_negative(figure: Sourced) -> Sourced:
    if figure.value < 0:
        raise ValueError("must be 0 or greater")
    return figure


def _fraction(figure: Sourced) -> Sourced:
    if not 0 <= figure.value <= 1:
        raise ValueError("must lie in [0, 1]")
    return figure


def _count(figure: Sourced) -> Sourced:
    if figure.value < 1 or figure.value != int(figure.value):
        raise ValueError("must be a whole number from 1")
    return figure


Count = Annotated[Sourced, AfterValidator(_count)]
Positive = Annotated[Sourced, AfterValidator(_positive)]
NotNegative = Annotated[Sourced, AfterValidator(_not_negative)]
Fraction = Annotated[Sourced, AfterValidator(_fraction)]

ProcessorKind = Literal["cpu", "gpu", "dsp", "lpc"]
PrecisionName = Literal["fp32", "fp16", "int8"]


class Spec(BaseModel):
    """A closed, frozen specification: unknown keys are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class OperatingPoint(Spec):
    """One DVFS operating point (OPP): a clock and the rail voltage it needs."""

    frequency_hz: float = Field(gt=0)
    voltage_v: float = Field(gt=0)


class OperatingPoints(Spec):
    """The DVFS table of a processor, ascending in frequency, with one source for the table."""

    points: tuple[OperatingPoint, ...] = Field(min_length=1)
    source: str = Field(min_length=1)
    basis: Literal["measured", "datasheet", "derived", "assumed"]

    @model_validator(mode="after")
    def _ascending(self) -> "OperatingPoints":
        clocks = [point.frequency_hz for point in self.points]
        if clocks != sorted(set(clocks)):
            raise ValueError("frequencies must be strictly ascending")
        return self


class Leakage(Spec):
    """Static power: `reference_w (V / reference_v)^exponent 2^((T - reference_c) / doubling_c)`."""

    reference_w: NotNegative
    reference_v: Positive
    reference_c: Sourced
    exponent: NotNegative
    doubling_c: Positive

    def watts(self, voltage_v: float, temperature_c: float) -> float:
        """Leakage in watts at a rail voltage and die temperature."""
        scale = (voltage_v / self.reference_v.value) ** self.exponent.value
        heat = 2.0 ** ((temperature_c - self.reference_c.value) / self.doubling_c.value)
        return float(self.reference_w.value * scale * heat)


class Processor(Spec):
    """A processor of the SoC: clocks, arithmetic, power, and its way to memory."""

    kind: ProcessorKind
    cores: int = Field(ge=1)
    operating_points: OperatingPoints
    macs_per_cycle: dict[PrecisionName, Positive] = Field(min_length=1)
    """Peak multiply-accumulates a cycle of ONE core, per precision it supports."""
    leakage: Leakage
    dynamic_w_per_hz_v2: NotNegative
    """k in P = k V^2 f for one busy core."""
    thread_power_scale: tuple[float, ...]
    """Dynamic power of 1..cores busy cores relative to one."""
    thread_power_source: str = Field(min_length=1)
    stall_activity: Fraction
    """s: share of the dynamic power that a core waiting for memory still burns."""
    idle_w: NotNegative
    sleep_w: NotNegative
    wake_s: NotNegative
    port_bytes_per_s: Positive
    buffers: Literal["shared", "separate"] = "shared"
    coherent: bool = False
    transfer_bytes_per_s: Positive
    """Cache maintenance (shared buffers) or copy (separate buffers) of activations."""
    block_memory_bytes: Positive | None = None
    """Most bytes of weights and activations one block may hold here (e.g. a DSP's heap)."""
    exclusive_with: str | None = None
    """A processor that cannot be on at the same time (cluster switching)."""
    default_host: str

    @model_validator(mode="after")
    def _scales(self) -> "Processor":
        if len(self.thread_power_scale) != self.cores:
            raise ValueError(f"thread_power_scale needs {self.cores} entries, one per core count")
        return self

    @property
    def frequencies_hz(self) -> tuple[float, ...]:
        """All clocks, ascending."""
        return tuple(point.frequency_hz for point in self.operating_points.points)

    def voltage_v(self, frequency_hz: float) -> float:
        """Rail voltage at an operating point; KeyError where there is no such point."""
        for point in self.operating_points.points:
            if point.frequency_hz == frequency_hz:
                return point.voltage_v
        raise KeyError(f"no operating point at {frequency_hz} Hz")


class Memory(Spec):
    """The DRAM that all processors share."""

    capacity_bytes: Positive
    reserved_bytes: NotNegative
    """Held by the operating system and other apps."""
    bandwidth_bytes_per_s: Positive
    """Sustained, all masters together."""
    energy_j_per_byte: NotNegative
    background_w: NotNegative


class Storage(Spec):
    """Flash memory from which weights are paged in, once per request and block.

    0 seconds a byte: weights stay in memory between requests.
    """

    read_s_per_byte: NotNegative
    read_w: NotNegative
    """Power of flash and controller while they read."""


class Soc(Spec):
    """A system on chip on its board."""

    kind_of_spec: Literal["soc"] = Field("soc", alias="kind")
    name: str
    description: str
    processors: dict[str, Processor] = Field(min_length=1)
    prototype_processors: tuple[str, ...]
    """Those that the paper's prototype used on this SoC."""
    memory: Memory
    storage: Storage | None = None
    """Left out: weights stay in memory between requests."""
    board_w: NotNegative
    """Power of the rest of the board while a request is in flight."""
    dvfs_switch_s: NotNegative
    evaluation_s: NotNegative
    """Seconds of one CPU core to cost one (layer, option) while planning."""
    runtime_processor: str
    """The processor that runs the operating system, the runtime and the planner."""

    @model_validator(mode="after")
    def _names(self) -> "Soc":
        for where in (*self.prototype_processors, self.runtime_processor):
            if where not in self.processors:
                raise ValueError(
                    f"no processor named {where!r}; there are {', '.join(self.processors)}"
                )
        if self.processors[self.runtime_processor].kind != "cpu":
            raise ValueError("runtime_processor must be of kind cpu")
        if "cloud" in self.processors:
            raise ValueError("'cloud' names the server, not a processor of the SoC")
        for name, processor in self.processors.items():
            if processor.exclusive_with not in (None, *self.processors):
                raise ValueError(f"{name}: exclusive_with names no processor")
        return self


class HostEntry(Spec):
    """How a host runs one layer kind at one precision."""

    compute_efficiency: Fraction
    """Achieved share of the processor's peak multiply-accumulates."""
    streaming_bytes_per_s: Positive | None = None
    """Most bytes a second this code moves; None: only the port limits it."""
    streaming_clock_hz: Positive | None = None
    """Clock at which that rate was measured: slower clocks stream in proportion (the rate is the
    code's, not the memory's), faster ones no faster. None: the rate holds at every clock."""
    threads: int = Field(1, ge=1)
    frames_per_call: Count | None = None
    """Most frames a call takes (1: GEMV, frame by frame); None: all frames in one call."""


class Weights(Spec):
    """Where a host keeps weights and what bringing them in costs."""

    mode: Literal["resident", "staged"] = "resident"
    per: Literal["request", "call"] = "request"
    bytes_per_s: Positive | None = None
    power_w: NotNegative | None = None

    @model_validator(mode="after")
    def _complete(self) -> "Weights":
        if self.mode != "resident" and (self.bytes_per_s is None or self.power_w is None):
            raise ValueError(f"{self.mode} weights need bytes_per_s and power_w")
        return self


class Host(Spec):
    """A host implementation: the code that runs layers on a processor."""

    kind_of_spec: Literal["host"] = Field("host", alias="kind")
    name: str
    description: str
    processor_kinds: tuple[ProcessorKind, ...] = Field(min_length=1)
    layers: dict[str, dict[PrecisionName, HostEntry]]
    """By layer kind; the key `other` serves every kind not named."""
    launch_s: NotNegative
    """Seconds to launch one kernel."""
    call_s: NotNegative
    """Seconds of a call into the processor (RPC, synchronisation), once per call of a block."""
    weights: Weights = Weights()

    def entry(self, layer_kind: str, precision: str) -> HostEntry | None:
        """The entry that serves a layer kind at a precision; None when it cannot run it."""
        table = self.layers.get(layer_kind) or self.layers.get("other") or {}
        return table.get(precision)  # type: ignore[call-overload, no-any-return]


class Runtime(Spec):
    """What carries a plan out, and what it costs beside the blocks."""

    kind_of_spec: Literal["runtime"] = Field("runtime", alias="kind")
    name: str
    description: str
    planning_s: NotNegative
    """Fixed planning work per request on one core of the runtime's processor."""
    counts_evaluations: bool
    """Whether evaluations x the SoC's evaluation_s are added to planning."""
    factor_load_bytes_per_s: Positive | None = None
    """Rate at which factors of a compacted layer are loaded before its block, where the host keeps
    weights resident (one that stages or pages them brings factors in that way); None: at hand."""
    dispatch_s: NotNegative
    """Seconds of one core of the runtime's processor per block and call."""


class TailPhase(Spec):
    """One phase of the radio after its last activity."""

    state: Literal["connected", "short_drx", "long_drx", "tail"]
    duration_s: Positive
    power_w: NotNegative


class Link(Spec):
    """A radio link: rates, latency, and power by state (Huang et al., MobiSys 2012)."""

    kind_of_spec: Literal["link"] = Field("link", alias="kind")
    name: str
    description: str
    uplink_bytes_per_s: Positive
    downlink_bytes_per_s: Positive
    round_trip_s: NotNegative
    promotion_s: NotNegative
    promotion_w: NotNegative
    base_w: NotNegative
    """beta: power while transferring, at zero throughput."""
    uplink_j_per_byte: NotNegative
    """alpha_u as energy per byte sent."""
    downlink_j_per_byte: NotNegative
    power_cap_w: Positive | None = None
    """Highest power of a transfer; the linear law is clamped here."""
    tail: tuple[TailPhase, ...]
    idle_w: NotNegative

    def transfer_w(self, bytes_per_s: float, *, uplink: bool) -> float:
        """Power while transferring: base + energy per byte x rate, clamped."""
        per_byte = self.uplink_j_per_byte if uplink else self.downlink_j_per_byte
        watts = self.base_w.value + per_byte.value * bytes_per_s
        return watts if self.power_cap_w is None else min(watts, self.power_cap_w.value)

    @property
    def tail_s(self) -> float:
        """Seconds from the last activity until the radio is idle."""
        return sum(phase.duration_s.value for phase in self.tail)

    def tail_j(self, elapsed_s: float) -> float:
        """Energy of the first `elapsed_s` seconds after an activity (idle power past the tail)."""
        energy_j, left_s = 0.0, elapsed_s
        for phase in self.tail:
            spent_s = min(left_s, phase.duration_s.value)
            energy_j += spent_s * phase.power_w.value
            left_s -= spent_s
        return energy_j + left_s * self.idle_w.value


class Cloud(Spec):
    """The server behind the link."""

    kind_of_spec: Literal["cloud"] = Field("cloud", alias="kind")
    name: str
    description: str
    macs_per_s: Positive
    """Peak fp32 multiply-accumulates a second."""
    efficiency: dict[str, Fraction]
    """Achieved share of the peak, by layer kind; the key `other` serves every kind not named."""
    memory_bytes_per_s: Positive
    launch_s: NotNegative
    overhead_s: NotNegative
    """Service overhead per request: decode, queue hand-over."""
    busy_w: NotNegative
    memory_bytes: Positive
