"""The engine against hand computation, and against the prediction of the same cost law."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import examples
from random_plans import plans, questions
from simpy import Environment
from tiny_device import (
    figure,
    tiny_host,
    tiny_plan,
    tiny_question,
    tiny_soc,
)

from planners import Conditions, PlanError, predict
from planners.compiling import compile_plan
from sim import RunFailed, run, run_stream
from sim.meter import Meter
from sim.program import Activity
from sim.queues import ProcessorQueues
from sim.server import Server
from sim.timeline import Timeline

PLANNING_S = 1e-3  # 1000 evaluations of a microsecond
WIDE_BYTES = 4 * (1000 * 2000 + 1000 + 2000)
THIN_BYTES = 4 * (2000 * 500 + 2000 + 500)


def interval(outcome, label):
    (found,) = [i for i in outcome.timeline if i.label == label]
    return found


def seconds(outcome, label):
    found = interval(outcome, label)
    return found.stop_s - found.start_s


def test_a_block_takes_its_roofline_time():
    asked = tiny_question()
    outcome = run(tiny_plan(asked, "cpu", "cpu"), asked)
    assert seconds(outcome, "wide[0:2000]") == pytest.approx(WIDE_BYTES / 1e9, rel=1e-12)
    assert seconds(outcome, "thin[0:500]") == pytest.approx(THIN_BYTES / 1e9, rel=1e-12)
    assert outcome.latency_s == pytest.approx(
        PLANNING_S + (WIDE_BYTES + THIN_BYTES) / 1e9, rel=1e-12
    )


def test_a_block_bound_by_arithmetic_takes_its_compute_time():
    entry = {"compute_efficiency": figure(0.1)}
    asked = tiny_question(host=tiny_host(layers={"other": {"fp32": entry}}))
    outcome = run(tiny_plan(asked, "cpu", "cpu"), asked)
    assert seconds(outcome, "wide[0:2000]") == pytest.approx(2e6 / 1e8, rel=1e-12)


def test_energy_of_a_processor_alone_by_hand():
    asked = tiny_question()
    outcome = run(tiny_plan(asked, "cpu", "cpu"), asked)
    busy_s = (WIDE_BYTES + THIN_BYTES) / 1e9
    expected = {
        "board": 1.0 * outcome.latency_s,
        "dram": 0.3 * outcome.latency_s + (WIDE_BYTES + THIN_BYTES) * 1e-9,
        "cpu": 1.1
        * outcome.latency_s,  # leakage 0.1 W, 1 W at 1 GHz and 1 V, planning or computing
        "gpu": 0.05 * outcome.latency_s,
        "dsp": 0.05 * outcome.latency_s,
        "lpc": 0.05 * outcome.latency_s,
    }
    assert busy_s + PLANNING_S == pytest.approx(outcome.latency_s)
    assert outcome.energy_breakdown_j == pytest.approx(expected, rel=1e-12)
    assert outcome.energy_j == pytest.approx(sum(expected.values()), rel=1e-12)
    assert outcome.planning_latency_s == pytest.approx(PLANNING_S, rel=1e-12)
    assert outcome.planning_energy_j == pytest.approx(2.55 * PLANNING_S, rel=1e-12)
    assert outcome.window_s == outcome.latency_s


def test_two_blocks_of_a_layer_share_the_bus():
    """Halves of 4 MB, the first at most at the port's 1 GB/s, both on a bus of 1 GB/s."""
    asked = tiny_question()
    outcome = run(tiny_plan(asked, ("cpu", "dsp"), "cpu"), asked)
    half = 4 * (1000 * 1000 + 1000 + 1000)
    assert seconds(outcome, "wide[0:1000]") == pytest.approx(2 * half / 1e9, rel=1e-12)
    assert seconds(outcome, "wide[1000:2000]") == pytest.approx(2 * half / 1e9, rel=1e-12)
    faster = tiny_question(soc=tiny_soc(bandwidth_bytes_per_s=2e9))
    outcome = run(tiny_plan(faster, ("cpu", "dsp"), "cpu"), faster)
    assert seconds(outcome, "wide[0:1000]") == pytest.approx(half / 1e9, rel=1e-12)


def test_an_activation_is_written_back_before_another_processor_reads_it():
    """8 kB at 0.5 GB/s from the cpu's cache; a copy out of the gpu's buffers likewise."""
    asked = tiny_question()
    for first in ("cpu", "gpu"):
        outcome = run(tiny_plan(asked, first, "dsp"), asked)
        assert seconds(outcome, "move wide") == pytest.approx(8000 / 0.5e9, rel=1e-9)
        assert interval(outcome, "move wide").resource == first
        assert interval(outcome, "thin[0:500]").start_s >= interval(outcome, "move wide").stop_s


def test_the_cloud_costs_the_device_nothing_but_the_radio():
    asked = tiny_question(online=True)
    outcome = run(tiny_plan(asked, "cloud", "cloud"), asked)
    served_s = (WIDE_BYTES + THIN_BYTES) / 1e10
    assert outcome.cloud_energy_j == pytest.approx(100.0 * served_s, rel=1e-12)
    assert "cloud" not in outcome.energy_breakdown_j
    service_s = 5e-3 + served_s
    radio_s = 0.25 + 0.1 + 0.02 + 0.01  # promotion, 100 kB up, round trip, 40 kB down
    assert outcome.latency_s == pytest.approx(PLANNING_S + 1e-4 * 2 + radio_s + service_s)


def test_the_energy_window_decides_who_pays_the_tail():
    asked = tiny_question(online=True)
    plan = tiny_plan(asked, "cpu", "cloud")
    idle = run(plan, asked)
    short = run(plan, asked.under(energy_window="until_output"))
    assert short.latency_s == idle.latency_s == short.window_s
    assert idle.window_s == pytest.approx(idle.latency_s + 3.0, rel=1e-12)
    asleep_w = 1.0 + 0.3 + 4 * 0.05 + 0.01
    tail_j = 1.0 * 0.59 + 2.0 * 0.29
    assert idle.energy_j - short.energy_j == pytest.approx(3.0 * asleep_w + tail_j, rel=1e-9)


def test_local_work_after_the_cloud_runs_while_the_tail_does():
    asked = tiny_question(online=True)
    outcome = run(tiny_plan(asked, "cloud", "cpu"), asked)
    last = interval(outcome, "download wide").stop_s
    assert outcome.window_s == pytest.approx(last + 3.0, rel=1e-12)
    assert outcome.window_s < outcome.latency_s + 3.0


@given(st.data())
@settings(max_examples=examples(100, deep=2000))
def test_prediction_and_engine_agree(data):
    """One cost law, two users: each with its own clock and its own sharing of the bus."""
    asked = data.draw(questions())
    plan = data.draw(plans(asked))
    predicted, outcome = predict(plan, asked), run(plan, asked, record=False)
    assert outcome.latency_s == pytest.approx(predicted.latency_s, rel=1e-9)
    assert outcome.energy_j == pytest.approx(predicted.energy_j, rel=1e-9)
    assert outcome.peak_memory_bytes == pytest.approx(predicted.peak_memory_bytes, rel=1e-9)
    assert outcome.planning_latency_s == pytest.approx(predicted.planning_s, rel=1e-9)
    assert outcome.planning_energy_j == pytest.approx(predicted.planning_j, rel=1e-9)


@given(st.data())
def test_components_add_up_and_the_timeline_has_no_gap(data):
    asked = data.draw(questions())
    plan = data.draw(plans(asked))
    outcome = run(plan, asked)
    total = math.fsum(outcome.energy_breakdown_j.values())
    assert outcome.energy_j == pytest.approx(total, rel=1e-9)
    covered_s = 0.0
    for row in outcome.timeline:  # by start
        assert row.start_s < row.stop_s <= outcome.window_s * (1 + 1e-12)
        if row.start_s < outcome.latency_s:
            assert row.start_s <= covered_s
            covered_s = max(covered_s, row.stop_s)
    assert covered_s >= outcome.latency_s
    power = outcome.power()
    for component, rows in power.groupby("component"):
        held_s = rows["time_s"].diff().shift(-1).fillna(0.0)
        joules = float((rows["power_w"] * held_s).sum())
        assert joules == pytest.approx(outcome.energy_breakdown_j[component], rel=1e-9, abs=1e-12)
    assert set(power["component"]) == set(outcome.energy_breakdown_j)


@given(st.data())
def test_the_same_run_gives_the_same_outcome(data):
    asked = data.draw(questions())
    plan = data.draw(plans(asked))
    evaluations = asked.cost.evaluations
    first = run(plan, asked, hidden_error=0.3, seed=7)
    second = run(plan, asked, hidden_error=0.3, seed=7, record=False)
    assert replace(first, timeline=()) == second
    assert first == run(plan, asked, hidden_error=0.3, seed=7)
    assert asked.cost.evaluations >= evaluations


def test_what_really_holds_may_differ_from_what_was_believed():
    asked = tiny_question(online=True)
    plan = tiny_plan(asked, "cloud", "cloud")
    slow = replace(asked.conditions, uplink_bytes_per_s=1e5)
    believed, really = run(plan, asked), run(plan, asked, truth=slow)
    assert really.latency_s - believed.latency_s == pytest.approx(1.0 - 0.1, rel=1e-9)
    loaded = replace(asked.conditions, busy={"cpu": 0.5})
    local = tiny_plan(asked, "cpu", "cpu")
    assert run(local, asked, truth=loaded).latency_s > run(local, asked).latency_s


def test_a_lost_link_fails_the_run_by_name():
    asked = tiny_question(online=True)
    with pytest.raises(RunFailed, match="no link"):
        run(tiny_plan(asked, "cloud", "cloud"), asked, truth=Conditions())


def test_too_little_memory_fails_the_run_by_name():
    asked = tiny_question()
    plan = tiny_plan(asked, "cpu", "cpu")
    needed = run(plan, asked).peak_memory_bytes
    with pytest.raises(RunFailed, match=r"out of memory: \d+ bytes needed, 1000 free"):
        run(plan, asked, truth=Conditions(free_memory_bytes=1000.0))
    run(plan, asked, truth=Conditions(free_memory_bytes=needed))


def test_a_plan_that_breaks_a_rule_is_not_run():
    asked = tiny_question()
    plan = tiny_plan(asked, "cpu", "cpu")
    with pytest.raises(PlanError, match="thin"):
        run(replace(plan, blocks=plan.blocks[:1]), asked)


def test_hidden_error_stretches_compute_and_nothing_else():
    asked = tiny_question(host=tiny_host(launch_s=figure(1e-3)))
    plan = tiny_plan(asked, "gpu", "cpu")
    plain = run(plan, asked)
    longer = run(plan, asked, hidden_error=lambda layer, processor: 1.0 + (processor == "gpu"))
    wide = "wide[0:2000]"
    assert seconds(longer, wide) == pytest.approx(2.0 * seconds(plain, wide), rel=1e-12)
    for label in ("planning", "wake", "launch wide[0:2000]", "move wide", "thin[0:500]"):
        assert seconds(longer, label) == pytest.approx(seconds(plain, label), rel=1e-9)


def test_hidden_error_is_seeded_by_names_alone():
    asked = tiny_question()
    plan = tiny_plan(asked, "cpu", "cpu")
    wide, thin = "wide[0:2000]", "thin[0:500]"
    plain, first = run(plan, asked), run(plan, asked, hidden_error=0.5, seed=1)
    factors = [seconds(first, label) / seconds(plain, label) for label in (wide, thin)]
    assert factors[0] != pytest.approx(factors[1])
    alone = run(tiny_plan(asked, "cpu", "dsp"), asked, hidden_error=0.5, seed=1)
    assert seconds(alone, wide) == pytest.approx(seconds(first, wide), rel=1e-12)
    other = run(plan, asked, hidden_error=0.5, seed=2)
    assert seconds(other, wide) != pytest.approx(seconds(first, wide))
    # numpy's default generator seeded with 1 and the first 8 bytes of sha256("wide\ncpu")
    assert math.log(factors[0]) / 0.5 == pytest.approx(0.43959051021732, rel=1e-9)
    assert run(plan, asked, hidden_error=0.0).latency_s == plain.latency_s
    with pytest.raises(ValueError, match="sigma"):
        run(plan, asked, hidden_error=-0.1)
    with pytest.raises(ValueError, match="factor"):
        run(plan, asked, hidden_error=lambda layer, processor: 0.0)


def test_requests_far_apart_take_what_one_takes():
    asked = tiny_question()
    plan = tiny_plan(asked, "gpu", ("cpu", "dsp"))
    one = run(plan, asked)
    many = run_stream(plan, [10.0 * i for i in range(20)], asked)
    assert many.latency_s == pytest.approx([one.latency_s] * 20, rel=1e-9)
    asleep_w = 1.0 + 0.3 + 4 * 0.05
    idle_j = (many.window_s - 20 * one.latency_s) * asleep_w
    assert many.energy_j == pytest.approx(20 * one.energy_j + idle_j, rel=1e-9)


def test_two_requests_for_one_processor_are_served_in_turn():
    asked = tiny_question()
    plan = tiny_plan(asked, "cpu", "cpu")
    alone_s = run(plan, asked).latency_s
    both = run_stream(plan, [0.0, 0.001], asked, record=True)
    assert both.latency_s == pytest.approx([alone_s, 2 * alone_s - 0.001], rel=1e-12)
    starts = [i.start_s for i in both.timeline]
    assert starts == sorted(starts)
    assert all(a.stop_s <= b.start_s for a, b in pairwise(both.timeline))


def test_an_earlier_request_takes_precedence_where_both_wait():
    """Requests 2 and 3 wait for the cpu to plan; 1 returns from the gpu and goes ahead of 3."""
    asked = tiny_question(soc=tiny_soc(bandwidth_bytes_per_s=1e12))
    plan = tiny_plan(asked, "gpu", "cpu", evaluations=10_000)
    stream = run_stream(plan, [0.0, 0.0, 0.0], asked, record=True)
    thin_s = 8000 / 0.5e9 + THIN_BYTES / 1e9  # the move to the cpu included
    planning = [i.stop_s for i in stream.timeline if i.label == "planning"]
    assert planning == pytest.approx([0.01, 0.02, 0.03 + thin_s], rel=1e-9)
    assert stream.latency_s[0] == pytest.approx(0.02 + thin_s, rel=1e-9)


def test_requests_side_by_side_share_the_baseline():
    """The device is awake once, however many requests are in flight, and asleep between them."""
    asked = tiny_question()
    stream = run_stream(tiny_plan(asked, "cpu", "cpu"), [0.0, 0.001, 1.0], asked)
    one_s = PLANNING_S + (WIDE_BYTES + THIN_BYTES) / 1e9
    assert stream.window_s == pytest.approx(1.0 + one_s)
    assert stream.energy_breakdown_j["board"] == pytest.approx(1.0 * stream.window_s)
    cpu_j = 1.1 * 3 * one_s + 0.05 * (stream.window_s - 3 * one_s)
    assert stream.energy_breakdown_j["cpu"] == pytest.approx(cpu_j, rel=1e-9)


wants = st.lists(st.sampled_from("abc"), max_size=3, unique=True).map(tuple)


@given(st.lists(st.lists(wants, min_size=1, max_size=4), max_size=6), st.randoms())
def test_processors_are_held_by_one_and_granted_in_order(requests, random):
    """Requests of several steps, which end in any order: everyone is served, nobody overtaken."""
    queues, holders = ProcessorQueues("abc"), {}
    waiting, running, served = {}, [], []

    def grant(number, step):
        def granted():
            names = waiting.pop(number)
            assert not holders.keys() & set(names)
            ahead = [other for other in waiting if other < number]
            assert not any(set(waiting[other]) & set(names) for other in ahead)
            holders.update(dict.fromkeys(names, number))
            running.append((number, step))

        waiting[number] = requests[number][step]
        return granted

    def end(number, step):
        held = requests[number][step]
        for name in held:
            assert holders.pop(name) == number
        if step + 1 < len(requests[number]):
            granted = grant(number, step + 1)
            queues.hand_over(number, held, requests[number][step + 1], granted)
        else:
            queues.release(held)
            served.append(number)

    for number, steps in enumerate(requests):
        queues.acquire(number, steps[0], grant(number, 0))
    while running:
        end(*running.pop(random.randrange(len(running))))
    assert sorted(served) == list(range(len(requests)))


def test_the_server_serves_one_after_the_other():
    env, meter, timeline, ends = Environment(), Meter(), Timeline(recording=True), []
    server = Server(env, meter, timeline)
    for label, duration_s in (("a", 2.0), ("b", 1.0), ("c", 0.5)):
        work = Activity("cloud", label, duration_s, 0.0, (("cloud", 0.0, 10.0),), "service")
        server.serve(work, lambda _: ends.append(env.now))
    env.run()
    assert ends == [2.0, 3.0, 3.5]
    assert meter.joules == {"cloud": 35.0}
    assert meter.device_j == 0.0
    assert [row.label for row in timeline.intervals()] == ["a", "b", "c"]


def test_exclusive_processors_never_run_side_by_side():
    asked = tiny_question()
    stream = run_stream(tiny_plan(asked, "lpc", "cpu"), [0.0, 0.001, 0.002], asked, record=True)
    busy = [i for i in stream.timeline if "[" in i.label]
    assert len(busy) == 6
    assert all(a.stop_s <= b.start_s for a, b in pairwise(busy))


def test_requests_on_different_processors_contend_for_the_bus():
    asked = tiny_question()
    plan = tiny_plan(asked, "gpu", "dsp")
    alone = run(plan, asked)
    stream = run_stream(plan, [0.0, 0.0], asked)
    # the second computes on the gpu while the first does on the dsp, both bound by the bus
    assert stream.latency_s[0] > alone.latency_s * 1.1
    assert stream.energy_breakdown_j["dram"] > 2 * (WIDE_BYTES + THIN_BYTES) * 1e-9


def test_arrivals_must_not_go_back_in_time():
    asked = tiny_question()
    plan = tiny_plan(asked, "cpu", "cpu")
    for arrivals in ([1.0, 0.5], [-1.0], [math.nan], [math.inf]):
        with pytest.raises(ValueError, match="arrival at"):
            run_stream(plan, arrivals, asked)
    assert len(run_stream(plan, [], asked).latency_s) == 0


def test_a_stream_of_a_compiled_execution_is_that_of_its_plan():
    asked = tiny_question(online=True)
    plan = tiny_plan(asked, "cpu", "cloud")
    compiled = run_stream(compile_plan(plan, asked), [0.0, 0.1, 9.0], asked)
    planned = run_stream(plan, [0.0, 0.1, 9.0], asked)
    assert compiled.latency_s == pytest.approx(planned.latency_s)
    assert compiled.energy_j == planned.energy_j
