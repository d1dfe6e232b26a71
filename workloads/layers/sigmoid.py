"""Logistic function: y = 1 / (1 + exp(-x))."""

from typing import Literal

import numpy as np

from workloads.demand import Demand, Units
from workloads.layer import Floats, LayerSpec, Shape, elementwise
from workloads.rounding import half
from workloads.scratch import Scratch

PLANNED = False
RECOMPOSED = False


class Spec(LayerSpec):
    """The logistic function has no parameters."""

    kind: Literal["sigmoid"]


def output_shape(spec: Spec, input_shape: Shape) -> Shape:
    """The input's."""
    return input_shape


def halo(spec: Spec) -> int:
    """Channels do not mix."""
    return 0


def demand(
    spec: Spec, input_shape: Shape, reads: Units, channels: Units, frames: int, item_bytes: int
) -> Demand:
    """One operation per value; hosts know what an exponential costs."""
    return elementwise("sigmoid", input_shape, channels, frames, item_bytes)


def values(
    spec: Spec, x: Floats, lead: int, count: int, precision: str, scratch: Scratch
) -> Floats:
    """In place; exp(-x) that overflows gives the right 0."""
    y = x[:, lead : lead + count]
    np.negative(y, out=y)
    with np.errstate(over="ignore"):
        np.exp(y, out=y)
    y += np.float32(1)
    np.divide(np.float32(1), y, out=y)
    return half(y) if precision == "fp16" else y
