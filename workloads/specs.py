"""What a workload's YAML says."""

from typing import TYPE_CHECKING, Annotated, Literal, Union

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from workloads.demand import Precision
from workloads.layer import Count, LayerSpec, Name
from workloads.layers import kind, kind_names
from workloads.sourced import Sourced

if TYPE_CHECKING:
    AnyLayer = LayerSpec
else:
    AnyLayer = Annotated[
        Union[tuple(kind(name).Spec for name in kind_names())],  # noqa: UP007
        Field(discriminator="kind"),
    ]
    """Any layer; its `kind` decides."""


def _positive(figure: Sourced) -> Sourced:
    if figure.value <= 0:
        raise ValueError("must be greater than 0")
    return figure


def _not_negative(figure: Sourced) -> Sourced:
    if figure.value < 0:
        raise ValueError("must be 0 or greater")
    return figure


Positive = Annotated[Sourced, AfterValidator(_positive)]
NotNegative = Annotated[Sourced, AfterValidator(_not_negative)]


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class WireSpec(_Spec):
    """How a tensor travels over a network."""

    name: str = Field(min_length=1)
    bytes_per_frame: Count
    lossless: bool
    """Whether the far side gets the very values that the near side has."""
    encode_bytes_per_s: Positive
    """Rate at which one core makes it, in bytes on the wire."""


class Levels(_Spec):
    """Inputs that are whole numbers from `low` to `high`, less the mean of their channel."""

    low: int
    high: int
    mean: tuple[int, ...]
    """One for each channel, or one for all."""


class InputSpec(_Spec):
    """What a frame of input is."""

    shape: tuple[Count, ...] = Field(min_length=1, max_length=3)
    wire: WireSpec
    signal: str | None = None
    """What it holds in use, of `workloads/signals/`; left out: not known, noise of its shape."""
    levels: Levels | None = None
    """Left out: real-valued features of mean 0 and variance 1."""


class OutputSpec(_Spec):
    """What a frame of output is."""

    wire: WireSpec


Factors = Literal["weights", "outputs"]
"""What a layer's factors keep: its weights, or its outputs on inputs of its signal."""


class WeightsSpec(_Spec):
    """Weights as they were trained, or synthetic ones with spectra like those of trained nets."""

    spectra: dict[str, str]
    """Profile by stage name or layer kind; a stage's own comes first."""
    seed: int = Field(ge=0)
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """Of real weights, in a .npz beside this file and of its name; left out: synthetic ones."""
    factors: Factors = "weights"
    """Outputs for real weights only, and where the input's signal is known."""


class WorkloadSpec(_Spec):
    """A neural network as it is inferred."""

    kind: Literal["workload"]
    name: Name
    description: str = Field(min_length=1)
    source: str = Field(min_length=1)
    frames: Count = 1
    """Frames of one inference, computed together."""
    input: InputSpec
    output: OutputSpec
    error_limit: NotNegative
    """Relative error of the scores that is accepted where nobody asks for another."""
    layer_error_limit: NotNegative | None = None
    """Relative error that compaction may do to one layer, at that error_limit; None: any."""
    error_gain: dict[str, Positive] = Field(min_length=1)
    """By planned layer kind: how much of a layer's own relative error reaches the scores."""
    quantisation_error: dict[Precision, NotNegative]
    """Relative error that one layer at a precision adds; 0 where left out."""
    weights: WeightsSpec
    layers: tuple[AnyLayer, ...] = Field(min_length=1)
