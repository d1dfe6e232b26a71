"""The front between energy and latency that a planner reaches on one question."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from experiments.answers import block_rows
from planners import Infeasible, Plan, Prediction, Question, load_planner

STEPS = 15
"""Deadlines tried between the quickest and the most frugal plan."""
Step = Callable[[str], None]


def pareto(
    question: Question, planner: str, *, steps: int = STEPS, step: Step = lambda _: None
) -> tuple[Plan, ...]:
    """Plans that no other of them beats in both energy and latency, quickest first.

    The least energy under deadlines from the quickest plan's latency to that of the most frugal
    one, in equal ratios; the question's other goals hold for all. Exact where the planner is.
    Raises Infeasible where not even one of both ends can be reached.
    """
    plan_for = load_planner(planner)

    def least(objective: str, deadline_s: float | None) -> Plan:
        goals = replace(question.goals, objective=objective, deadline_s=deadline_s)  # type: ignore[arg-type]
        plan = plan_for(question.under(goals=goals))
        step(objective)
        return plan

    asked_s = question.goals.deadline_s
    quickest, frugal = least("latency", asked_s), least("energy", asked_s)
    first_s, last_s = _of(quickest).latency_s, _of(frugal).latency_s
    found = [quickest, frugal]
    for deadline_s in np.geomspace(first_s, max(first_s, last_s), steps + 2)[1:-1]:
        try:
            found.append(least("energy", float(deadline_s)))
        except Infeasible:
            step("infeasible")
    return undominated(found)


def _of(plan: Plan) -> Prediction:
    assert plan.predicted is not None
    return plan.predicted


def undominated(plans: Sequence[Plan]) -> tuple[Plan, ...]:
    """Without those that another beats or equals in both; quickest first."""
    ordered = sorted(plans, key=lambda plan: (_of(plan).latency_s, _of(plan).energy_j))
    kept: list[Plan] = []
    for plan in ordered:
        if not kept or _of(plan).energy_j < _of(kept[-1]).energy_j:
            kept.append(plan)
    return tuple(kept)


def front_rows(plans: Sequence[Plan]) -> list[dict[str, Any]]:
    """The front as JSON-able rows."""
    names = ("latency_s", "energy_j", "peak_memory_bytes", "error")
    return [
        {name: getattr(_of(plan), name) for name in names} | {"blocks": block_rows(plan)}
        for plan in plans
    ]
