"""Conditions that move: work under way against sums by hand, beliefs, walks, heat, battery."""

from dataclasses import replace
from itertools import pairwise
from math import exp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from simpy import Environment

from sim import run
from sim.background import OnOff, Trace, Walk, log_walk
from sim.battery import Battery
from sim.causes import Causes
from sim.clock import after
from sim.deciding import Planning, coarse
from sim.governors import HALF_LIFE_S, Governor, Settings
from sim.jobs import App
from sim.surroundings import Surroundings, World
from sim.thermal import Body, Thermal, Trip
from tests.living import app_of, calm, causes_of, device_of, online
from tests.tiny_device import tiny_plan, tiny_workload

BODY = Body(25.0, 9.0, 7.0, 4.0, 100.0)


def phases(question, conditions, where):
    """Of a request whose phases come one after the other: (seconds, joules above the baseline)."""
    outcome = run(tiny_plan(question, *where), question, truth=conditions)
    baseline_w = sum(watts for _, watts, _ in outcome.baseline_w)
    spans = [(i.stop_s - i.start_s, i.power_w) for i in outcome.timeline]
    return [(seconds, watts * seconds) for seconds, watts in spans], baseline_w


@given(share=st.floats(0.01, 0.99), busy=st.floats(0.0, 0.9), frames=st.sampled_from([1, 20]))
def test_load_that_begins_midway_slows_what_is_left(share, busy, frames):
    """Independent of the device: phases before and after, cut where the load begins."""
    question, where = online(workload=tiny_workload(frames)), ("cpu", "cpu")
    loaded = replace(question.conditions, busy=dict.fromkeys(where, busy))
    before, baseline_w = phases(question, question.conditions, where)
    later, _ = phases(question, loaded, where)
    assert len(before) == len(later)
    begins_s = share * sum(seconds for seconds, _ in before)
    now_s = spent_j = 0.0
    left_s = begins_s
    for (free_s, free_j), (slow_s, slow_j) in zip(before, later, strict=True):
        done = min(1.0, left_s / free_s)
        left_s -= done * free_s
        now_s += done * free_s + (1.0 - done) * slow_s
        spent_j += done * free_j + (1.0 - done) * slow_j
    device = device_of(question)
    causes = causes_of(device)
    job = device.submit(app_of(question, where))
    after(device.env, begins_s, lambda _: causes.busy(where[0], busy))
    device.env.run()
    assert job.latency_s == pytest.approx(now_s, rel=1e-9)
    assert job.energy_j == pytest.approx(spent_j + baseline_w * now_s, rel=1e-9)


@given(share=st.floats(0.01, 0.99), factor=st.floats(0.1, 10.0))
def test_a_rate_that_changes_midway_moves_the_bytes_that_are_left(share, factor):
    question = online()
    device = device_of(question)
    causes = causes_of(device)
    job = device.submit(app_of(question, ("cloud", "cloud")))
    starts_s = 1e-3 + 2e-4 + 0.25  # planning, encoding (bus-bound), promotion
    sending_s = 0.1
    after(
        device.env,
        starts_s + share * sending_s,
        lambda _: causes.rates(1e6 * factor, 4e6),
    )
    clean = device_of(question)
    whole = clean.submit(app_of(question, ("cloud", "cloud")))
    clean.env.run()
    device.env.run()
    saved_s = (1.0 - share) * sending_s * (1.0 - 1.0 / factor)
    assert whole.latency_s - job.latency_s == pytest.approx(saved_s, abs=1e-9)


def test_a_slower_server_and_a_taken_bus_take_longer_in_proportion():
    question = online()
    for change, attribute in (({"server_speed": 0.5}, "cloud"), ({"bus_taken": 0.5}, "cpu")):
        where = (attribute, attribute)
        calm_job = device_of(question)
        first = calm_job.submit(app_of(question, where))
        calm_job.env.run()
        device = device_of(question, state=calm(question, **change))
        job = device.submit(app_of(question, where))
        device.env.run()
        assert job.latency_s > first.latency_s
        if attribute == "cpu":  # memory-bound: all but planning takes twice as long
            planning_s = 1e-3
            assert job.latency_s - planning_s == pytest.approx(
                2.0 * (first.latency_s - planning_s), rel=1e-9
            )


@given(
    changes=st.lists(st.tuples(st.floats(0.01, 3.0), st.sampled_from([0.0, 0.3, 0.6])), max_size=8),
    lag_s=st.floats(0.0, 4.0),
    wait_s=st.floats(0.0, 5.0),
)
def test_beliefs_are_the_truth_of_lag_seconds_ago(changes, lag_s, wait_s):
    env = Environment(initial_time=0.0)
    world = World(env, Surroundings(), lag_s=lag_s)
    causes, history = Causes(world), [(0.0, 0.0)]
    for gap_s, share in changes:
        env.run(until=env.now + gap_s)
        causes.busy("cpu", share)
        history.append((env.now, share))
    env.run(until=env.now + wait_s + 1e-9)
    expected = [share for at_s, share in history if at_s <= env.now - lag_s] or [0.0]
    assert dict(world.believed().busy).get("cpu", 0.0) == expected[-1]


@given(
    busy=st.floats(0.0, 0.999),
    rate=st.floats(1.0, 1e9),
    speed=st.floats(0.001, 1.0),
    step=st.floats(0.01, 0.3),
)
def test_coarse_beliefs_err_on_the_safe_side_and_stay_as_they_are(busy, rate, speed, step):
    state = Surroundings(
        busy=(("cpu", busy),), up_bytes_per_s=rate, down_bytes_per_s=rate, server_speed=speed
    )
    found = coarse(state, step)
    assert busy <= dict(found.busy)["cpu"] < 1.0
    assert rate * exp(-step) * (1 - 1e-9) <= found.up_bytes_per_s <= rate * (1 + 1e-6)
    assert found.server_speed <= speed * (1 + 1e-6)
    again = coarse(found, step)
    assert again.up_bytes_per_s == pytest.approx(found.up_bytes_per_s, rel=1e-9)
    assert coarse(state, 0.0) == state


@given(spread=st.floats(0.05, 1.5), correlation_s=st.floats(0.5, 100.0), states=st.integers(2, 15))
def test_a_walk_has_the_spread_and_correlation_asked_for(spread, correlation_s, states):
    """Kopecky and Suen (2010): Rouwenhorst's chain keeps them exactly."""
    chain = log_walk(spread=spread, correlation_s=correlation_s, step_s=0.5, states=states)
    z, p = np.log(chain.values), chain.stationary
    assert chain.moves.sum(axis=1) == pytest.approx(np.ones(states), abs=1e-9)
    assert p @ chain.moves == pytest.approx(p, abs=1e-9)
    assert p @ z == pytest.approx(0.0, abs=1e-9)
    assert p @ z**2 == pytest.approx(spread**2, rel=1e-9)
    covariance = p @ (z * (chain.moves @ z))
    assert covariance == pytest.approx(spread**2 * exp(-0.5 / correlation_s), rel=1e-9)


def test_processes_spend_their_time_as_they_should():
    env = Environment(initial_time=0.0)
    seen = {"on": 0.0, "since": 0.0, "is": False}

    def switched(on):
        if seen["is"]:
            seen["on"] += env.now - seen["since"]
        seen.update(since=env.now, **{"is": on})

    OnOff(env, np.random.default_rng(3), 2.0, 6.0, switched)
    values, spent = [], {}
    chain = log_walk(spread=0.5, correlation_s=4.0, step_s=1.0, states=5)

    def moved(factor):
        if values:
            last, at = values[-1]
            spent[last] = spent.get(last, 0.0) + env.now - at
        values.append((factor, env.now))

    Walk(env, np.random.default_rng(4), chain, 1.0, moved)
    env.run(until=60_000.0)
    assert seen["on"] / env.now == pytest.approx(0.25, abs=0.02)
    for value, odds in zip(chain.values, chain.stationary, strict=True):
        assert spent[value] / env.now == pytest.approx(odds, abs=0.03)
    assert all(one[0] != two[0] for one, two in pairwise(values))


def test_causes_that_overlap_add_up():
    env = Environment(initial_time=0.0)
    world = World(env, Surroundings(up_bytes_per_s=1e6, down_bytes_per_s=2e6))
    causes = Causes(world)
    causes.link_lost(True)
    causes.link_lost(True)
    causes.rates(3e6, 4e6)
    causes.link_lost(False)
    assert world.now.up_bytes_per_s is None  # one fault is still there
    causes.link_lost(False)
    assert (world.now.up_bytes_per_s, world.now.down_bytes_per_s) == (3e6, 4e6)
    causes.rates(0.0, 4e6)
    assert world.now.down_bytes_per_s is None
    causes.server_speed(0.5)
    causes.server_down(True)
    assert world.now.server_speed == 0.0
    causes.server_down(False)
    assert world.now.server_speed == 0.5
    causes.cap("heat", "cpu", 1e9)
    causes.cap("fault", "cpu", 0.5e9)
    causes.cap("fault", "gpu", 0.3e9)
    assert world.now.caps_hz == (("cpu", 0.5e9), ("gpu", 0.3e9))
    causes.cap("fault", "cpu", None)
    causes.cap("fault", "gpu", None)
    assert world.now.caps_hz == (("cpu", 1e9),)
    causes.free_memory("one", 3.0)
    causes.free_memory("two", 2.0)
    assert world.now.free_memory_bytes == 2.0
    causes.free_memory("two", None)
    causes.free_memory("one", None)
    assert world.now.free_memory_bytes is None
    causes.offline("gpu", True)
    causes.offline("dsp", True)
    causes.offline("gpu", False)
    assert world.now.offline == ("dsp",)
    causes.busy("cpu", 0.5)
    causes.busy("cpu", 0.0)
    assert world.now.busy == ()


def test_a_trace_begins_anew():
    env, seen = Environment(initial_time=0.0), []
    Trace(env, (0.0, 2.0, 4.0), lambda at: seen.append((env.now, at)))
    env.run(until=11.0)
    assert seen == [(0.0, 0), (2.0, 1), (4.0, 2), (6.0, 0), (8.0, 1), (10.0, 2)]


@given(
    power_w=st.floats(0.0, 15.0),
    junction_c=st.floats(20.0, 100.0),
    case_c=st.floats(20.0, 60.0),
    seconds=st.floats(0.01, 3000.0),
)
def test_heat_is_what_an_integrator_makes_of_it(power_w, junction_c, case_c, seconds):
    def slopes(_, y):
        flow_w = (y[0] - y[1]) / BODY.junction_case_k_per_w
        return [
            (power_w - flow_w) / BODY.junction_j_per_k,
            (flow_w - (y[1] - BODY.ambient_c) / BODY.case_ambient_k_per_w) / BODY.case_j_per_k,
        ]

    found = BODY.after(junction_c, case_c, power_w, seconds)
    expected = solve_ivp(
        slopes, (0.0, seconds), [junction_c, case_c], method="LSODA", rtol=1e-9, atol=1e-9
    ).y[:, -1]
    assert found == pytest.approx(tuple(expected), abs=1e-5)


def heated(power_w, trips, *, until_s, sampling_s=0.5):
    """A world heated by a constant power; times of its changes of caps and of temperature."""
    env = Environment(initial_time=0.0)
    world = World(env, Surroundings())
    changes, settled = [], {"at": 0.0}
    world.listen(lambda before, now: changes.append((env.now, now)))

    def settle():
        passed_s = env.now - settled["at"]
        if passed_s > 0.0:
            settled["at"] = env.now
            thermal.advance(passed_s, power_w * passed_s)

    thermal = None
    thermal = Thermal(
        Causes(world), BODY, trips, most_w=20.0, settle=lambda: thermal and settle(),
        sampling_s=sampling_s,
    )  # fmt: skip
    env.run(until=until_s)
    return changes, thermal


def test_a_trip_caps_the_clock_within_one_reading_of_its_crossing():
    trip = Trip("case", 40.0, 38.0, "cpu", 1e9)
    changes, _ = heated(4.0, [trip], until_s=2000.0)
    capped_s = next(at for at, state in changes if state.caps_hz)
    before = BODY.after(25.0, 25.0, 4.0, capped_s - 0.5)[1]
    then = BODY.after(25.0, 25.0, 4.0, capped_s)[1]
    assert before < 40.0 <= then
    assert all(state.caps_hz == (("cpu", 1e9),) for at, state in changes if at >= capped_s)
    for at, state in changes:
        junction_c = BODY.after(25.0, 25.0, 4.0, at)[0]
        assert state.temperature_c - 5.0 <= junction_c + 1.0
        assert junction_c <= state.temperature_c + 1.0


def test_no_heat_no_readings():
    """Far from anything that could be crossed, nothing wakes up often."""
    env = Environment(initial_time=0.0)
    world = World(env, Surroundings())
    looks = []
    trips = [Trip("case", 48.0, 46.5, "cpu", 1e9)]
    Thermal(
        Causes(world), BODY, trips, most_w=5.0, settle=lambda: looks.append(env.now),
        sampling_s=0.1, step_c=50.0,
    )  # fmt: skip
    env.run(until=3600.0)
    assert len(looks) < 1000  # a reading each tenth of a second would be 36,000


def test_a_battery_gives_power_and_loses_the_square_of_its_current():
    """Against an integrator of charge' = -I / Q over a table of open-circuit volts."""
    table = [(0.0, 3.0), (0.5, 3.8), (1.0, 4.2)]
    battery = Battery(
        capacity_coulombs=3600.0, resistance_ohm=0.15, open_circuit_v=table, cut_off_v=2.5
    )
    power_w, seconds, steps = 5.0, 1000.0, 20_000

    def volts(charge):
        return np.interp(charge, [c for c, _ in table], [v for _, v in table])

    def current(charge):
        v = volts(charge)
        return (v - (v * v - 4.0 * 0.15 * power_w) ** 0.5) / 0.3

    expected = solve_ivp(
        lambda _, y: [-current(y[0]) / 3600.0, current(y[0]) ** 2 * 0.15],
        (0.0, seconds), [1.0, 0.0], rtol=1e-10, atol=1e-12,
    ).y[:, -1]  # fmt: skip
    for _ in range(steps):
        battery.advance(seconds / steps, power_w * seconds / steps)
    assert battery.charge == pytest.approx(expected[0], rel=1e-4)
    assert battery.loss_j == pytest.approx(expected[1], rel=1e-3)
    assert battery.drawn_j == pytest.approx(power_w * seconds, rel=1e-9)


def test_a_battery_runs_out_once():
    ends = []
    battery = Battery(
        capacity_coulombs=10.0, resistance_ohm=0.1, open_circuit_v=[(0.0, 3.0), (1.0, 4.0)],
        cut_off_v=3.2, averaging_s=0.1, emptied=lambda: ends.append(1),
    )  # fmt: skip
    for _ in range(1000):
        battery.advance(0.1, 0.4)
    assert battery.empty
    assert ends == [1]
    assert battery.charge > 0.25  # at the cut-off voltage, not at nothing
    weak = Battery(
        capacity_coulombs=10.0, resistance_ohm=10.0, open_circuit_v=[(0.0, 3.0), (1.0, 4.0)],
        cut_off_v=0.1, emptied=lambda: ends.append(2),
    )  # fmt: skip
    weak.advance(1.0, 4.0)  # more than OCV^2 / 4R = 0.4 W
    assert ends == [1, 2]


CLOCKS = (0.25e9, 0.5e9, 1e9)


def governed(policy, spans, *, until_s, sampling_s=0.1):
    """Clocks over time under a governor whose processor works in the spans."""
    env = Environment(initial_time=0.0)
    world = World(env, Surroundings())
    governor = Governor(world, "cpu", CLOCKS, Settings(policy, sampling_s))
    changes = []
    world.listen(lambda _, now: changes.append((env.now, dict(now.governed_hz).get("cpu", 1e9))))
    for start_s, stop_s in spans:
        after(env, start_s, lambda _: governor.working(True))
        after(env, stop_s, lambda _: governor.working(False))
    env.run(until=until_s)
    return changes, governor


def test_schedutil_climbs_and_falls_as_pelt_says():
    changes, governor = governed("schedutil", [(1.0, 3.0)], until_s=10.0)
    # at 250 MHz utilisation goes to 0.25; the next clock is asked for at 0.2: 1.25 u > 0.25
    first_s = 1.0 + HALF_LIFE_S * np.log2(0.25 / (0.25 - 0.2))
    second_s = first_s + HALF_LIFE_S * np.log2((0.5 - 0.2) / (0.5 - 0.4))
    use = 1.0 - (1.0 - 0.4) * 2.0 ** (-(3.0 - second_s) / HALF_LIFE_S)
    down_s = 3.0 + HALF_LIFE_S * np.log2(use / 0.4)
    expected = [(first_s, 0.5e9), (second_s, 1e9), (down_s, 0.5e9)]
    expected.append((down_s + HALF_LIFE_S * np.log2(0.4 / 0.2), 0.25e9))
    assert [hz for _, hz in changes] == [hz for _, hz in expected]
    assert [at for at, _ in changes] == pytest.approx([at for at, _ in expected], rel=1e-9)
    assert governor.clock_hz == 0.25e9


def test_ondemand_jumps_to_the_top_after_one_reading_and_comes_down():
    changes, _ = governed("ondemand", [(1.0, 3.0)], until_s=10.0)
    assert changes[0] == (pytest.approx(1.1), 1e9)
    assert changes[-1][1] == 0.25e9
    assert changes[-1][0] < 3.35
    quiet, _ = governed("ondemand", [], until_s=1000.0)
    assert quiet == []


@pytest.mark.parametrize(("policy", "clock_hz"), [("powersave", 0.25e9), ("performance", 1e9)])
def test_fixed_governors(policy, clock_hz):
    changes, governor = governed(policy, [(1.0, 3.0)], until_s=10.0)
    assert governor.clock_hz == clock_hz
    assert changes == []


def test_policies_see_what_they_may_and_pay_for_what_they_do():
    question = online()
    seen = []

    def planner(asked):
        seen.append(dict(asked.conditions.busy).get("cpu", 0.0))
        return tiny_plan(asked, "dsp", "dsp")

    energies = {}
    for policy in ("static", "replan", "replan_on_change", "oracle"):
        device = device_of(question, lag_s=10.0)
        causes = causes_of(device)
        assumed = calm(question, busy=(("cpu", 0.25),))
        app = App("app", question, Planning(planner, policy, assumed, step=0.0))
        seen.clear()
        jobs = []
        after(device.env, 5.0, lambda _, c=causes: c.busy("cpu", 0.75))
        for at_s in (6.0, 20.0, 30.0):
            after(device.env, at_s, lambda _, d=device, a=app, j=jobs: j.append(d.submit(a)))
        device.env.run()
        energies[policy] = [job.energy_j for job in jobs]
        expected = {
            "static": [0.25],
            "replan": [0.0, 0.75],
            "replan_on_change": [0.0, 0.75],
            "oracle": [0.75],
        }
        assert seen == expected[policy], policy
    unplanned, planned = energies["static"][0], energies["replan"][0]
    assert planned > unplanned  # planning is paid for
    assert energies["oracle"][0] == pytest.approx(unplanned, rel=1e-9)
    assert energies["replan"][2] == pytest.approx(planned, rel=1e-9)
    assert energies["replan_on_change"] == pytest.approx([planned, planned, unplanned], rel=1e-9)
