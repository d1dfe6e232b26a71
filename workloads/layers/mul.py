"""Product with another layer's output, as where channels are gated."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from workloads import elementwise
from workloads.layer import Floats, LayerSpec
from workloads.rounding import half

PLANNED = False
RECOMPOSED = False
OPERANDS = 1

output_shape = elementwise.output_shape
halo = elementwise.halo
demand = elementwise.demand_of_two
check_operands = elementwise.check_alike


class Spec(LayerSpec):
    """The first input is the producer in whose blocks it runs, the second the operand."""

    kind: Literal["mul"]


def combine(
    spec: Spec, x: Floats, first: int, operands: Sequence[Floats], precision: str
) -> Floats:
    """In place, with the same channels of the operand."""
    y: Floats = np.multiply(x, operands[0][:, first : first + x.shape[1]], out=x)
    return half(y) if precision == "fp16" else y
