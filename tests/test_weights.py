"""Synthetic weights: exact spectra, factors as the best approximation, activations alive."""

import numpy as np
import pytest
from networks import network
from threadpoolctl import threadpool_limits

from workloads import load_workload
from workloads.execution import block_values, forward, recompose, stage_input, stored
from workloads.factors import (
    factorise,
    leading_directions,
    led_by,
    orthonormal_rows,
    partly,
    synthetic_factors,
)
from workloads.inputs import make_inputs
from workloads.layers import planned_kind
from workloads.scratch import Scratch
from workloads.spectra import singular_values
from workloads.weights import make_weights


def rng(seed=0):
    return np.random.default_rng(seed)


def test_orthonormal_rows():
    rows = orthonormal_rows(30, 70, rng())
    np.testing.assert_allclose(rows @ rows.T, np.eye(30), atol=1e-5)


def test_rows_turned_to_directions_stay_orthonormal_and_span_them():
    rows, directions = orthonormal_rows(30, 70, rng(1)), orthonormal_rows(8, 70, rng(2))
    turned = led_by(rows, directions)
    np.testing.assert_allclose(turned @ turned.T, np.eye(30), atol=1e-5)
    inside = turned[:8] @ directions.T
    np.testing.assert_allclose(inside @ inside.T, np.eye(8), atol=1e-5)


def test_partly_sees_its_share():
    directions = orthonormal_rows(8, 70, rng(2))
    mixed = partly(directions, 0.7, rng(3))
    np.testing.assert_allclose(mixed @ mixed.T, np.eye(8), atol=1e-5)
    seen = np.square(mixed @ directions.T).sum() / 8
    assert seen == pytest.approx(0.7, abs=1e-5)
    with pytest.raises(ValueError, match="exceed"):
        partly(orthonormal_rows(8, 15, rng(2)), 0.5, rng())


def test_leading_directions_hold_most_of_the_energy():
    basis = orthonormal_rows(3, 50, rng(1))
    samples = (rng(2).standard_normal((40, 3)) * [9, 5, 3]) @ basis
    samples = (samples + 0.01 * rng(3).standard_normal((40, 50))).astype(np.float32)
    found = leading_directions(samples, 3)
    assert np.square(samples @ found.T).sum() > 0.999 * np.square(samples).sum()


@pytest.mark.parametrize(("rows", "columns"), [(40, 90), (90, 40), (64, 64)])
def test_factors_are_the_best_approximation(rows, columns):
    values = singular_values("dense", 1, min(rows, columns))[0]
    nothing = np.zeros((0, columns), dtype=np.float32)
    left, right = synthetic_factors(values, rows, columns, nothing, rng())
    matrix = left @ right
    np.testing.assert_allclose(
        np.linalg.svd(matrix, compute_uv=False), values, rtol=1e-4, atol=1e-6
    )
    for rank in (1, 5, 20):
        own = left[:, :rank] @ right[:rank]
        for_given = np.matmul(*factorise(matrix.astype(np.float64), rank))
        np.testing.assert_allclose(own, for_given, atol=1e-5)
        # Eckart-Young: what is lost is the tail of the spectrum
        lost = np.linalg.norm(matrix - own) ** 2
        assert lost == pytest.approx((values[rank:] ** 2).sum(), rel=1e-4)


def test_factorise_obeys_eckart_young_to_ten_digits():
    matrix = rng().standard_normal((30, 50))
    values = np.linalg.svd(matrix, compute_uv=False)
    for rank in (1, 7, 30):
        left, right = factorise(matrix, rank)
        lost = np.linalg.norm(matrix - left @ right)
        expected = np.sqrt((values[rank:] ** 2).sum())
        assert lost == pytest.approx(expected, rel=1e-10, abs=1e-10)
    with pytest.raises(ValueError, match="rank 31"):
        factorise(matrix, 31)


def test_weights_are_seeded_and_whole():
    workload = load_workload("cd_seide")
    first, again = make_weights(workload), make_weights(workload)
    assert set(first) == {name for name, _ in workload.planned_layers}
    for name, layer in first.items():
        stage = workload.stage(name)
        shape = stage.weight
        assert layer.matrix.shape == (shape.groups, shape.rows, shape.columns)
        assert layer.left.shape == (shape.groups, shape.rows, stage.max_rank)
        assert layer.right.shape == (shape.groups, stage.max_rank, shape.columns)
        np.testing.assert_array_equal(layer.matrix, again[name].matrix)
    spectrum = np.linalg.svd(first["h1"].matrix[0], compute_uv=False)
    expected = workload.spectrum("h1")[0]
    np.testing.assert_allclose(spectrum / spectrum[0], expected / expected[0], atol=1e-4)


def test_activations_keep_their_spread_over_inputs():
    workload = load_workload("cd_seide")
    x = make_inputs(workload, count=100, seed=11)
    scores = forward(workload, make_weights(workload), x, until_softmax=True)
    centred = np.linalg.norm(scores - scores.mean(0)) / np.linalg.norm(scores)
    assert centred > 0.5
    assert len(set(scores.argmax(1))) > 20


def test_integer_weights_and_inputs_make_exact_sums():
    net = network(
        [3, 17, 17],
        {"kind": "conv", "units": 8, "kernel": 3, "padding": 1},
        {"kind": "relu"},
        {"kind": "max_pool", "kernel": 3, "stride": 2},
        {"kind": "conv", "units": 8, "kernel": 3, "groups": 2},
        {"kind": "relu"},
        {"kind": "flatten"},
        {"kind": "dense", "units": 20},
    )
    weights = make_weights(net, variant="integer")
    x = make_inputs(net, count=3, variant="integer")
    whole = forward(net, weights, x)
    assert np.array_equal(whole, np.rint(whole))
    assert np.abs(whole).max() < 2**24
    stage = net.stages[0]
    halves = [block_values(stage, x, weights[stage.name], a, b) for a, b in ((0, 3), (3, 8))]
    np.testing.assert_array_equal(
        np.concatenate(halves, axis=1), block_values(stage, x, weights[stage.name], 0, 8)
    )


@pytest.mark.parametrize("layers", [3, 13, 24])
def test_integer_sums_stay_exact_however_deep_the_network(layers):
    dense = {"kind": "dense", "units": 16}
    net = network([16], *([dense, {"kind": "relu"}] * layers))
    largest = 7.0
    for layer in make_weights(net, variant="integer").values():
        largest = largest * np.abs(layer.matrix).sum(axis=-1).max() + np.abs(layer.bias).max()
    assert largest < 2**24


def test_stored_factors_drop_the_tail_of_the_spectrum():
    workload = load_workload("cd_seide")
    weights = make_weights(workload)["h1"]
    whole = np.linalg.norm(weights.matrix)
    for rank in (1, 40, workload.stage("h1").max_rank):
        kept = weights.left[0, :, :rank] @ weights.right[0, :rank]
        lost = (np.linalg.norm(weights.matrix - kept) / whole) ** 2
        assert lost == pytest.approx(workload.tail_energy("h1", rank), rel=1e-3)


def quantisation_errors(workload, precision, count):
    """Per layer, what its precision does to its own sums, relative to their spread over inputs."""
    weights, scratch = make_weights(workload), Scratch()
    made = {"input": make_inputs(workload, count=count, seed=3)}
    found = {}
    for stage in workload.stages:
        x, own, planned = stage_input(stage, made), weights[stage.name], stage.layers[0]
        how = (planned_kind(planned.kind).values, planned.spec, x, own, 0, stage.units, None)
        exact = how[0](*how[1:], "fp32", scratch).copy()
        rounded = stored(how[0](*how[1:], precision, scratch).copy(), precision)
        spread = np.linalg.norm(exact - exact.mean(axis=0))
        found[stage.name] = float(np.linalg.norm(rounded - exact) / spread)
        made[stage.name] = recompose(stage, [block_values(stage, x, own, 0, stage.units)])
    return found


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp16", "int8"])
@pytest.mark.parametrize(("model", "count"), [("cd_seide", 100), ("alexnet", 32)])
def test_quantisation_errors_lie_within_the_stated_range(model, count, precision):
    workload = load_workload(model)
    stated = workload.spec.quantisation_error[precision]
    found = quantisation_errors(workload, precision, count)
    assert stated.low is not None
    assert stated.high is not None
    assert stated.low <= min(found.values())
    assert max(found.values()) <= stated.high
    # planners count with the root mean square over layers at least, and at most four times that
    typical = np.sqrt(np.mean(np.square(list(found.values()))))
    assert typical <= stated.value <= 4 * typical


def test_images_are_smooth_whole_numbers_and_features_overlap():
    images = make_inputs(load_workload("alexnet"), count=2, seed=1)
    assert images.shape == (2, 3, 227, 227)
    assert np.array_equal(images, np.rint(images))
    # neighbours of white noise differ by 2 / sqrt(pi) = 1.13 standard deviations
    assert np.abs(np.diff(images, axis=3)).mean() < 0.6 * images.std()
    windows = make_inputs(load_workload("cd_seide"), count=5, seed=1)
    assert windows.shape == (5, 429)
    np.testing.assert_array_equal(windows[1, :-39], windows[0, 39:])


def test_weights_do_not_depend_on_the_number_of_threads(tmp_path):
    layers = [{"name": name, "kind": "dense", "units": 600} for name in ("one", "two")]
    net = network([600], *layers)
    made = []
    for threads in (1, 2):
        with threadpool_limits(limits=threads, user_api="blas"):
            made.append(make_weights(net, cache=tmp_path / str(threads)))
    for name in ("one", "two"):
        assert made[0][name].matrix.tobytes() == made[1][name].matrix.tobytes()
