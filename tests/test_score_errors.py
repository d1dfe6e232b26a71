"""Error estimates of real weights are measured; the end-to-end check has the last word."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from experiments.scenarios import scenario
from planners import Plan, Question, load_planner
from planners.error import layer_error2, predicted_error
from sim.acceptance import accepted_plan, compacted, measured_error
from workloads import Workload, load_workload
from workloads.execution import forward
from workloads.importing import workload_of
from workloads.inputs import make_inputs
from workloads.real_weights import RealWeights
from workloads.sensitivity import LayerErrors, ranks_measured, score_errors
from workloads.weights import LayerWeights, make_weights

Floats = NDArray[np.float32]


def decaying(random: np.random.Generator, rows: int, columns: int, fall: float) -> Floats:
    """A matrix whose singular values fall by a factor each."""
    count = min(rows, columns)
    left, _ = np.linalg.qr(random.standard_normal((rows, count)))
    right, _ = np.linalg.qr(random.standard_normal((columns, count)))
    made = (left * fall ** np.arange(count)) @ right.T
    return (made / np.sqrt(np.mean(made**2) * columns)).astype(np.float32)[None]


def speaker(*, loud: float = 1.0) -> Workload:
    """40 - 64 - 64 - 30 with rectifiers; the last layer's weights times `loud`."""
    random = np.random.default_rng(3)
    shapes = {"a": (64, 40), "b": (64, 64), "c": (30, 64)}
    weights = {
        name: RealWeights(
            decaying(random, *shape, 0.85) * np.float32(loud if name == "c" else 1.0),
            random.standard_normal(shape[0], dtype=np.float32),
        )
        for name, shape in shapes.items()
    }
    layers = [
        {"name": "a", "kind": "dense", "units": 64},
        {"name": "ra", "kind": "relu"},
        {"name": "b", "kind": "dense", "units": 64},
        {"name": "rb", "kind": "relu"},
        {"name": "c", "kind": "dense", "units": 30},
    ]
    return workload_of("speaker", layers, weights, (40,), (30,), source="a test")


NET = speaker()


def error_of(net: Workload, x: Floats, layer: str, rank: int) -> float:
    """Independently: the layer's matrix replaced by its truncated decomposition."""
    weights = make_weights(net)
    u, s, v = np.linalg.svd(weights[layer].matrix[0].astype(np.float64))
    matrix = ((u[:, :rank] * s[:rank]) @ v[:rank]).astype(np.float32)[None]
    own = weights[layer]
    changed = {**weights, layer: LayerWeights(matrix, own.bias, own.left, own.right)}
    reference, found = forward(net, weights, x), forward(net, changed, x)
    spread = np.linalg.norm(reference - reference.mean(axis=0))
    return float(np.linalg.norm(found - reference) / spread)


@pytest.mark.parametrize("layer", ["a", "b", "c"])
def test_what_a_layer_does_to_the_scores_is_measured(layer: str) -> None:
    """Against other inputs and another way to compact: above it, by at most a half."""
    errors, x = score_errors(NET), make_inputs(NET, count=400, seed=11)
    ranks = ranks_measured(NET, NET.stage(layer))
    assert len(ranks) >= 3
    for rank in ranks:
        estimate = float(errors.error2(NET, layer, rank, "fp32")) ** 0.5 / errors.joint
        assert 0.9 <= estimate / error_of(NET, x, layer, rank) <= 1.5


def test_measured_errors_are_the_planners_and_repeat() -> None:
    first, again = score_errors(speaker()), score_errors(speaker())
    assert first.joint == again.joint >= 1.0
    for name in "abc":
        found = layer_error2(NET, name, np.array([5, 10, 20]), "int8")
        np.testing.assert_array_equal(found, again.error2(NET, name, np.array([5, 10, 20]), "int8"))
        assert np.all(np.diff(found) <= 0)
        assert layer_error2(NET, name, None, "fp32") == 0
        assert 0 < layer_error2(NET, name, None, "fp16") < layer_error2(NET, name, None, "int8")


def test_how_loud_the_scores_are_changes_nothing() -> None:
    quiet, loud = score_errors(NET), score_errors(speaker(loud=64.0))
    for name in "abc":
        np.testing.assert_allclose(loud.layers[name].errors2, quiet.layers[name].errors2, rtol=1e-2)


def test_between_and_beyond_measured_points() -> None:
    errors = LayerErrors(np.array([0.0, 0.1, 0.3]), np.array([0.0, 0.04, 0.05]), 0.0)
    found = errors.compacted(np.array([0.0, 0.05, 0.1, 0.2, 0.3, 0.6]))
    np.testing.assert_allclose(found, [0.0, 0.02, 0.04, 0.045, 0.05, 0.1])


def test_estimates_cover_random_combinations() -> None:
    random, x = np.random.default_rng(5), make_inputs(NET, count=200, seed=12)
    weights = make_weights(NET)
    reference = forward(NET, weights, x)
    spread = np.linalg.norm(reference - reference.mean(axis=0))
    covered, ratios = [], []
    for _ in range(60):
        ranks = {s.name: int(random.choice(ranks_measured(NET, s))) for s in NET.stages}
        cut = {
            name: LayerWeights(
                own.left[:, :, : ranks[name]] @ own.right[:, : ranks[name]],
                own.bias,
                own.left,
                own.right,
            )
            for name, own in weights.items()
        }
        error = np.linalg.norm(forward(NET, cut, x) - reference) / spread
        estimate = sum(float(layer_error2(NET, n, r, "fp32")) for n, r in ranks.items()) ** 0.5
        covered.append(error <= estimate)
        ratios.append(estimate / error)
    assert np.mean(covered) >= 0.9
    assert np.median(ratios) <= 2.0


def question(**goals: float) -> Question:
    return scenario("snapdragon_800", NET, network="none", **goals)  # type: ignore[arg-type]


def test_an_accepted_plan_keeps_the_limit_on_real_values() -> None:
    plan, withdrawn = accepted_plan(question(), load_planner("deepx"))
    assert not withdrawn
    assert plan.predicted is not None
    assert measured_error(plan.blocks, NET) <= plan.predicted.error <= 0.35
    assert plan.predicted.error == pytest.approx(predicted_error(plan.blocks, NET))


def careless(asked: list[float], heeds_from: float) -> "object":
    """A planner that compacts to rank 2 until asked for an error below some limit."""

    def plan(question: Question) -> Plan:
        asked.append(question.error_limit)
        honest = load_planner("cpu_only")(question.under(goals=replace(question.goals, error=9.0)))
        if question.error_limit <= heeds_from:
            return honest
        return replace(honest, blocks=tuple(replace(b, rank=2) for b in honest.blocks))

    return plan


@pytest.mark.parametrize(("heeds_from", "rounds"), [(0.2, 1), (0.0, 4)])
def test_a_plan_that_fails_is_withdrawn(heeds_from: float, rounds: int) -> None:
    asked: list[float] = []
    plan, withdrawn = accepted_plan(question(), careless(asked, heeds_from))  # type: ignore[arg-type]
    assert not compacted(plan)
    assert len(withdrawn) == rounds
    assert all(failed.measured_error > 0.35 for failed in withdrawn)
    assert asked == sorted(asked, reverse=True)
    assert [failed.error_limit for failed in withdrawn] == asked[:-1]
    assert asked[-1] == 0.0 if rounds == 4 else asked[-1] > 0.0


def test_synthetic_weights_are_left_to_their_assumed_gains() -> None:
    synthetic = load_workload("cd_seide", frames=1)
    assert synthetic.score_errors is None
    gain = synthetic.error_gain["dense"]
    expected = gain**2 * (synthetic.tail_energy("h1", 64) + 0.03**2)
    assert layer_error2(synthetic, "h1", 64, "int8") == pytest.approx(expected)


def test_measurements_are_kept_with_the_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPX_CACHE", str(tmp_path))
    first = score_errors(speaker())
    assert len(list(tmp_path.iterdir())) == 1
    monkeypatch.setattr("workloads.sensitivity._measured", lambda net: pytest.fail("again"))
    assert score_errors(speaker()).joint == first.joint
