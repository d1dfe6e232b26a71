"""The radio against hand computation: promotion, transfers, tail, and who pays for them.

The link of `tiny_device`: idle 0.01 W; promotion 0.25 s at 1.2 W; up 1 MB/s at 2.5 W; down 4 MB/s
at 1.8 W; a tail of 1 s at 0.6 W and 2 s at 0.3 W.
"""

from dataclasses import replace
from itertools import pairwise

import pytest
from simpy import Environment
from tiny_device import tiny_link, tiny_plan, tiny_question

from planners import predict
from sim import run, run_stream
from sim.meter import Meter
from sim.program import Activity
from sim.radio import Radio
from sim.timeline import Timeline
from socs import load_link

IDLE_W = 0.01


def uplink(seconds=0.1, watts=2.5):
    return Activity("radio", "up", seconds, 0.0, (("radio", 0.0, watts - IDLE_W),), "transfer")


class Bed:
    """A radio on its own, and when its transfers ended."""

    def __init__(self, *, connected=False, link=None):
        self.env, self.meter, self.timeline = Environment(), Meter(), Timeline(recording=True)
        link = link or tiny_link()
        self.radio = Radio(self.env, link, self.meter, self.timeline, connected=connected)
        self.ends = []

    def send(self, at_s, activity):
        note = lambda _: self.ends.append(self.env.now)  # noqa: E731
        self.env.timeout(at_s).callbacks.append(lambda _: self.radio.transfer(activity, note))

    def labels(self):
        return [interval.label for interval in self.timeline.intervals()]

    def joules(self, until_s):
        """All energy of the radio until an instant, idle power included."""
        self.env.run()
        self.radio.settle(until_s)
        return self.meter.joules["radio"] + IDLE_W * until_s


def test_one_upload_costs_promotion_transfer_and_tail():
    bed = Bed()
    bed.send(1.0, uplink())
    end_s = 1.0 + 0.25 + 0.1
    total_j = IDLE_W * 1.0 + 0.25 * 1.2 + 0.1 * 2.5 + 1.0 * 0.6 + 2.0 * 0.3
    assert bed.joules(end_s + 3.0) == pytest.approx(total_j, rel=1e-12)
    assert bed.ends == [pytest.approx(end_s)]
    assert bed.radio.idle_s == pytest.approx(end_s + 3.0)


def test_the_tail_is_paid_as_far_as_it_goes():
    bed = Bed()
    bed.send(0.0, uplink())
    before_j = 0.25 * 1.2 + 0.1 * 2.5
    assert bed.joules(0.35 + 1.5) == pytest.approx(before_j + 1.0 * 0.6 + 0.5 * 0.3, rel=1e-12)


def test_past_the_tail_the_radio_only_idles():
    bed = Bed()
    bed.send(0.0, uplink())
    total_j = 0.25 * 1.2 + 0.1 * 2.5 + 0.6 + 0.6
    assert bed.joules(10.0) == pytest.approx(total_j + IDLE_W * (10.0 - 3.35), rel=1e-12)


def test_a_transfer_within_the_tail_needs_no_promotion():
    bed = Bed()
    bed.send(0.0, uplink())
    bed.send(0.85, uplink())  # 0.5 s into the tail
    assert bed.joules(0.95) == pytest.approx(0.25 * 1.2 + 0.1 * 2.5 + 0.5 * 0.6 + 0.1 * 2.5)
    assert bed.labels() == ["promotion", "up", "tail: connected", "up"]


def test_a_transfer_past_the_tail_is_promoted_again():
    bed = Bed()
    bed.send(0.0, uplink())
    bed.send(5.0, uplink())
    one_j = 0.25 * 1.2 + 0.1 * 2.5
    expected = 2 * one_j + 0.6 + 0.6 + IDLE_W * (5.0 - 3.35)
    assert bed.joules(5.35) == pytest.approx(expected, rel=1e-12)
    assert bed.labels().count("promotion") == 2


def test_a_connected_radio_starts_in_a_tail_that_is_not_ours_to_pay():
    bed = Bed(connected=True)
    bed.send(2.5, uplink())
    assert bed.joules(2.6) == pytest.approx(IDLE_W * 2.5 + 0.1 * 2.5, rel=1e-12)
    late = Bed(connected=True)
    late.send(3.5, uplink())
    late.env.run()
    assert late.labels() == ["promotion", "up"]


def test_transfers_queue_first_come_first_served():
    bed = Bed()
    for at_s in (0.0, 0.1, 0.3):
        bed.send(at_s, uplink())
    bed.env.run()
    assert bed.ends == pytest.approx([0.35, 0.45, 0.55])
    assert bed.labels() == ["promotion", "up", "up", "up"]


def test_nothing_sent_nothing_charged():
    bed = Bed()
    assert bed.joules(100.0) == pytest.approx(IDLE_W * 100.0)
    assert bed.radio.idle_s is None
    assert bed.labels() == []


def test_energy_of_an_lte_upload_by_hand():
    """Huang et al.'s figures: a 154,587 byte image at 705 kB/s."""
    link = load_link("lte")
    rate, size = link.uplink_bytes_per_s.value, 154_587
    watts = link.base_w.value + link.uplink_j_per_byte.value * rate
    transfer = Activity(
        "radio", "up", size / rate, 0.0, (("radio", 0.0, watts - link.idle_w.value),), "transfer"
    )
    bed = Bed(link=link)
    bed.send(0.0, transfer)
    bed.env.run()
    end_s = bed.env.now
    bed.radio.settle(end_s + 11.576)
    total_j = bed.meter.joules["radio"] + link.idle_w.value * (end_s + 11.576)
    assert end_s == pytest.approx(0.2601 + 0.219272, abs=1e-6)
    # 0.2601 s x 1.2107 W + 0.219272 s x (1.28804 + 3.50712e-6 x 705e3) W + 11.576 s x 1.06 W
    assert total_j == pytest.approx(0.314903 + 0.824587 + 12.27056, abs=1e-5)


def test_a_request_pays_for_what_its_answer_needs():
    """Upload, wait for the server in the tail, download, tail."""
    asked = tiny_question(online=True)
    outcome = run(tiny_plan(asked, "cloud", "cloud"), asked)
    waiting_s = 0.02 + 5e-3 + 4 * (1000 * 2000 + 3000 + 2000 * 500 + 2500) / 1e10
    expected = (
        0.25 * 1.2
        + 0.1 * 2.5
        + waiting_s * 0.6
        + 0.01 * 1.8
        + 0.6
        + 0.6
        + IDLE_W * (outcome.latency_s - 0.25 - 0.1 - waiting_s - 0.01)
    )
    assert outcome.energy_breakdown_j["radio"] == pytest.approx(expected, rel=1e-9)


def test_a_connected_radio_saves_the_promotion():
    asked = tiny_question(online=True)
    connected = asked.under(conditions=replace(asked.conditions, radio_state="connected"))
    plan = tiny_plan(asked, "cloud", "cloud")
    idle, warm = run(plan, asked), run(plan, connected)
    assert idle.latency_s - warm.latency_s == pytest.approx(0.25)
    assert warm.energy_j == pytest.approx(predict(plan, connected).energy_j, rel=1e-12)


def test_the_next_request_cuts_the_tail_of_the_one_before():
    asked = tiny_question(online=True)
    plan = tiny_plan(asked, "cloud", "cloud")
    one = run(plan, asked)
    near = run_stream(plan, [0.0, 1.0], asked, record=True)
    far = run_stream(plan, [0.0, 10.0], asked, record=True)
    assert far.latency_s == pytest.approx([one.latency_s] * 2)
    assert near.latency_s[1] == pytest.approx(one.latency_s - 0.25)
    assert [i.label for i in near.timeline].count("promotion") == 1
    radio_j = one.energy_breakdown_j["radio"] - IDLE_W * one.window_s
    assert far.energy_breakdown_j["radio"] - IDLE_W * far.window_s == pytest.approx(2 * radio_j)
    assert near.energy_breakdown_j["radio"] < far.energy_breakdown_j["radio"] - 0.5


def test_the_server_is_a_queue():
    asked = tiny_question(online=True)
    stream = run_stream(tiny_plan(asked, "cloud", "cloud"), [0.0, 0.0], asked, record=True)
    for resource in ("cloud", "radio"):
        rows = [i for i in stream.timeline if i.resource == resource]
        rows = [i for i in rows if i.label.startswith(("up", "down", "wide", "thin", "service"))]
        assert all(a.stop_s <= b.start_s for a, b in pairwise(rows))
