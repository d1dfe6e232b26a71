"""What kinds share that make each value from the value at the same place.

Their files in `workloads/layers/` take these functions over by name.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from workloads.demand import Demand, Units, amount
from workloads.layer import Floats, LayerSpec, Shape, ShapeError, positions


def output_shape(spec: LayerSpec, input_shape: Shape) -> Shape:
    """The input's."""
    return input_shape


def halo(spec: LayerSpec) -> int:
    """0: channels do not mix."""
    return 0


def demand(
    spec: LayerSpec, input_shape: Shape, reads: Units, channels: Units, frames: int, item_bytes: int
) -> Demand:
    """One operation per value, which is read and written; hosts know what each kind costs."""
    values = amount(channels) * positions(input_shape) * frames
    moved = values * item_bytes
    return Demand(spec.kind, values, 0.0, moved, moved, 1)


def demand_of_two(
    spec: LayerSpec, input_shape: Shape, reads: Units, channels: Units, frames: int, item_bytes: int
) -> Demand:
    """One operation per value; those of an operand are read too."""
    made = demand(spec, input_shape, reads, channels, frames, item_bytes)
    return replace(made, input_bytes=2 * made.input_bytes)


def check_alike(spec: LayerSpec, input_shape: Shape, operands: Sequence[Shape]) -> None:
    """The same channels, and the same extent or one value a channel.

    Raises ShapeError.
    """
    operand = operands[0]
    if operand not in (input_shape, (input_shape[0], *(1,) * (len(input_shape) - 1))):
        raise ShapeError(
            f"operand of shape {list(operand)}, must have that of its producer, {list(input_shape)}"
        )


def check_none(spec: LayerSpec, input_shape: Shape, operands: Sequence[Shape]) -> None:
    """It has no operands."""


def check_channels(what: str, given: Sequence[float], input_shape: Shape) -> None:
    """ShapeError unless there is one entry, or one for each channel."""
    if len(given) not in (1, input_shape[0]):
        raise ShapeError(
            f"{what} of {len(given)} entries, must have one, or one for each of the "
            f"{input_shape[0]} channels"
        )


def channel_values(given: Sequence[float], first: int, x: Floats) -> Floats:
    """Entries of the channels of x, which begin at channel `first`: (channels, 1, ...)."""
    own = given if len(given) == 1 else given[first : first + x.shape[1]]
    return np.asarray(own, np.float32).reshape(-1, *(1,) * (x.ndim - 2))
