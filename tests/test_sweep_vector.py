"""The law over arrays is the engine's law: equal to 1e-9 in every case, status and all."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import examples
from random_plans import plans, questions
from tiny_device import tiny_plan, tiny_question

from experiments import load_sweep
from experiments.sweeps.rows import compute
from planners import Goals, load_planner, predict
from planners.batch import Arrays, best_of
from socs.figures import with_figures
from socs.law import Unsupported
from workloads.sourced import Sourced

LINK = {
    ("round_trip_s",): (0.0, 2.0),
    ("promotion_s",): (0.0, 3.0),
    ("promotion_w",): (0.0, 3.0),
    ("base_w",): (0.0, 3.0),
    ("uplink_j_per_byte",): (0.0, 1e-5),
    ("downlink_j_per_byte",): (0.0, 1e-5),
    ("idle_w",): (0.0, 0.5),
    ("tail", "0", "duration_s"): (1e-3, 2.0),
    ("tail", "0", "power_w"): (0.0, 3.0),
}
CLOUD = {("overhead_s",): (0.0, 3.0), ("macs_per_s",): (1e9, 1e13), ("busy_w",): (0.0, 400.0)}
SOC = {
    ("board_w",): (0.0, 5.0),
    ("memory", "bandwidth_bytes_per_s"): (1e8, 3e10),
    ("memory", "energy_j_per_byte"): (0.0, 1e-9),
    ("memory", "background_w"): (0.0, 1.0),
    ("processors", "cpu", "idle_w"): (0.0, 1.0),
    ("processors", "cpu", "sleep_w"): (0.0, 0.5),
}
COUNT = 4


def drawn(draw, figures):
    chosen = draw(st.sets(st.sampled_from(sorted(figures))))
    return {
        path: np.array(draw(st.lists(st.floats(*figures[path]), min_size=COUNT, max_size=COUNT)))
        for path in sorted(chosen)
    }


@st.composite
def arrays(draw, question):
    rates = st.none() | st.lists(st.floats(1e2, 1e8), min_size=COUNT, max_size=COUNT)
    if question.conditions.link is None:
        return Arrays(soc=drawn(draw, SOC))
    up, down = (draw(rates) for _ in range(2))
    return Arrays(
        drawn(draw, SOC),
        drawn(draw, LINK),
        drawn(draw, CLOUD),
        None if up is None else np.array(up),
        None if down is None else np.array(down),
    )


def one_of(question, values, case):
    """The question about one of the cases."""

    def set_to(spec, figures):
        made = {
            path: Sourced(value=float(column[case]), source="made up", basis="assumed")
            for path, column in figures.items()
        }
        return with_figures(spec, made) if made else spec

    state = question.conditions
    if state.link is not None:
        state = replace(state, link=set_to(state.link, values.link))
        state = replace(state, cloud=set_to(state.cloud, values.cloud))
    for name in ("uplink_bytes_per_s", "downlink_bytes_per_s"):
        if getattr(values, name) is not None:
            state = replace(state, **{name: float(getattr(values, name)[case])})
    return question.under(soc=set_to(question.soc, values.soc), conditions=state)


@given(st.data())
@settings(max_examples=examples(40, deep=4000))
def test_any_plan_costs_the_same_by_arrays(data):
    question = data.draw(questions())
    plan = data.draw(plans(question))
    values = data.draw(arrays(question))
    try:
        batch = best_of((plan,), question, values, COUNT)
    except Unsupported:
        return
    for case in range(COUNT):
        expected = predict(plan, one_of(question, values, case))
        pairs = {
            "latency_s": expected.latency_s,
            "energy_j": expected.energy_j,
            "planning_s": expected.planning_s,
            "planning_j": expected.planning_j,
            "peak_memory_bytes": expected.peak_memory_bytes,
            "error": expected.error,
        }
        for name, value in pairs.items():
            assert batch.values[name][case] == pytest.approx(value, rel=1e-9, abs=1e-15), name


@given(st.data())
@settings(max_examples=examples(25, deep=1000))
def test_each_case_gets_the_planners_own_cut(data):
    from experiments.sweeps.building import Case
    from experiments.sweeps.vectors import plans_of
    from planners import Infeasible

    question = data.draw(questions(online=True))
    limit = data.draw(st.none() | st.floats(0.01, 30.0))
    goals = Goals(
        objective=data.draw(st.sampled_from(("energy", "latency", "edp"))),
        error=1e9,
        deadline_s=limit,
    )
    options = replace(question.options, frequencies="max", remote_segments=1)
    question = question.under(goals=goals, options=options)
    values = data.draw(arrays(question))
    candidates = plans_of(Case(question, "neurosurgeon"))
    batch = best_of(candidates, question, values, COUNT)
    for case in range(COUNT):
        asked = one_of(question, values, case)
        try:
            expected = load_planner("neurosurgeon")(asked)
        except Infeasible as error:
            told = str(error)
        else:
            told = None
        assert batch.infeasible.get(case) == told
        if told is not None:
            continue
        found = candidates[batch.chosen[case]]
        assert found.evaluations == expected.evaluations
        assert found.runtime == expected.runtime
        scale = expected.predicted
        assert batch.values["energy_j"][case] == pytest.approx(scale.energy_j, rel=1e-9)
        assert batch.values["latency_s"][case] == pytest.approx(scale.latency_s, rel=1e-9)


def test_an_upload_by_hand():
    """100 kB up at 1 and 2 MB/s after 0.25 s of promotion and 0.2 ms of encoding.

    Encoding reads and writes 200 kB over the bus. Then half a round trip, 5 ms of service, the
    server's time, the way back, and 40 kB down at 4 MB/s. The server reads 8 and 4 MB of weights,
    and values of 4, 8, 8 and 2 kB, at 10 GB/s.
    """
    question = tiny_question(online=True)
    plan = tiny_plan(question, "cloud", "cloud", evaluations=0)
    runtime = question.runtime("native")
    rates = np.array([1e6, 2e6])
    batch = best_of((plan,), question, Arrays(uplink_bytes_per_s=rates), 2)
    server_s = (8e6 + 4e3 + 8e3) / 1e10 + (4e6 + 8e3 + 2e3) / 1e10
    rest_s = 2e-4 + 0.25 + 0.02 + 5e-3 + server_s + 40e3 / 4e6 + runtime.planning_s.value
    assert batch.values["latency_s"] == pytest.approx(1e5 / rates + rest_s, rel=1e-9)
    assert batch.values["cloud_j"] == pytest.approx(np.full(2, 100.0 * server_s), rel=1e-9)


SWEEP = """
kind: sweep
description: made up for tests
base: {soc: snapdragon_800, model: alexnet}
axes:
  - grid:
      planner: [cpu_only, gpu_only, dsp_only, lpc_only, cloud_only, neurosurgeon]
      energy_window: [until_idle, until_output]
      goals.deadline_s: [null, 1.0]
  - sobol:
      count: 4
      fields:
        conditions.uplink_bytes_per_s: {distribution: loguniform, low: 1.0e+3, high: 1.0e+7}
        link.round_trip_s: {low: 0.001, high: 0.5}
        soc.board_w: {low: 0.1, high: 3}
        soc.memory.bandwidth_bytes_per_s: {low: 1.0e+9, high: 2.0e+10}
        goals.energy_j: {distribution: loguniform, low: 0.1, high: 100}
        goals.memory_bytes: {distribution: loguniform, low: 1.0e+7, high: 1.0e+9}
"""


def test_rows_by_arrays_are_rows_by_the_engine(tmp_path):
    (tmp_path / "s.yaml").write_text(SWEEP)
    sweep = load_sweep(tmp_path / "s.yaml")
    numbers = np.arange(len(sweep.space))
    fast = compute(sweep, numbers, "auto").to_pandas()
    slow = compute(sweep, numbers, "des").to_pandas()
    fits = fast["planner"] != "dsp_only"  # a layer beyond the DSP's memory: no plan to price
    assert (fast["engine"] == np.where(fits, "vector", "des")).all()
    assert (slow["engine"] == "des").all()
    assert fast["status"].tolist() == slow["status"].tolist()
    kinds = fast["status"].str.partition(":")[0].value_counts()
    assert set(kinds.index) == {"ok", "infeasible", "not applicable"}
    for name in sweep.spec.metrics:
        np.testing.assert_allclose(fast[name], slow[name], rtol=1e-9, err_msg=name)


def test_rows_do_not_depend_on_the_chunks(tmp_path):
    (tmp_path / "s.yaml").write_text(SWEEP)
    sweep = load_sweep(tmp_path / "s.yaml")
    whole = compute(sweep, np.arange(len(sweep.space)), "auto").to_pandas()
    for start in range(0, len(sweep.space), 7):
        part = compute(sweep, np.arange(start, min(start + 7, len(sweep.space))), "auto")
        expected = whole.iloc[start : start + 7].reset_index(drop=True)
        assert part.to_pandas().equals(expected)


def test_values_that_no_scenario_accepts_fail_case_by_case(tmp_path):
    text = SWEEP.replace("goals.deadline_s: [null, 1.0]", "link.idle_w: [0.1]")
    (tmp_path / "s.yaml").write_text(text.replace("low: 0.001, high: 0.5", "low: 0.1, high: 0.5"))
    sweep = load_sweep(tmp_path / "s.yaml")
    from experiments.sweeps.vectors import valid

    key = tuple(sorted({**sweep.base, "planner": "cpu_only"}.items()))
    columns = {"link.round_trip_s": np.array([0.1, -1.0, 0.2, -2.0])}
    assert valid(key, columns, 4).tolist() == [True, False, True, False]


def test_a_given_plan_is_replayed_by_arrays(tmp_path):
    import json

    from experiments import scenario
    from planners.documents import plan_document

    plan = load_planner("deepx")(scenario("tegra_k1", "alexnet"))
    (tmp_path / "plan.json").write_text(json.dumps(plan_document(plan)))
    (tmp_path / "s.yaml").write_text(
        "kind: sweep\ndescription: made up for tests\nbase: {plan: plan.json}\naxes:\n"
        "  - grid: {conditions.uplink_bytes_per_s: [1.0e+5, 1.0e+6, 1.0e+7]}\n"
        "  - grid: {soc.board_w: [0.5, 2.0], goals.error: [0.0, 0.4]}\n"
    )
    sweep = load_sweep(tmp_path / "s.yaml")
    numbers = np.arange(12)
    fast, slow = (compute(sweep, numbers, e).to_pandas() for e in ("auto", "des"))
    assert (fast["engine"] == "vector").all()
    assert fast["status"].tolist() == slow["status"].tolist()
    assert "ok" in set(fast["status"])
    for name in sweep.spec.metrics:
        np.testing.assert_allclose(fast[name], slow[name], rtol=1e-9, err_msg=name)
