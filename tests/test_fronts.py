"""Pareto fronts between energy and latency."""

import json
from itertools import product

import pytest
from click.testing import CliRunner

from experiments.cli import main
from experiments.fronts import pareto, undominated
from experiments.scenarios import scenario
from planners import Infeasible, Plan, Prediction, load_planner, predict

WORDS = ["plan", "cd_seide", "--soc", "snapdragon_800", "--planner", "deepx", "--pareto"]


@pytest.fixture(scope="module")
def front():
    return pareto(scenario("snapdragon_800", "cd_seide", network="none"), "deepx", steps=6)


def test_no_plan_of_a_front_beats_another(front):
    assert len(front) >= 3
    values = [(plan.predicted.latency_s, plan.predicted.energy_j) for plan in front]
    for one, other in product(values, values):
        assert one == other or one[0] < other[0] or one[1] < other[1]
    assert values == sorted(values)


def test_its_ends_are_the_best_of_each_objective(front):
    question = scenario("snapdragon_800", "cd_seide", network="none")
    frugal = load_planner("deepx")(question).predicted
    quick = scenario("snapdragon_800", "cd_seide", network="none", objective="latency")
    assert front[-1].predicted.energy_j <= frugal.energy_j * (1 + 1e-12)
    quickest = load_planner("deepx")(quick).predicted
    assert front[0].predicted.latency_s <= quickest.latency_s * (1 + 1e-12)


def test_other_goals_hold_for_all():
    question = scenario("snapdragon_800", "cd_seide", network="none", max_error=0.1)
    for plan in pareto(question, "deepx", steps=3):
        assert predict(plan, question).error <= 0.1
    with pytest.raises(Infeasible):
        pareto(scenario("snapdragon_800", network="none", memory_bytes=1e6), "deepx", steps=1)


def made(latency_s, energy_j):
    predicted = Prediction(latency_s, energy_j, 0.0, 0.0, 0.0, 0.0)
    return Plan("by hand", (), predicted, 0, "native")


def test_dominated_and_equal_plans_go():
    points = [(1, 5), (2, 5), (2, 3), (2, 3), (3, 4), (4, 1)]
    kept = undominated([made(*point) for point in points])
    assert [(p.predicted.latency_s, p.predicted.energy_j) for p in kept] == [(1, 5), (2, 3), (4, 1)]


def test_the_command_shows_and_prints_it():
    shown = CliRunner().invoke(main, WORDS)
    assert shown.exit_code == 0, shown.output
    assert "Pareto front" in shown.stdout
    printed = CliRunner().invoke(main, [*WORDS, "--json"])
    rows = json.loads(printed.stdout)["pareto"]
    assert {"latency_s", "energy_j", "peak_memory_bytes", "error", "blocks"} <= set(rows[0])
    assert len(rows) >= 2
