"""Arithmetic among constants: what exporters leave of shapes and of parameters."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from workloads.onnx.nodes import Node
from workloads.onnx.tracing import Array, Trace, Value

MAX_FOLDED = 2**24
"""Values that a constant expression may make."""


def folded(trace: Trace, node: Node) -> Array:
    """The value of an operator all of whose inputs are constants."""
    arrays = [trace.constant(name, "input") for name in node.inputs if name]
    try:
        if node.operator in _BINARY:
            shape = np.broadcast_shapes(*(array.shape for array in arrays))
            if math.prod(shape) > MAX_FOLDED:
                trace.refuse(f"makes a constant of shape {list(shape)}, must be smaller")
        with np.errstate(all="ignore"):
            found = np.asarray(_FOLDS[node.operator](node, arrays))
    except (ValueError, TypeError, IndexError, ZeroDivisionError, KeyError, OverflowError) as error:
        trace.refuse(f"cannot be computed of its constants ({str(error)[:200]})")
    if found.size > MAX_FOLDED or not np.isfinite(found).all():
        trace.refuse("makes no finite constant of moderate size")
    return found.astype(np.float32 if found.dtype.kind == "f" else np.int64)


def _divided(node: Node, arrays: list[Array]) -> Any:
    whole = arrays[0].dtype.kind == "i" and arrays[1].dtype.kind == "i"
    return arrays[0] // arrays[1] if whole else arrays[0] / arrays[1]


def _slice(node: Node, arrays: list[Array]) -> Any:
    given: list[Any] = [list(a.reshape(-1)) for a in arrays[1:]]
    if not given:
        given = [
            list(node.attributes[n]) for n in ("starts", "ends", "axes") if n in node.attributes
        ]
    starts, ends = given[:2]
    axes = given[2] if len(given) > 2 else range(len(starts))
    steps = given[3] if len(given) > 3 else [1] * len(starts)
    index = [slice(None)] * arrays[0].ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        index[int(axis)] = slice(int(start), int(end), int(step))
    return arrays[0][tuple(index)]


def _cast(node: Node, arrays: list[Array]) -> Any:
    return arrays[0].astype(np.float32 if node.attributes.get("to") in (1, 10, 11) else np.int64)


def _axes(node: Node, arrays: list[Array]) -> tuple[int, ...] | None:
    if len(arrays) > 1:
        return tuple(int(a) for a in arrays[1].reshape(-1))
    return node.numbers("axes")


def _reshape(node: Node, arrays: list[Array]) -> Any:
    wanted = [int(size) for size in arrays[1].reshape(-1)]
    return arrays[0].reshape(
        [arrays[0].shape[at] if size == 0 else size for at, size in enumerate(wanted)]
    )


_BINARY = ("Add", "Sub", "Mul", "Div")
_FOLDS: dict[str, Callable[[Node, list[Array]], Any]] = {
    "Add": lambda node, arrays: arrays[0] + arrays[1],
    "Sub": lambda node, arrays: arrays[0] - arrays[1],
    "Mul": lambda node, arrays: arrays[0] * arrays[1],
    "Div": _divided,
    "Concat": lambda node, arrays: np.concatenate(arrays, axis=node.whole("axis", 0)),
    "Gather": lambda node, arrays: np.take(arrays[0], arrays[1], axis=node.whole("axis", 0)),
    "Slice": _slice,
    "Cast": _cast,
    "Sqrt": lambda node, arrays: np.sqrt(arrays[0]),
    "Unsqueeze": lambda node, arrays: np.expand_dims(arrays[0], _axes(node, arrays) or ()),
    "Squeeze": lambda node, arrays: np.squeeze(arrays[0], _axes(node, arrays)),
    "Reshape": _reshape,
    "Transpose": lambda node, arrays: np.transpose(arrays[0], node.numbers("perm")),
    "Flatten": lambda node, arrays: arrays[0].reshape(
        math.prod(arrays[0].shape[: node.whole("axis", 1)]), -1
    ),
    "Identity": lambda node, arrays: arrays[0],
}


def constant(trace: Trace, node: Node) -> Array:
    """Constant: a tensor, a number or a list of them."""
    for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        if name in node.attributes:
            found = np.asarray(node.attributes[name])
            if not np.isfinite(found).all():
                trace.refuse("holds NaN or infinity, must hold finite numbers")
            return found.astype(np.float32 if found.dtype.kind == "f" else np.int64)
    trace.refuse("holds no numbers, must be a tensor, number or list")


def shape(trace: Trace, node: Node) -> Array:
    """Shape: of one frame."""
    found = trace.values.get(node.input(0))
    sizes = (
        found.shape
        if isinstance(found, np.ndarray)
        else trace.onnx_shape(trace.traced(node.input(0)))
    )
    start, end = node.whole("start", 0), node.attributes.get("end")
    return np.asarray(sizes[start:end], np.int64)


def only_constants(trace: Trace, node: Node) -> Array:
    """Operators that are supported among constants alone."""
    if any(isinstance(trace.values.get(name), Value) for name in node.inputs):
        trace.refuse(
            f"computes {node.operator} of a layer's output, is supported on constants only"
        )
    return folded(trace, node)


OPERATORS = {
    "Constant": constant,
    "Shape": shape,
    "Gather": only_constants,
    "Slice": only_constants,
    "Sqrt": only_constants,
}
