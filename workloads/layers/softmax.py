"""Softmax over all units: y[u] = exp(x[u]) / sum over v of exp(x[v]), at each position."""

from typing import Literal

import numpy as np

from workloads.demand import Demand, Units
from workloads.layer import Floats, LayerSpec, Shape, elementwise
from workloads.scratch import Scratch

PLANNED = False
RECOMPOSED = True


class Spec(LayerSpec):
    """Softmax has no parameters."""

    kind: Literal["softmax"]


def output_shape(spec: Spec, input_shape: Shape) -> Shape:
    """The input's."""
    return input_shape


def halo(spec: Spec) -> int:
    """Blocks leave raw scores; all units meet where they are recomposed."""
    return 0


def demand(
    spec: Spec, input_shape: Shape, reads: Units, channels: Units, frames: int, item_bytes: int
) -> Demand:
    """One operation per value; each block is charged for its own units."""
    return elementwise("softmax", input_shape, channels, frames, item_bytes)


def values(
    spec: Spec, x: Floats, lead: int, count: int, precision: str, scratch: Scratch
) -> Floats:
    """Of whole frames, in fp32; the largest score is taken off first, so that nothing overflows."""
    part = x[:, lead : lead + count]
    y: Floats = np.exp(part - part.max(axis=1, keepdims=True))
    y /= y.sum(axis=1, keepdims=True)
    return y
