"""Mean of each channel over its positions."""

from typing import Literal

import numpy as np

from workloads.demand import Demand, Units, amount
from workloads.layer import Floats, LayerSpec, Shape, image_shape, positions
from workloads.rounding import half
from workloads.scratch import Scratch

PLANNED = False
RECOMPOSED = False


class Spec(LayerSpec):
    """The window is the whole image."""

    kind: Literal["global_average_pool"]


def output_shape(spec: Spec, input_shape: Shape) -> Shape:
    """(channels, 1, 1)."""
    return (image_shape(input_shape)[0], 1, 1)


def halo(spec: Spec) -> int:
    """Channels do not mix."""
    return 0


def demand(
    spec: Spec, input_shape: Shape, reads: Units, channels: Units, frames: int, item_bytes: int
) -> Demand:
    """One operation per value read."""
    read = amount(reads) * positions(input_shape) * frames
    return Demand(
        "global_average_pool",
        read,
        0.0,
        read * item_bytes,
        amount(channels) * frames * item_bytes,
        1,
    )


def values(
    spec: Spec, x: Floats, lead: int, count: int, precision: str, scratch: Scratch
) -> Floats:
    """Summed in double precision, so that the order does not matter."""
    mean = x[:, lead : lead + count].mean(axis=(2, 3), dtype=np.float64, keepdims=True)
    y: Floats = mean.astype(np.float32)
    return half(y) if precision == "fp16" else y
