"""Exact on branching graphs: the best of all plans, and bounds that no plan goes below."""

from dataclasses import replace
from itertools import product

import pytest
from branching import conv, inception
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_device import tiny_question, tiny_soc, workload

from planners import FULL, Goals, Infeasible, Plan, check, load_planner, options, predict
from planners.branching import solve
from planners.checking import broken_limits
from planners.search import score
from planners.values import PlanError
from tests.profiles import examples

pytest.importorskip("ortools")


def diamond(left, right):
    """A stem, two ways side by side, and a join of both."""
    layers = [
        conv("stem", 4, 3),
        conv("left", left, 3, "stem"),
        conv("right", right, 5, "stem"),
        conv("join", 4, 1, "left", "right"),
    ]
    return workload("diamond", [2, 9, 9], layers)


def all_plans(question):
    """Every choice of an option for every layer that keeps the rules, predicted."""
    for blocks in product(*(list(found) for found in options(question).values())):
        plan = Plan("brute force", sum(blocks, ()), None, 0, question.options.runtime)
        try:
            check(plan, question, goals=False)
        except PlanError:
            continue
        yield predict(plan, question)


def least(question):
    """The objective of the best that keeps the limits, planning aside; None: there is none."""
    values = [score(p, question) for p in all_plans(question) if not broken_limits(p, question)]
    return min(values, default=None)


SMALL = replace(
    FULL,
    processors=("cpu", "dsp"),
    precisions={"cpu": ("fp32",), "dsp": ("fp32", "int8")},
    frequencies="max",
    ranks=(0.5,),
    split_parts=2,
)


def thoughtless(bandwidth_bytes_per_s):
    """Deadlines include planning: here it takes no time, as brute force takes none."""
    soc = tiny_soc(bandwidth_bytes_per_s=bandwidth_bytes_per_s)
    none = soc.evaluation_s.model_copy(update={"value": 0.0})
    return soc.model_copy(update={"evaluation_s": none})


@st.composite
def small_questions(draw):
    fewer = draw(st.sampled_from((("cpu", "gpu"), ("cpu", "dsp"), ("gpu", "dsp"), ("lpc", "dsp"))))
    precisions = dict.fromkeys(("cpu", "gpu", "lpc"), ("fp32",)) | {"dsp": ("fp32", "int8")}
    parts = draw(st.sampled_from((1, 2)))
    asked = tiny_question(
        workload=diamond(draw(st.sampled_from((4, 12))), draw(st.sampled_from((2, 6)))),
        soc=thoughtless(draw(st.sampled_from((3e8, 1e9, 1e12)))),
        options=replace(
            SMALL,
            processors=fewer,
            precisions=precisions,
            max_parts=parts,
            ranks=() if parts == 2 else (0.5,),
            runtime="native",
        ),
        online=draw(st.booleans()),
        goals=Goals(objective=draw(st.sampled_from(("latency", "energy")))),
    )
    best = load_planner("heft")(asked).predicted
    asked = asked.under(
        goals=replace(
            asked.goals,
            deadline_s=draw(st.sampled_from((None, best.latency_s, 0.9 * best.latency_s))),
            error=draw(st.sampled_from((None, 0.02, 0.1))),
        )
    )
    return asked


@given(small_questions())
@settings(max_examples=examples(5, deep=100))
def test_it_is_the_best_of_all_plans(asked):
    best = least(asked)
    if best is None:
        with pytest.raises(Infeasible):
            solve(asked)
        return
    found = solve(asked)
    assert found.bound <= best * (1 + 1e-9)
    assert found.value == pytest.approx(best, rel=1e-6)


def test_a_proof_on_a_device_without_contention_closes():
    options = replace(SMALL, max_parts=1)
    asked = tiny_question(
        workload=diamond(12, 6), options=options, goals=Goals(objective="latency")
    )
    found = solve(asked)
    assert found.optimal
    assert found.value == pytest.approx(least(asked), rel=1e-9)


def test_the_bound_holds_for_joules_times_seconds():
    asked = tiny_question(workload=diamond(12, 6), options=SMALL, goals=Goals(objective="edp"))
    found = solve(asked, work_s=2.0)
    best = least(asked)
    assert found.bound <= best * (1 + 1e-9)
    assert found.value == pytest.approx(best, rel=0.05)


def test_the_planner_certifies_and_is_no_worse_than_any_other():
    asked = tiny_question(
        workload=inception((3, 31, 31), channels=32),
        options=replace(FULL, processors=("cpu", "dsp"), frequencies="max", ranks=()),
        goals=Goals(objective="latency"),
    )
    plan = load_planner("exact")(asked)
    assert set(plan.certificate) == {"status", "value", "bound", "gap", "solver"}
    assert 0.0 < plan.certificate["bound"] <= plan.certificate["value"]
    for name in ("heft", "peft", "cpu_only"):
        other = load_planner(name)(asked).predicted
        assert plan.predicted.plan_latency_s <= other.plan_latency_s * (1 + 1e-9)


def test_the_same_question_gives_the_same_plan():
    asked = tiny_question(workload=diamond(12, 6), options=SMALL)
    first, second = solve(asked), solve(asked)
    assert (first.plan.blocks, first.bound) == (second.plan.blocks, second.bound)
