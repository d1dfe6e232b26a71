"""Parts of a living device: cold weights, patience, queue orders, a full queue, a dead battery."""

import pytest

from sim.attempt import Attempt
from sim.battery import EMPTY, Battery
from sim.clock import after
from sim.deciding import Planning
from sim.governors import Governor, Settings
from sim.jobs import App
from sim.residence import Flash
from tests.living import LOCAL, app_of, calm, causes_of, device_of, online
from tests.tiny_device import tiny_plan, tiny_question

FLASH = Flash(read_s_per_byte=1e-8, read_w=0.3)
CPU = ("cpu", "cpu")


def finished(device):
    device.env.run()
    device.settle()


def alone(question, where=CPU, **settings):
    device = device_of(question)
    job = device.submit(app_of(question, where, **settings))
    finished(device)
    return job


def test_a_cold_model_is_read_once_and_stays():
    question = tiny_question(options=LOCAL)
    app = app_of(question, CPU, weight_bytes=12e6)
    device = device_of(question, flash=FLASH)
    first = device.submit(app)
    finished(device)
    second = device.submit(app)
    finished(device)
    warm = alone(question)
    assert first.latency_s == pytest.approx(warm.latency_s + 0.12, rel=1e-9)
    assert second.latency_s == pytest.approx(warm.latency_s, rel=1e-9)
    assert device.meter.joules["storage"] == pytest.approx(0.12 * 0.3, rel=1e-9)
    baseline_w = 1.0 + 0.3 + 0.2 + 3 * 0.05
    assert first.energy_j == pytest.approx(warm.energy_j + 0.12 * (0.3 + baseline_w), rel=1e-9)
    assert device.residence.reads == 1


def test_those_who_wait_for_one_model_are_served_by_one_read():
    question = tiny_question(options=LOCAL)
    app = app_of(question, CPU, weight_bytes=12e6)
    device = device_of(question, flash=FLASH)
    jobs = [device.submit(app) for _ in range(3)]
    finished(device)
    assert device.residence.reads == 1
    assert [job.ended for job in jobs] == ["done"] * 3


def test_a_reader_that_is_cancelled_lets_the_next_read():
    question = tiny_question(options=LOCAL)
    device = device_of(question, flash=FLASH)
    apps = [app_of(question, CPU, name=str(n), weight_bytes=12e6) for n in range(2)]
    first, second = (device.submit(app) for app in apps)
    device.env.run(until=0.05)
    device.cancel(first)
    finished(device)
    assert second.ended == "done"
    assert second.latency_s == pytest.approx(0.05 + 0.12 + alone(question).latency_s, rel=1e-9)
    assert not device.residence.is_warm(apps[0])


def test_what_was_used_longest_ago_goes_when_memory_is_short():
    question = tiny_question(options=LOCAL)
    device = device_of(question, flash=FLASH)
    causes = causes_of(device)
    causes.free_memory("others", 30e6)
    one, two, three = (app_of(question, CPU, name=str(n), weight_bytes=12e6) for n in range(3))
    for app in (one, two, one, three):
        device.submit(app)
        finished(device)
    assert [device.residence.is_warm(app) for app in (one, two, three)] == [True, False, True]
    causes.free_memory("more", 13e6)
    assert [device.residence.is_warm(app) for app in (one, two, three)] == [False, False, True]
    causes.free_memory("more", 1e6)
    assert device.residence.resident_bytes == 0.0


def test_a_request_in_the_cloud_needs_no_weights():
    question = online(options=LOCAL)
    device = device_of(question, flash=FLASH)
    device.submit(app_of(question, ("cloud", "cloud"), weight_bytes=12e6))
    finished(device)
    assert device.residence.reads == 0


def test_patience_with_a_slow_server_or_link_ends():
    question = online(options=LOCAL)
    for change, reason in (({"server_speed": 1e-9}, "server"), ({"up_bytes_per_s": 1e3}, "link")):
        device = device_of(question, state=calm(question, **change), patience_s=2.0)
        job = device.submit(app_of(question, ("cloud", "cloud")))
        finished(device)
        assert job.ended == "done", reason
        assert job.recoveries == 1
        assert 2.0 < job.latency_s < 3.0
        assert all(block.processor != "cloud" for block in job.draft.plan.blocks)
    calm_device = device_of(question, patience_s=2.0)
    job = calm_device.submit(app_of(question, ("cloud", "cloud")))
    finished(calm_device)
    assert job.recoveries == 0


@pytest.mark.parametrize(
    ("order", "expected"), [("fifo", "abcd"), ("priority", "cbda"), ("deadline", "dcab")]
)
def test_who_goes_first(order, expected):
    """All come at once; the first has begun to plan, and makes way at its next step."""
    question = tiny_question(options=LOCAL)
    device = device_of(question, order=order)
    rows = [("a", 0, 9.0), ("b", 1, None), ("c", 2, 5.0), ("d", 1, 3.0)]
    ends = []
    for name, priority, deadline_s in rows:
        app = app_of(question, CPU, name=name, priority=priority, deadline_s=deadline_s)
        job = device.submit(app)
        ends.append(job)
    finished(device)
    by_end = sorted(ends, key=lambda job: job.ended_s)
    assert "".join(job.app.name for job in by_end) == expected


def test_a_full_queue_turns_requests_away():
    question = tiny_question(options=LOCAL)
    device = device_of(question, most_in_flight=2)
    jobs = [device.submit(app_of(question, CPU)) for _ in range(3)]
    finished(device)
    assert [job.ended for job in jobs] == ["done", "done", "failed"]
    assert jobs[2].reason == "too many requests in flight"
    assert jobs[2].energy_j == 0.0


def test_an_empty_battery_ends_all_requests():
    question = tiny_question(options=LOCAL)
    device = device_of(question)
    battery = Battery(
        capacity_coulombs=0.01,
        resistance_ohm=0.01,
        open_circuit_v=[(0.0, 3.0), (1.0, 4.0)],
        cut_off_v=3.1,
        averaging_s=1e-3,
        emptied=lambda: after(device.env, 0.0, lambda _: device.die(EMPTY)),
    )
    device.listeners.append(battery)
    jobs = [device.submit(app_of(question, CPU)) for _ in range(5)]
    finished(device)
    later = device.submit(app_of(question, CPU))
    assert {job.ended for job in jobs} == {"done", "failed"}
    assert later.ended == "failed"
    assert later.reason == EMPTY
    assert battery.drawn_j < 0.02 * 4.0


@pytest.mark.parametrize("window", ["until_output", "until_idle"])
def test_a_device_that_is_off_draws_nothing(window):
    """Neither standby nor a radio's tail; accounts are closed, and joules stay those drawn."""
    question = online(energy_window=window)
    device = device_of(question, standby_w=0.5)
    jobs = [device.submit(app_of(question, ("cloud", "cloud"))) for _ in range(2)]
    after(device.env, 0.3, lambda _: device.die(EMPTY))
    device.env.run(until=0.3)
    device.settle()
    drawn_j = device.meter.device_j
    assert drawn_j > 0.0
    finished(device)
    device.env.run(until=device.env.now + 1e4)
    device.settle()
    assert device.meter.device_j == drawn_j == pytest.approx(device.settled_j, rel=1e-12)
    assert {job.reason for job in jobs} == {EMPTY}
    assert device.radio.owner is None
    assert not device.radio.awake


def test_a_battery_gives_what_the_device_takes():
    question = online(options=LOCAL)
    device = device_of(question, standby_w=0.01)
    battery = Battery(
        capacity_coulombs=1e4,
        resistance_ohm=0.1,
        open_circuit_v=[(0.0, 3.0), (1.0, 4.0)],
        cut_off_v=3.1,
    )
    device.listeners.append(battery)
    for where in (CPU, ("cloud", "cloud"), ("gpu", "dsp")):
        device.submit(app_of(question, where, name=str(where)))
    finished(device)
    assert battery.drawn_j == pytest.approx(device.settled_j, rel=1e-9)
    used_c = (1.0 - battery.charge) * 1e4
    assert battery.drawn_j + battery.loss_j == pytest.approx(used_c * 4.0, rel=1e-3)


def test_a_governor_slows_what_runs_until_it_has_seen_it_run():
    """schedutil at half the clock: the work ends later than at the top clock all along."""
    question = tiny_question(options=LOCAL)
    fast = alone(question)
    device = device_of(question)
    device.govern(Governor(device.world, "cpu", (0.5e9, 1e9), Settings("schedutil")))
    job = device.submit(app_of(question, CPU))
    finished(device)
    slow = device_of(question)
    slow.govern(Governor(slow.world, "cpu", (0.5e9, 1e9), Settings("powersave")))
    slowest = slow.submit(app_of(question, CPU))
    finished(slow)
    assert fast.latency_s <= job.latency_s <= slowest.latency_s
    assert slowest.energy_j != fast.energy_j


def test_planning_for_a_cap_uses_no_clock_beyond_it():
    question = tiny_question(options=LOCAL)
    device = device_of(question)
    causes_of(device).cap("heat", "cpu", 0.5e9)
    seen = []

    def planner(asked):
        seen.append(asked.soc.processors["cpu"].frequencies_hz)
        return tiny_plan(asked, "dsp", "dsp")

    device.submit(App("app", question, Planning(planner, "replan")))
    finished(device)
    assert seen == [(0.5e9,)]


def test_a_turn_that_comes_too_late_is_given_back():
    """Two whose turn has come; the first, told so, breaks the second off."""
    question = tiny_question(options=LOCAL)
    device = device_of(question)
    jobs = [device.submit(app_of(question, CPU, name=str(n))) for n in range(2)]
    drafts = [job.draft for job in jobs]
    finished(device)
    one, two = (Attempt(job, draft, device) for job, draft in zip(jobs, drafts, strict=True))
    held, told = device.processors, []
    held.acquire(-1, ("cpu", "gpu"), lambda: None)
    one.hand_over(one.number, (), ("cpu",), two.close)
    two.hand_over(two.number, (), ("gpu",), lambda: told.append("two"))
    held.release(("cpu", "gpu"))
    held.acquire(9, ("gpu",), lambda: told.append("nine"))
    assert told == ["nine"]
