"""Largest value under each window of a channel."""

from typing import Literal

import numpy as np

from workloads.demand import Demand, Units, amount
from workloads.layer import (
    CountPair,
    ExtentEdges,
    Floats,
    LayerSpec,
    Shape,
    ShapeError,
    edges,
    image_shape,
    pair,
    positions,
    window_shape,
)
from workloads.scratch import Scratch

PLANNED = False
RECOMPOSED = False


class Spec(LayerSpec):
    """Max-pooling; windows may hang over the edge by `padding`, which never wins."""

    kind: Literal["max_pool"]
    kernel: CountPair
    stride: CountPair
    padding: ExtentEdges = 0


def output_shape(spec: Spec, input_shape: Shape) -> Shape:
    """(channels, height, width) of the windows that fit."""
    channels, height, width = image_shape(input_shape)
    kernel, padding = pair(spec.kernel), edges(spec.padding)
    check_padding(padding, kernel)
    return (channels, *window_shape((height, width), kernel, pair(spec.stride), padding))


def check_padding(padding: tuple[int, int, int, int], kernel: tuple[int, int]) -> None:
    """ShapeError where a window could lie in the padding alone."""
    if any(edge >= size for edge, size in zip(padding, (*kernel, *kernel), strict=True)):
        shown = list(padding if padding[:2] != padding[2:] else padding[:2])
        raise ShapeError(f"padding {shown}, must be less than the kernel {list(kernel)}")


def halo(spec: Spec) -> int:
    """Channels do not mix."""
    return 0


def demand(
    spec: Spec, input_shape: Shape, reads: Units, channels: Units, frames: int, item_bytes: int
) -> Demand:
    """Outputs x window area comparisons."""
    outputs = amount(channels) * positions(output_shape(spec, input_shape)) * frames
    height, width = pair(spec.kernel)
    inputs = amount(reads) * positions(input_shape) * frames
    return Demand(
        "max_pool", outputs * height * width, 0.0, inputs * item_bytes, outputs * item_bytes, 1
    )


def values(
    spec: Spec, x: Floats, lead: int, count: int, precision: str, scratch: Scratch
) -> Floats:
    """Separable: the largest of shifted rows, then of shifted columns.

    Columns are compared in long runs over the ends of rows; what they give there is not taken.
    """
    (rows, columns), (down, right) = pair(spec.kernel), pair(spec.stride)
    height, width = output_shape(spec, x.shape[1:])[1:]
    x = _framed(x[:, lead : lead + count], edges(spec.padding))
    tall: Floats = scratch.take("pooled rows", (len(x), count, height, x.shape[3]))
    _largest([x[:, :, i : i + down * (height - 1) + 1 : down] for i in range(rows)], tall)
    run = tall.reshape(-1)
    length = run.size - columns + 1
    wide: Floats = scratch.take("pooled columns", tall.shape)
    _largest([run[j : j + length] for j in range(columns)], wide.reshape(-1)[:length])
    return wide[..., : right * (width - 1) + 1 : right].copy()


def _framed(x: Floats, padding: tuple[int, int, int, int]) -> Floats:
    if not any(padding):
        return x
    top, left, bottom, right = padding
    around = ((0, 0), (0, 0), (top, bottom), (left, right))
    return np.pad(x, around, constant_values=-np.inf)


def _largest(parts: list[Floats], out: Floats) -> None:
    np.maximum(parts[0], parts[min(1, len(parts) - 1)], out=out)
    for part in parts[2:]:
        np.maximum(out, part, out=out)
