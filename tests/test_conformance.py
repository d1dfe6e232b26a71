"""The conformance kit bites: shipped planners pass, each broken one fails by the right property."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest

from planners import (
    Infeasible,
    NotApplicable,
    Plan,
    Question,
    load_planner,
    options,
    planner_names,
    predict,
)
from planners.checking import broken_limits
from planners.conformance import (
    BASELINE,
    PROPERTIES,
    ConformanceError,
    check_planner,
)
from planners.conformance_strategies import single_plans
from planners.search import score
from planners.values import Conflict
from tests.profiles import examples

SHIPPED = planner_names()
ALL = frozenset(PROPERTIES)


def kept_by(name: str) -> frozenset[str]:
    return BASELINE if name.endswith("_only") else ALL


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_planners_pass(name: str) -> None:
    check_planner(name, max_examples=15, properties=kept_by(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_planners_pass_many(name: str) -> None:
    many = examples(100, deep=1000)
    check_planner(name, max_examples=many, properties=kept_by(name), seed=1)


def honest(question: Question, best=min) -> Plan:
    """The best single processor; quick, and keeps all properties."""
    kept = [
        replace(plan, predicted=predicted)
        for plan, predicted in single_plans(question)
        if not broken_limits(predicted, question)
    ]
    if not kept:
        raise Infeasible((), "no single processor keeps all limits")
    return best(kept, key=lambda plan: score(plan.predicted, question))


def changed(change: Callable[[Plan, Question], Plan]) -> Callable[[Question], Plan]:
    """A planner that answers as `rlc` does, but for a change to its plan."""

    def plan(question: Question) -> Plan:
        answer = change(honest(question), question)
        try:
            return replace(answer, predicted=predict(answer, question))
        except (ValueError, KeyError):
            return answer

    return plan


def first_block(plan: Plan, **changes: object) -> Plan:
    head, *tail = plan.blocks
    if head.processor == "cloud":
        return plan
    return replace(plan, blocks=(replace(head, **changes), *tail))


def drops_a_unit(plan: Plan, question: Question) -> Plan:
    return first_block(plan, first_unit=1)


def covers_twice(plan: Plan, question: Question) -> Plan:
    return replace(plan, blocks=(*plan.blocks, plan.blocks[-1]))


def lacking_precision(plan: Plan, question: Question) -> Plan:
    return first_block(plan, precision="fp64")


def lacking_frequency(plan: Plan, question: Question) -> Plan:
    return first_block(plan, frequency_hz=(plan.blocks[0].frequency_hz or 0.0) + 1.0)


def rank_above_break_even(plan: Plan, question: Question) -> Plan:
    stage = question.workload.stages[0]
    blocks = tuple(
        replace(block, rank=stage.max_rank + 1)
        if block.layer == stage.name and block.processor != "cloud"
        else block
        for block in plan.blocks
    )
    return replace(plan, blocks=blocks)


def ignoring(goal: str) -> Callable[[Question], Plan]:
    """A planner to which one limit is not told."""

    def plan(question: Question) -> Plan:
        goals = replace(question.goals, **{goal: 1e9 if goal == "error" else None})
        answer = honest(question.under(goals=goals))
        return replace(answer, predicted=predict(answer, question))

    return plan


def always_infeasible(question: Question) -> Plan:
    raise Infeasible((Conflict("deadline", 1.0, 2.0, "s"),))


def infeasible_without_reason(question: Question) -> Plan:
    raise Infeasible(())


def never_applicable(question: Question) -> Plan:
    raise NotApplicable("not today")


def crashes(question: Question) -> Plan:
    raise ZeroDivisionError("oops")


def returns_none(question: Question) -> Plan:
    return None  # type: ignore[return-value]


def lies(question: Question) -> Plan:
    plan = honest(question)
    assert plan.predicted is not None
    return replace(
        plan, predicted=replace(plan.predicted, energy_j=plan.predicted.energy_j * 0.999)
    )


def hides_evaluations(question: Question) -> Plan:
    plan = replace(load_planner("rlc")(question), evaluations=0)
    return replace(plan, predicted=predict(plan, question))


def mutates_busy(question: Question) -> Plan:
    plan = honest(question)
    question.conditions.busy["cpu"] = 0.125  # type: ignore[index]
    return plan


def mutates_hosts(question: Question) -> Plan:
    plan = honest(question)
    question.hosts.pop("cpu", None)  # type: ignore[attr-defined]
    return plan


def mutates_goals(question: Question) -> Plan:
    plan = honest(question)
    object.__setattr__(question, "goals", replace(question.goals, deadline_s=123.0))
    return plan


def nondeterministic() -> Callable[[Question], Plan]:
    calls = count()

    def plan(question: Question) -> Plan:
        answer = replace(honest(question), evaluations=10_000 + next(calls))
        return replace(answer, predicted=predict(answer, question))

    return plan


def flaky() -> Callable[[Question], Plan]:
    """Crashes on its eleventh call only, so that nothing fails again."""
    calls = count()

    def plan(question: Question) -> Plan:
        if next(calls) == 10:
            raise ZeroDivisionError("once")
        return honest(question)

    return plan


def by_name(question: Question) -> Plan:
    """Uses the processor that comes last in the alphabet."""
    space = replace(question.options, processors=(max(question.soc.processors),))
    return honest(question.under(options=space))


def by_seconds(question: Question) -> Plan:
    """Thinks that a clock of 1e8 Hz is the slowest there can be."""
    slowest = min(spec.frequencies_hz[-1] for spec in question.soc.processors.values())
    return honest(question) if slowest >= 1e8 else worst(question)


def worst(question: Question) -> Plan:
    """Wants what costs most, of what keeps the limits."""
    return honest(question, best=max)


BROKEN = [
    (changed(drops_a_unit), "rules", "not covered"),
    (changed(covers_twice), "rules", "covered twice"),
    (changed(lacking_precision), "rules", "does not run this layer in fp64"),
    (changed(lacking_frequency), "rules", "no operating point"),
    (changed(rank_above_break_even), "rules", "below break-even"),
    (ignoring("memory_bytes"), "goals", "memory"),
    (ignoring("deadline_s"), "goals", "deadline"),
    (ignoring("energy_j"), "goals", "energy"),
    (ignoring("error"), "goals", "error"),
    (always_infeasible, "feasible", "keeps all"),
    (infeasible_without_reason, "answer", "without conflicts"),
    (never_applicable, "applicable", "only NotApplicable"),
    (crashes, "answer", "ZeroDivisionError: oops"),
    (returns_none, "answer", "returned NoneType"),
    (nondeterministic(), "deterministic", "evaluations"),
    (flaky(), "deterministic", "ZeroDivisionError: once"),
    (lies, "predicted", "energy_j"),
    (hides_evaluations, "evaluations", "charges 0"),
    (mutates_busy, "unchanged", "changed conditions"),
    (mutates_hosts, "unchanged", "changed hosts"),
    (mutates_goals, "unchanged", "changed goals"),
    (by_name, "renaming", "renamed"),
    (worst, "single", "alone"),
]


@pytest.mark.parametrize(
    ("planner", "name", "found"), BROKEN, ids=[f"{name}-{found}" for _, name, found in BROKEN]
)
def test_broken_planners_are_caught(planner, name, found):
    kept = ALL - {"feasible", "single"} if name == "renaming" else ALL
    with pytest.raises(ConformanceError, match=found) as caught:
        check_planner(planner, max_examples=150, properties=kept, shrink=False)
    assert caught.value.property == name
    assert str(caught.value).startswith(f"{name}: a planner {PROPERTIES[name]}")


def test_planner_that_times_in_clocks_of_its_own_does_not_scale():
    with pytest.raises(ConformanceError) as caught:
        check_planner(by_seconds, max_examples=150, properties={"scaling"}, shrink=False)
    assert caught.value.property == "scaling"


def test_counterexample_is_small_and_at_hand():
    with pytest.raises(ConformanceError) as caught:
        check_planner(changed(drops_a_unit))
    question = caught.value.question
    assert question is not None
    assert len(question.soc.processors) <= 2
    assert len(question.workload.stages) == 2
    assert "question:" in str(caught.value)
    assert options(question)


def test_thin_wrapper_passes():
    check_planner(lambda question: load_planner("deepx")(question), max_examples=6)


def test_planner_of_single_processors_passes():
    check_planner(honest, max_examples=60)


def test_unknown_property_is_told():
    with pytest.raises(ValueError, match="no property speed"):
        check_planner("dad", properties={"speed"})


def test_planners_load_without_hypothesis():
    code = "import sys, planners; sys.exit('hypothesis' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
