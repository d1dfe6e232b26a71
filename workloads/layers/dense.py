"""Fully connected layer; a unit is one neuron: y = W x + bias."""

from typing import Literal

import numpy as np

from workloads.demand import Demand, Units, amount
from workloads.layer import (
    Count,
    Floats,
    LayerSpec,
    Shape,
    ShapeError,
    Weights,
    WeightShape,
    bias_of,
)
from workloads.product import product
from workloads.rounding import half, quantised
from workloads.scratch import Scratch

PLANNED = True


class Spec(LayerSpec):
    """A dense layer of `units` neurons."""

    kind: Literal["dense"]
    units: Count
    bias: bool = True


def output_shape(spec: Spec, input_shape: Shape) -> Shape:
    """(units,)."""
    if len(input_shape) != 1:
        raise ShapeError(
            f"input of shape {list(input_shape)}, must be [neurons]: a flatten layer makes it so"
        )
    return (spec.units,)


def weight_shape(spec: Spec, input_shape: Shape) -> WeightShape:
    """One group: a row per neuron, a column per input."""
    return WeightShape(1, spec.units, input_shape[0], spec.bias)


def demand(
    spec: Spec,
    input_shape: Shape,
    first: Units,
    last: Units,
    rank: Units | None,
    frames: int,
    item_bytes: int,
) -> Demand:
    """Every stored weight is multiplied once per frame; each block reads the whole input."""
    shape = weight_shape(spec, input_shape)
    units = amount(last - first)
    stored = amount(shape.stored_weights(first, last, rank))
    return Demand(
        "dense",
        stored * frames,
        shape.stored_bytes(first, last, rank, item_bytes),
        amount(shape.groups_touched(first, last)) * input_shape[0] * frames * item_bytes,
        units * frames * item_bytes,
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
    """One matrix product for all frames; int8 has a scale per frame and per unit."""
    scale = None
    if precision == "fp16":
        x = half(x)
    elif precision == "int8":
        x, scales = quantised(x)
        scale = scales[:, 0]
    y: Floats = scratch.take("units", (last - first, len(x)))
    product(weights, 0, first, last, rank, precision)(x.T, scale, y)
    y += bias_of(weights, rank)[first:last, None]
    y = np.ascontiguousarray(y.T)
    return half(y) if precision == "fp16" else y
