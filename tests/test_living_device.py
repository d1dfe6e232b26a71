"""The living device against the engine of single requests and fixed streams, and its accounts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import run, run_stream
from sim.clock import after
from sim.meter import STANDBY
from tests.living import app_of, device_of, online
from tests.tiny_device import tiny_plan

PLACES = [
    ("cpu", "cpu"),
    ("gpu", "cpu"),
    ("dsp", "gpu"),
    (("cpu", "gpu"), "dsp"),
    (("cpu", "dsp"), ("gpu", "dsp")),
    ("cloud", "cloud"),
    ("cpu", "cloud"),
    ("cloud", "gpu"),
    ("lpc", "lpc"),
]


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("window", ["until_idle", "until_output"])
def test_one_request_is_what_the_engine_makes_of_it(where, window):
    question = online(energy_window=window)
    device = device_of(question)
    job = device.submit(app_of(question, where))
    device.env.run()
    device.settle()
    expected = run(tiny_plan(question, *where), question)
    assert job.ended == "done"
    assert job.latency_s == pytest.approx(expected.latency_s, rel=1e-9)
    assert job.energy_j == pytest.approx(expected.energy_j, rel=1e-9)
    spent = {k: v for k, v in device.meter.joules.items() if k not in (STANDBY, "cloud")}
    assert spent == pytest.approx(dict(expected.energy_breakdown_j), rel=1e-9)
    assert device.meter.joules["cloud"] == pytest.approx(expected.cloud_energy_j, rel=1e-9)


@given(
    where=st.sampled_from(PLACES),
    gaps_s=st.lists(st.floats(0.0, 2.0), min_size=1, max_size=6),
)
def test_a_stream_of_one_plan_is_what_the_fixed_engine_makes_of_it(where, gaps_s):
    question = online()
    device = device_of(question)
    app = app_of(question, where)
    arrivals_s = np.cumsum(gaps_s).tolist()
    jobs = []
    for arrival_s in arrivals_s:
        after(device.env, arrival_s, lambda _: jobs.append(device.submit(app)))
    device.env.run()
    device.settle()
    expected = run_stream(tiny_plan(question, *where), arrivals_s, question)
    assert [job.latency_s for job in jobs] == pytest.approx(expected.latency_s.tolist(), rel=1e-9)
    assert device.meter.joules["radio"] <= expected.energy_breakdown_j["radio"] * (1 + 1e-9)
    spent_j = sum(v for k, v in device.meter.joules.items() if k != "cloud")
    assert spent_j == pytest.approx(device.settled_j, rel=1e-9)
    assert sum(job.energy_j for job in jobs) == pytest.approx(
        spent_j - device.meter.joules[STANDBY], rel=1e-9
    )
