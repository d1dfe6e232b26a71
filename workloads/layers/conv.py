"""Convolution over images, in groups; a unit is one output channel.

y[u, p] = bias[u] + sum over the columns of W[u] . patch(p), columns = channels per group x kernel.
"""

from typing import Literal

from workloads.demand import Demand, Units, amount
from workloads.layer import (
    Count,
    CountPair,
    ExtentEdges,
    Floats,
    LayerSpec,
    Shape,
    ShapeError,
    Weights,
    WeightShape,
    bias_of,
    edges,
    image_shape,
    pair,
    positions,
    window_shape,
)
from workloads.product import product
from workloads.rounding import half, quantised
from workloads.scratch import Scratch

PLANNED = True


class Spec(LayerSpec):
    """A convolution; units and input channels are cut into `groups` that see only each other."""

    kind: Literal["conv"]
    units: Count
    kernel: CountPair
    stride: CountPair = 1
    padding: ExtentEdges = 0
    groups: Count = 1
    dilation: CountPair = 1
    """Distance of neighbouring values under a window."""
    bias: bool = True


def output_shape(spec: Spec, input_shape: Shape) -> Shape:
    """(units, height, width) of the windows that fit."""
    channels, height, width = image_shape(input_shape)
    for what, count in (("input channels", channels), ("units", spec.units)):
        if count % spec.groups:
            raise ShapeError(f"{count} {what} in {spec.groups} groups, must be a multiple of them")
    windows = window_shape((height, width), _reach(spec), pair(spec.stride), edges(spec.padding))
    return (spec.units, *windows)


def _reach(spec: Spec) -> tuple[int, int]:
    """Height and width of the window, gaps of a dilated one included."""
    (rows, columns), (down, right) = pair(spec.kernel), pair(spec.dilation)
    return down * (rows - 1) + 1, right * (columns - 1) + 1


def weight_shape(spec: Spec, input_shape: Shape) -> WeightShape:
    """Rows: units of a group; columns: channels of a group x kernel height x kernel width."""
    height, width = pair(spec.kernel)
    columns = input_shape[0] // spec.groups * height * width
    return WeightShape(spec.groups, spec.units // spec.groups, columns, spec.bias)


def demand(
    spec: Spec,
    input_shape: Shape,
    first: Units,
    last: Units,
    rank: Units | None,
    frames: int,
    item_bytes: int,
) -> Demand:
    """Every stored weight is multiplied once per position; the groups touched are read whole.

    The inner units of a ranked block live and die inside it: their traffic is not counted.
    """
    shape = weight_shape(spec, input_shape)
    units, groups = amount(last - first), amount(shape.groups_touched(first, last))
    stored = amount(shape.stored_weights(first, last, rank))
    spots = positions(output_shape(spec, input_shape))
    group_values = input_shape[0] // spec.groups * positions(input_shape)
    return Demand(
        "conv",
        stored * spots * frames,
        shape.stored_bytes(first, last, rank, item_bytes),
        groups * group_values * frames * item_bytes,
        units * spots * frames * item_bytes,
        1 if rank is None else 2,
    )


def values(
    spec: Spec,
    x: Floats,
    weights: Weights,
    first: int,
    last: int,
    rank: int | None,
    precision: str,
    scratch: Scratch,
) -> Floats:
    """One matrix product per frame and group touched, on patches laid out in reused buffers.

    int8 scales the whole input frame at once, so that a block is a slice of the whole layer.
    """
    shape = weight_shape(spec, x.shape[1:])
    windows = output_shape(spec, x.shape[1:])[1:]
    y: Floats = scratch.take("units", (len(x), last - first, *windows))
    scales = None
    if precision == "fp16":
        x = half(x)
    elif precision == "int8":
        x, scales = quantised(x)
    for group in range(first // shape.rows, -(-last // shape.rows)):
        start, stop = max(first, group * shape.rows), min(last, (group + 1) * shape.rows)
        factors = product(
            weights, group, start - group * shape.rows, stop - group * shape.rows, rank, precision
        )
        for frame in range(len(x)):
            patches = _patches(spec, x[frame], group, windows, scratch)
            out = y[frame, start - first : stop - first].reshape(stop - start, -1)
            factors(patches, None if scales is None else scales[frame].reshape(1), out)
    y += bias_of(weights, rank)[first:last, None, None]
    return half(y) if precision == "fp16" else y


def _patches(
    spec: Spec, image: Floats, group: int, windows: tuple[int, ...], scratch: Scratch
) -> Floats:
    """(columns, positions): input values under each window of one group of one frame."""
    channels = len(image) // spec.groups
    image = _padded(image[group * channels : (group + 1) * channels], edges(spec.padding), scratch)
    (rows, columns), (down, right) = pair(spec.kernel), pair(spec.stride)
    below, beside = pair(spec.dilation)
    height, width = windows
    patches: Floats = scratch.take("patches", (channels, rows, columns, height, width))
    tall, wide = down * (height - 1) + 1, right * (width - 1) + 1
    for i in range(rows):
        for j in range(columns):
            top, left = below * i, beside * j
            patches[:, i, j] = image[:, top : top + tall : down, left : left + wide : right]
    return patches.reshape(channels * rows * columns, height * width)


def _padded(image: Floats, padding: tuple[int, int, int, int], scratch: Scratch) -> Floats:
    """The image in a frame of zeros, which stay zero because only the inside is ever written."""
    if not any(padding):
        return image
    top, left, bottom, right = padding
    channels, height, width = image.shape
    framed: Floats = scratch.framed(
        f"padded {padding}", (channels, top + height + bottom, left + width + right)
    )
    framed[:, top : top + height, left : left + width] = image
    return framed
