"""What every layer kind offers: the interfaces of the files in `workloads/layers/`.

A *unit* is one output channel of a convolution or one neuron of a dense layer. Shapes are per
frame: (channels, height, width) or (neurons,). Planned kinds own units that a plan allocates;
fused kinds run on the units of their producer.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from workloads.demand import BIAS_BYTES, Amount, Demand, Units, amount
from workloads.scratch import Scratch

Shape: TypeAlias = tuple[int, ...]
Floats: TypeAlias = NDArray[np.float32]

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_./-]{0,63}$")]
Count = Annotated[int, Field(gt=0, le=2**31 - 1)]
Extent = Annotated[int, Field(ge=0, le=2**31 - 1)]
CountPair: TypeAlias = Count | tuple[Count, Count]
"""One number for height and width, or [height, width]."""
ExtentEdges: TypeAlias = Extent | tuple[Extent, Extent] | tuple[Extent, Extent, Extent, Extent]
"""One number for all edges, [rows, columns] for both of each, or [top, left, bottom, right]."""


class LayerSpec(BaseModel):
    """What all kinds of layer have in a workload's YAML."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: Name
    kind: str
    inputs: tuple[Name, ...] | None = Field(default=None, min_length=1)
    """Layers read, `input` for the network's own; by default the layer before.

    Several inputs are concatenated along their channels.
    """


class ShapeError(ValueError):
    """A layer that does not fit its input; says what is wrong and what would be right."""


@dataclass(frozen=True, slots=True)
class WeightShape:
    """Weights of a planned layer: per group a matrix with a row per unit, a column per input."""

    groups: int
    rows: int
    columns: int
    has_bias: bool

    @property
    def units(self) -> int:
        """Rows of all groups."""
        return self.groups * self.rows

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return self.units * (self.columns + self.has_bias)

    @property
    def break_even_rank(self) -> int:
        """Smallest rank per group that saves nothing: ceil(rows columns / (rows + columns)).

        0 for a kind without weights.
        """
        return -(-self.rows * self.columns // (self.rows + self.columns))

    @property
    def max_rank(self) -> int:
        """Largest rank that saves weights; 0 where none does."""
        return max(0, self.break_even_rank - 1)

    def groups_touched(self, first: Units, last: Units) -> Units:
        """Groups of which units [first, last) are members."""
        return -(-last // self.rows) - first // self.rows

    def stored_weights(self, first: Units, last: Units, rank: Units | None) -> Units:
        """Weights, biases aside, that units [first, last) need, dense or in factors of a rank.

        Each block holds the inner units of the groups it touches: groups x rank x columns.
        """
        units = last - first
        if rank is None:
            return units * self.columns
        return self.groups_touched(first, last) * rank * self.columns + units * rank

    def stored_bytes(
        self, first: Units, last: Units, rank: Units | None, item_bytes: int
    ) -> Amount:
        """Weights at a precision, biases in 32 bits."""
        biases = amount(last - first) * (BIAS_BYTES * self.has_bias)
        return amount(self.stored_weights(first, last, rank)) * item_bytes + biases


class Weights(Protocol):
    """Weights of one planned layer; its factors obey W_k = left[:, :, :k] @ right[:, :k]."""

    @property
    def matrix(self) -> Floats:
        """(groups, rows, columns)."""

    @property
    def bias(self) -> Floats:
        """(units,); zeros where the layer has none."""

    @property
    def left(self) -> Floats:
        """(groups, rows, largest rank)."""

    @property
    def right(self) -> Floats:
        """(groups, largest rank, columns)."""


@runtime_checkable
class Corrected(Protocol):
    """Weights whose bias depends on the rank in use."""

    def bias_at(self, rank: int) -> Floats:
        """(units,) at a rank per group."""


def bias_of(weights: Weights, rank: int | None) -> Floats:
    """(units,): what is added to the sums at a rank; None: dense."""
    if rank is not None and isinstance(weights, Corrected):
        return weights.bias_at(rank)
    return weights.bias


class Kind(Protocol):
    """Any file in `workloads/layers/`."""

    Spec: type[LayerSpec]
    PLANNED: bool

    def output_shape(self, spec: Any, input_shape: Shape) -> Shape:
        """Shape of the output; ShapeError where the input does not fit."""


class PlannedKind(Kind, Protocol):
    """A kind whose units a plan allocates."""

    def weight_shape(self, spec: Any, input_shape: Shape) -> WeightShape:
        """Groups, rows and columns of the weights."""

    def demand(
        self,
        spec: Any,
        input_shape: Shape,
        first: Units,
        last: Units,
        rank: Units | None,
        frames: int,
        item_bytes: int,
    ) -> Demand:
        """Work of units [first, last) in all frames; rank None is dense."""

    def values(
        self,
        spec: Any,
        x: Floats,
        weights: Weights,
        first: int,
        last: int,
        rank: int | None,
        precision: str,
        scratch: Scratch,
    ) -> Floats:
        """Units [first, last) from the whole input (frames, *input_shape), which stays as it is.

        The result may lie in scratch.
        """


class FusedKind(Kind, Protocol):
    """A kind that runs on its producer's units, in the same unit-block."""

    RECOMPOSED: bool
    """Whether it needs all units at once, and so runs where blocks are recomposed."""

    def halo(self, spec: Any) -> int:
        """Channels that an output channel needs at each side of its own."""

    def demand(
        self,
        spec: Any,
        input_shape: Shape,
        reads: Units,
        channels: Units,
        frames: int,
        item_bytes: int,
    ) -> Demand:
        """Work of `channels` output channels that read `reads` input channels; kernels 0: none."""

    def values(
        self, spec: Any, x: Floats, lead: int, count: int, precision: str, scratch: Scratch
    ) -> Floats:
        """`count` output channels, the first of which is at channel `lead` of x.

        x is (frames, channels with their halo, ...) and may be overwritten; the result may be a
        part of it, but lies nowhere else in scratch.
        """


class CombiningKind(Kind, Protocol):
    """A fused kind that has to know which channels it works on.

    Either it has parameters of every channel, or it reads the same channels of other stages'
    outputs (operands) beside those of its own block.
    """

    RECOMPOSED: bool
    OPERANDS: int
    """Layers that it reads beside its producer."""

    def halo(self, spec: Any) -> int:
        """0: channels do not mix."""

    def check_operands(self, spec: Any, input_shape: Shape, operands: Sequence[Shape]) -> None:
        """ShapeError where operands do not fit the producer's output."""

    def demand(
        self,
        spec: Any,
        input_shape: Shape,
        reads: Units,
        channels: Units,
        frames: int,
        item_bytes: int,
    ) -> Demand:
        """Work of `channels` channels."""

    def combine(
        self, spec: Any, x: Floats, first: int, operands: Sequence[Floats], precision: str
    ) -> Floats:
        """The channels of x, the first of which is channel `first` of the whole layer.

        x is (frames, channels, ...) and may be overwritten. Operands are the whole outputs of
        other stages, (frames, all channels, ...), and stay as they are.
        """


def pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """(height, width) of a figure given once or for both."""
    return (value, value) if isinstance(value, int) else value


def edges(value: int | tuple[int, int] | tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) of a padding given once, for rows and columns, or for each."""
    if isinstance(value, int):
        return (value, value, value, value)
    return (*value, *value) if len(value) == 2 else value


def positions(shape: Shape) -> int:
    """Values of one channel of a frame."""
    return math.prod(shape[1:])


def window_shape(
    extent: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int, int, int],
) -> tuple[int, int]:
    """Windows that fit: floor((extent + padding - kernel) / stride) + 1, height and width.

    padding: (top, left, bottom, right).
    """
    top, left, bottom, right = padding
    sizes = (extent[0] + top + bottom, extent[1] + left + right)
    fit = [(e - k) // s + 1 for e, k, s in zip(sizes, kernel, stride, strict=True)]
    if min(fit) < 1:
        size = "x".join(map(str, sizes))
        raise ShapeError(
            f"window of {kernel[0]}x{kernel[1]} on an input of {size} with its padding, "
            "must not exceed it"
        )
    return fit[0], fit[1]


def image_shape(shape: Shape) -> tuple[int, int, int]:
    """(channels, height, width); ShapeError for anything else."""
    if len(shape) != 3:
        raise ShapeError(f"input of shape {list(shape)}, must be [channels, height, width]")
    return shape[0], shape[1], shape[2]
