"""What replanning buys: verdicts and tables of streams, and the published claim."""

import pytest

from experiments import living
from experiments.living import battery_table, changed, gap_table, policy_table, verdict
from experiments.living_page import as_table
from experiments.streams.loading import load_stream
from experiments.streams.running import run_stream_file

STREAM = """\
kind: stream
description: made up for tests
device: {soc: tegra_k1, network: wifi, options: paper}
apps:
  - name: camera
    model: alexnet
    planner: neurosurgeon
    deadline_s: 1.0
    arrivals: {poisson: {per_second: 0.2}}
policies:
  - {policy: replan}
  - {policy: oracle}
  - {policy: static, name: one}
  - {policy: static, name: two, planner: cpu_only}
  - {policy: static, name: late, planner: gpu_only}
requests: 30
replications: 3
seed: 5
battery:
  capacity_coulombs: {value: 18360.0, basis: assumed, source: made up}
  resistance_ohm: {value: 0.1, basis: assumed, source: made up}
  open_circuit_v: {points: [[0.0, 3.5], [1.0, 4.2]], source: made up, basis: assumed}
  cut_off_v: {value: 3.3, basis: assumed, source: made up}
  averaging_s: {value: 10.0, basis: assumed, source: made up}
"""


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    path = tmp_path_factory.mktemp("living") / "s.yaml"
    path.write_text(STREAM)
    return load_stream(path)


@pytest.fixture(scope="module")
def runs(stream):
    return run_stream_file(stream)


def test_the_verdict_compares_with_the_best_of_those_that_miss_no_more(stream, runs):
    found = verdict(runs, stream.spec)
    means = policy_table(runs, stream.spec).set_index("policy")
    energy = means[living.ENERGY]
    assert found.best_static == energy[["one", "two", "late"]].idxmin()
    saved_j = energy[found.best_static] - energy["replan"]
    assert found.saved_j["mean"] == pytest.approx(saved_j)
    assert found.saved_share == pytest.approx(saved_j / energy[found.best_static])
    assert found.above_oracle_j["mean"] == pytest.approx(energy["replan"] - energy["oracle"])
    # nothing moves, and the runtime of 2016 plans each request in 0.15 s: it cannot pay
    assert not found.pays
    assert found.saved_j["high"] < 0.0


def test_a_plan_that_misses_more_is_no_rival(stream, runs):
    tight = changed(
        stream,
        apps=(stream.spec.apps[0].model_copy(update={"deadline_s": 0.42}),),
    )
    found = verdict(run_stream_file(tight), tight.spec)
    table = policy_table(run_stream_file(tight), tight.spec).set_index("policy")
    rival = table.loc[found.best_static]
    assert rival[living.MISSED] <= table.loc["replan", living.MISSED] + 0.05


def test_batteries_last_as_long_as_the_energy_says(stream, runs):
    table = battery_table(runs, stream.spec).set_index("policy")
    order = table[living.ENERGY].sort_values().index
    assert list(table["hours"].sort_values(ascending=False).index) == list(order)


def test_gaps_and_lags_are_varied(stream, monkeypatch):
    monkeypatch.setattr(living, "GAPS_S", (2.0, 20.0))
    monkeypatch.setattr(living, "LAGS_S", (0.0, 5.0))
    few = changed(stream, requests=10, replications=2)
    gaps = gap_table(few)
    assert sorted(set(gaps["mean_gap_s"])) == [2.0, 20.0]
    assert len(gaps) == 2 * len(few.spec.policies)
    stale = living.staleness_table(few)
    assert list(stale["belief_lag_s"]) == ["0", "5"]
    text = as_table(stale, {"belief_lag_s": "lag (s)", living.ENERGY: "J"})
    assert text.splitlines()[:2] == ["| lag (s) | J |", "| --- | --- |"]
    assert len(text.splitlines()) == 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "pays"),
    [("replanning_pays", True), ("replanning_idle", False), ("replanning_2016", False)],
)
def test_replanning_pays_where_it_is_said_to(name, pays):
    stream = changed(load_stream(name), requests=300, replications=4)
    found = verdict(run_stream_file(stream), stream.spec)
    assert found.pays is pays
    assert (found.saved_j["low"] > 0.0) is pays
    if pays:
        assert found.saved_share > 0.05
        assert 0.0 < found.above_oracle_share < 0.03
