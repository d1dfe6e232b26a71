"""Values without clock: a plan's blocks on real tensors, beside the monolithic fp32 reference."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from planners.checking import check
from planners.values import Plan, Question, UnitBlock
from sim.deviation import SYNTHETIC, Deviation, deviation
from workloads import Stage, Workload
from workloads.execution import (
    Scratch,
    block_values,
    forward,
    recompose,
    stage_input,
    stage_operands,
    stored,
)
from workloads.layer import Floats, Weights
from workloads.weights import make_inputs, make_weights

INPUTS = 32
"""Fewest inputs over which an error is measured."""


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """Weights, a batch of seeded inputs, and what the fp32 reference makes of them."""

    weights: Mapping[str, Weights]
    inputs: Floats
    reference: Floats
    """Scores before softmax."""


@lru_cache(maxsize=2)
def seeded_bench(workload: Workload, seed: int, count: int) -> Bench:
    """The workload's weights and `count` inputs of that seed."""
    weights = seeded_weights(workload)
    inputs = make_inputs(workload, count=count, seed=seed)
    return Bench(weights, inputs, forward(workload, weights, inputs, until_softmax=True))


@lru_cache(maxsize=2)
def seeded_weights(workload: Workload) -> Mapping[str, Weights]:
    """The workload's own weights where it has real ones, else its synthetic ones."""
    return make_weights(workload)


def weights_told(workload: Workload) -> str:
    """Where the weights of a workload come from, in words."""
    return SYNTHETIC if workload.weights is None else "as trained"


def bench_size(workload: Workload) -> int:
    """Inputs that an error of this workload is measured over: its frames, 32 at the least."""
    return max(workload.frames, INPUTS)


def block_output(
    stage: Stage,
    x: Floats,
    weights: Mapping[str, Weights],
    block: UnitBlock,
    scratch: Scratch | None = None,
    operands: Sequence[Floats] = (),
) -> Floats:
    """What a block leaves in memory: its units' values, rounded as its precision stores them."""
    made = block_values(
        stage,
        x,
        weights[stage.name],
        block.first_unit,
        block.last_unit,
        rank=block.rank,
        precision=block.precision,
        scratch=scratch,
        operands=operands,
    )
    return stored(made, block.precision)


def by_layer(blocks: Iterable[UnitBlock]) -> dict[str, list[UnitBlock]]:
    """Blocks of each layer in the order of their units."""
    found: dict[str, list[UnitBlock]] = {}
    for block in sorted(blocks, key=lambda block: block.first_unit):
        found.setdefault(block.layer, []).append(block)
    return found


def joined(parts: list[Floats]) -> Floats:
    """Parts of a tensor side by side along its channels."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def carry_values(
    plan: Plan, workload: Workload, inputs: Floats, weights: Mapping[str, Weights]
) -> tuple[Floats, Floats]:
    """(outputs, scores before softmax) of a plan's blocks on (inputs, *input_shape)."""
    made: dict[str, Floats] = {"input": inputs}
    blocks, scratch, scores = by_layer(plan.blocks), Scratch(), inputs
    for stage in workload.stages:
        x = stage_input(stage, made)
        beside = stage_operands(stage, made)
        parts = [
            block_output(stage, x, weights, block, scratch, beside) for block in blocks[stage.name]
        ]
        scores = joined(parts)
        made[stage.name] = recompose(stage, [scores])
    return made[workload.stages[-1].name], scores


def run_numerics(
    plan: Plan,
    question: Question,
    inputs: Floats,
    *,
    weights: Mapping[str, Weights] | None = None,
) -> tuple[Floats, Deviation]:
    """Outputs (inputs, *output_shape) of a plan's blocks, and how far they lie from fp32.

    inputs: (count, *input_shape). Where there are fewer than 32, the deviation is relative to the
    reference's spread over 32 seeded inputs. Raises PlanError for a plan that breaks a rule,
    ValueError for inputs of another shape.
    """
    check(plan, question, goals=False)
    workload = question.workload
    x = as_inputs(workload, inputs)
    used = seeded_weights(workload) if weights is None else weights
    outputs, scores = carry_values(plan, workload, x, used)
    return outputs, deviation(
        scores,
        forward(workload, used, x, until_softmax=True),
        question.error_limit,
        spread_of=_spread_of(workload, used) if len(x) < INPUTS else None,
        weights=weights_told(workload) if weights is None else "given",
    )


def _spread_of(workload: Workload, weights: Mapping[str, Weights]) -> Floats:
    inputs = make_inputs(workload, count=INPUTS)
    return forward(workload, weights, inputs, until_softmax=True)


def as_inputs(workload: Workload, inputs: Floats) -> Floats:
    """Inputs as fp32 (count, *input_shape); ValueError for another shape or no input."""
    x = np.ascontiguousarray(inputs, dtype=np.float32)
    if x.shape[1:] != workload.input_shape or not len(x):
        wanted = ("count", *workload.input_shape)
        raise ValueError(f"inputs of shape {x.shape}: must be {wanted}")
    return x
