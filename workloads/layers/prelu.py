"""Rectifier with a slope of each channel: y = x where positive, slope x elsewhere."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
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
    """`slope` has one entry, or one for each channel."""

    kind: Literal["prelu"]
    slope: tuple[float, ...] = Field(min_length=1)


def output_shape(spec: Spec, input_shape: Shape) -> Shape:
    """The input's."""
    elementwise.check_channels("slope", spec.slope, input_shape)
    return input_shape


def demand(
    spec: Spec, input_shape: Shape, reads: Units, channels: Units, frames: int, item_bytes: int
) -> Demand:
    """One operation per value; slopes stay in 32 bits."""
    values = amount(channels) * positions(input_shape) * frames
    parameters = amount(channels) * (BIAS_BYTES * 1)
    moved = values * item_bytes
    return Demand("prelu", values, parameters, moved, moved, 1)


def combine(
    spec: Spec, x: Floats, first: int, operands: Sequence[Floats], precision: str
) -> Floats:
    """Slopes of the channels at hand."""
    slopes = elementwise.channel_values(spec.slope, first, x)
    y: Floats = np.where(x < 0, x * slopes, x)
    return half(y) if precision == "fp16" else y
