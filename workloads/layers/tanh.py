"""Hyperbolic tangent."""

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
    """It has no parameters."""

    kind: Literal["tanh"]


def values(
    spec: Spec, x: Floats, lead: int, count: int, precision: str, scratch: Scratch
) -> Floats:
    """In place."""
    part = x[:, lead : lead + count]
    np.tanh(part, out=part)
    return half(part) if precision == "fp16" else part
