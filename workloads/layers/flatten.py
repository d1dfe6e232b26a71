"""Images laid out as vectors, channel after channel."""

import math
from typing import Literal

from workloads.demand import Demand, Units, free
from workloads.layer import Floats, LayerSpec, Shape
from workloads.scratch import Scratch

PLANNED = False
RECOMPOSED = False


class Spec(LayerSpec):
    """A change of shape has no parameters."""

    kind: Literal["flatten"]


def output_shape(spec: Spec, input_shape: Shape) -> Shape:
    """(all values of a frame,): a unit's values stay together."""
    return (math.prod(input_shape),)


def halo(spec: Spec) -> int:
    """Channels do not mix."""
    return 0


def demand(
    spec: Spec, input_shape: Shape, reads: Units, channels: Units, frames: int, item_bytes: int
) -> Demand:
    """None: nothing moves."""
    return free("flatten")


def values(
    spec: Spec, x: Floats, lead: int, count: int, precision: str, scratch: Scratch
) -> Floats:
    """The same values in another shape."""
    return x[:, lead : lead + count].reshape(len(x), -1)
