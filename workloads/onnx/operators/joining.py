"""Operators on two or more tensors: sums, products, concatenations."""

from dataclasses import replace

import numpy as np

from workloads.onnx.nodes import Node
from workloads.onnx.operators.constants import folded
from workloads.onnx.operators.elementwise import affine, per_channel, settled
from workloads.onnx.tracing import Array, Dims, Trace, Value

_ONE, _NONE = np.ones(1), np.zeros(1)


def arithmetic(trace: Trace, node: Node) -> Value | Array:
    """Add, Sub, Mul, Div: by a constant a gain and offset, of two layers a sum or product."""
    first, second = (trace.values.get(name) for name in node.inputs[:2])
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        return folded(trace, node)
    if isinstance(first, Value) and isinstance(second, Value):
        return _joined(trace, node)
    if isinstance(second, np.ndarray):
        return _by_constant(trace, node, node)
    if node.operator == "Div":
        trace.refuse("divides a constant by a computed tensor, must divide by a constant")
    turned = replace(node, inputs=(node.input(1), node.input(0)))
    if node.operator == "Sub":
        value = settled(trace, turned.input(0))
        constant = per_channel(trace, node, trace.constant(turned.input(1), "operand"), value)
        return affine(trace, turned, value, -_ONE, constant)
    return _by_constant(trace, node, turned)


def _by_constant(trace: Trace, node: Node, turned: Node) -> Value:
    value = settled(trace, turned.input(0))
    given = trace.constant(turned.input(1), "operand")
    if len(trace.shape_of(value.layers)) == 3 and len(value.dims) == 2 and given.size > 1:
        value = trace.vector(turned.input(0))
    constant = per_channel(trace, node, given, value).astype(np.float64)
    match node.operator:
        case "Add":
            return affine(trace, turned, value, _ONE, constant)
        case "Sub":
            return affine(trace, turned, value, _ONE, -constant)
        case "Mul":
            return affine(trace, turned, value, constant, _NONE)
    if not constant.all():
        trace.refuse("divides by 0")
    return affine(trace, turned, value, 1.0 / constant, _NONE)


def _joined(trace: Trace, node: Node) -> Value:
    kind = {"Add": "add", "Mul": "mul"}.get(node.operator)
    if kind is None:
        trace.refuse("is of two computed tensors, must be Add or Mul where both are computed")
    first, second = (settled(trace, name) for name in node.inputs[:2])
    if first.layers == second.layers and first.dims == second.dims:
        if kind == "mul":
            trace.refuse("multiplies a tensor by itself, must multiply different ones")
        return affine(trace, node, replace(first, shared=True), 2 * _ONE, _NONE)
    wide, narrow = (
        (first, second)
        if _size(trace, first) >= _size(trace, second)
        else (
            second,
            first,
        )
    )
    if not _broadcasts(narrow.dims, wide.dims):
        trace.refuse(
            f"joins tensors of shapes {list(trace.onnx_shape(first))} and "
            f"{list(trace.onnx_shape(second))} whose axes differ, must be alike, or one a channel"
        )
    if trace.shape_of(wide.layers)[0] != trace.shape_of(narrow.layers)[0]:
        trace.refuse("joins tensors of different numbers of channels")
    operand = narrow.layers
    if len(operand) > 1:
        operand = (trace.add(trace.fresh(node.output + "_operand"), "carry", operand),)
    producer = wide.layers
    if len(producer) > 1:
        producer = (trace.add(trace.fresh(node.output + "_carry"), "carry", producer),)
    name = trace.add(trace.fresh(node.output), str(kind), (*producer, *operand))
    return Value((name,), wide.dims)


def _size(trace: Trace, value: Value) -> int:
    return int(np.prod(trace.shape_of(value.layers)))


def _broadcasts(narrow: Dims, wide: Dims) -> bool:
    """Whether each axis, from the last, is the same or of size 1."""
    shift = len(wide) - len(narrow)
    return shift >= 0 and all(
        group in (wide[at + shift], ()) or (group == ("n",) and wide[at + shift] == ("n",))
        for at, group in enumerate(narrow)
    )


def concatenation(trace: Trace, node: Node) -> Value | Array:
    """Along channels; vectors one after another."""
    found = [trace.values.get(name) for name in node.inputs]
    if all(isinstance(one, np.ndarray) for one in found):
        return folded(trace, node)
    values = [settled(trace, name) for name in node.inputs]
    rank = len(values[0].dims)
    axis = node.whole("axis", 1) % rank
    if rank == 2 and any(len(trace.shape_of(value.layers)) == 3 for value in values):
        values = [trace.vector(name) for name in node.inputs]
    others = {value.dims[:axis] + value.dims[axis + 1 :] for value in values}
    along = {value.dims[axis] for value in values} | {("c",)}
    shapes = {trace.shape_of(value.layers)[1:] for value in values}
    if len(others) > 1 or not along <= {("c",), ()} or len(shapes) > 1 or "c" in str(others):
        trace.refuse(f"concatenates along axis {axis}, must concatenate channels")
    layers = tuple(name for value in values for name in value.layers)
    dims = (*values[0].dims[:axis], ("c",), *values[0].dims[axis + 1 :])
    return Value(layers, dims, shared=True)


OPERATORS = {
    "Add": arithmetic,
    "Sub": arithmetic,
    "Mul": arithmetic,
    "Div": arithmetic,
    "Concat": concatenation,
}
