"""Neurosurgeon: the best single cut is the one that trying all cuts finds."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from planners import (
    FULL,
    PAPER,
    Goals,
    Infeasible,
    NotApplicable,
    Plan,
    PlanError,
    UnitBlock,
    check,
    load_planner,
    predict,
)
from planners.checking import broken_limits
from planners.conformance import check_planner, questions
from planners.conformance_changes import again
from planners.options import allowed_processors
from planners.search import score
from tests.profiles import examples
from tests.test_planners import PAIRS, question
from tests.tiny_device import tiny_question, workload

OBJECTIVES = ("energy", "latency", "edp")


def cut_plans(asked, evaluations):
    """Every cut with every processor, clock and precision before it; lawful ones only."""
    stages, space = asked.workload.stages, asked.options
    locals_ = [
        (name, clock, precision)
        for name in allowed_processors(asked)
        for clock in asked.soc.processors[name].frequencies_hz
        if space.frequencies == "all" or clock == asked.soc.processors[name].frequencies_hz[-1]
        for precision in ("fp32", "fp16", "int8")
        if space.precisions == "all"
        or precision in space.precisions.get(asked.soc.processors[name].kind, ())
    ]
    for cut in range(len(stages) + 1):
        for local in locals_ or [("cloud", None, "fp32")]:
            sides = [local] * cut + [("cloud", None, "fp32")] * (len(stages) - cut)
            blocks = tuple(
                UnitBlock(stage.name, 0, stage.units, *side)
                for stage, side in zip(stages, sides, strict=True)
            )
            plan = Plan("by hand", blocks, None, evaluations, space.runtime)
            try:
                check(plan, asked, goals=False)
            except PlanError:
                continue
            yield plan


def assert_best_cut(asked):
    """The planner's answer against all cuts; what it answered."""
    try:
        plan = load_planner("neurosurgeon")(asked)
    except Infeasible:
        plan = None
    evaluations = asked.cost.evaluations if plan is None else plan.evaluations
    tried = [predict(one, asked) for one in cut_plans(asked, evaluations)]
    scores = [score(one, asked) for one in tried if not broken_limits(one, asked)]
    assert (plan is None) == (not scores)
    if plan is not None:
        check(plan, asked)
        assert score(plan.predicted, asked) == min(scores)
    return plan


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("link", ["lte", "wifi"])
@pytest.mark.parametrize(("soc", "model"), PAIRS)
def test_equals_all_cuts(soc, model, link, objective):
    assert assert_best_cut(question(soc, model, link=link, goals=Goals(objective=objective)))


@pytest.mark.parametrize(("soc", "model"), PAIRS)
def test_equals_all_cuts_at_all_clocks_and_precisions(soc, model):
    assert assert_best_cut(question(soc, model, link="wifi", options=FULL))


@pytest.mark.parametrize("uplink", [1e4, 1e6, 3e6, 1e7, 1e9])
def test_equals_all_cuts_at_any_rate(uplink):
    state = {"uplink_bytes_per_s": uplink, "downlink_bytes_per_s": uplink}
    assert assert_best_cut(question(link="wifi", busy={"gpu": 0.9}, **state))


@settings(
    max_examples=examples(100, deep=2500),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(questions().filter(lambda q: q.conditions.has_cloud and q.options.remote_segments))
def test_equals_all_cuts_on_any_question(asked):
    assert_best_cut(again(asked))


def test_cuts_in_the_middle_are_found():
    """AlexNet over Wi-Fi: convolutions shrink the data on the phone, the server does the rest."""
    plan = assert_best_cut(question("snapdragon_800", "alexnet", link="wifi"))
    sides = [block.processor == "cloud" for block in plan.blocks]
    assert sides == sorted(sides)
    assert True in sides
    assert False in sides


def test_branches_are_not_its_business():
    layers = [
        {"name": "a", "kind": "dense", "units": 50},
        {"name": "b", "kind": "dense", "units": 30, "inputs": ["input"]},
        {"name": "c", "kind": "dense", "units": 20, "inputs": ["a", "b"]},
    ]
    asked = tiny_question(workload=workload("fork", [40], layers), online=True)
    with pytest.raises(NotApplicable, match="branches"):
        load_planner("neurosurgeon")(asked)


def test_ends_of_the_range():
    slow = question(uplink_bytes_per_s=1e3)
    assert all(b.processor != "cloud" for b in load_planner("neurosurgeon")(slow).blocks)
    fast = question("snapdragon_800", "cd_seide", link="wifi", uplink_bytes_per_s=1e9)
    assert all(b.processor == "cloud" for b in load_planner("neurosurgeon")(fast).blocks)


def test_each_layer_is_costed_once_by_each_choice():
    asked = question()
    plan = load_planner("neurosurgeon")(asked)
    choices = len(allowed_processors(asked))  # one precision and clock each in PAPER
    assert plan.evaluations == asked.cost.evaluations == choices * len(asked.workload.stages)


def test_limits_move_the_cut():
    asked = question("snapdragon_800", "alexnet", link="wifi")
    free = load_planner("neurosurgeon")(asked)
    tight = Goals(memory_bytes=0.97 * free.predicted.peak_memory_bytes)
    kept = load_planner("neurosurgeon")(again(asked).under(goals=tight))
    assert kept.blocks != free.blocks
    assert kept.predicted.peak_memory_bytes <= tight.memory_bytes
    with pytest.raises(Infeasible) as caught:
        load_planner("neurosurgeon")(again(asked).under(goals=Goals(deadline_s=1e-6)))
    (conflict,) = caught.value.conflicts
    assert conflict.goal == "deadline"
    assert conflict.best == pytest.approx(
        min(predict(one, asked).latency_s for one in cut_plans(asked, free.evaluations))
    )


def test_needs_a_cloud():
    with pytest.raises(NotApplicable, match="no link"):
        load_planner("neurosurgeon")(question(link=None))
    with pytest.raises(NotApplicable, match="local"):
        load_planner("neurosurgeon")(question(options=replace(PAPER, remote_segments=0)))


@pytest.mark.slow
def test_keeps_all_properties():
    check_planner("neurosurgeon", max_examples=examples(100, deep=1000), seed=2)
