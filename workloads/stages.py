"""Layers and stages: a planned layer with everything that is fused into it."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from workloads.demand import ITEM_BYTES, Amount, Demand, Units, amount
from workloads.layer import LayerSpec, Shape, WeightShape, positions
from workloads.layers import fused_kind, planned_kind


@dataclass(frozen=True)
class Layer:
    """One layer in its place."""

    name: str
    kind: str
    spec: LayerSpec
    input_shape: Shape
    output_shape: Shape
    operand_shapes: tuple[Shape, ...] = ()
    """Of other layers' outputs that it reads beside its producer's."""


@dataclass(frozen=True)
class Stage:
    """A planned layer and what is fused into it, in order; its units are what a plan allocates.

    A block of units [first, last) computes some more of them at each inner edge where a fused
    layer needs neighbouring channels (halo); they count in its work, not in its units.
    """

    layers: tuple[Layer, ...]
    """The planned layer, then the fused ones."""
    inputs: tuple[str, ...]
    """Stages whose outputs it reads, concatenated along channels; "input" is the network's own."""
    frames: int
    operands: tuple[str, ...] = ()
    """Stages whose outputs its fused layers read, in order; a block needs its own channels only."""

    @property
    def name(self) -> str:
        """Name of the planned layer."""
        return self.layers[0].name

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """Inputs and operands, each once, in order."""
        return tuple(dict.fromkeys((*self.inputs, *self.operands)))

    @property
    def kind(self) -> str:
        """Kind of the planned layer."""
        return self.layers[0].kind

    @property
    def units(self) -> int:
        """Output channels or neurons of the planned layer."""
        return self.layers[0].output_shape[0]

    @property
    def input_shape(self) -> Shape:
        """Shape of a frame of the whole input."""
        return self.layers[0].input_shape

    @property
    def output_shape(self) -> Shape:
        """Shape of a frame of output, after the fused layers."""
        return self.layers[-1].output_shape

    @cached_property
    def weight(self) -> WeightShape:
        """Groups, rows and columns of the weights."""
        planned = self.layers[0]
        return planned_kind(planned.kind).weight_shape(planned.spec, planned.input_shape)

    @property
    def groups(self) -> int:
        """Groups of units that see only their own share of the input."""
        return self.weight.groups

    @property
    def break_even_rank(self) -> int:
        """Smallest rank per group that saves no weights."""
        return self.weight.break_even_rank

    @property
    def max_rank(self) -> int:
        """Largest rank per group that saves weights; 0 where none does."""
        return self.weight.max_rank

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of the planned layer for one frame, dense."""
        return self.units * self.weight.columns * positions(self.layers[0].output_shape)

    @cached_property
    def blockwise(self) -> int:
        """How many of the layers run within a block; the others need all units (softmax)."""
        fused = (fused_kind(layer.kind).RECOMPOSED for layer in self.layers[1:])
        return next((at for at, whole in enumerate(fused, 1) if whole), len(self.layers))

    @cached_property
    def halos(self) -> tuple[int, ...]:
        """Per layer, channels that the later ones need beyond each inner edge of a block."""
        reach = 0
        beyond = [0] * (len(self.layers) - self.blockwise)
        for layer in reversed(self.layers[1 : self.blockwise]):
            beyond.append(reach)
            reach += fused_kind(layer.kind).halo(layer.spec)
        return (reach, *reversed(beyond))

    @property
    def halo(self) -> int:
        """Units that a block computes beyond each of its inner edges."""
        return self.halos[0]

    def widened(self, first: Units, last: Units, reach: int) -> tuple[Units, Units]:
        """[first, last) and `reach` units more at each inner edge."""
        if isinstance(first, int) and isinstance(last, int):
            return max(0, first - reach), min(self.units, last + reach)
        return np.maximum(0, first - reach), np.minimum(self.units, last + reach)

    def demands(
        self, first: Units, last: Units, rank: Units | None, precision: str
    ) -> tuple[Demand, ...]:
        """Work of units [first, last) in all frames, one entry per layer that does any."""
        item_bytes = ITEM_BYTES[precision]
        planned = self.layers[0]
        low, high = self.widened(first, last, self.halo)
        found = [
            planned_kind(planned.kind).demand(
                planned.spec, planned.input_shape, low, high, rank, self.frames, item_bytes
            )
        ]
        for layer, reach in zip(self.layers[1:], self.halos[1:], strict=True):
            channels_per_unit = layer.input_shape[0] // self.units
            reads = (high - low) * channels_per_unit
            low, high = self.widened(first, last, reach)
            makes = (high - low) * channels_per_unit
            found.append(
                fused_kind(layer.kind).demand(
                    layer.spec, layer.input_shape, reads, makes, self.frames, item_bytes
                )
            )
        return tuple(demand for demand in found if demand.kernels)

    def weight_bytes(self, first: Units, last: Units, rank: Units | None, precision: str) -> Amount:
        """Weights and biases that units [first, last) need, as stored, halo included."""
        low, high = self.widened(first, last, self.halo)
        return self.weight.stored_bytes(low, high, rank, ITEM_BYTES[precision])

    def input_bytes(self, precision: str) -> float:
        """The whole input of all frames."""
        values = self.input_shape[0] * positions(self.input_shape)
        return float(values * self.frames * ITEM_BYTES[precision])

    def operand_bytes(self, first: Units, last: Units, precision: str) -> Amount:
        """What units [first, last) read of all operands together, in all frames."""
        values = sum(
            math.prod(shape) // self.units
            for layer in self.layers
            for shape in layer.operand_shapes
        )
        return amount(last - first) * (values * self.frames * ITEM_BYTES[precision])

    def output_bytes(self, first: Units, last: Units, precision: str) -> Amount:
        """Output of units [first, last) in all frames, after the fused layers."""
        values = self.output_shape[0] * positions(self.output_shape) // self.units
        return amount(last - first) * (values * self.frames * ITEM_BYTES[precision])
