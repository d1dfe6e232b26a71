"""The chain's programme against brute force over every combination of options."""

from dataclasses import replace
from itertools import product

import pytest

from planners import PAPER, Conditions, Goals, Plan, Question, load_planner, options, predict
from planners.checking import broken_limits
from planners.search import score
from socs import load_cloud, load_link, load_soc
from workloads import load_workload

TINY = """
kind: workload
name: tiny
description: three dense layers
source: made for this test
frames: 4
input:
  shape: [600]
  wire: {name: fp32, bytes_per_frame: 2400, lossless: true,
    encode_bytes_per_s: {value: 2.0e+9, source: test, basis: assumed, low: 1.0e+9, high: 3.0e+9}}
output:
  wire: {name: fp32, bytes_per_frame: 40, lossless: true,
    encode_bytes_per_s: {value: 2.0e+9, source: test, basis: assumed, low: 1.0e+9, high: 3.0e+9}}
error_limit: {value: 0.3, source: test, basis: assumed, low: 0.1, high: 0.5}
error_gain: {dense: {value: 1.2, source: test, basis: assumed, low: 1, high: 2}}
quantisation_error:
  int8: {value: 0.02, source: test, basis: assumed, low: 0.01, high: 0.05}
  fp16: {value: 0.001, source: test, basis: assumed, low: 0.0001, high: 0.005}
weights:
  seed: 1
  spectra: {dense: dense}
layers:
  - {name: a, kind: dense, units: 800}
  - {name: a_relu, kind: relu}
  - {name: b, kind: dense, units: 700}
  - {name: b_relu, kind: relu}
  - {name: c, kind: dense, units: 10}
"""

SMALL = replace(PAPER, ranks=(0.25, 0.6), split_parts=2)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "tiny.yaml"
    path.write_text(TINY)
    return load_workload(path)


def ask(tiny, soc, link, goals, window="until_idle"):
    return Question(
        workload=tiny,
        soc=load_soc(soc),
        goals=goals,
        options=SMALL,
        energy_window=window,
        conditions=Conditions(
            link=load_link(link) if link else None,
            cloud=load_cloud("k40_server") if link else None,
        ),
    )


def brute_force(asked):
    """Smallest score over all combinations that keep the limits and one cloud segment."""
    best = float("inf")
    for layers in product(*options(asked).values()):
        remote = [blocks[0].processor == "cloud" for blocks in layers]
        if (
            sum(now and not before for before, now in zip([False, *remote], remote, strict=False))
            > 1
        ):
            continue
        plan = Plan("brute", tuple(b for blocks in layers for b in blocks), None, 0, "deepx_2016")
        predicted = predict(plan, asked)
        if not broken_limits(predicted, asked):
            best = min(best, score(predicted, asked))
    return best


@pytest.mark.parametrize("objective", ["energy", "latency"])
@pytest.mark.parametrize("link", [None, "wifi"])
@pytest.mark.parametrize("soc", ["tegra_k1", "snapdragon_800"])
def test_deepx_finds_the_optimum_under_an_error_limit(tiny, soc, link, objective):
    asked = ask(tiny, soc, link, Goals(objective=objective))
    plan = load_planner("deepx")(asked)
    # errors are rounded up to 1/256 of the budget: no plan here sits on that edge
    assert score(plan.predicted, asked) == pytest.approx(brute_force(asked), rel=1e-9)


@pytest.mark.parametrize("window", ["until_idle", "until_output"])
def test_the_cloud_is_priced_as_predicted(tiny, window):
    asked = ask(tiny, "snapdragon_800", "wifi", Goals(objective="edp"), window)
    plan = load_planner("deepx")(asked)
    assert score(plan.predicted, asked) <= brute_force(asked) * 1.01


def test_a_deadline_costs_little_more_than_the_optimum(tiny):
    free = load_planner("deepx")(ask(tiny, "tegra_k1", None, Goals()))
    fast = load_planner("deepx")(ask(tiny, "tegra_k1", None, Goals(objective="latency")))
    deadline_s = 0.5 * (free.predicted.latency_s + fast.predicted.latency_s)
    asked = ask(tiny, "tegra_k1", None, Goals(deadline_s=deadline_s))
    plan = load_planner("deepx")(asked)
    assert plan.predicted.latency_s <= deadline_s
    assert score(plan.predicted, asked) >= free.predicted.plan_energy_j * (1 - 1e-9)
