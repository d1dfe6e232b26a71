"""Rectified linear unit: y = max(x, 0)."""

from typing import Literal

import numpy as np

from workloads import elementwise
from workloads.layer import Floats, LayerSpec
from workloads.scratch import Scratch

PLANNED = False
RECOMPOSED = False

output_shape = elementwise.output_shape
halo = elementwise.halo
demand = elementwise.demand


class Spec(LayerSpec):
    """A rectifier has no parameters."""

    kind: Literal["relu"]


def values(
    spec: Spec, x: Floats, lead: int, count: int, precision: str, scratch: Scratch
) -> Floats:
    """In place; exact at every precision."""
    part = x[:, lead : lead + count]
    return np.maximum(part, np.float32(0), out=part)
