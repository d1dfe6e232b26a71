"""Operators that make each value from one value: activations, clips, gains and offsets."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from workloads.onnx.nodes import Node
from workloads.onnx.tracing import Array, Trace, Value


def fused(kind: str, fields: Callable[[Trace, Node], dict[str, Any]]) -> Callable[..., Value]:
    """The conversion of an operator into one fused layer."""

    def convert(trace: Trace, node: Node) -> Value:
        return apply(trace, node, kind, **fields(trace, node))

    return convert


def settled(trace: Trace, name: str) -> Value:
    """A value whose layout is decided: the network's input as the file has it, else as it is."""
    value = trace.traced(name)
    if value.layers == ("input",) and not trace.input_shape:
        if len(value.dims) in (3, 4):
            trace.image(name)
        else:
            trace.vector(name)
    return trace.traced(name)


def apply(trace: Trace, node: Node, kind: str, **fields: Any) -> Value:
    """One layer on the first input, which keeps the layout."""
    value = settled(trace, node.input(0))
    name = trace.add(trace.fresh(node.output), kind, value.layers, **fields)
    return replace(value, layers=(name,), shared=False)


def _limits(trace: Trace, node: Node) -> dict[str, Any]:
    """Attributes up to opset 10, inputs from 11 on."""
    found: dict[str, Any] = {}
    for at, (name, field) in enumerate((("min", "low"), ("max", "high")), 1):
        if name in node.attributes:
            limit = node.number(name, 0.0)
        elif node.input(at):
            limit = float(trace.constant(node.input(at), name).reshape(-1)[0])
        else:
            continue
        if abs(limit) < 3.4e38:
            found[field] = limit
    return found


def softmax(trace: Trace, node: Node) -> Value:
    """Over channels; up to opset 12 over all axes from `axis` on, which must be the same."""
    value = settled(trace, node.input(0))
    rank, old = len(value.dims), node.opset < 13
    axis = node.whole("axis", 1 if old else -1) % rank
    group = tuple(x for g in value.dims[axis:] for x in g) if old else value.dims[axis]
    if len(trace.shape_of(value.layers)) == 3 and group == ("c", "h", "w"):
        value = trace.vector(node.input(0))
        group = value.dims[1]
    if group not in ((), ("c",)) or (not group and trace.shape_of(value.layers)[0] > 1):
        trace.refuse(f"runs over axis {axis}, must run over the channels")
    name = trace.add(trace.fresh(node.output), "softmax", value.layers)
    return replace(value, layers=(name,), shared=False)


def prelu(trace: Trace, node: Node) -> Value:
    """With a constant slope for all, or one for each channel."""
    value = settled(trace, node.input(0))
    slope = per_channel(trace, node, trace.constant(node.input(1), "slope"), value)
    return apply(trace, node, "prelu", slope=slope.tolist())


def per_channel(trace: Trace, node: Node, constant: Array, value: Value) -> Array:
    """(1,) or (channels,): a constant that broadcasts along the channels' axis alone."""
    array = np.asarray(constant, np.float32)
    if array.size == 1:
        return array.reshape(1)
    rank = len(value.dims)
    wide = array.reshape((1,) * (rank - array.ndim) + array.shape) if array.ndim <= rank else array
    varying = [axis for axis, size in enumerate(wide.shape) if size > 1]
    channels = trace.shape_of(value.layers)[0]
    if (
        wide.ndim != rank
        or len(varying) != 1
        or value.dims[varying[0]] != ("c",)
        or array.size != channels
    ):
        trace.refuse(
            f"has a constant of shape {list(constant.shape)} on a tensor of shape "
            f"{list(trace.onnx_shape(value))}, must have one value, or one for each channel"
        )
    return array.reshape(-1)


def affine(trace: Trace, node: Node, value: Value, gain: Array, offset: Array) -> Value:
    """gain x + offset: folded into the weights that make x where nothing else reads them."""
    if node.sole(node.input(0)) and not value.shared and len(value.layers) == 1:
        draft = trace.drafts.get(value.layers[0])
        if draft is not None and draft.matrix is not None and draft.bias is not None:
            rows = draft.bias.size
            gains = np.broadcast_to(gain.astype(np.float64), (rows,))
            wide = gains.reshape(draft.matrix.shape[0], -1, 1)
            draft.matrix = np.asarray(draft.matrix * wide, np.float32)
            draft.bias = np.asarray(draft.bias * gains + offset, np.float32)
            return value
        if draft is not None and draft.fields["kind"] == "scale":
            own = np.asarray(draft.fields["gain"]), np.asarray(draft.fields["offset"])
            draft.fields["gain"] = (own[0] * gain).tolist()
            draft.fields["offset"] = (own[1] * gain + offset).tolist()
            return value
    name = trace.add(
        trace.fresh(node.output),
        "scale",
        value.layers,
        gain=[float(g) for g in gain],
        offset=[float(o) for o in offset],
    )
    return replace(value, layers=(name,), shared=False)


def batch_normalisation(trace: Trace, node: Node) -> Value:
    """At inference: gain = scale / sqrt(variance + epsilon), offset = bias - gain mean."""
    value = settled(trace, node.input(0))
    if len(value.dims) < 2 or value.dims[1] not in ((), ("c",)):
        value = trace.vector(node.input(0))
    channels = trace.shape_of(value.layers)[0]
    given = [trace.constant(node.input(at), "statistic") for at in range(1, 5)]
    if any(array.shape != (channels,) for array in given):
        trace.refuse(f"has statistics of other shapes, must have {channels} entries each")
    if node.whole("training_mode", 0):
        trace.refuse("has training_mode, must be exported for inference")
    scale, bias, mean, variance = (array.astype(np.float64) for array in given)
    spread = variance + node.number("epsilon", 1e-5)
    if (spread <= 0).any():
        trace.refuse("has a variance below -epsilon, must be 0 or greater")
    gain = scale / np.sqrt(spread)
    return affine(trace, node, value, gain, bias - gain * mean)


def hard_sigmoid(trace: Trace, node: Node) -> Value:
    """min(max(alpha x + beta, 0), 1)."""
    value = settled(trace, node.input(0))
    name = trace.add(
        trace.fresh(node.output + "_gain"),
        "scale",
        value.layers,
        gain=[node.number("alpha", 0.2)],
        offset=[node.number("beta", 0.5)],
    )
    clipped = trace.add(trace.fresh(node.output), "clip", [name], low=0.0, high=1.0)
    return replace(value, layers=(clipped,), shared=False)


def _lrn(trace: Trace, node: Node) -> dict[str, Any]:
    trace.image(node.input(0))
    return {
        "size": node.whole("size", 1),
        "alpha": node.number("alpha", 1e-4),
        "beta": node.number("beta", 0.75),
        "k": node.number("bias", 1.0),
    }


def _nothing(trace: Trace, node: Node) -> dict[str, Any]:
    return {}


OPERATORS = {
    "Relu": fused("relu", _nothing),
    "Sigmoid": fused("sigmoid", _nothing),
    "Tanh": fused("tanh", _nothing),
    "LeakyRelu": fused("leaky_relu", lambda trace, node: {"slope": node.number("alpha", 0.01)}),
    "Clip": fused("clip", _limits),
    "LRN": fused("local_response_norm", _lrn),
    "PRelu": prelu,
    "Softmax": softmax,
    "BatchNormalization": batch_normalisation,
    "HardSigmoid": hard_sigmoid,
}
