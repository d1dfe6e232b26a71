"""Why a plan leaves a processor alone, in numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from experiments.amounts import OBJECTIVE_UNITS, percent
from planners import Infeasible, NotApplicable, Plan, Question
from planners.chain import Scope
from planners.options import allowed_processors
from planners.search import find_plan, score
from planners.tables import StageTable
from planners.values import CLOUD

Cheapest = Mapping[str, tuple[float, str, tuple[str, ...]]]
"""By processor: cost of the cheapest alternative that uses it, its layer, limits it breaks."""


@dataclass(frozen=True, slots=True)
class Rest:
    """A processor that a plan does not use, and why."""

    processor: str
    reason: str
    change: float | None = None
    """What using it would add at the least, relative to the plan's cost; None where it cannot."""


def resting(
    plan: Plan, question: Question, tables: Sequence[StageTable], cheapest: Cheapest, cost: float
) -> tuple[Rest, ...]:
    """Every processor of the SoC, and the cloud, that the plan does not use."""
    used = {block.processor for block in plan.blocks}
    found = [
        _local(name, plan, question, tables, cheapest, cost)
        for name in question.soc.processors
        if name not in used
    ]
    if CLOUD not in used:
        found.append(_remote(plan, question, cheapest, cost))
    return tuple(found)


def _local(
    name: str,
    plan: Plan,
    question: Question,
    tables: Sequence[StageTable],
    cheapest: Cheapest,
    cost: float,
) -> Rest:
    allowed = allowed_processors(question)
    if name not in allowed:
        space = question.options.name
        return Rest(name, f"not among the processors of options {space!r} ({', '.join(allowed)})")
    if name not in cheapest:
        return Rest(name, _cannot(name, question, tables))
    whole = _alone(name, plan, question)
    return _dearer(name, plan, question, cheapest[name], cost, whole)


def _cannot(name: str, question: Question, tables: Sequence[StageTable]) -> str:
    """Why no layer of the plan can have a block there."""
    spec, host = question.soc.processors[name], question.hosts[name]
    options = [table.options for table in tables]
    placed = any(
        choice.processor == name
        for layer in options
        for placement in layer.placements
        for choice in placement
    )
    if not placed:
        space = question.options.precisions
        precisions = spec.macs_per_cycle if space == "all" else space.get(spec.kind, ())
        return f"its host {host.name} runs no layer in {', '.join(precisions) or 'any precision'}"
    fits = any(
        choice.processor == name
        for table in tables
        for signature in set(table.signature.tolist())
        for choice in table.placement_of(signature)
    )
    if not fits:
        limit = spec.block_memory_bytes
        held = 0.0 if limit is None else limit.value / 1e6
        return f"no block fits the {held:.3g} MB that one block may hold there"
    return (
        f"every block there breaks the error limit {question.error_limit:g} "
        "beside the plan's other layers"
    )


def _alone(name: str, plan: Plan, question: Question) -> float | None:
    """Cost of the best plan on this processor alone."""
    try:
        scope = Scope(splits=False, cloud=False, processors=(name,))
        best = find_plan(question, plan.planner, plan.runtime, (scope,))
    except (Infeasible, NotApplicable):
        return None
    assert best.predicted is not None
    return score(best.predicted, question)


def _remote(plan: Plan, question: Question, cheapest: Cheapest, cost: float) -> Rest:
    if not question.conditions.has_cloud:
        return Rest(CLOUD, "there is no network")
    if CLOUD not in cheapest:
        return Rest(CLOUD, f"options {question.options.name!r} keep everything local")
    return _dearer(CLOUD, plan, question, cheapest[CLOUD], cost, None)


def _dearer(
    name: str,
    plan: Plan,
    question: Question,
    cheapest: tuple[float, str, tuple[str, ...]],
    cost: float,
    whole: float | None,
) -> Rest:
    """Numbers: the cheapest layer to move there, and the whole model there."""
    unit = OBJECTIVE_UNITS[question.goals.objective]
    with_layer, layer, breaks = cheapest
    change = with_layer / cost - 1.0 if cost > 0 else 0.0
    if breaks:
        reason = f"with {layer} there the plan would break its limit on {' and '.join(breaks)}"
    elif change >= 0:
        more = f"{with_layer - cost:.3g} {unit} ({percent(change)})"
        reason = f"costs {more} more with {layer}, the cheapest layer to move there"
    else:
        reason = (
            f"not considered by {plan.planner}: {layer} there would save "
            f"{cost - with_layer:.3g} {unit} ({percent(-change)})"
        )
    if whole is not None:
        reason += f"; whole model there: {whole:.3g} {unit} against {cost:.3g} {unit}"
    return Rest(name, reason, change)
