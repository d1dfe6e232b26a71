"""What compaction does to trained networks: pitch, ranks, tables, figures."""

from importlib.util import find_spec

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from experiments import trained
from experiments.drawing.trained import accuracy_figure, calibration_figure, coverage_figure

mpl.use("Agg")


def test_pitch_is_the_weighted_mean_of_bins() -> None:
    bins = np.zeros((2, 360), np.float32)
    bins[0, 100] = 1.0
    bins[1, [200, 201]] = 0.5
    cents = trained.pitch_cents(bins)
    first = 1997.3794084376191
    np.testing.assert_allclose(cents, [first + 2000, first + 4010])
    assert trained.pitch_accuracy(bins, np.add(cents, [49.0, 51.0])) == 0.5


@pytest.mark.slow
@pytest.mark.skipif(find_spec("torchcrepe") is None, reason="torchcrepe is not installed")
def test_a_network_that_hears_pitch_keeps_it_where_rlc_says_so() -> None:
    table = trained.accuracy_table(count=200, masses=(0.97, 0.6), limits=(0.2, 0.35))
    whole = table[table.chosen_by == "whole"]
    assert (whole.accuracy >= 0.98).all()
    rlc = table[table.chosen_by == "rlc"]
    assert len(rlc) == 8
    assert (rlc.accuracy >= 0.97).all()
    assert (rlc.relative_error <= 1.1 * rlc.error_limit).all()
    ruined = table[table.mass == 0.6]
    assert (ruined.accuracy < 0.3).all()
    least = trained.reductions(table, loss=0.01)
    best = least[least.chosen_by == "rlc"].set_index(["precision", "factors"]).memory_reduction
    assert best["fp32", "outputs"] > best["fp32", "weights"] > 1.2
    assert best["int8", "outputs"] > 5.0


FRAME = pd.DataFrame(
    {
        "network": ["n"] * 5,
        "factors": ["weights", "weights", "outputs", "outputs", "weights"],
        "precision": ["fp32", "fp32", "fp32", "fp32", "fp32"],
        "chosen_by": ["whole", "uniform", "rlc", "rlc", "uniform"],
        "accuracy": [0.99, 0.985, 0.98, 0.9, 0.5],
        "weight_bytes": [4e6, 3e6, 2e6, 1e6, 0.5e6],
        "energy_j": [0.5, 0.4, 0.3, 0.2, 0.1],
        "estimated_error": [0.0, 0.2, 0.3, 0.4, 0.9],
        "relative_error": [0.0, 0.1, 0.2, 0.5, 0.9],
    }
)


def test_reductions_are_the_least_memory_within_the_loss() -> None:
    found = trained.reductions(FRAME, loss=0.011).set_index(["chosen_by", "factors"])
    assert found.memory_reduction["rlc", "outputs"] == 2.0
    assert found.memory_reduction["uniform", "weights"] == pytest.approx(4 / 3)
    assert found.memory_reduction["whole", "weights"] == 1.0


def test_figures_draw_what_the_frame_holds() -> None:
    axes = accuracy_figure(FRAME, Figure().add_subplot(), against="weight_bytes")
    drawn = sorted(tuple(line.get_xdata()) for line in axes.get_lines() if len(line.get_xdata()))
    assert drawn == [(0.5, 3.0, 4.0), (2.0, 1.0)]
    assert len(calibration_figure(FRAME, Figure().add_subplot()).get_lines()) == 3


def test_bounds_are_drawn_beside_the_line_they_must_not_cross() -> None:
    errors = pd.DataFrame({"factors": "outputs", "measured": [0.1, 0.2], "bound": [0.3, 0.4]})
    points, line = coverage_figure(errors, Figure().add_subplot()).get_lines()
    assert list(points.get_xdata()) == [0.3, 0.4]
    assert list(line.get_xdata()) == list(line.get_ydata()) == [0.1, 0.4]
