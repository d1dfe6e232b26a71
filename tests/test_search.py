"""The chain's programme against brute force over every combination of options."""

from dataclasses import replace
from itertools import combinations, product

import pytest

from planners import (
    PAPER,
    Conditions,
    Goals,
    Infeasible,
    Plan,
    Question,
    load_planner,
    options,
    predict,
)
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

SMALL = replace(PAPER, ranks=(0.25, 0.6), split_parts=2, runtime="native")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "tiny.yaml"
    path.write_text(TINY)
    return load_workload(path)


def quick(soc):
    """A SoC that costs options in no time, so that planning takes no part of a limit."""
    found = load_soc(soc)
    free = found.evaluation_s.model_copy(update={"value": 0.0})
    return found.model_copy(update={"evaluation_s": free})


def ask(tiny, soc, link, goals, window="until_idle"):
    return Question(
        workload=tiny,
        soc=quick(soc),
        goals=goals,
        options=SMALL,
        energy_window=window,
        conditions=Conditions(
            link=load_link(link) if link else None,
            cloud=load_cloud("k40_server") if link else None,
        ),
    )


def everything(asked):
    """Predictions of all combinations with at most one cloud segment."""
    found = []
    for layers in product(*options(asked).values()):
        remote = [blocks[0].processor == "cloud" for blocks in layers]
        if (
            sum(now and not before for before, now in zip([False, *remote], remote, strict=False))
            > 1
        ):
            continue
        plan = Plan("brute", tuple(b for blocks in layers for b in blocks), None, 0, "native")
        found.append(predict(plan, asked))
    return found


@pytest.fixture(scope="module")
def known(tiny):
    """By SoC, link and window: predictions of every plan there is, made when first asked for."""
    made = {}

    def of(soc, link, window="until_idle"):
        key = soc, link, window
        if key not in made:
            made[key] = everything(ask(tiny, soc, link, Goals(error=10.0), window))
        return made[key]

    return of


def best_of(predictions, asked):
    """Smallest score that keeps the limits; None where there is none."""
    kept = [score(p, asked) for p in predictions if not broken_limits(p, asked)]
    return min(kept, default=None)


def checked(asked, predictions):
    """Whether deepx finds the optimum, or says that there is none."""
    best = best_of(predictions, asked)
    if best is None:
        with pytest.raises(Infeasible):
            load_planner("deepx")(asked)
        return False
    assert score(load_planner("deepx")(asked).predicted, asked) == pytest.approx(best, rel=1e-9)
    return True


@pytest.mark.parametrize("objective", ["energy", "latency", "edp"])
@pytest.mark.parametrize("link", [None, "wifi"])
@pytest.mark.parametrize("soc", ["tegra_k1", "snapdragon_800"])
def test_deepx_finds_the_optimum_under_an_error_limit(tiny, known, soc, link, objective):
    for error in (0.0, 0.1, 0.2, 0.3, 1.0):
        assert checked(
            ask(tiny, soc, link, Goals(objective=objective, error=error)), known(soc, link)
        )


@pytest.mark.parametrize("window", ["until_idle", "until_output"])
def test_the_cloud_is_priced_as_predicted(tiny, known, window):
    asked = ask(tiny, "snapdragon_800", "wifi", Goals(objective="edp"), window)
    assert checked(asked, known("snapdragon_800", "wifi", window))


@pytest.mark.parametrize("link", [None, "wifi"])
@pytest.mark.parametrize("soc", ["tegra_k1", "snapdragon_800"])
def test_deepx_finds_the_optimum_under_every_mix_of_limits(tiny, known, soc, link):
    predictions = known(soc, link)
    feasible = 0
    for objective, error in product(("energy", "latency", "edp"), (0.15, 0.3)):
        free = ask(tiny, soc, link, Goals(objective=objective, error=error))
        kept = [p for p in predictions if not broken_limits(p, free)]
        best = min(kept, key=lambda p: score(p, free))
        limits = {
            "deadline_s": (best.latency_s, min(p.latency_s for p in kept)),
            "energy_j": (best.energy_j, min(p.energy_j for p in kept)),
            "memory_bytes": (best.peak_memory_bytes, min(p.peak_memory_bytes for p in kept)),
        }
        for names in ((n,) for n in limits):
            feasible += checks(tiny, soc, link, free.goals, limits, names, predictions)
        for names in combinations(limits, 2):
            feasible += checks(tiny, soc, link, free.goals, limits, names, predictions)
        feasible += checks(tiny, soc, link, free.goals, limits, tuple(limits), predictions)
    assert feasible >= 9


def checks(tiny, soc, link, goals, limits, names, predictions):
    """Check with the named limits a third of the way from least to what is needed without."""
    bounds = {n: limits[n][1] + (limits[n][0] - limits[n][1]) / 3.0 for n in names}
    asked = ask(tiny, soc, link, replace(goals, **bounds))
    return checked(asked, predictions)


def test_a_conflict_says_what_relaxing_one_goal_takes(tiny, known):
    free = ask(tiny, "tegra_k1", None, Goals())
    fast = min(p.latency_s for p in known("tegra_k1", None) if not broken_limits(p, free))
    lean = min(p.peak_memory_bytes for p in known("tegra_k1", None) if not broken_limits(p, free))
    goals = Goals(deadline_s=fast * 1.01, memory_bytes=lean * 1.01)
    with pytest.raises(Infeasible) as caught:
        load_planner("deepx")(ask(tiny, "tegra_k1", None, goals))
    for conflict in caught.value.conflicts:
        field = {"deadline": "deadline_s", "memory": "memory_bytes"}[conflict.goal]
        assert conflict.best > conflict.asked
        for factor, possible in ((1.0 + 1e-9, True), (1.0 - 1e-6, False)):
            relaxed = replace(goals, **{field: conflict.best * factor})
            asked = ask(tiny, "tegra_k1", None, relaxed)
            assert (best_of(known("tegra_k1", None), asked) is not None) == possible
