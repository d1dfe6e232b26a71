"""Windows over images: their strides and paddings, and the pools."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from workloads.layer import Shape
from workloads.onnx.nodes import Node
from workloads.onnx.tracing import Trace, Value

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Window:
    """A window on an image; padding is (top, left, bottom, right)."""

    kernel: Pair
    stride: Pair
    dilation: Pair
    padding: tuple[int, int, int, int]
    overhang: tuple[int, int, int, int]
    """Beyond the padding: room for windows that ceil_mode counts."""


def window_of(trace: Trace, node: Node, kernel: Pair, extent: Pair, *, flat: bool) -> Window:
    """From strides, dilations, pads, auto_pad and ceil_mode; `flat`: those of one dimension."""
    stride = _pair(trace, node, "strides", flat=flat)
    dilation = _pair(trace, node, "dilations", flat=flat)
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    auto = node.text("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        padding = _same(reach, stride, extent, upper=auto == "SAME_UPPER")
    elif auto == "VALID":
        padding = (0, 0, 0, 0)
    elif auto == "NOTSET":
        padding = _pads(trace, node, flat=flat)
    else:
        trace.refuse(f"has auto_pad {auto!r}, must be NOTSET, SAME_UPPER, SAME_LOWER or VALID")
    beyond = [0, 0]
    if node.whole("ceil_mode", 0) and auto == "NOTSET":
        beyond = [
            _beyond(extent[a] + padding[a] + padding[a + 2], reach[a], stride[a], padding[a + 2])
            for a in (0, 1)
        ]
    return Window(kernel, stride, dilation, padding, (0, 0, beyond[0], beyond[1]))


def _pair(trace: Trace, node: Node, name: str, *, flat: bool) -> Pair:
    found = node.numbers(name) or ((1,) if flat else (1, 1))
    if len(found) != (1 if flat else 2) or min(found) < 1:
        trace.refuse(f"has {name} {list(found)}, must be one positive number a dimension")
    return (1, found[0]) if flat else (found[0], found[1])


def _pads(trace: Trace, node: Node, *, flat: bool) -> tuple[int, int, int, int]:
    found = node.numbers("pads") or ((0, 0) if flat else (0, 0, 0, 0))
    if len(found) != (2 if flat else 4) or min(found) < 0:
        trace.refuse(f"has pads {list(found)}, must be 0 or more at each edge")
    return (0, found[0], 0, found[1]) if flat else (found[0], found[1], found[2], found[3])


def _same(
    reach: list[int], stride: Pair, extent: Pair, *, upper: bool
) -> tuple[int, int, int, int]:
    """As many windows as strides begun; an odd value more at the end, or at the beginning."""
    total = [
        max(0, (-(-extent[a] // stride[a]) - 1) * stride[a] + reach[a] - extent[a]) for a in (0, 1)
    ]
    less, more = [t // 2 for t in total], [t - t // 2 for t in total]
    first, last = (less, more) if upper else (more, less)
    return (first[0], first[1], last[0], last[1])


def _beyond(padded: int, reach: int, stride: int, after: int) -> int:
    """Room that one window more needs, unless it would begin in the padding behind."""
    count = -(-(padded - reach) // stride) + 1
    if (count - 1) * stride >= padded - after:
        count -= 1
    return max(0, (count - 1) * stride + reach - padded)


def pool(trace: Trace, node: Node) -> Value:
    """MaxPool and AveragePool."""
    x = trace.image(node.input(0))
    kernel = node.numbers("kernel_shape") or ()
    flat = len(trace.traced(node.input(0)).dims) == 3
    if len(kernel) != (1 if flat else 2):
        trace.refuse(f"has kernel_shape {list(kernel)}, must be one number a dimension")
    both = (1, kernel[0]) if flat else (kernel[0], kernel[1])
    shape = trace.shape_of(x.layers)
    window = window_of(trace, node, both, (shape[1], shape[2]), flat=flat)
    if window.dilation != (1, 1):
        trace.refuse(f"has dilations {list(window.dilation)}, must have none")
    fields: dict[str, Any] = {"kernel": list(both), "stride": list(window.stride)}
    name = trace.fresh(node.output)
    if node.operator == "MaxPool":
        padding = [a + b for a, b in zip(window.padding, window.overhang, strict=True)]
        trace.add(name, "max_pool", x.layers, padding=padding, **fields)
    else:
        trace.add(
            name,
            "average_pool",
            x.layers,
            padding=list(window.padding),
            overhang=list(window.overhang),
            count_padding=bool(node.whole("count_include_pad", 0)),
            **fields,
        )
    found = trace.natural((name,))
    return Value((name,), (*found.dims[:2], found.dims[3])) if flat else found


def global_pool(trace: Trace, node: Node) -> Value:
    """GlobalAveragePool and GlobalMaxPool."""
    x = trace.image(node.input(0))
    kind = "global_max_pool" if node.operator == "GlobalMaxPool" else "global_average_pool"
    name = trace.add(trace.fresh(node.output), kind, x.layers)
    return Value((name,), trace.natural((name,)).dims[: len(trace.traced(node.input(0)).dims)])


def reduction(trace: Trace, node: Node) -> Value:
    """ReduceMean and ReduceMax over rows, columns or both, never over channels."""
    value = _imaged(trace, node)
    axes = _axes(trace, node, len(value.dims))
    labels = {label for axis in axes for label in value.dims[axis]}
    shape = trace.shape_of(value.layers)
    if not labels <= {"h", "w"} or len(shape) != 3:
        trace.refuse(f"reduces axes {sorted(axes)}, must reduce rows and columns only")
    name = _reduced(trace, node, value, labels, shape) if labels else value.layers[0]
    layers = (name,) if labels else value.layers
    keep = node.whole("keepdims", 1)
    dims = [() if a in axes else group for a, group in enumerate(value.dims)]
    return Value(layers, tuple(g for a, g in enumerate(dims) if keep or a not in axes))


def _imaged(trace: Trace, node: Node) -> Value:
    value = trace.traced(node.input(0))
    if value.layers == ("input",) and not trace.input_shape:
        trace.image(node.input(0))
        value = trace.traced(node.input(0))
    return value


def _axes(trace: Trace, node: Node, rank: int) -> set[int]:
    found = node.numbers("axes")
    if found is None and node.input(1):
        found = tuple(int(a) for a in trace.constant(node.input(1), "axes").reshape(-1))
    if found is None:
        found = tuple(range(rank))
    if any(not -rank <= axis < rank for axis in found):
        trace.refuse(f"has axes {list(found)}, must be from {-rank} to {rank - 1}")
    return {axis % rank for axis in found}


def _reduced(trace: Trace, node: Node, value: Value, labels: set[str], shape: Shape) -> str:
    """A pool over the whole image, or over whole rows or columns of it."""
    largest, name = node.operator == "ReduceMax", trace.fresh(node.output)
    if math.prod(shape[1:]) == math.prod(trace.sizes(value)[label] for label in labels):
        kind = "global_max_pool" if largest else "global_average_pool"
        return trace.add(name, kind, value.layers)
    kernel = [shape[1] if "h" in labels else 1, shape[2] if "w" in labels else 1]
    kind = "max_pool" if largest else "average_pool"
    return trace.add(name, kind, value.layers, kernel=kernel, stride=1)


def pad(trace: Trace, node: Node) -> Value:
    """Pad with a constant, around rows and columns only."""
    x = trace.image(node.input(0))
    rank = len(trace.traced(node.input(0)).dims)
    if node.text("mode", "constant") != "constant":
        trace.refuse(f"has mode {node.text('mode', '')!r}, must be constant")
    given = node.numbers("pads")
    if given is None:
        given = tuple(int(p) for p in trace.constant(node.input(1), "pads").reshape(-1))
    axes = _axes_of_pad(trace, node, rank)
    if len(given) != 2 * len(axes) or min(given, default=0) < 0:
        trace.refuse(f"has pads {list(given)}, must be 0 or more, two for each axis")
    around = np.zeros((rank, 2), int)
    for at, axis in enumerate(axes):
        around[axis] = given[at], given[at + len(axes)]
    if around[:2].any():
        trace.refuse("pads frames or channels, must pad rows and columns only")
    rows, columns = (around[2], around[3]) if rank == 4 else (np.zeros(2, int), around[2])
    edges = [int(rows[0]), int(columns[0]), int(rows[1]), int(columns[1])]
    fill = node.number("value", 0.0)
    if node.input(2):
        fill = float(trace.constant(node.input(2), "value").reshape(-1)[0])
    name = trace.add(trace.fresh(node.output), "pad", x.layers, padding=edges, fill=fill)
    found = trace.natural((name,))
    return Value((name,), found.dims if rank == 4 else (*found.dims[:2], found.dims[3]))


def _axes_of_pad(trace: Trace, node: Node, rank: int) -> list[int]:
    if not node.input(3):
        return list(range(rank))
    found = [int(a) for a in trace.constant(node.input(3), "axes").reshape(-1)]
    if any(not -rank <= axis < rank for axis in found) or len({a % rank for a in found}) < len(
        found
    ):
        trace.refuse(f"has axes {found}, must be different ones from {-rank} to {rank - 1}")
    return [axis % rank for axis in found]


OPERATORS = {
    "MaxPool": pool,
    "AveragePool": pool,
    "GlobalAveragePool": global_pool,
    "GlobalMaxPool": global_pool,
    "ReduceMean": reduction,
    "ReduceMax": reduction,
    "Pad": pad,
}
