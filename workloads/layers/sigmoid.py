"""Logistic function: y = 1 / (1 + exp(-x))."""

from typing import Literal

import numpy as np

from workloads import elementwise
from workloads.layer import Floats, LayerSpec
from workloads.rounding import half
from workloads.scratch import Scratch

PLANNED = False
RECOMPOSED = False

output_shape = elementwise.output_shape
halo = elementwise.halo
demand = elementwise.demand


class Spec(LayerSpec):
    """The logistic function has no parameters."""

    kind: Literal["sigmoid"]


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
