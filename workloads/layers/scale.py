"""Gain and offset of each channel: y[c] = gain[c] x[c] + offset[c].

Batch normalisation at inference, where it cannot be folded into the weights before it.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from workloads import elementwise
from workloads.demand import BIAS_BYTES, Demand, Units, amount
from workloads.layer import Floats, LayerSpec, Shape, positions
from workloads.rounding import half

PLANNED = False
RECOMPOSED = False
OPERANDS = 0

halo = elementwise.halo
check_operands = elementwise.check_none


class Spec(LayerSpec):
    """`gain` and `offset` have one entry, or one for each channel."""

    kind: Literal["scale"]
    gain: tuple[float, ...] = Field(default=(1.0,), min_length=1)
    offset: tuple[float, ...] = Field(default=(0.0,), min_length=1)


def output_shape(spec: Spec, input_shape: Shape) -> Shape:
    """The input's."""
    elementwise.check_channels("gain", spec.gain, input_shape)
    elementwise.check_channels("offset", spec.offset, input_shape)
    return input_shape


def demand(
    spec: Spec, input_shape: Shape, reads: Units, channels: Units, frames: int, item_bytes: int
) -> Demand:
    """One operation per value; gains and offsets stay in 32 bits."""
    values = amount(channels) * positions(input_shape) * frames
    parameters = amount(channels) * (BIAS_BYTES * 2)
    moved = values * item_bytes
    return Demand("scale", values, parameters, moved, moved, 1)


def combine(
    spec: Spec, x: Floats, first: int, operands: Sequence[Floats], precision: str
) -> Floats:
    """In place, with the gains and offsets of the channels at hand."""
    x *= elementwise.channel_values(spec.gain, first, x)
    x += elementwise.channel_values(spec.offset, first, x)
    return half(x) if precision == "fp16" else x
