"""Factors that keep a layer's outputs: principal components, bias corrected, one for all ranks."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from workloads import Workload
from workloads.execution import block_values, forward, recompose
from workloads.faults import SpecError
from workloads.importing import workload_of
from workloads.inputs import make_inputs
from workloads.output_aware import OutputAware, refactored
from workloads.real_weights import RealWeights
from workloads.signals import make_signal, signal_names
from workloads.signals.tones import RATE_HZ, make_tones
from workloads.weights import make_weights

Floats = NDArray[np.float32]


def listener(units: int = 24, samples: int = 96, signal: str | None = "tones") -> Workload:
    """A convolution in time and a dense layer, as random as can be."""
    random = np.random.default_rng(7)
    kernel = 48
    wide = samples - kernel + 1
    weights = {
        "c": RealWeights(
            random.standard_normal((1, units, kernel), dtype=np.float32) / 7,
            random.standard_normal(units, dtype=np.float32),
        ),
        "d": RealWeights(
            random.standard_normal((1, 40, units * wide), dtype=np.float32) / 30,
            random.standard_normal(40, dtype=np.float32),
        ),
    }
    layers = [
        {"name": "c", "kind": "conv", "units": units, "kernel": [1, kernel]},
        {"name": "r", "kind": "relu"},
        {"name": "f", "kind": "flatten"},
        {"name": "d", "kind": "dense", "units": 40},
    ]
    return workload_of("net", layers, weights, (1, 1, samples), (40,), source="t", signal=signal)


NET = listener()


def sums(net: Workload, name: str, rank: int | None) -> Floats:
    """(units, samples) of a planned layer alone, on other tones than it was made from."""
    stage = net.stage(name)
    made = {"input": make_inputs(net, count=60, seed=5)}
    for other in net.stages:
        x = made[other.inputs[0]]
        if other is stage:
            bare = replace(stage, layers=stage.layers[:1])
            y = block_values(bare, x, make_weights(net)[name], 0, stage.units, rank=rank)
            return np.moveaxis(y, 1, 0).reshape(stage.units, -1)
        y = block_values(other, x, make_weights(net)[other.name], 0, other.units)
        made[other.name] = recompose(other, [y])
    raise AssertionError(name)


@pytest.mark.parametrize("name", ["c", "d"])
def test_a_rank_is_the_projection_of_the_outputs(name: str) -> None:
    """W_k x + b_k = m + U U^T (y - m), whatever the rank; at full rank nothing is lost."""
    own = make_weights(NET)[name]
    assert isinstance(own, OutputAware)
    dense = sums(NET, name, None).astype(np.float64)
    mean = own.found()["mean"].astype(np.float64)[:, None]
    for rank in (1, 3, NET.stage(name).max_rank):
        basis = own.left[0, :, :rank].astype(np.float64)
        np.testing.assert_allclose(basis.T @ basis, np.eye(rank), atol=1e-5)
        expected = mean + basis @ (basis.T @ (dense - mean))
        np.testing.assert_allclose(sums(NET, name, rank), expected, atol=2e-4)


def test_it_beats_the_weights_own_factors_on_new_tones() -> None:
    plain = refactored(NET, "weights")
    for name, ranks in (("c", (2, 4, 8)), ("d", (4, 10, 20))):
        dense = sums(NET, name, None)
        for rank in ranks:
            aware, blind = (np.sum((sums(n, name, rank) - dense) ** 2) for n in (NET, plain))
            assert aware < 0.75 * blind


def test_its_tail_is_the_share_of_variance_dropped() -> None:
    dense = sums(NET, "c", None)
    variance = np.sum((dense - dense.mean(axis=1, keepdims=True)) ** 2)
    for rank in (2, 4, 8):
        dropped = np.sum((sums(NET, "c", rank) - dense) ** 2) / variance
        assert float(NET.tail_energy("c", rank)) == pytest.approx(dropped, rel=0.25, abs=0.02)
    tails = np.asarray(NET.tail_energy("c", np.arange(1, NET.stage("c").max_rank + 1)))
    assert np.all(np.diff(tails) < 0)


def test_blocks_put_together_are_the_layer() -> None:
    stage, own = NET.stage("c"), make_weights(NET)["c"]
    x = make_inputs(NET, count=3)
    whole = block_values(stage, x, own, 0, stage.units, rank=5)
    parts = [block_values(stage, x, own, *cut, rank=5) for cut in ((0, 7), (7, stage.units))]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, rtol=1e-5, atol=1e-5)


def test_uncompacted_both_are_the_same_network() -> None:
    plain, x = refactored(NET, "weights"), make_inputs(NET, count=5)
    same = forward(plain, make_weights(plain), x)
    np.testing.assert_array_equal(forward(NET, make_weights(NET), x), same)
    assert plain.content_hash != NET.content_hash
    assert refactored(plain, "outputs") == NET


def test_outputs_need_a_known_signal() -> None:
    net = listener(signal=None)
    assert net.spec.weights.factors == "weights"
    with pytest.raises(ValueError, match="must be weights unless"):
        refactored(net, "outputs")


def test_a_signal_has_its_shapes() -> None:
    assert "tones" in signal_names()
    with pytest.raises(ValueError, match="one row of samples"):
        make_signal("tones", (3, 8, 8), 1, 0)
    with pytest.raises(SpecError, match="must be one of photograph, tones"):
        listener(signal="birdsong")


def test_tones_have_the_pitch_they_say() -> None:
    tones = make_tones(20, noise=0.0)
    padded = np.zeros((20, 2**16))
    padded[:, :1024] = tones.frames * np.hanning(1024)
    spectra = np.abs(np.fft.rfft(padded))
    hertz = 10.0 * 2 ** (tones.cents / 1200)
    step = RATE_HZ / 2**16
    for spectrum, pitch in zip(spectra, hertz, strict=True):
        near = slice(int(0.7 * pitch / step), int(1.4 * pitch / step))
        found = (near.start + spectrum[near].argmax()) * step
        assert found == pytest.approx(pitch, abs=3.0)
