"""Conv, Gemm and MatMul: the layers that have weights."""

import math

import numpy as np

from workloads.onnx.nodes import Node
from workloads.onnx.operators.windows import window_of
from workloads.onnx.tracing import IMAGE, Array, Label, Trace, Value


def convolution(trace: Trace, node: Node) -> Value:
    """Over rows and columns; over one axis as over images of height 1."""
    x = trace.image(node.input(0))
    weight = trace.constant(node.input(1), "weight")
    flat = weight.ndim == 3
    if weight.ndim not in (3, 4) or flat != (len(trace.traced(node.input(0)).dims) == 3):
        trace.refuse(f"has a weight of shape {list(weight.shape)}, must fit one or two dimensions")
    kernel = (1, weight.shape[2]) if flat else (weight.shape[2], weight.shape[3])
    groups, units = node.whole("group", 1), weight.shape[0]
    shape = trace.shape_of(x.layers)
    if groups < 1 or units % groups or shape[0] != weight.shape[1] * groups:
        trace.refuse(
            f"has a weight of shape {list(weight.shape)} in {groups} groups on {shape[0]} "
            "channels, must have channels = columns x groups and units a multiple of the groups"
        )
    declared = node.numbers("kernel_shape")
    if declared is not None and declared != weight.shape[2:]:
        trace.refuse(f"has kernel_shape {list(declared)}, must be that of the weight {kernel}")
    window = window_of(trace, node, kernel, (shape[1], shape[2]), flat=flat)
    bias = bias_of(trace, node.input(2), units)
    name = trace.add(
        trace.fresh(node.output),
        "conv",
        x.layers,
        weight.reshape(groups, units // groups, -1),
        bias,
        units=units,
        kernel=list(window.kernel),
        stride=list(window.stride),
        padding=list(window.padding),
        dilation=list(window.dilation),
        groups=groups,
    )
    found = trace.natural((name,))
    return Value((name,), (*found.dims[:2], found.dims[3])) if flat else found


def bias_of(trace: Trace, name: str, units: int) -> Array:
    """A constant of one entry a unit; zeros where it is left out."""
    if not name:
        return np.zeros(units, np.float32)
    bias = trace.constant(name, "bias")
    if bias.size not in (1, units):
        trace.refuse(f"has a bias of shape {list(bias.shape)}, must have {units} entries")
    return np.broadcast_to(bias.reshape(-1), (units,)).astype(np.float32)


def gemm(trace: Trace, node: Node) -> Value:
    """alpha A B + beta C, with a computed A and constant B and C."""
    if node.whole("transA", 0):
        trace.refuse("has transA, must leave its first input as it is")
    weight = trace.constant(node.input(1), "matrix")
    if weight.ndim != 2 or len(trace.traced(node.input(0)).dims) != 2:
        trace.refuse(f"has a matrix of shape {list(weight.shape)}, must be of two dimensions")
    matrix = weight if node.whole("transB", 0) else weight.T
    bias = node.number("beta", 1.0) * bias_of(trace, node.input(2), len(matrix))
    return _dense(trace, node, node.number("alpha", 1.0) * matrix, bias)


def matmul(trace: Trace, node: Node) -> Value:
    """By a constant matrix: a dense layer, or a convolution of 1 x 1 at every position."""
    weight = trace.constant(node.input(1), "matrix")
    if weight.ndim != 2:
        trace.refuse(f"has a matrix of shape {list(weight.shape)}, must be of two dimensions")
    zeros = np.zeros(weight.shape[1], np.float32)
    value = trace.traced(node.input(0))
    if all(not group for group in value.dims[1:-1]):
        found = _dense(trace, node, weight.T, zeros)
        between = ((),) * (len(value.dims) - 2)
        return Value(found.layers, (found.dims[0], *between, *found.dims[1:]))
    return _everywhere(trace, node, value, weight.T, zeros)


def _dense(trace: Trace, node: Node, matrix: Array, bias: Array) -> Value:
    value = trace.traced(node.input(0))
    if value.layers == ("input",) and not trace.input_shape:
        trace.pin(value, [tuple(label for group in value.dims[1:] for label in group)])
        value = trace.traced(node.input(0))
    sizes = trace.sizes(value)
    order = tuple(label for group in value.dims[1:] for label in group)
    if "n" in order or math.prod(sizes[label] for label in order) != matrix.shape[1]:
        trace.refuse(
            f"has a matrix of {matrix.shape[1]} columns on a tensor of shape "
            f"{list(trace.onnx_shape(value))}, must have one for each value of a frame"
        )
    layers = value.layers
    if len(trace.shape_of(layers)) > 1:
        layers = trace.flattened(value, trace.fresh(node.output + "_flat")).layers
    name = trace.add(
        trace.fresh(node.output),
        "dense",
        layers,
        reordered(matrix, order, sizes)[None],
        bias.astype(np.float32),
        units=len(matrix),
    )
    return trace.natural((name,))


def reordered(matrix: Array, order: tuple[Label, ...], sizes: dict[Label, int]) -> Array:
    """Columns that follow the axes in `order` in the order channels, rows, columns instead."""
    natural = [order.index(label) for label in IMAGE if label in order]
    cube = matrix.reshape(len(matrix), *(sizes[label] for label in order))
    return np.ascontiguousarray(
        cube.transpose(0, *(at + 1 for at in natural)).reshape(matrix.shape), np.float32
    )


def _everywhere(trace: Trace, node: Node, value: Value, matrix: Array, bias: Array) -> Value:
    if value.layers == ("input",) and not trace.input_shape and value.dims[0] == ("n",):
        middle = value.dims[1:-1]
        rows = middle[0] if len(middle) > 1 else ()
        rest = tuple(label for group in middle[-1 if len(middle) == 1 else 1 :] for label in group)
        trace.pin(value, [value.dims[-1], rows, rest])
        value = trace.traced(node.input(0))
    if value.dims[-1] != ("c",) or len(trace.shape_of(value.layers)) != 3:
        trace.refuse("multiplies an axis that is not the channels, must multiply channels only")
    name = trace.add(
        trace.fresh(node.output),
        "conv",
        value.layers,
        np.ascontiguousarray(matrix, np.float32)[None],
        bias,
        units=len(matrix),
        kernel=1,
    )
    last = ("c",) if len(matrix) > 1 else ()
    return Value((name,), (*value.dims[:-1], last))


OPERATORS = {"Conv": convolution, "Gemm": gemm, "MatMul": matmul}
