"""The end-to-end check that has the last word before a compacted plan of real weights is offered.

Estimates add up errors of layers; what a plan really does to the scores is measured on seeded
inputs. A plan beyond the error limit is withdrawn, the limit that the planner is asked to keep is
tightened in proportion, and it plans again. Synthetic weights are not checked here: their spectra
and gains are assumptions anyway.
"""

from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

from planners.values import Plan, PlanFunction, Question, UnitBlock
from sim.deviation import deviation
from sim.numerics import bench_size, carry_values, seeded_bench
from workloads import Workload

ROUNDS = 4
"""Compacted plans that may fail before an uncompacted one in fp32 is asked for."""
_MARGIN = 0.95


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A plan that failed the end-to-end check."""

    error_limit: float
    """That the planner was asked to keep."""
    predicted_error: float | None
    measured_error: float

    def document(self) -> dict[str, Any]:
        """As JSON-able values."""
        return asdict(self)


def accepted_plan(question: Question, plan_for: PlanFunction) -> tuple[Plan, tuple[Withdrawn, ...]]:
    """A plan whose measured error keeps the question's limit, and those withdrawn before it.

    What was measured replaces the estimate of the plan's error where it is larger.

    Raises what the planner raises: Infeasible where even what is uncompacted breaks a goal.
    """
    plan = plan_for(question)
    withdrawn: list[Withdrawn] = []
    limit = question.error_limit
    while question.workload.weights is not None and compacted(plan):
        measured = measured_error(plan.blocks, question.workload)
        predicted = None if plan.predicted is None else plan.predicted.error
        if measured <= question.error_limit:
            return _no_less(plan, measured), tuple(withdrawn)
        withdrawn.append(Withdrawn(limit, predicted, measured))
        limit *= _MARGIN * question.error_limit / measured
        limit = limit if len(withdrawn) < ROUNDS else 0.0
        plan = plan_for(question.under(goals=replace(question.goals, error=limit)))
    return plan, tuple(withdrawn)


def _no_less(plan: Plan, measured: float) -> Plan:
    """The plan with an estimate of its error that is at least the measured one."""
    if plan.predicted is None or plan.predicted.error >= measured:
        return plan
    return replace(plan, predicted=replace(plan.predicted, error=measured))


def compacted(plan: Plan) -> bool:
    """Whether any block has a rank, or a precision other than fp32."""
    return any(block.rank is not None or block.precision != "fp32" for block in plan.blocks)


def measured_error(blocks: tuple[UnitBlock, ...], workload: Workload) -> float:
    """Relative error of the scores over the seeded inputs that verification takes.

    Where blocks run, and how fast, plays no part.
    """
    return _measured(
        tuple(replace(block, processor="any", frequency_hz=None) for block in blocks), workload
    )


@lru_cache(maxsize=512)
def _measured(blocks: tuple[UnitBlock, ...], workload: Workload) -> float:
    bench = seeded_bench(workload, 0, bench_size(workload))
    plan = Plan("any", blocks, None, 0, "native")
    _, scores = carry_values(plan, workload, bench.inputs, bench.weights)
    return deviation(scores, bench.reference, workload.error_limit).relative_error
