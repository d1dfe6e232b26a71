"""Leaky rectifier: y = x where x is positive, slope x elsewhere."""

from typing import Literal

import numpy as np

from workloads.demand import Demand, Units
from workloads.layer import Floats, LayerSpec, Shape, elementwise
from workloads.rounding import half
from workloads.scratch import Scratch

PLANNED = False
RECOMPOSED = False


class Spec(LayerSpec):
    """`slope` is what remains of negative values."""

    kind: Literal["leaky_relu"]
    slope: float = 0.01


def output_shape(spec: Spec, input_shape: Shape) -> Shape:
    """The input's."""
    return input_shape


def halo(spec: Spec) -> int:
    """Channels do not mix."""
    return 0


def demand(
    spec: Spec, input_shape: Shape, reads: Units, channels: Units, frames: int, item_bytes: int
) -> Demand:
    """One operation per value."""
    return elementwise("leaky_relu", input_shape, channels, frames, item_bytes)


def values(
    spec: Spec, x: Floats, lead: int, count: int, precision: str, scratch: Scratch
) -> Floats:
    """The same slope for all channels."""
    part = x[:, lead : lead + count]
    y: Floats = np.where(part < 0, part * np.float32(spec.slope), part)
    return half(y) if precision == "fp16" else y
