"""Why a plan is as it is: what each layer's alternatives would cost, and why processors rest.

An alternative replaces one layer's option in the finished plan by the best option on other
processors, and the whole plan is predicted anew. Costs are the objective's, planning aside.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from experiments.amounts import OBJECTIVE_UNITS
from experiments.resting import Rest, resting
from planners import Plan, PlanError, Prediction, Question, UnitBlock, check, predict
from planners.checking import broken_limits
from planners.cost import Roofline
from planners.error import layer_error2
from planners.search import score
from planners.tables import StageTable, stage_table
from planners.values import CLOUD
from workloads import Stage


@dataclass(frozen=True, slots=True)
class Alternative:
    """The whole plan with one layer run otherwise."""

    layer: str
    processors: tuple[str, ...]
    blocks: tuple[UnitBlock, ...]
    predicted: Prediction
    cost: float
    """The objective's value, planning aside."""
    change: float
    """Relative to the plan as it is; negative where the alternative is cheaper."""
    breaks: tuple[str, ...]
    """Limits that it would break."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Alternatives of each layer, and the processors that the plan leaves alone."""

    objective: str
    unit: str
    cost: float
    layers: dict[str, tuple[UnitBlock, ...]]
    alternatives: tuple[Alternative, ...]
    resting: tuple[Rest, ...]

    def document(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {
            "objective": self.objective,
            "unit": self.unit,
            "cost": self.cost,
            "layers": [
                {
                    "layer": layer,
                    "chosen": [asdict(block) for block in blocks],
                    "alternatives": [
                        asdict(other) for other in self.alternatives if other.layer == layer
                    ],
                }
                for layer, blocks in self.layers.items()
            ],
            "unused": [asdict(rest) for rest in self.resting],
        }


def explain(plan: Plan, question: Question) -> Explanation:
    """Alternatives of every layer of a plan; the plan must have been predicted."""
    priced = question.under(cost=Roofline())
    layers = {
        stage.name: tuple(b for b in plan.blocks if b.layer == stage.name)
        for stage in question.workload.stages
    }
    runtime = question.runtime(plan.runtime)
    tables = [stage_table(priced, stage, runtime) for stage in question.workload.stages]
    cost = score(predict(plan, priced), priced)
    others = tuple(
        other for table in tables for other in _alternatives(plan, priced, table, layers, cost)
    )
    return Explanation(
        objective=question.goals.objective,
        unit=OBJECTIVE_UNITS[question.goals.objective],
        cost=cost,
        layers=layers,
        alternatives=others,
        resting=resting(plan, priced, tables, _costs_of(others), cost),
    )


def _costs_of(others: tuple[Alternative, ...]) -> dict[str, tuple[float, str, tuple[str, ...]]]:
    """By processor: cost, layer and limits broken of the cheapest alternative that uses it."""
    found: dict[str, tuple[float, str, tuple[str, ...]]] = {}
    for other in sorted(others, key=lambda other: (bool(other.breaks), other.cost)):
        for name in other.processors:
            found.setdefault(name, (other.cost, other.layer, other.breaks))
    return found


def _alternatives(
    plan: Plan,
    question: Question,
    table: StageTable,
    layers: dict[str, tuple[UnitBlock, ...]],
    cost: float,
) -> Iterator[Alternative]:
    """The best alternative on each other set of processors, in the order of the options."""
    stage = table.options.stage
    chosen = tuple(block.processor for block in layers[stage.name])
    best: dict[tuple[str, ...], Alternative] = {}
    for blocks in _candidates(table, question, layers):
        processors = tuple(block.processor for block in blocks)
        found = _priced(plan, question, stage, blocks, cost)
        if found is None or set(processors) == set(chosen):
            continue
        known = best.get(processors)
        if known is None or (bool(found.breaks), found.cost) < (bool(known.breaks), known.cost):
            best[processors] = found
    yield from best.values()


def _candidates(
    table: StageTable, question: Question, layers: dict[str, tuple[UnitBlock, ...]]
) -> Iterator[tuple[UnitBlock, ...]]:
    """Per placement up to its frequency: the option cheapest by itself within the error limit."""
    stage = table.options.stage
    allowed = _error2_left(question, stage, layers)
    costs = _own_costs(table, question)
    best: dict[tuple[tuple[str, str], ...], tuple[float, int]] = {}
    for row in np.flatnonzero(table.error2 <= allowed * (1 + 1e-9) + 1e-15):
        choices = table.placement_of(int(table.signature[row]))
        key = tuple((choice.processor, choice.precision) for choice in choices)
        best[key] = min(best.get(key, (np.inf, -1)), (float(costs[row]), int(table.index[row])))
    for _, index in best.values():
        yield table.options.blocks(index)
    if question.conditions.has_cloud and question.options.remote_segments:
        yield (UnitBlock(stage.name, 0, stage.units, CLOUD, None, "fp32"),)


def _own_costs(table: StageTable, question: Question) -> np.ndarray[Any, np.dtype[np.float64]]:
    soc = question.soc
    awake_w = soc.board_w.value + soc.memory.background_w.value
    energy = table.joules + awake_w * table.seconds
    objective = question.goals.objective
    if objective == "energy":
        return energy
    return table.seconds if objective == "latency" else energy * table.seconds


def _error2_left(
    question: Question, stage: Stage, layers: dict[str, tuple[UnitBlock, ...]]
) -> float:
    """Squared error that the other layers leave to this one."""
    workload = question.workload
    used = sum(
        (b.last_unit - b.first_unit)
        / workload.stage(layer).units
        * float(layer_error2(workload, layer, b.rank, b.precision))
        for layer, blocks in layers.items()
        if layer != stage.name
        for b in blocks
    )
    return float(question.error_limit**2 - used)


def _priced(
    plan: Plan, question: Question, stage: Stage, blocks: tuple[UnitBlock, ...], cost: float
) -> Alternative | None:
    """The plan with a layer's blocks replaced; None where no device could carry it out."""
    others = tuple(block for block in plan.blocks if block.layer != stage.name)
    changed = replace(plan, blocks=others + blocks, predicted=None)
    try:
        check(changed, question, goals=False)
    except PlanError:
        return None
    predicted = predict(changed, question)
    new = score(predicted, question)
    return Alternative(
        layer=stage.name,
        processors=tuple(block.processor for block in blocks),
        blocks=blocks,
        predicted=predicted,
        cost=new,
        change=new / cost - 1.0 if cost > 0 else 0.0,
        breaks=tuple(conflict.goal for conflict in broken_limits(predicted, question)),
    )
