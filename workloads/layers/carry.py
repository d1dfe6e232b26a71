"""Units passed on as they are: a stage of its own for layers that can be fused into no other.

A pool of the network's input, an activation of a concatenation, or a sum of two layers that
others read too has no producer whose unit-blocks it could join. It is fused into a `carry`, which
has a unit for each channel of what it reads, no weights, no ranks, and costs what a copy costs.
"""

from typing import Literal

from workloads.demand import Demand, Units, amount
from workloads.layer import Floats, LayerSpec, Shape, Weights, WeightShape, positions
from workloads.rounding import half
from workloads.scratch import Scratch

PLANNED = True
WEIGHTLESS = True


class Spec(LayerSpec):
    """It has no parameters; several inputs are concatenated along their channels."""

    kind: Literal["carry"]


def output_shape(spec: Spec, input_shape: Shape) -> Shape:
    """The input's."""
    return input_shape


def weight_shape(spec: Spec, input_shape: Shape) -> WeightShape:
    """A group for each unit, since it sees its own channel only; a row of no weights in each."""
    return WeightShape(input_shape[0], 1, 0, False)


def demand(
    spec: Spec,
    input_shape: Shape,
    first: Units,
    last: Units,
    rank: Units | None,
    frames: int,
    item_bytes: int,
) -> Demand:
    """One operation per value: read and written once."""
    copied = amount(last - first) * positions(input_shape) * frames
    return Demand("carry", copied, 0.0, copied * item_bytes, copied * item_bytes, 1)


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
    """A copy; whoever reads it at int8 rounds it then."""
    y: Floats = scratch.take("units", (len(x), last - first, *x.shape[2:]))
    y[...] = x[:, first:last]
    return half(y) if precision == "fp16" else y
