"""Values kept within limits: y = min(max(x, low), high)."""

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
    """Either limit may be left out."""

    kind: Literal["clip"]
    low: float | None = None
    high: float | None = None


def values(
    spec: Spec, x: Floats, lead: int, count: int, precision: str, scratch: Scratch
) -> Floats:
    """In place."""
    part = x[:, lead : lead + count]
    if spec.low is not None:
        np.maximum(part, np.float32(spec.low), out=part)
    if spec.high is not None:
        np.minimum(part, np.float32(spec.high), out=part)
    return half(part) if precision == "fp16" else part
