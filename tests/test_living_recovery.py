"""What is left of a request: the rest of a chain, its error budget, and the plan made whole."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planners import check
from planners.discovery import load_planner
from planners.error import predicted_error
from planners.prediction import predict
from planners.values import FULL, Goals, Plan, UnitBlock
from sim.deciding import Planning
from sim.drafts import Draft
from sim.jobs import App, Job, NoPlan
from sim.recovery import joined_plan, rest_question
from sim.rest import Rest
from tests.living import calm, online
from tests.tiny_device import tiny_plan, tiny_question, tiny_workload, workload

FOUR = workload(
    "four",
    [64],
    [{"name": f"layer{n}", "kind": "dense", "units": 64} for n in range(4)],
    frames=4,
)


@given(first=st.integers(0, 3))
def test_the_rest_of_a_chain_is_a_chain_with_the_same_layers(first):
    rest = Rest.of(FOUR, first)
    assert rest.is_chain
    assert rest.planned_layers == FOUR.planned_layers[first:]
    assert rest.stages[0].inputs == ("input",)
    assert rest.input_shape == FOUR.stages[first].input_shape
    assert rest.output_shape == FOUR.output_shape
    for name, units in rest.planned_layers:
        assert (rest.spectrum(name) == FOUR.spectrum(name)).all()
        assert rest.tail_energy(name, 8) == FOUR.tail_energy(name, 8)
        ours, whole = rest.stage(name), FOUR.stage(name)
        assert ours.demands(0, units, None, "fp32") == whole.demands(0, units, None, "fp32")
    assert (rest == FOUR) is False
    assert Rest.of(FOUR, first) == rest


def test_there_is_no_rest_beyond_the_end():
    for first in (-1, 4):
        with pytest.raises(ValueError, match="no rest from layer"):
            Rest.of(FOUR, first)


@given(done=st.integers(1, 3), ranks=st.lists(st.integers(4, 31), min_size=4, max_size=4))
def test_errors_already_made_are_taken_off_the_limit(done, ranks):
    question = tiny_question(workload=FOUR, options=FULL)
    plan = tiny_plan(question, "cpu", "cpu", "cpu", "cpu")
    blocks = tuple(
        replace(block, rank=rank) for block, rank in zip(plan.blocks, ranks, strict=True)
    )
    spent = predicted_error(blocks[:done], FOUR)
    asked = rest_question(question, replace(plan, blocks=blocks), done, Goals())
    limit = question.error_limit
    assert asked.error_limit == pytest.approx(max(limit**2 - spent**2, 0.0) ** 0.5, abs=1e-12)
    if spent > limit:
        return
    after = load_planner("deepx")(asked)
    joined = joined_plan(replace(plan, blocks=blocks), after, question, done)
    assert predicted_error(joined.blocks, FOUR) <= limit * (1.0 + 1e-9)
    assert {b.layer for b in joined.blocks} == {name for name, _ in FOUR.planned_layers}
    check(replace(joined, predicted=None), question, goals=False)


def test_a_rest_planned_is_the_whole_planned_less_what_is_done():
    """The cost of a rest on one processor: the whole's, less the layers that are done."""
    question = tiny_question(workload=FOUR)
    whole = predict(tiny_plan(question, *["cpu"] * 4, evaluations=0), question)
    asked = rest_question(question, tiny_plan(question, *["cpu"] * 4), 2, Goals())
    half = predict(tiny_plan(asked, *["cpu"] * 2, evaluations=0), asked)
    assert half.latency_s == pytest.approx(whole.latency_s / 2.0, rel=1e-9)


def test_new_plans_must_cover_what_is_left():
    question = tiny_question(workload=FOUR)
    plan = tiny_plan(question, *["cpu"] * 4)
    short = replace(plan, blocks=plan.blocks[3:])
    with pytest.raises(NoPlan, match="leaves layers out"):
        joined_plan(plan, short, question, 2)


def recovered(planner, *, question=None, state=None, goals=None, done=1, where=("gpu", "cloud")):
    question = question or online(workload=tiny_workload())
    planning = Planning(planner, "replan", step=0.0)
    app = App("app", question, planning)
    job = Job(0, app, 0.0, layers_done=done)
    job.draft = Draft(tiny_plan(question, *where), question)
    return planning.recover(job, state or calm(question), goals or Goals())


def test_a_planner_that_answers_wrongly_is_replaced():
    def elsewhere(asked):
        return Plan("wrong", (UnitBlock("thin", 0, 3, "cpu", 1e9, "fp32"),), None, 0, "native")

    draft = recovered(elsewhere)
    assert draft.first_layer == 1
    assert draft.plan.planner != "wrong"

    def off(asked):
        return tiny_plan(asked, "dsp")

    question = online(workload=tiny_workload())
    draft = recovered(off, state=replace(calm(question), offline=("dsp",)))
    assert all(block.processor != "dsp" for block in draft.plan.blocks if block.layer == "thin")


def test_recoveries_are_kept_by_what_they_were_made_for():
    asked = []

    def planner(question):
        asked.append(question)
        return tiny_plan(question, "cpu")

    question = online(workload=tiny_workload())
    planning = Planning(planner, "replan", step=0.0)
    job = Job(0, App("app", question, planning), 0.0, layers_done=1)
    job.draft = Draft(tiny_plan(question, "gpu", "cloud"), question)
    one = planning.recover(job, calm(question), Goals(deadline_s=1.0))
    two = planning.recover(job, calm(question), Goals(deadline_s=1.01))
    other = planning.recover(job, calm(question), Goals(deadline_s=2.0))
    assert one is two
    assert one is not other
    assert len(asked) == 2
    assert asked[0].goals.deadline_s <= 1.0
    assert not asked[0].conditions.has_cloud


def test_all_layers_done_leaves_the_delivery():
    draft = recovered(load_planner("dad"), done=2, where=("gpu", "gpu"))
    assert draft.first_layer == 2
    assert not draft.planned
