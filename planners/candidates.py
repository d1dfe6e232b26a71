"""Candidates: plans of whole layers that compete, predicted, under objective and limits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from planners.checking import broken_limits
from planners.options import Choice
from planners.prediction import predict
from planners.search import score
from planners.tables import stage_table
from planners.values import (
    CLOUD,
    Conflict,
    Infeasible,
    Plan,
    Prediction,
    Question,
    UnitBlock,
)

Blocks = tuple[UnitBlock, ...]
Priced = dict[Choice, dict[str, float]]
"""By processor, frequency and precision: seconds of each layer that it can run."""


def priced_layers(question: Question) -> tuple[Priced, int]:
    """Every whole, uncompacted layer costed once by every local choice; evaluations spent."""
    before = question.cost.evaluations
    options = replace(question.options, ranks=(), max_parts=1, remote_segments=0)
    narrowed, runtime = question.under(options=options), question.runtime(options.runtime)
    priced: Priced = {}
    for stage in question.workload.stages:
        table = stage_table(narrowed, stage, runtime)
        for signature, seconds in zip(table.signature, table.seconds, strict=True):
            (choice,) = table.placement_of(int(signature))
            priced.setdefault(choice, {})[stage.name] = float(seconds)
    return priced, question.cost.evaluations - before


def blocks_of(question: Question, where: Mapping[str, Choice]) -> Blocks:
    """Whole layers at their choices; those without one in the cloud."""
    blocks = []
    for stage in question.workload.stages:
        at = where.get(stage.name)
        place = (
            (CLOUD, None, "fp32") if at is None else (at.processor, at.frequency_hz, at.precision)
        )
        blocks.append(UnitBlock(stage.name, 0, stage.units, *place))
    return tuple(blocks)


def uniform(question: Question, priced: Priced) -> list[Blocks]:
    """All layers alike: one candidate a choice that can run them all."""
    names = [stage.name for stage in question.workload.stages]
    return [
        blocks_of(question, dict.fromkeys(names, choice))
        for choice, layers in priced.items()
        if len(layers) == len(names)
    ]


def best_plan(
    question: Question, planner: str, evaluations: int, candidates: Iterable[Blocks]
) -> Plan:
    """The candidate that is best of those that keep all limits, each predicted.

    The first of equals. Raises Infeasible with the limits that the candidate breaking the fewest
    breaks, each with the best that any candidate reaches.
    """
    runtime = question.options.runtime
    plans = [Plan(planner, c, None, evaluations, runtime) for c in dict.fromkeys(candidates)]
    plans = [replace(plan, predicted=predict(plan, question)) for plan in plans]
    seen = [(plan, plan.predicted) for plan in plans if plan.predicted is not None]
    kept = [(plan, p) for plan, p in seen if not broken_limits(p, question)]
    if kept:
        return min(kept, key=lambda pair: score(pair[1], question))[0]
    if not seen:
        raise Infeasible((), "no allowed processor runs all layers (precisions, block memory)")
    raise Infeasible(_conflicts([predicted for _, predicted in seen], question))


def _conflicts(seen: Sequence[Prediction], question: Question) -> tuple[Conflict, ...]:
    best = Prediction(
        latency_s=min(p.latency_s for p in seen),
        energy_j=min(p.energy_j for p in seen),
        peak_memory_bytes=min(p.peak_memory_bytes for p in seen),
        error=min(p.error for p in seen),
        planning_s=0.0,
        planning_j=0.0,
    )
    values = {
        "deadline": best.latency_s,
        "energy": best.energy_j,
        "memory": best.peak_memory_bytes,
        "error": best.error,
    }
    fewest = min((broken_limits(predicted, question) for predicted in seen), key=len)
    return tuple(replace(conflict, best=values[conflict.goal]) for conflict in fewest)
