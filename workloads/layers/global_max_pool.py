"""Largest value of each channel."""

from typing import Literal

from workloads.demand import Demand, Units, amount
from workloads.layer import Floats, LayerSpec, Shape, image_shape, positions
from workloads.scratch import Scratch

PLANNED = False
RECOMPOSED = False


class Spec(LayerSpec):
    """The window is the whole image."""

    kind: Literal["global_max_pool"]


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
        "global_max_pool", read, 0.0, read * item_bytes, amount(channels) * frames * item_bytes, 1
    )


def values(
    spec: Spec, x: Floats, lead: int, count: int, precision: str, scratch: Scratch
) -> Floats:
    """Exact at every precision."""
    y: Floats = x[:, lead : lead + count].max(axis=(2, 3), keepdims=True)
    return y
