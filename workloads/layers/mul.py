"""Product with another layer's output, as where channels are gated."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from workloads.demand import Demand, Units
from workloads.layer import Floats, LayerSpec, Shape, check_alike, elementwise
from workloads.rounding import half

PLANNED = False
RECOMPOSED = False
OPERANDS = 1


class Spec(LayerSpec):
    """The first input is the producer in whose blocks it runs, the second the operand."""

    kind: Literal["mul"]


def output_shape(spec: Spec, input_shape: Shape) -> Shape:
    """The input's."""
    return input_shape


def halo(spec: Spec) -> int:
    """Channels do not mix."""
    return 0


def check_operands(spec: Spec, input_shape: Shape, operands: Sequence[Shape]) -> None:
    """The same channels, and the same extent or one value a channel."""
    check_alike(input_shape, operands[0])


def demand(
    spec: Spec, input_shape: Shape, reads: Units, channels: Units, frames: int, item_bytes: int
) -> Demand:
    """One operation per value; both sides are read."""
    made = elementwise("mul", input_shape, channels, frames, item_bytes)
    return replace(made, input_bytes=2 * made.input_bytes)


def combine(
    spec: Spec, x: Floats, first: int, operands: Sequence[Floats], precision: str
) -> Floats:
    """In place, with the same channels of the operand."""
    y: Floats = np.multiply(x, operands[0][:, first : first + x.shape[1]], out=x)
    return half(y) if precision == "fp16" else y
