"""Mean under each window of a channel."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from workloads.demand import Demand, Units, amount
from workloads.layer import (
    CountPair,
    ExtentEdges,
    Floats,
    LayerSpec,
    Shape,
    edges,
    image_shape,
    pair,
    positions,
    window_shape,
)
from workloads.layers.max_pool import check_padding
from workloads.rounding import half
from workloads.scratch import Scratch

PLANNED = False
RECOMPOSED = False


class Spec(LayerSpec):
    """Average-pooling; windows may hang over the edge by `padding`."""

    kind: Literal["average_pool"]
    kernel: CountPair
    stride: CountPair
    padding: ExtentEdges = 0
    overhang: ExtentEdges = 0
    """Room for more windows beyond the padding; it holds nothing and never counts."""
    count_padding: bool = False
    """Whether the zeros of the padding count in the mean."""


def output_shape(spec: Spec, input_shape: Shape) -> Shape:
    """(channels, height, width) of the windows that fit."""
    channels, height, width = image_shape(input_shape)
    check_padding(_around(spec), pair(spec.kernel))
    windows = window_shape((height, width), pair(spec.kernel), pair(spec.stride), _around(spec))
    return (channels, *windows)


def _around(spec: Spec) -> tuple[int, int, int, int]:
    top, left, bottom, right = edges(spec.padding)
    more = edges(spec.overhang)
    return top + more[0], left + more[1], bottom + more[2], right + more[3]


def halo(spec: Spec) -> int:
    """Channels do not mix."""
    return 0


def demand(
    spec: Spec, input_shape: Shape, reads: Units, channels: Units, frames: int, item_bytes: int
) -> Demand:
    """Outputs x window area additions."""
    outputs = amount(channels) * positions(output_shape(spec, input_shape)) * frames
    height, width = pair(spec.kernel)
    inputs = amount(reads) * positions(input_shape) * frames
    return Demand(
        "average_pool", outputs * height * width, 0.0, inputs * item_bytes, outputs * item_bytes, 1
    )


def values(
    spec: Spec, x: Floats, lead: int, count: int, precision: str, scratch: Scratch
) -> Floats:
    """Sums of shifted images, over how many values each window holds."""
    windows = output_shape(spec, x.shape[1:])[1:]
    top, left, bottom, right = _around(spec)
    around = ((0, 0), (0, 0), (top, bottom), (left, right))
    total = _sums(np.pad(x[:, lead : lead + count], around), spec, windows)
    y: Floats = total / _held(spec, (x.shape[2], x.shape[3]), windows)
    return half(y) if precision == "fp16" else y


def _sums(x: Floats, spec: Spec, windows: tuple[int, ...]) -> Floats:
    (rows, columns), (down, right) = pair(spec.kernel), pair(spec.stride)
    tall, wide = down * (windows[0] - 1) + 1, right * (windows[1] - 1) + 1
    total = np.zeros((*x.shape[:2], *windows), np.float32)
    for i in range(rows):
        for j in range(columns):
            total += x[:, :, i : i + tall : down, j : j + wide : right]
    return total


def _held(spec: Spec, extent: tuple[int, int], windows: tuple[int, ...]) -> NDArray[np.float32]:
    """(height, width): how many values count in each window."""
    padding, more = edges(spec.padding), edges(spec.overhang)
    counted = []
    for axis in (0, 1):
        before, after = (padding[axis], padding[axis + 2]) if spec.count_padding else (0, 0)
        low = padding[axis] + more[axis] - before
        high = padding[axis] + more[axis] + extent[axis] + after
        first = np.arange(windows[axis]) * pair(spec.stride)[axis]
        last = np.minimum(first + pair(spec.kernel)[axis], high)
        counted.append(last - np.maximum(first, low))
    return np.outer(counted[0], counted[1]).astype(np.float32)
