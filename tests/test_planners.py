"""Planners: guarantees against each other, goals that bind, conditions that change plans."""

from dataclasses import replace

import pytest

from experiments.scenarios import scenario
from planners import (
    FULL,
    PAPER,
    Conditions,
    Goals,
    Infeasible,
    NotApplicable,
    Question,
    check,
    load_planner,
    planner_names,
    predict,
)
from socs import load_cloud, load_link, load_soc
from workloads import load_workload
from workloads.names import UnknownName

PAIRS = [
    (soc, model) for soc in ("tegra_k1", "snapdragon_800") for model in ("alexnet", "cd_seide")
]


def question(soc="tegra_k1", model="alexnet", *, link="lte", options=PAPER, goals=None, **state):
    conditions = Conditions(
        link=load_link(link) if link else None,
        cloud=load_cloud("k40_server") if link else None,
        **state,
    )
    return Question(
        workload=load_workload(model),
        soc=load_soc(soc),
        conditions=conditions,
        options=options,
        goals=goals or Goals(),
    )


def solve(name, **asked):
    return load_planner(name)(question(**asked))


def used(plan):
    return {block.processor for block in plan.blocks}


@pytest.mark.parametrize("options", [PAPER, FULL], ids=lambda o: o.name)
@pytest.mark.parametrize(("soc", "model"), PAIRS)
def test_deepx_never_loses_planning_aside(soc, model, options):
    asked = question(soc, model, options=options)
    best = load_planner("deepx")(asked)
    check(best, asked)
    for name in planner_names():
        try:
            other = load_planner(name)(asked)
        except (Infeasible, NotApplicable):
            continue
        check(other, asked)
        assert best.predicted.plan_energy_j <= other.predicted.plan_energy_j * (1 + 1e-9), name


@pytest.mark.parametrize(("soc", "model"), PAIRS)
def test_predicted_is_the_laws_own_answer_and_deterministic(soc, model):
    asked = question(soc, model)
    plan = load_planner("deepx")(asked)
    assert plan.predicted == predict(plan, asked)
    again = load_planner("deepx")(question(soc, model))
    assert again == plan


def test_deepx_without_ranks_is_dad():
    dense = replace(PAPER, ranks=())
    for soc, model in PAIRS:
        deepx = solve("deepx", soc=soc, model=model, options=dense)
        dad = solve("dad", soc=soc, model=model)
        assert deepx.predicted.plan_energy_j == pytest.approx(dad.predicted.plan_energy_j, rel=1e-9)


def test_a_busy_dsp_sheds_work():
    soc = "snapdragon_800"
    calm, busy = solve("deepx", soc=soc), solve("deepx", soc=soc, busy={"dsp": 0.9})

    def dsp_units(plan):
        return sum(b.last_unit - b.first_unit for b in plan.blocks if b.processor == "dsp")

    assert dsp_units(busy) < dsp_units(calm)


def test_a_slow_uplink_keeps_layers_local_and_a_fast_one_invites_the_cloud():
    asked = {
        "soc": "snapdragon_800",
        "model": "cd_seide",
        "link": "wifi",
        "goals": Goals(objective="latency"),
    }
    slow = solve("deepx", uplink_bytes_per_s=0.2e6 / 8, **asked)
    fast = solve("deepx", uplink_bytes_per_s=200e6 / 8, **asked)
    assert "cloud" not in used(slow)
    assert "cloud" in used(fast)
    assert fast.predicted.latency_s < slow.predicted.latency_s


def test_a_deadline_buys_speed_with_energy():
    relaxed = solve("deepx", options=FULL)
    fastest = solve("deepx", options=FULL, goals=Goals(objective="latency"))
    deadline_s = (relaxed.predicted.latency_s + fastest.predicted.latency_s) / 2
    assert fastest.predicted.latency_s < 0.95 * relaxed.predicted.latency_s
    met = solve("deepx", options=FULL, goals=Goals(deadline_s=deadline_s))
    assert met.predicted.latency_s <= deadline_s
    assert met.blocks != relaxed.blocks
    assert relaxed.predicted.plan_energy_j <= met.predicted.plan_energy_j


def test_a_tighter_error_limit_needs_more_energy_and_zero_means_dense():
    loose = solve("deepx", goals=Goals(error=0.35))
    tight = solve("deepx", goals=Goals(error=0.05))
    exact = solve("deepx", goals=Goals(error=0.0))
    assert loose.predicted.plan_energy_j < tight.predicted.plan_energy_j
    assert tight.predicted.plan_energy_j <= exact.predicted.plan_energy_j
    assert all(block.rank is None for block in exact.blocks)
    assert any(block.rank is not None for block in loose.blocks)
    assert exact.predicted.error == 0.0


def test_impossible_goals_name_the_conflict_and_the_best():
    with pytest.raises(Infeasible) as caught:
        solve("deepx", goals=Goals(deadline_s=1e-6))
    (conflict,) = caught.value.conflicts
    assert conflict.goal == "deadline"
    assert conflict.asked == 1e-6
    assert conflict.best > 1e-3
    with pytest.raises(Infeasible) as caught:
        solve("deepx", goals=Goals(memory_bytes=1000.0), link=None)
    assert "memory" in {conflict.goal for conflict in caught.value.conflicts}


def test_a_memory_limit_is_kept():
    free = solve("deepx", link=None, options=FULL)
    limit = 0.9 * free.predicted.peak_memory_bytes
    kept = solve("deepx", link=None, options=FULL, goals=Goals(memory_bytes=limit))
    assert kept.predicted.peak_memory_bytes <= limit


def test_baselines_use_one_processor_and_say_when_they_cannot():
    assert used(solve("cpu_only")) == {"cpu"}
    assert used(solve("gpu_only")) == {"gpu"}
    assert used(solve("lpc_only")) == {"lpc"}
    assert used(solve("cloud_only")) == {"cloud"}
    with pytest.raises(NotApplicable, match="no dsp"):
        solve("dsp_only")
    with pytest.raises(NotApplicable, match="do not use"):
        solve("gpu_only", soc="snapdragon_800")
    assert used(solve("gpu_only", soc="snapdragon_800", options=FULL)) == {"gpu"}
    with pytest.raises(NotApplicable, match="no link"):
        solve("cloud_only", link=None)


def test_rlc_shrinks_dense_layers_on_one_processor():
    plan = solve("rlc")
    assert len(used(plan)) == 1
    ranks = {block.layer: block.rank for block in plan.blocks}
    assert ranks["fc6"] is not None


def test_unknown_planner_offers_the_nearest():
    with pytest.raises(UnknownName, match="deepx"):
        load_planner("depx")


def test_the_question_is_not_mutated_and_evaluations_are_counted():
    asked = question()
    before = (asked.conditions, asked.goals, asked.options, asked.workload, asked.soc)
    plan = load_planner("deepx")(asked)
    assert (asked.conditions, asked.goals, asked.options, asked.workload, asked.soc) == before
    assert plan.evaluations == asked.cost.evaluations > 1000


def test_a_layer_that_fits_nowhere_before_one_that_does_is_infeasible():
    """fc7 does not fit the GPU's buffers, fc8 does: there is no way to price between the two."""
    soc = load_soc("tegra_k1")
    room = soc.board_w.model_copy(update={"value": 20e6, "low": None, "high": None})
    gpu = soc.processors["gpu"].model_copy(update={"block_memory_bytes": room})
    small = soc.model_copy(update={"processors": {**soc.processors, "gpu": gpu}})
    space = replace(FULL, ranks=(), remote_segments=0)
    with pytest.raises(Infeasible, match="fc6"):
        load_planner("gpu_only")(scenario(small, "alexnet", options=space))
