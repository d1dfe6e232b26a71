"""Traces: sound Chrome traces that agree with the run, its JSON timeline and its Gantt chart."""

import json
from collections import defaultdict
from itertools import pairwise

import jsonschema
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from random_plans import plans, questions

from experiments import figures
from experiments.blocks import block_details, said
from experiments.cli import main
from experiments.frames import timeline_frame
from experiments.tracing import chrome_trace, radio_states
from sim import Interval, RunFailed, run

MICRO = 1e6
NANOSECOND_US = 1e-3
TEXT, NUMBER = {"type": "string"}, {"type": "number", "minimum": 0}
COMMON = {"name": TEXT, "pid": {"const": 1}, "tid": {"type": "integer", "minimum": 0}, "ts": NUMBER}


def kind_of_event(phase, *required, **properties):
    return {
        "properties": {"ph": {"const": phase}, **COMMON, **properties},
        "required": ["ph", *COMMON, *required],
        "additionalProperties": False,
    }


SCHEMA = {
    "type": "object",
    "required": ["traceEvents", "displayTimeUnit"],
    "properties": {
        "displayTimeUnit": {"enum": ["ms", "ns"]},
        "traceEvents": {
            "type": "array",
            "items": {
                "oneOf": [
                    kind_of_event("M", "args", args={"type": "object"}),
                    kind_of_event("X", "dur", cat=TEXT, dur=NUMBER, args={"type": "object"}),
                    kind_of_event("C", "args", args={"additionalProperties": NUMBER}),
                    kind_of_event("s", "id", "cat", cat=TEXT, id={"type": "integer"}),
                    kind_of_event("t", "id", "cat", cat=TEXT, id={"type": "integer"}),
                    kind_of_event(
                        "f", "id", "cat", "bp", cat=TEXT, id={"type": "integer"}, bp={"const": "e"}
                    ),
                ]
            },
        },
    },
}
"""The part of the Trace Event Format that is used here."""


def of_phase(trace, phase):
    return [event for event in trace["traceEvents"] if event["ph"] == phase]


def assert_sound(trace):
    """Schema, names, time that goes forward, slices that nest, flows that start within slices."""
    jsonschema.validate(json.loads(json.dumps(trace, allow_nan=False)), SCHEMA)
    events = [event for event in trace["traceEvents"] if event["ph"] != "M"]
    assert [event["ts"] for event in events] == sorted(event["ts"] for event in events)
    named = {e["tid"] for e in of_phase(trace, "M") if e["name"] == "thread_name"}
    slices = defaultdict(list)
    for event in of_phase(trace, "X"):
        slices[event["tid"]].append(event)
    assert set(slices) == named
    for track in slices.values():
        for before, after in pairwise(track):
            assert before["ts"] + before["dur"] <= after["ts"] + 1e-6
    for event in events:
        if event["ph"] in "stf":
            assert any(
                part["ts"] <= event["ts"] < part["ts"] + max(part["dur"], NANOSECOND_US)
                for part in slices[event["tid"]]
            )


def activities(trace, resources):
    return [event for event in of_phase(trace, "X") if event["cat"] in resources]


def integral(counters):
    """Of each value of a counter, over seconds."""
    sums = defaultdict(float)
    for now, after in pairwise(counters):
        for name, value in now["args"].items():
            sums[name] += value * (after["ts"] - now["ts"]) / MICRO
    return sums


@given(st.data())
@settings(max_examples=15)
def test_a_trace_of_any_run_is_sound_and_adds_up(data):
    question = data.draw(questions())
    plan = data.draw(plans(question))
    try:
        outcome = run(plan, question, record=True)
    except RunFailed:
        return
    trace = chrome_trace(outcome, plan, question)
    assert_sound(trace)
    names = {interval.resource for interval in outcome.timeline}
    mine = activities(trace, names)
    for name in names:
        busy_s = sum(i.stop_s - i.start_s for i in outcome.timeline if i.resource == name)
        drawn_us = [event["dur"] for event in mine if event["cat"] == name]
        slack_us = NANOSECOND_US * len(drawn_us)
        assert sum(drawn_us) == pytest.approx(MICRO * busy_s, rel=1e-9, abs=slack_us)
    watts = [e for e in of_phase(trace, "C") if e["name"] == "power_w"]
    energies = integral(watts)
    # A counter's instants are whole nanoseconds: at most the greatest power for one of them each.
    slack_j = 1e-9 * len(watts) * max(max(event["args"].values()) for event in watts)
    for component, energy_j in outcome.energy_breakdown_j.items():
        assert energies[component] == pytest.approx(energy_j, rel=1e-6, abs=slack_j + 1e-9)
    moved = integral([e for e in of_phase(trace, "C") if e["name"] == "bus"])["bytes_per_s"]
    memory = question.soc.memory
    [(awake_w, asleep_w)] = [watts for name, *watts in outcome.baseline_w if name == "dram"]
    rest_s = outcome.window_s - outcome.latency_s
    background_j = awake_w * outcome.latency_s + asleep_w * rest_s
    traffic_j = outcome.energy_breakdown_j["dram"] - background_j
    if memory.energy_j_per_byte.value:
        expected = traffic_j / memory.energy_j_per_byte.value
        assert moved == pytest.approx(expected, rel=1e-4, abs=1e3)


@pytest.fixture(scope="module", params=["dad", "deepx", "cloud_only"])
def inference(request, tmp_path_factory):
    """(JSON document, trace) of one `deepx infer`."""
    path = tmp_path_factory.mktemp("trace") / "trace.json"
    words = ["infer", "alexnet", "--soc", "snapdragon_800", "--planner", request.param]
    ran = CliRunner().invoke(main, [*words, "--trace", str(path), "--json"])
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout), json.loads(path.read_text(encoding="utf-8"))


def rounded(rows):
    """(resource, label, start and stop in whole nanoseconds), sorted."""
    return sorted(
        (r["resource"], r["label"], round(r["start_s"] * 1e9), round(r["stop_s"] * 1e9))
        for r in rows
    )


def test_a_trace_holds_the_timeline_of_the_json_document(inference):
    document, trace = inference
    assert_sound(trace)
    resources = {row["resource"] for row in document["timeline"]}
    drawn = [
        {
            "resource": event["cat"],
            "label": event["name"],
            "start_s": event["ts"] / MICRO,
            "stop_s": (event["ts"] + event["dur"]) / MICRO,
        }
        for event in activities(trace, resources)
    ]
    assert rounded(drawn) == rounded(document["timeline"])
    [request] = activities(trace, {"request"})
    assert request["dur"] == pytest.approx(MICRO * document["latency_s"], abs=NANOSECOND_US)
    watts = integral([e for e in of_phase(trace, "C") if e["name"] == "power_w"])
    assert sum(watts.values()) == pytest.approx(document["energy_j"], rel=1e-6)


def test_the_flow_leads_through_every_block(inference):
    document, trace = inference
    tracks = {
        e["tid"]: e["args"]["name"].split()[0]
        for e in of_phase(trace, "M")
        if e["name"] == "thread_name"
    }
    [start] = of_phase(trace, "s")
    assert tracks[start["tid"]] == "request"
    entered = [*of_phase(trace, "t"), *of_phase(trace, "f")]
    planned = sorted(block["processor"] for block in document["plan"]["blocks"])
    assert sorted(tracks[event["tid"]] for event in entered) == planned
    assert len(of_phase(trace, "f")) == 1
    assert {event["id"] for event in [start, *entered]} == {1}


def test_a_block_tells_how_it_ran(inference):
    document, trace = inference
    slices = [event for event in of_phase(trace, "X") if "layer" in event["args"]]
    told = {(e["cat"], e["args"]["layer"], e["args"]["units"].split()[0]): e for e in slices}
    assert len(told) == len(document["plan"]["blocks"])
    for block in document["plan"]["blocks"]:
        units = f"{block['first_unit']}:{block['last_unit']}"
        args = told[block["processor"], block["layer"], units]["args"]
        for name in ("precision", "frequency_hz", "rank"):
            assert args[name] == block[name]


def test_a_gantt_chart_agrees_with_the_json_timeline(question_and_plan):
    question, plan, outcome = question_and_plan
    from experiments.answers import Answer, infer_document

    document = infer_document(Answer(question, "dad", "ok", plan, outcome))
    axes = figures.gantt(timeline_frame(outcome))
    names = [label.get_text() for label in axes.get_yticklabels()]
    drawn = []
    for bar in axes.collections:
        box = bar.get_paths()[0].get_extents()
        drawn.append((names[round((box.y0 + box.y1) / 2)], box.x0 / 1e3, box.x1 / 1e3))
    told = [(row["resource"], row["start_s"], row["stop_s"]) for row in document["timeline"]]
    for (name, start_s, stop_s), (other, begun_s, ended_s) in zip(
        sorted(drawn), sorted(told), strict=True
    ):
        assert name == other
        assert (start_s, stop_s) == pytest.approx((begun_s, ended_s))


@pytest.fixture(scope="module")
def question_and_plan():
    from experiments.answers import ask, carry_out
    from experiments.scenarios import scenario

    answer = carry_out(ask(scenario("snapdragon_800", "alexnet"), "dad"))
    return answer.question, answer.plan, answer.outcome


def test_details_are_of_blocks_only(question_and_plan):
    question, plan, outcome = question_and_plan
    details = block_details(plan, question.workload)
    found = [i for i in outcome.timeline if (i.resource, i.label) in details]
    assert len(found) == len(plan.blocks)
    assert said(None) == ""
    some = {"precision": "fp32", "rank": 57, "frequency_hz": 8.52e8}
    assert said(some) == "fp32, rank 57, 852 MHz"
    assert said(some | {"rank": None, "frequency_hz": None}) == "fp32, dense"


# the radio's states


def interval(label, start_s, stop_s):
    return Interval("radio", label, start_s, stop_s, (("radio", 1.0),))


def test_states_of_the_radio_follow_each_other():
    timeline = [
        interval("promotion", 1.0, 2.0),
        interval("upload input", 2.0, 3.0),
        interval("tail: connected", 3.0, 4.5),
        interval("round trip", 3.0, 4.5),
        interval("download out", 4.5, 5.0),
        interval("tail: connected", 5.0, 6.0),
        interval("tail: long_drx", 6.0, 9.0),
    ]
    assert list(radio_states(timeline, 10.0)) == [
        ("idle", 0.0, 1.0),
        ("promotion", 1.0, 2.0),
        ("sending", 2.0, 3.0),
        ("connected", 3.0, 4.5),
        ("sending", 4.5, 5.0),
        ("connected", 5.0, 6.0),
        ("long_drx", 6.0, 9.0),
        ("idle", 9.0, 10.0),
    ]
    assert list(radio_states(timeline, 5.5))[-1] == ("connected", 5.0, 5.5)


def test_a_trace_shows_the_radio_only_where_it_was_used(inference):
    document, trace = inference
    states = activities(trace, {"radio state"})
    used = any(row["resource"] == "radio" for row in document["timeline"])
    assert bool(states) is used
    for before, after in pairwise(states):
        assert before["ts"] + before["dur"] == pytest.approx(after["ts"], abs=1e-6)
        assert before["name"] != after["name"]
