"""Values of unit-blocks and of whole networks, in numpy.

fp32 is the reference. fp16 and int8 follow `workloads.rounding`: what a layer reads is rounded as
its precision has it, and what it makes is rounded to fp16 at fp16. An int8 block gives the
rescaled sums; `stored` says how they lie in memory once the block is done. Where all sums are
exact (whole numbers in fp32), blocks put together are bitwise the whole layer.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from workloads.graph import Workload
from workloads.layer import Floats, Weights
from workloads.layers import combining_kind, fused_kind, planned_kind
from workloads.rounding import stored
from workloads.scratch import Scratch
from workloads.stages import Stage

__all__ = [
    "Scratch",
    "block_values",
    "forward",
    "recompose",
    "stage_input",
    "stage_operands",
    "stored",
]


def block_values(
    stage: Stage,
    x: Floats,
    weights: Weights,
    first: int,
    last: int,
    *,
    rank: int | None = None,
    precision: str = "fp32",
    scratch: Scratch | None = None,
    operands: Sequence[Floats] = (),
) -> Floats:
    """Output of units [first, last): (frames, channels of the block after fused layers, ...).

    x is the whole input of the stage, (frames, *input_shape), and is left as it is; operands are
    the whole outputs of `stage.operands`. Layers that need all units (softmax) wait for
    `recompose`.
    """
    planned = stage.layers[0]
    low, high = stage.widened(first, last, stage.halo)
    pool = scratch or Scratch()
    y = units = planned_kind(planned.kind).values(
        planned.spec, x, weights, int(low), int(high), rank, precision, pool
    )
    unread = iter(operands)
    for layer, reach in zip(stage.layers[1 : stage.blockwise], stage.halos[1:], strict=False):
        start, stop = stage.widened(first, last, reach)
        kind, combining = fused_kind(layer.kind), combining_kind(layer.kind)
        if combining is not None:
            channel = int(start) * (layer.input_shape[0] // stage.units)
            beside = [next(unread) for _ in layer.operand_shapes]
            y = combining.combine(layer.spec, y, channel, beside, precision)
        elif kind.halo(layer.spec):
            y = kind.values(layer.spec, y, int(start - low), int(stop - start), precision, pool)
        else:
            y = kind.values(layer.spec, y, 0, y.shape[1], precision, pool)
        low = start
    return y.copy() if np.may_share_memory(y, units) else y


def recompose(stage: Stage, parts: Sequence[Floats]) -> Floats:
    """The stage's output from its blocks' in the order of their units."""
    y = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
    for layer in stage.layers[stage.blockwise :]:
        combining = combining_kind(layer.kind)
        if combining is not None:
            y = combining.combine(layer.spec, y, 0, (), "fp32")
        else:
            y = fused_kind(layer.kind).values(layer.spec, y, 0, y.shape[1], "fp32", Scratch())
    return y


def stage_input(stage: Stage, made: Mapping[str, Floats]) -> Floats:
    """What a stage reads, from outputs by stage name and the network's own input as "input"."""
    parts = [made[name] for name in stage.inputs]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def stage_operands(stage: Stage, made: Mapping[str, Floats]) -> list[Floats]:
    """What a stage's fused layers read beside it, from outputs by stage name."""
    return [made[name] for name in stage.operands]


def forward(
    workload: Workload,
    weights: Mapping[str, Weights],
    x: Floats,
    *,
    until_softmax: bool = False,
    scratch: Scratch | None = None,
) -> Floats:
    """The network's output in fp32, whole layers at a time: (frames, *output_shape).

    `until_softmax` stops at the scores, before the last stage's layers that need all units.
    """
    pool = scratch or Scratch()
    made: dict[str, Floats] = {"input": x}
    for stage in workload.stages:
        whole = stage_input(stage, made)
        scores = block_values(
            stage,
            whole,
            weights[stage.name],
            0,
            stage.units,
            scratch=pool,
            operands=stage_operands(stage, made),
        )
        if until_softmax and stage is workload.stages[-1]:
            return scores
        made[stage.name] = recompose(stage, [scores])
    return made[workload.stages[-1].name]
