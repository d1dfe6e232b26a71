"""Analyses of results against functions whose answers are known."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments import load_sweep
from experiments.sweeps.analyses import crossover, crossover_figure, pareto_front, sensitivity
from experiments.sweeps.rows import compute

ISHIGAMI = """
kind: sweep
description: made up for tests
axes:
  - sobol:
      count: 4096
      design: saltelli
      fields:
        conditions.busy.cpu: {low: 0.0, high: 0.9}
        conditions.busy.gpu: {low: 0.0, high: 0.9}
        conditions.busy.lpc: {low: 0.0, high: 0.9}
"""
FIELDS = ("conditions.busy.cpu", "conditions.busy.gpu", "conditions.busy.lpc")


def test_sensitivities_of_ishigamis_function_are_the_published_ones(tmp_path):
    """sin x + 7 sin^2 y + 0.1 z^4 sin x on [-pi, pi]^3 (Ishigami and Homma 1990).

    First orders 0.3139, 0.4424, 0; totals 0.5576, 0.4424, 0.2437.
    """
    (tmp_path / "s.yaml").write_text(ISHIGAMI)
    space = load_sweep(tmp_path / "s.yaml").space
    columns = space.columns(np.arange(len(space)))
    x, y, z = ((columns[name] / 0.9 * 2 - 1) * np.pi for name in FIELDS)
    value = np.sin(x) + 7 * np.sin(y) ** 2 + 0.1 * z**4 * np.sin(x)
    frame = pd.DataFrame({"case": np.arange(len(space)), "value": value})
    found = sensitivity(frame.sample(frac=1, random_state=0), FIELDS, "value")
    assert found["field"].tolist() == list(FIELDS)
    assert found["first_order"].to_numpy() == pytest.approx([0.3139, 0.4424, 0.0], abs=0.02)
    assert found["total_order"].to_numpy() == pytest.approx([0.5576, 0.4424, 0.2437], abs=0.02)
    with pytest.raises(ValueError, match="no Saltelli design"):
        sensitivity(frame.iloc[:-1], FIELDS, "value")


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)), max_size=30),
    st.integers(1, 3),
)
def test_a_pareto_front_is_what_no_row_beats(points, dimensions):
    names = ["a", "b", "c"][:dimensions]
    frame = pd.DataFrame(points, columns=["a", "b", "c"], dtype=float)
    rows = frame[names].to_numpy()
    expected = [
        i
        for i, row in enumerate(rows)
        if not any((other <= row).all() and (other < row).any() for other in rows)
    ]
    assert pareto_front(frame, names).index.tolist() == expected


def made(rates, trips):
    rows = []
    for trip in trips:
        for rate in rates:
            rows += [
                {"planner": "cloud_only", "rate": rate, "trip": trip, "energy_j": trip / rate},
                {"planner": "cpu_only", "rate": rate, "trip": trip, "energy_j": 2.0},
                {"planner": "gpu_only", "rate": rate, "trip": trip, "energy_j": 1.0},
            ]
    return pd.DataFrame(rows)


def test_the_crossover_is_where_the_laws_cross():
    """trip / rate < 1 from rate = trip on: exact, as both are straight in logarithms."""
    frame = made(np.geomspace(0.1, 100, 13), [0.5, 1.7, 30.0, 1e4])
    names = {"field": "rate", "of": "cloud_only", "metric": "energy_j"}
    found = crossover(frame, **names, per=["trip"]).set_index("trip")["rate"]
    assert found[[0.5, 1.7, 30.0]].to_numpy() == pytest.approx([0.5, 1.7, 30.0], rel=1e-9)
    assert np.isnan(found[1e4])
    alone = crossover(frame[frame["trip"] == 1.7], **names)
    assert alone["rate"].tolist() == pytest.approx([1.7], rel=1e-9)


def test_a_planner_without_a_plan_never_wins():
    frame = made(np.geomspace(0.1, 100, 13), [1.7])
    frame.loc[(frame["planner"] == "cloud_only") & (frame["rate"] > 50), "energy_j"] = np.nan
    found = crossover(frame, field="rate", of="cloud_only", metric="energy_j")
    assert np.isnan(found["rate"].iloc[0])


SWEEP = """
kind: sweep
description: made up for tests
base: {soc: tegra_k1, model: alexnet}
axes:
  - grid:
      planner: [cpu_only, gpu_only, cloud_only]
      soc.board_w: [0.5, 2.0]
      link.round_trip_s: {low: 0.005, high: 0.5, count: 6, spacing: log}
      conditions.uplink_bytes_per_s: {low: 1.0e+3, high: 1.0e+8, count: 200, spacing: log}
"""


def test_the_crossover_map_agrees_with_the_law_beside_it(tmp_path):
    (tmp_path / "s.yaml").write_text(SWEEP)
    sweep = load_sweep(tmp_path / "s.yaml")
    frame = compute(sweep, np.arange(len(sweep.space)), "auto").to_pandas()
    rate, trip = "conditions.uplink_bytes_per_s", "link.round_trip_s"
    table = crossover(
        frame, field=rate, of="cloud_only", metric="latency_s", per=["soc.board_w", trip]
    )
    assert len(table) == 12
    assert table[rate].notna().any()
    for _, row in table.dropna().iterrows():
        near = frame[(frame["soc.board_w"] == row["soc.board_w"]) & (frame[trip] == row[trip])]
        wide = near.pivot(index=rate, columns="planner", values="latency_s")
        wins = wide["cloud_only"] < wide[["cpu_only", "gpu_only"]].min(axis=1)
        assert wins[wins.index > row[rate]].all()
        assert not wins[wins.index < row[rate]].iloc[-1]
    by_trip = table[table["soc.board_w"] == 0.5].set_index(trip)[rate].dropna()
    assert by_trip.is_monotonic_increasing  # a longer round trip wants a faster link
    axes = crossover_figure(table, x=trip, y=rate, lines="soc.board_w", labels={rate: "uplink"})
    assert axes.get_ylabel() == "uplink"
    assert len(axes.lines) == 2
    drawn = axes.lines[0].get_xydata()
    expected = table[table["soc.board_w"] == 0.5].sort_values(trip)[[trip, rate]].to_numpy()
    np.testing.assert_array_equal(np.asarray(drawn), expected)
