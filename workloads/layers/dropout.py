"""Dropout: the identity at inference."""

from typing import Literal

from pydantic import Field

from workloads import elementwise
from workloads.demand import Demand, Units, free
from workloads.layer import Floats, LayerSpec, Shape
from workloads.scratch import Scratch

PLANNED = False
RECOMPOSED = False

output_shape = elementwise.output_shape
halo = elementwise.halo


class Spec(LayerSpec):
    """`ratio` says what training dropped; inference ignores it."""

    kind: Literal["dropout"]
    ratio: float = Field(default=0.5, ge=0, lt=1)


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
