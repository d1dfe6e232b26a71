"""The fit: finds what it should, stays within its sources, and is what ships."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from experiments.ablations import memory_curve
from experiments.calibration import (
    MECHANISMS,
    Bench,
    factor,
    fit,
    parameter,
    printed,
    question,
    shipped,
)
from experiments.fidelity_tables import cells as cells_listing
from experiments.fidelity_tables import markdown
from experiments.predictions import predictions
from experiments.robustness import bands, uncertain
from experiments.validation import (
    coupling,
    identifiability,
    left_out,
    snapdragon_from_tegra,
    sourced,
    worst,
)

ROOT = Path(__file__).parent.parent
PLANNING, STAGING = "runtime.deepx_2016.planning_s", "host.cudnn.weights.bytes_per_s"
DISPATCH = "runtime.deepx_2016.dispatch_s"


@pytest.fixture(scope="module")
def bench():
    return Bench()


def test_ten_cells_within_ten_percent_by_at_most_eight_figures(bench):
    cells, paper = bench.cells(shipped()), printed()
    assert len(shipped()) <= 8
    assert factor(cells, paper) <= 1.06
    assert worst(cells, paper) <= 1.10


def test_no_figure_that_ships_lies_at_a_bound():
    for name, value in shipped().items():
        low, high = parameter(name).bounds
        assert low + 0.01 * (high - low) < value < high - 0.01 * (high - low), name


def test_what_ships_is_what_the_fit_finds(bench):
    whole = {name: value for name, value in shipped().items() if parameter(name).whole}
    rest = [name for name in shipped() if name not in whole]
    start = {name: 0.7 * shipped()[name] for name in rest}
    found = fit(rest, bench=bench, fixed=whole, start=start)
    for name in rest:
        assert found.values[name] == pytest.approx(shipped()[name], rel=5e-3), name


def test_a_fit_finds_the_figures_that_made_the_cells(bench):
    true = {PLANNING: 0.21, STAGING: 0.9e9, DISPATCH: 0.6e-3}
    made = bench.cells(true)
    found = fit(list(true), bench=bench, paper=made, start={STAGING: 1.5e9, PLANNING: 0.1})
    assert found.factor == pytest.approx(1.0, abs=1e-4)
    for name, value in true.items():
        assert found.values[name] == pytest.approx(value, rel=0.01)


def test_a_fit_stays_within_its_sources_whatever_is_printed(bench):
    found = fit([PLANNING, STAGING], bench=bench, paper=np.full(10, 1e-3), rounds=1)
    for name, value in found.values.items():
        low, high = parameter(name).bounds
        assert low <= value <= high
    assert PLANNING in found.at_bound


def test_a_case_with_nothing_set_is_the_sourced_one():
    asked = question("snapdragon_800", "cd_seide", {})
    assert asked.soc.storage.read_s_per_byte.value == 0.0
    changed = question("snapdragon_800", "cd_seide", {PLANNING: 0.3})
    assert changed.runtime("deepx_2016").planning_s.value == 0.3
    assert asked.runtime("deepx_2016").planning_s.value == 0.05


def test_sourced_cells_are_those_recorded_before_calibration(bench):
    recorded = json.loads((ROOT / "docs/fidelity/sourced_only.json").read_text(encoding="utf-8"))
    cells = [cell["sourced"] for cell in recorded["cells"]]
    assert bench.cells({}) == pytest.approx(cells, rel=0.03)
    assert 2.5 < sourced(bench)["factor"] < 3.5


def test_mechanisms_have_ranges_and_starts_within():
    for one in MECHANISMS:
        low, high = one.bounds
        assert low <= one.start <= high
        assert one.means


def test_leverages_add_up_to_the_number_of_parameters(bench):
    found = fit([PLANNING, STAGING, DISPATCH], bench=bench, rounds=2)
    part = identifiability(found)
    assert sum(part["leverage"].values()) == pytest.approx(3.0, rel=1e-6)
    assert all(-1e-9 <= share <= 1 + 1e-9 for share in part["leverage"].values())


def test_time_is_coupled_to_energy_among_local_schemes(bench):
    found = coupling(bench)
    assert found["rank_correlation"] >= 0.8
    assert found["slope"] > 0
    cloud = [row for row in found["answers"] if row["planner"] == "cloud_only"]
    assert all(row["latency_s"] < 1 < 20 < row["energy_j"] for row in cloud)


def test_one_error_limit_gives_the_memory_of_both_models():
    curve = {row["error_limit"]: row for row in memory_curve()}
    for model in ("alexnet", "cd_seide"):
        assert 2.3 <= curve[0.35][model] <= 2.7
        saved = [row[model] for row in curve.values()]
        assert saved == sorted(saved)


def test_predictions_for_other_chips_rest_on_nothing_fitted():
    rows = predictions()
    assert {row["soc"] for row in rows} == {"exynos_5800", "tegra_x1"}
    first = next(row for row in rows if (row["soc"], row["batch"]) == ("exynos_5800", 1))
    # the same chip's layers gave the host its figures at batch 1: 483.6 ms
    assert first["ms_per_image"] == pytest.approx(483.6, rel=0.02)
    by_host = {}
    for row in rows:
        by_host.setdefault((row["soc"], row["host"]), []).append(row["ms_per_image"])
    assert all(times == sorted(times, reverse=True) for times in by_host.values())


def test_bands_hold_their_medians_and_repeat():
    first, again = (bands(3, lambda: None, seed=1) for _ in range(2))
    assert first == again
    assert first["figures"] == len(uncertain()) > 100
    for row in first["cells"].values():
        assert 0 < row["p5"] <= row["p50"] <= row["p95"]
    assert not set(uncertain()) & set(shipped())


def test_the_report_shows_the_cells_of_today(bench):
    cells = bench.cells(shipped())
    before = sourced(bench)
    found = {
        "names": [f"{c.soc} {c.model} {c.versus}" for c in _cells()],
        "printed": list(printed()),
        "sourced": before,
        "calibrated": {
            "cells": list(cells),
            "factor": factor(cells, printed()),
            "worst": worst(cells, printed()),
        },
    }
    page = (ROOT / "docs/fidelity.md").read_text(encoding="utf-8")
    assert markdown(cells_listing(found)) in page, "run: make fidelity"


def _cells():
    from experiments.abstract import CELLS

    return CELLS


@pytest.mark.slow
def test_cells_left_out_are_predicted(bench):
    found = left_out(list(shipped()), bench, lambda _: None)
    assert found["cells_factor"] <= 1.3
    assert found["rows_factor"] <= 2.0


@pytest.mark.slow
def test_the_snapdragon_is_predicted_from_the_tegra(bench):
    rows = snapdragon_from_tegra(bench)
    carried = {row["carried_over"]: row["predicted_over_printed"] for row in rows}
    *_, frames, flash = carried.values()
    for ratios in (frames, flash):
        assert all(abs(math.log(ratio)) <= math.log(2.0) for ratio in ratios)
