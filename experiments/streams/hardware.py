"""What a device is made of beyond its SoC, and what breaks, as a stream's YAML says it."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from experiments.streams.common import NotEmpty, Rate, Seconds, Spec, one_of
from socs.specs import NotNegative, Positive
from workloads.sourced import Sourced


class ThermalTripSpec(Spec):
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


class ThermalSpec(Spec):
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


class VoltageSpec(Spec):
    """Open-circuit volts by share of charge, with one source for the table."""

    points: tuple[tuple[float, float], ...]
    source: str = Field(min_length=1)
    basis: Literal["measured", "datasheet", "derived", "assumed"]

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        charges = [charge for charge, _ in self.points]
        if len(charges) < 2:
            raise ValueError("must have at least 2 points")
        if charges != sorted(set(charges)) or charges[0] < 0 or charges[-1] > 1:
            raise ValueError("charges must ascend strictly within [0, 1]")
        if any(volts <= 0 for _, volts in self.points):
            raise ValueError("volts must be greater than 0")
        return self


class BatterySpec(Spec):
    """Open-circuit voltage behind an internal resistance."""

    capacity_coulombs: Positive
    """Coulombs: 3.6 times the mAh."""
    resistance_ohm: Positive
    open_circuit_v: VoltageSpec
    cut_off_v: Positive
    averaging_s: Positive
    """Over which the current is averaged that decides on the cut-off."""
    charge: float = Field(1.0, gt=0, le=1)


class GovernorSpec(Spec):
    """What chooses a processor's clock, never above the plan's."""

    processor: str
    governor: Literal["performance", "powersave", "ondemand", "schedutil"]
    sampling_s: Seconds = 0.1
    up_threshold: float = Field(0.8, gt=0, le=1)


class SpanSpec(Spec):
    """From an instant to a later one."""

    start_s: float = Field(ge=0, le=1e9)
    stop_s: Seconds

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.start_s >= self.stop_s:
            raise ValueError(f"stop_s must be greater than start_s, {self.start_s:g}")
        return self


class RandomFaultSpec(Spec):
    """Exponential gaps and durations."""

    mean_between_s: Seconds
    mean_duration_s: Seconds


class FaultSpec(Spec):
    """Something that goes out of order for a while."""

    fault: Literal["link_lost", "server_down", "processor_offline", "throttled", "memory_pressure"]
    processor: str | None = None
    cap_hz: Rate | None = None
    free_bytes: Rate | None = None
    random: RandomFaultSpec | None = None
    at: Annotated[tuple[SpanSpec, ...], NotEmpty] | None = None

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


class WeightsSpec(Spec):
    """Models lie cold in flash until a request needs them, and go when memory is short."""

    read_s_per_byte: Positive
    read_w: NotNegative
