"""Operators that move no value: other shapes and orders of axes of the same tensor."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from workloads.onnx.nodes import Node
from workloads.onnx.operators.constants import folded
from workloads.onnx.tracing import Array, Dims, Label, Trace, Value


def on_either(convert: Callable[[Trace, Node, Value], Dims]) -> Callable[..., Value | Array]:
    """Of a layer's output: other dims; of a constant: its value."""

    def run(trace: Trace, node: Node) -> Value | Array:
        found = trace.values.get(node.input(0))
        if isinstance(found, np.ndarray):
            return folded(trace, node)
        value = trace.traced(node.input(0))
        dims = convert(trace, node, value)
        return replace(value, dims=dims, shared=value.shared or not node.sole(node.input(0)))

    return run


def _same(trace: Trace, node: Node, value: Value) -> Dims:
    """Identity, Dropout, Cast between floating-point types."""
    if node.operator == "Cast" and node.attributes.get("to") not in (1, 10, 11):
        trace.refuse("casts to whole numbers, must stay in floating point")
    return value.dims


def _transposed(trace: Trace, node: Node, value: Value) -> Dims:
    rank = len(value.dims)
    order = node.numbers("perm") or tuple(reversed(range(rank)))
    if sorted(order) != list(range(rank)):
        trace.refuse(f"has perm {list(order)}, must be an order of {rank} axes")
    return tuple(value.dims[axis] for axis in order)


def _axes(trace: Trace, node: Node, rank: int) -> list[int] | None:
    found = node.numbers("axes")
    if found is None and node.input(1):
        found = tuple(int(a) for a in trace.constant(node.input(1), "axes").reshape(-1))
    if found is None:
        return None
    if any(not -rank <= axis < rank for axis in found):
        trace.refuse(f"has axes {list(found)}, must be from {-rank} to {rank - 1}")
    return sorted({axis % rank for axis in found})


def _squeezed(trace: Trace, node: Node, value: Value) -> Dims:
    axes = _axes(trace, node, len(value.dims))
    if axes is None:
        axes = [axis for axis, group in enumerate(value.dims) if not group]
    if any(value.dims[axis] for axis in axes):
        trace.refuse(f"squeezes axes {axes} of {list(trace.onnx_shape(value))}, must be of size 1")
    return tuple(group for axis, group in enumerate(value.dims) if axis not in axes)


def _unsqueezed(trace: Trace, node: Node, value: Value) -> Dims:
    given = node.numbers("axes")
    count = len(given) if given is not None else trace.constant(node.input(1), "axes").size
    rank = len(value.dims) + count
    if rank > 8:
        trace.refuse(f"makes a tensor of {rank} axes, must have at most 8")
    axes = _axes(trace, node, rank) or []
    rest = iter(value.dims)
    return tuple(() if axis in axes else next(rest, ()) for axis in range(rank))


def _flattened(trace: Trace, node: Node, value: Value) -> Dims:
    axis = node.whole("axis", 1) % (len(value.dims) + 1 if value.dims else 1)
    labels = (value.dims[:axis], value.dims[axis:])
    return tuple(tuple(label for group in part for label in group) for part in labels)


def _reshaped(trace: Trace, node: Node, value: Value) -> Dims:
    wanted = [int(size) for size in trace.constant(node.input(1), "shape").reshape(-1)]
    before = trace.onnx_shape(value)
    if not node.whole("allowzero", 0):
        wanted = [
            before[at] if size == 0 and at < len(before) else size for at, size in enumerate(wanted)
        ]
    if len(wanted) > 8 or wanted.count(-1) > 1 or any(size < -1 for size in wanted):
        trace.refuse(f"has shape {wanted}, must have at most 8 sizes, one of them -1")
    frames_in_file = trace.frames
    if wanted and wanted[0] == frames_in_file and before[0] == 1:
        wanted[0] = 1
    total, known = math.prod(before), math.prod(size for size in wanted if size != -1)
    if -1 in wanted and known and total % known == 0:
        wanted[wanted.index(-1)] = total // known
    if math.prod(wanted) != total:
        trace.refuse(f"makes {wanted} of a tensor of shape {list(before)} a frame, sizes differ")
    labels = [label for group in value.dims for label in group if label != "n"]
    if value.dims[0] != ("n",) or wanted[0] != 1:
        trace.refuse(f"makes {wanted}, must keep frames as the first axis")
    return (("n",), *_grouped(trace, labels, wanted[1:], trace.sizes(value)))


def _grouped(
    trace: Trace, labels: Sequence[Label], wanted: Sequence[int], sizes: dict[Label, int]
) -> Dims:
    """Axes in runs whose sizes multiply to those wanted."""
    groups: list[tuple[Label, ...]] = []
    rest = list(labels)
    for size in wanted:
        group: list[Label] = []
        while math.prod(sizes[label] for label in group) < size and rest:
            group.append(rest.pop(0))
        if math.prod(sizes[label] for label in group) != size:
            trace.refuse(f"cuts an axis into {list(wanted)}, must only join or part whole axes")
        groups.append(tuple(group))
    return tuple(groups)


OPERATORS = {
    "Identity": on_either(_same),
    "Dropout": on_either(_same),
    "Cast": on_either(_same),
    "Transpose": on_either(_transposed),
    "Squeeze": on_either(_squeezed),
    "Unsqueeze": on_either(_unsqueezed),
    "Flatten": on_either(_flattened),
    "Reshape": on_either(_reshaped),
}
