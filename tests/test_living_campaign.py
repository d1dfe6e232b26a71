"""The fault campaign: thousands of requests while parts break at random instants."""

import numpy as np
import pytest

from sim.arrivals import poisson
from sim.driving import Driver
from sim.faults import Fault, at_random, switch
from tests.living import LOCAL, Carried, app_of, causes_of, device_of, online
from tests.tiny_device import workload

NARROW = workload(
    "narrow",
    [64],
    [{"name": "one", "kind": "dense", "units": 32}, {"name": "two", "kind": "dense", "units": 16}],
    frames=32,
)
PLACES = [("cpu", "cpu"), ("gpu", "dsp"), (("cpu", "gpu"), "dsp"), ("gpu", "cloud"), ("cloud",) * 2]
FAULTS = {
    "link lost": Fault("link_lost"),
    "server down": Fault("server_down"),
    "gpu offline": Fault("processor_offline", processor="gpu"),
    "dsp offline": Fault("processor_offline", processor="dsp"),
    "cpu throttled": Fault("throttled", processor="cpu", cap_hz=0.5e9),
    "memory pressure": Fault("memory_pressure", free_bytes=20e3),
}
"""The narrow model takes 10 to 23 kB: some plans fit under pressure, some do not."""


class Verifying:
    """A sink that verifies each answer and keeps nothing but counts."""

    def __init__(self, carried):
        self.carried, self.begun, self.open = carried, 0, {}
        self.counts = {"done": 0, "late": 0, "failed": 0, "recovered": 0, "twice": 0, "wrong": 0}
        self.reasons, self.own_j = set(), 0.0

    def began(self, job):
        self.begun += 1
        self.open[job] = 0

    def ended(self, job):
        self.counts["twice"] += self.open[job] != 0
        self.open[job] += 1
        self.counts[job.ended] += 1
        if job.ended == "failed":
            self.reasons.add(job.reason)
        else:
            self.counts["recovered"] += job.recoveries > 0
            self.counts["wrong"] += not self.carried.deviation(job).relative_error < 1e-5
        self.carried.tensors.pop(job, None)

    def closed(self, job):
        self.own_j += job.energy_j
        self.counts["twice"] += self.open.pop(job) != 1


def campaign(kinds, requests, seed):
    """Requests of all places, faults of some kinds coming and going; (device, sink)."""
    question, carried = online(options=LOCAL, workload=NARROW), Carried()
    sink = Verifying(carried)
    device = device_of(question, watch=carried, notice_s=2e-3, order="priority")
    driver = Driver(sink, requests, device.env.event())
    device.sink = driver
    causes = causes_of(device)
    for number, kind in enumerate(kinds):
        generator = np.random.default_rng([seed, number])
        switched = switch(causes, FAULTS[kind], number)
        at_random(device.env, generator, 0.3, 0.1, switched)
    apps = [
        app_of(question, where, name=str(where), priority=n % 2, deadline_s=3.0)
        for n, where in enumerate(PLACES)
    ]
    instants = {
        app: poisson(1.2, np.random.default_rng([seed, 100, n])) for n, app in enumerate(apps)
    }
    driver.drive(device, instants)
    device.env.run(until=driver.over)
    device.settle()
    return device, sink


def holds(device, sink, requests):
    counts = sink.counts
    assert sink.begun == requests
    assert counts["done"] + counts["late"] + counts["failed"] == requests
    assert counts["twice"] == counts["wrong"] == 0
    assert not sink.open
    assert not device.in_flight
    spent_j = sum(v for k, v in device.meter.joules.items() if k not in ("cloud", "standby"))
    assert spent_j == pytest.approx(sink.own_j, rel=1e-9)


@pytest.mark.parametrize("kind", FAULTS)
def test_hundreds_of_requests_under_each_fault(kind):
    device, sink = campaign([kind], 200, seed=1)
    holds(device, sink, 200)
    if kind == "cpu throttled":
        assert sink.counts["recovered"] == 0
    else:
        assert sink.counts["recovered"] > 0
    assert sink.counts["failed"] == 0 or kind == "memory pressure"


def test_hundreds_of_requests_under_all_faults_at_once():
    device, sink = campaign(list(FAULTS), 400, seed=2)
    holds(device, sink, 400)
    assert all(reason for reason in sink.reasons)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*FAULTS, "all"])
def test_ten_thousand_requests_under_each_fault(kind):
    kinds = list(FAULTS) if kind == "all" else [kind]
    device, sink = campaign(kinds, 10_000, seed=3)
    holds(device, sink, 10_000)
