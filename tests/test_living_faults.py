"""What breaks while requests run: each ends exactly once, accounts add up, outputs still verify."""

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sim.clock import after
from sim.meter import STANDBY
from tests.living import LOCAL, Carried, app_of, causes_of, device_of, online
from tests.profiles import examples
from tests.tiny_device import tiny_workload, workload

PLACES = [
    ("cpu", "cpu"),
    ("gpu", "cpu"),
    ("dsp", "gpu"),
    (("cpu", "gpu"), "dsp"),
    ("cloud", "cloud"),
    ("cpu", "cloud"),
    ("gpu", "cloud"),
    ("cloud", "gpu"),
]


class Ends:
    """A sink that counts how often each request begins, ends and is closed."""

    def __init__(self):
        self.begun, self.ends, self.closes = [], {}, {}

    def began(self, job):
        self.begun.append(job)

    def ended(self, job):
        self.ends[job] = self.ends.get(job, 0) + 1

    def closed(self, job):
        self.closes[job] = self.closes.get(job, 0) + 1


def accounts_hold(device, sink):
    """Every request ended and was closed once; joules add up over components and requests."""
    device.settle()
    assert all(sink.ends[job] == 1 and sink.closes[job] == 1 for job in sink.begun)
    assert not device.in_flight
    assert not device.attempts
    spent_j = sum(v for k, v in device.meter.joules.items() if k != "cloud")
    assert spent_j == pytest.approx(device.settled_j, rel=1e-9, abs=1e-12)
    own_j = sum(job.energy_j for job in sink.begun)
    assert own_j + device.meter.joules[STANDBY] == pytest.approx(spent_j, rel=1e-9, abs=1e-12)
    held = device.processors
    assert held._free == set(held._waiting)
    assert not any(held._waiting.values())
    assert not device.bus.flows


FAULTS = {
    "link lost": lambda causes: causes.link_lost,
    "server down": lambda causes: causes.server_down,
    "gpu offline": lambda causes: lambda on: causes.offline("gpu", on),
    "dsp offline": lambda causes: lambda on: causes.offline("dsp", on),
    "cpu throttled": lambda causes: lambda on: causes.cap("fault", "cpu", 0.5e9 if on else None),
    "memory": lambda causes: lambda on: causes.free_memory("fault", 1.0e7 if on else None),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("where", PLACES)
def test_a_fault_at_any_instant_leaves_every_request_answered(where, fault):
    question = online(options=LOCAL)
    clean = device_of(question)
    whole = clean.submit(app_of(question, where))
    clean.env.run()
    for share in np.linspace(0.003, 0.997, 6):
        sink, carried = Ends(), Carried()
        device = device_of(question, sink=sink, watch=carried, notice_s=1e-3)
        switched = FAULTS[fault](causes_of(device))
        job = device.submit(app_of(question, where))
        after(device.env, share * whole.latency_s, lambda _: switched(True))  # noqa: B023
        after(device.env, 3.0 * whole.latency_s, lambda _: switched(False))  # noqa: B023
        device.env.run()
        accounts_hold(device, sink)
        if fault == "memory" and job.ended == "failed":  # no local plan is that small
            assert job.reason.startswith("out of memory: ")
            continue
        assert job.ended == "done", (share, job.reason)
        assert carried.deviation(job).relative_error < 1e-5
        if job.recoveries:
            assert job.latency_s > share * whole.latency_s


def test_recovery_keeps_the_layers_that_are_done():
    question = online(options=LOCAL)
    app = app_of(question, ("gpu", "cloud"))
    device = device_of(question)
    causes = causes_of(device)
    job = device.submit(app)
    while "wide" not in device.attempts[job].done:
        device.env.step()
    causes.link_lost(True)
    device.env.run()
    assert job.ended == "done"
    assert job.draft.first_layer == 1
    assert [b.processor for b in job.draft.plan.blocks if b.layer == "wide"] == ["gpu"]
    assert all(b.processor != "cloud" for b in job.draft.plan.blocks)


def test_what_lay_on_a_lost_processor_is_made_anew():
    question = online(options=LOCAL)
    device = device_of(question)
    causes = causes_of(device)
    job = device.submit(app_of(question, ("gpu", "cloud")))
    while "wide" not in device.attempts[job].done:
        device.env.step()
    causes.offline("gpu", True)
    causes.link_lost(True)
    device.env.run()
    assert job.ended == "done"
    assert job.draft.first_layer == 0
    assert all(b.processor not in ("cloud", "gpu") for b in job.draft.plan.blocks)


def test_planning_anew_costs_time_and_energy():
    question = online(options=LOCAL)
    device = device_of(question)
    causes = causes_of(device)
    job = device.submit(app_of(question, ("cloud", "cloud"), policy="static"))
    causes.link_lost(True)
    device.env.run()
    plan = job.draft.plan
    assert plan.evaluations > 0
    assert job.draft.planned
    steps = device.pricer.priced(job.draft, device.world.now).program.steps
    assert steps[0].step.name == "planning"
    assert steps[0].gangs


def test_no_way_left_is_a_failure_with_its_reason():
    question = online(options=LOCAL, workload=tiny_workload())
    device = device_of(question)
    causes = causes_of(device)
    job = device.submit(app_of(question, ("cpu", "gpu")))
    device.env.run(until=1e-3)
    causes.free_memory("fault", 10.0)
    device.env.run()
    assert job.ended == "failed"
    assert "memory" in job.reason


def test_a_request_that_breaks_again_and_again_is_given_up():
    question = online(options=LOCAL)
    device = device_of(question, most_recoveries=2)
    causes = causes_of(device)
    job = device.submit(app_of(question, ("gpu", "gpu")))
    breaks = 0
    while job.ended is None:
        device.env.step()
        attempt = device.attempts.get(job)
        if attempt is not None and any(task.resource == "gpu" for task in attempt.tasks):
            breaks += 1
            causes.offline("gpu", True)
            causes.offline("gpu", False)
    assert breaks == 3
    assert job.reason == "gave up after gpu offline"


FORK = [
    {"name": "stem", "kind": "dense", "units": 40},
    {"name": "left", "kind": "dense", "units": 30, "inputs": ["stem"]},
    {"name": "right", "kind": "dense", "units": 30, "inputs": ["stem"]},
    {"name": "end", "kind": "dense", "units": 20, "inputs": ["left", "right"]},
]


def test_a_graph_with_branches_begins_anew():
    question = online(options=LOCAL, workload=workload("fork", [100], FORK, frames=32))
    carried = Carried()
    device = device_of(question, watch=carried)
    causes = causes_of(device)
    job = device.submit(app_of(question, ("cpu", "gpu", "cloud", "cpu")))
    while "left" not in device.attempts[job].done:
        device.env.step()
    causes.link_lost(True)
    device.env.run()
    assert job.ended == "done"
    assert job.draft.first_layer == 0
    assert all(block.processor != "cloud" for block in job.draft.plan.blocks)
    assert carried.deviation(job).relative_error < 1e-5


class LivingMachine(RuleBasedStateMachine):
    """Random sequences of requests, faults, recoveries, throttling, cancellations."""

    def __init__(self):
        super().__init__()
        self.question = online(options=LOCAL, workload=tiny_workload())
        self.sink, self.carried = Ends(), Carried()
        self.device = device_of(
            self.question, sink=self.sink, watch=self.carried, notice_s=0.01, order="priority"
        )
        self.causes = causes_of(self.device)
        self.on = set()
        self.apps = [
            app_of(self.question, where, name=str(where), priority=n % 3, deadline_s=2.0)
            for n, where in enumerate(PLACES)
        ]

    @rule(apps=st.lists(st.sampled_from(range(len(PLACES))), min_size=1, max_size=4))
    def submit(self, apps):
        for app in apps:
            self.device.submit(self.apps[app])

    @rule(seconds=st.sampled_from([1e-4, 1e-3, 3e-3, 0.03, 0.2]))
    def time_passes(self, seconds):
        self.device.env.run(until=self.device.env.now + seconds)

    @rule(count=st.integers(1, 8))
    def some_events(self, count):
        for _ in range(count):
            if self.device.env.peek() < float("inf"):
                self.device.env.step()

    @rule(name=st.sampled_from(sorted(FAULTS)))
    def fault_or_recovery(self, name):
        self.on ^= {name}
        FAULTS[name](self.causes)(name in self.on)

    @rule(processor=st.sampled_from(["cpu", "gpu", "dsp"]), share=st.sampled_from([0.0, 0.5, 0.9]))
    def load(self, processor, share):
        self.causes.busy(processor, share)

    @rule(share=st.sampled_from([0.0, 0.3, 0.8]))
    def bus_load(self, share):
        self.causes.bus(share)

    @rule(factor=st.sampled_from([0.1, 0.5, 1.0, 3.0]), speed=st.sampled_from([0.1, 1.0]))
    def rates(self, factor, speed):
        self.causes.rates(1e6 * factor, 4e6 * factor)
        self.causes.server_speed(speed)

    @precondition(lambda self: self.device.in_flight)
    @rule(which=st.integers(0, 100))
    def cancel(self, which):
        jobs = list(self.device.in_flight)
        self.device.cancel(jobs[which % len(jobs)])

    @invariant()
    def all_requests_are_accounted_for(self):
        ended = sum(self.sink.ends.values())
        assert len(self.sink.begun) == ended + len(self.device.in_flight)
        assert all(count == 1 for count in self.sink.ends.values())
        self.device.settle()
        spent_j = sum(v for k, v in self.device.meter.joules.items() if k != "cloud")
        assert spent_j == pytest.approx(self.device.settled_j, rel=1e-9, abs=1e-12)

    def teardown(self):
        for name in tuple(self.on):
            self.fault_or_recovery(name)
        self.device.env.run()
        accounts_hold(self.device, self.sink)
        for job in self.sink.begun:
            assert job.ended in ("done", "late") or job.reason
            if job.ended != "failed":
                assert self.carried.deviation(job).relative_error < 1e-5


TestLivingMachine = LivingMachine.TestCase
TestLivingMachine.settings = settings(
    max_examples=examples(25, deep=1000), stateful_step_count=30, deadline=None
)
