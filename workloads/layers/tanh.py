"""Hyperbolic tangent."""

from typing import Literal

import numpy as np

from workloads.demand import Demand, Units
from workloads.layer import Floats, LayerSpec, Shape, elementwise
from workloads.rounding import half
from workloads.scratch import Scratch

PLANNED = False
RECOMPOSED = False


class Spec(LayerSpec):
    """It has no parameters."""

    kind: Literal["tanh"]


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
    return elementwise("tanh", input_shape, channels, frames, item_bytes)


def values(
    spec: Spec, x: Floats, lead: int, count: int, precision: str, scratch: Scratch
) -> Floats:
    """In place."""
    part = x[:, lead : lead + count]
    np.tanh(part, out=part)
    return half(part) if precision == "fp16" else part
