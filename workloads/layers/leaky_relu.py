"""Leaky rectifier: y = x where x is positive, slope x elsewhere."""

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
    """`slope` is what remains of negative values."""

    kind: Literal["leaky_relu"]
    slope: float = 0.01


def values(
    spec: Spec, x: Floats, lead: int, count: int, precision: str, scratch: Scratch
) -> Floats:
    """The same slope for all channels."""
    part = x[:, lead : lead + count]
    y: Floats = np.where(part < 0, part * np.float32(spec.slope), part)
    return half(y) if precision == "fp16" else y
