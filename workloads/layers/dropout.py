"""Dropout: the identity at inference."""

from typing import Literal

from pydantic import Field

from workloads.demand import Demand, Units
from workloads.layer import Floats, LayerSpec, Shape, free
from workloads.scratch import Scratch

PLANNED = False
RECOMPOSED = False


class Spec(LayerSpec):
    """`ratio` says what training dropped; inference ignores it."""

    kind: Literal["dropout"]
    ratio: float = Field(default=0.5, ge=0, lt=1)


def output_shape(spec: Spec, input_shape: Shape) -> Shape:
    """The input's."""
    return input_shape


def halo(spec: Spec) -> int:
    """Channels do not mix."""
    return 0


def demand(
    spec: Spec, input_shape: Shape, reads: Units, channels: Units, frames: int, item_bytes: int
) -> Demand:
    """None."""
    return free("dropout")


def values(
    spec: Spec, x: Floats, lead: int, count: int, precision: str, scratch: Scratch
) -> Floats:
    """The input itself."""
    return x[:, lead : lead + count]
