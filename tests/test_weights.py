"""Synthetic weights: exact spectra, factors as the best approximation, activations alive."""

import numpy as np
import pytest
from networks import network

from workloads import load_workload
from workloads.cache import load_or_build
from workloads.execution import block_values, forward
from workloads.factors import (
    factorise,
    leading_directions,
    led_by,
    orthonormal_rows,
    partly,
    synthetic_factors,
)
from workloads.inputs import make_inputs
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


def test_images_are_smooth_whole_numbers_and_features_overlap():
    images = make_inputs(load_workload("alexnet"), count=2, seed=1)
    assert images.shape == (2, 3, 227, 227)
    assert np.array_equal(images, np.rint(images))
    # neighbours of white noise differ by 2 / sqrt(pi) = 1.13 standard deviations
    assert np.abs(np.diff(images, axis=3)).mean() < 0.6 * images.std()
    windows = make_inputs(load_workload("cd_seide"), count=5, seed=1)
    assert windows.shape == (5, 429)
    np.testing.assert_array_equal(windows[1, :-39], windows[0, 39:])


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


ARRAYS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros((0, 4), np.float32)}


def build_counted(calls):
    def build():
        calls.append(1)
        return dict(ARRAYS)

    return build


def test_the_cache_builds_once(folder):
    calls = []
    for _ in range(3):
        found = load_or_build("key", build_counted(calls), folder)
        assert {name: array.tolist() for name, array in found.items()} == {
            name: array.tolist() for name, array in ARRAYS.items()
        }
    assert len(calls) == 1
    load_or_build("other key", build_counted(calls), folder)
    assert len(calls) == 2
    assert not list(folder.glob("*.part"))


@pytest.mark.parametrize("damage", ["flip", "truncate", "extend", "empty", "text", "header"])
def test_a_damaged_cache_is_rebuilt(folder, damage):
    calls = []
    load_or_build("key", build_counted(calls), folder)
    (path,) = folder.glob("*.arrays")
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[-3] ^= 1
    changed = {
        "flip": bytes(content),
        "truncate": bytes(content[:-4]),
        "extend": bytes(content) + b"x",
        "empty": b"",
        "text": b"hello\n",
        "header": bytes(content).replace(b'"shape": [2', b'"shape": [9', 1),
    }[damage]
    path.write_bytes(changed)
    found = load_or_build("key", build_counted(calls), folder)
    assert len(calls) == 2
    np.testing.assert_array_equal(found["a"], ARRAYS["a"])
    load_or_build("key", build_counted(calls), folder)
    assert len(calls) == 2


def test_a_folder_that_cannot_be_written_only_means_no_cache(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    calls = []
    load_or_build("key", build_counted(calls), blocked)
    load_or_build("key", build_counted(calls), blocked)
    assert len(calls) == 2
