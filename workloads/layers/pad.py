"""A frame of one value around each channel."""

from typing import Literal

import numpy as np

from workloads.demand import Demand, Units, amount
from workloads.layer import (
    ExtentEdges,
    Floats,
    LayerSpec,
    Shape,
    edges,
    image_shape,
    positions,
)
from workloads.scratch import Scratch

PLANNED = False
RECOMPOSED = False


class Spec(LayerSpec):
    """`fill` in `padding` rows and columns around each channel."""

    kind: Literal["pad"]
    padding: ExtentEdges
    fill: float = 0.0


def output_shape(spec: Spec, input_shape: Shape) -> Shape:
    """(channels, height, width) with the frame."""
    channels, height, width = image_shape(input_shape)
    top, left, bottom, right = edges(spec.padding)
    return (channels, top + height + bottom, left + width + right)


def halo(spec: Spec) -> int:
    """Channels do not mix."""
    return 0


def demand(
    spec: Spec, input_shape: Shape, reads: Units, channels: Units, frames: int, item_bytes: int
) -> Demand:
    """A copy."""
    outputs = amount(channels) * positions(output_shape(spec, input_shape)) * frames
    inputs = amount(reads) * positions(input_shape) * frames
    return Demand("pad", outputs, 0.0, inputs * item_bytes, outputs * item_bytes, 1)


def values(
    spec: Spec, x: Floats, lead: int, count: int, precision: str, scratch: Scratch
) -> Floats:
    """The values as they are, in a new frame."""
    top, left, bottom, right = edges(spec.padding)
    around = ((0, 0), (0, 0), (top, bottom), (left, right))
    return np.pad(x[:, lead : lead + count], around, constant_values=np.float32(spec.fill))
