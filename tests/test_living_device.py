"""The living device against the engine of single requests and fixed streams, and its accounts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simpy import Environment

from planners.values import Conditions
from sim import run, run_stream
from sim.clock import after
from sim.deciding import Planning
from sim.jobs import App
from sim.living import STANDBY, LivingDevice
from sim.surroundings import Surroundings, World
from sim.tally import Tallies
from tests.tiny_device import tiny_cloud, tiny_link, tiny_plan, tiny_question

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


def online(**changes):
    conditions = Conditions(link=tiny_link(), cloud=tiny_cloud())
    return tiny_question(conditions=conditions, **changes)


def calm(question, **changes):
    link = question.conditions.link
    rates = {} if link is None else {"up_bytes_per_s": 1e6, "down_bytes_per_s": 4e6}
    return Surroundings(**(rates | changes))


def device_of(question, *, state=None, lag_s=0.0, warm_up_s=0.0, **settings):
    env = Environment(initial_time=0.0)
    world = World(env, state or calm(question), lag_s=lag_s)
    return LivingDevice(env, question, world, Tallies(warm_up_s), **settings)


def app_of(question, where, *, policy="replan", name="app", **settings):
    def planner(asked):
        return tiny_plan(asked, *where)

    return App(name, question, Planning(planner, policy, step=0.0), **settings)


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
    tail_j = expected.energy_j
    if window == "until_output":  # the radio's tail past the output is still the request's
        link, used_s = question.conditions.link, device.settled_s - job.ended_s
        tail_j += (link.tail_j(link.tail_s) - link.idle_w.value * link.tail_s) if used_s > 0 else 0
    if window == "until_idle" or "cloud" not in where:
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
