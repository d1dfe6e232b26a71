"""From an ONNX file to a workload with its own weights."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workloads.layer import Floats, Shape
from workloads.onnx.faults import ModelError, refuse, told
from workloads.onnx.fusing import fused
from workloads.onnx.nodes import node_of
from workloads.onnx.operators import operators
from workloads.onnx.reading import MAX_VALUES, array_of, opset_of, read_model
from workloads.onnx.tracing import IMAGE, INPUT, Draft, Label, Trace, Value

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Layers of a model, and how its file's tensors lie in them."""

    layers: tuple[dict[str, Any], ...]
    """Fields of each, as a workload's YAML has them."""
    weights: dict[str, tuple[Floats, Floats]]
    """(groups, rows, columns) and (units,) by planned layer."""
    input_shape: Shape
    output_shape: Shape
    file_input: Shape
    """A frame's shape in the file."""
    input_order: tuple[int, ...]
    """Axes of the file's frame, those of size 1 aside, in the order of the workload's input."""
    output_order: tuple[int, ...]
    """Axes of the workload's output, those of size 1 aside, in the order of the file's."""
    file_output: Shape
    operators: dict[str, int]
    """How many nodes of each operator the file has."""
    opset: int

    def input_of(self, x: Floats) -> Floats:
        """The workload's input, (count, *input_shape), from the file's, (count, *file_input)."""
        sizes = [size for size in self.file_input if size > 1]
        cube = x.reshape(len(x), *sizes).transpose(0, *(a + 1 for a in self.input_order))
        return np.ascontiguousarray(cube, np.float32).reshape(len(x), *self.input_shape)

    def output_of(self, y: Floats) -> Floats:
        """The file's output, (count, *file_output), from the workload's."""
        sizes = [size for size in self.output_shape if size > 1]
        cube = y.reshape(len(y), *sizes).transpose(0, *(a + 1 for a in self.output_order))
        return np.ascontiguousarray(cube, np.float32).reshape(len(y), *self.file_output)


def read_network(
    path: str | Path, *, output: str | None = None, shape: Sequence[int] | None = None
) -> Network:
    """The layers and weights of a model file; SpecError where it cannot be had.

    `output` names the output wanted where the file has several; `shape` is a frame's, where the
    file leaves sizes open.
    """
    found = Path(path)
    try:
        return network_of(read_model(found), output=output, shape=shape)
    except ModelError as error:
        raise told(str(path), error) from None


def network_of(
    model: "ModelProto", *, output: str | None = None, shape: Sequence[int] | None = None
) -> Network:
    """The layers and weights of a checked model; ModelError where it cannot be had."""
    opset, graph = opset_of(model), model.graph
    end = _output(graph, output)
    nodes = _needed(graph, end)
    trace = _trace(graph, shape)
    readers = Counter(name for node in nodes for name in node.input if name)
    readers[end] += 1
    supported = operators()
    for proto in nodes:
        node = node_of(proto, opset, readers)
        trace.where = node.where
        convert = supported.get(node.operator)
        if convert is None:
            trace.refuse(f"is not supported, must be one of {', '.join(supported)}")
        trace.values[node.output] = convert(trace, node)
    trace.where = f"output {end}"
    counts = Counter(node.op_type for node in nodes)
    return _network(trace, end, dict(sorted(counts.items())), opset)


def _output(graph: "GraphProto", wanted: str | None) -> str:
    names = [value.name for value in graph.output]
    if wanted is None:
        if len(names) != 1:
            refuse("graph", f"has outputs {', '.join(names)}, one of them must be chosen")
        return str(names[0])
    if wanted not in names:
        refuse("graph", f"has no output {wanted!r}, must be one of {', '.join(names)}")
    return wanted


def _needed(graph: "GraphProto", end: str) -> list["NodeProto"]:
    """Nodes that the output depends on, in the file's order."""
    wanted, found = {end}, []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            found.append(node)
    return found[::-1]


def _trace(graph: "GraphProto", shape: Sequence[int] | None) -> Trace:
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs) or "none"
        refuse("graph", f"has inputs {names}, must have one")
    frames, sizes = _sizes(inputs[0], shape)
    trace = Trace(sizes, frames=frames)
    axes: list[tuple[Label, ...]] = [
        (f"x{at}",) if size > 1 else () for at, size in enumerate(sizes, 1)
    ]
    trace.values[inputs[0].name] = Value((INPUT,), (("n",), *axes), shared=True)
    for tensor in graph.initializer:
        trace.values[tensor.name] = array_of(f"initializer {tensor.name}", tensor)
    return trace


def _sizes(info: "ValueInfoProto", shape: Sequence[int] | None) -> tuple[int, tuple[int, ...]]:
    """(frames, a frame's sizes) of the input."""
    where = f"input {info.name}"
    kind = info.type.tensor_type
    if kind.elem_type not in (1, 10, 11):
        refuse(where, f"is of onnx type {kind.elem_type}, must be of floating point")
    declared = [int(dim.dim_value) for dim in kind.shape.dim]
    if not declared:
        refuse(where, "has no shape, must have frames as its first axis")
    frames, sizes = max(1, declared[0]), declared[1:]
    if shape is not None:
        if len(shape) != len(sizes) or any(
            size > 0 and size != own for size, own in zip(sizes, shape, strict=True)
        ):
            refuse(where, f"is of shape {sizes} a frame, must agree with the one given, {shape}")
        sizes = list(shape)
    if any(size < 1 for size in sizes) or not 1 <= len(sizes) <= 5:
        refuse(where, f"leaves sizes open, {sizes} a frame, must be given a shape (--shape)")
    if math.prod(sizes) > MAX_VALUES:
        refuse(where, f"has {math.prod(sizes)} values a frame, must be at most {MAX_VALUES}")
    return frames, tuple(sizes)


def _network(trace: Trace, end: str, counts: dict[str, int], opset: int) -> Network:
    value = trace.traced(end)
    if len(value.layers) > 1 or value.layers == (INPUT,):
        name = trace.add(trace.fresh(end), "carry", value.layers)
        value = Value((name,), value.dims)
    if not value.dims or value.dims[0] != ("n",):
        trace.refuse("does not keep frames as its first axis")
    drafts = fused(trace, value.layers)
    if not any(draft.matrix is not None for draft in drafts.values()):
        refuse("graph", "has no layer with weights, must have a Conv, Gemm or MatMul")
    raw = [f"x{at}" for at, size in enumerate(trace.file_input, 1) if size > 1]
    own = [label for label in IMAGE if (label,) in trace.natural(value.layers).dims]
    flat = [label for group in value.dims[1:] for label in group]
    return Network(
        layers=tuple(draft.fields for draft in drafts.values()),
        weights={
            name: _weights(draft) for name, draft in drafts.items() if draft.matrix is not None
        },
        input_shape=trace.input_shape,
        output_shape=trace.shape_of(value.layers),
        file_input=trace.file_input,
        input_order=tuple(raw.index(label) for label in trace.input_order),
        output_order=tuple(own.index(label) for label in flat),
        file_output=trace.onnx_shape(value)[1:],
        operators=counts,
        opset=opset,
    )


def _weights(draft: Draft) -> tuple[Floats, Floats]:
    assert draft.matrix is not None and draft.bias is not None
    for array in (draft.matrix, draft.bias):
        if not np.isfinite(array).all():
            refuse(
                f"layer {draft.fields['name']}", "has weights that overflow where they are folded"
            )
    return (
        np.ascontiguousarray(draft.matrix, np.float32),
        np.ascontiguousarray(draft.bias, np.float32),
    )
