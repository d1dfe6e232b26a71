"""Queues against queueing theory: means within confidence intervals, and Little's law.

M/M/1 and M/M/c (Erlang), M/D/1 and M/G/1 (Pollaczek and Khinchine), M/G/1 processor sharing
(Kleinrock 1967): Kleinrock, Queueing Systems I (1975), chapters 3 and 5, II (1976), 4.4.
"""

from math import factorial

import numpy as np
import pytest
from scipy.stats import t
from simpy import Environment

from experiments.streams.intervals import interval
from sim import run_stream
from sim.arrivals import bursty, periodic, poisson
from sim.bandwidth import SharedBandwidth
from sim.clock import after, when
from sim.living_server import LivingServer
from sim.meter import Meter
from sim.program import Activity, Wait
from sim.queues import ProcessorQueues
from sim.surroundings import Surroundings, World
from tests.living import app_of, device_of
from tests.tiny_device import tiny_plan, tiny_question, tiny_workload

REPLICATIONS, REQUESTS, WARM_UP = 8, 3000, 300
CONFIDENCE = 0.999


def holds(measure, expected, *, replications=REPLICATIONS):
    """The expected mean lies in Student's interval of the replications' means, a narrow one."""
    found = [measure(np.random.default_rng([11, number])) for number in range(replications)]
    told = interval(found, CONFIDENCE)
    assert told["low"] <= expected <= told["high"], (told, expected)
    assert told["high"] - told["low"] < 0.5 * expected


class Bench:
    """What a server or a queue needs of a device: clock, meter, surroundings."""

    def __init__(self):
        self.env = Environment(initial_time=0.0)
        self.world = World(self.env, Surroundings())
        self.meter, self.settled_j = Meter(), 0.0

    def settle(self):
        pass

    def take(self, task):
        pass

    def drop(self, task):
        pass


class Someone:
    """An attempt as far as the server knows it."""

    def __init__(self, device, number):
        self.device, self.precedence, self.tasks, self.number = device, 0, {}, number

    def charge(self, loads, share, duration_s):
        pass


def server_mean(slots, load_per_s, draw):
    def measure(generator):
        bench, spent_s = Bench(), []
        server = LivingServer(bench, slots)
        now_s = 0.0
        for number in range(REQUESTS):
            now_s += generator.exponential(1.0 / load_per_s)

            seconds = draw(generator)

            def arrive(_, number=number, seconds=seconds, at_s=now_s):
                work = Activity("cloud", "work", seconds, 0.0, (), "service")
                server.serve(
                    Someone(bench, number),
                    Wait("service", (work,), seconds, ()),
                    lambda _: spent_s.append(bench.env.now - at_s),
                )

            after(bench.env, now_s, arrive)
        bench.env.run()
        assert len(spent_s) == REQUESTS
        return float(np.mean(spent_s[WARM_UP:]))

    return measure


def exponential(mean_s):
    return lambda generator: float(generator.exponential(mean_s))


def test_one_server_with_exponential_work_is_m_m_1():
    rate, mean_s = 0.6, 1.0
    holds(server_mean(1, rate, exponential(mean_s)), mean_s / (1.0 - rate * mean_s))


def test_one_server_with_equal_work_is_m_d_1():
    rate, service_s = 0.7, 1.0
    wait_s = rate * service_s**2 / (2.0 * (1.0 - rate * service_s))
    holds(server_mean(1, rate, lambda _: service_s), service_s + wait_s)


@pytest.mark.parametrize("slots", [2, 5])
def test_several_slots_are_m_m_c(slots):
    mean_s, use = 1.0, 0.75
    offered = slots * use
    last = offered**slots / factorial(slots) / (1.0 - use)
    waits = last / (sum(offered**k / factorial(k) for k in range(slots)) + last)
    expected = mean_s + waits * mean_s / (slots * (1.0 - use))
    measure = server_mean(slots, offered / mean_s, exponential(mean_s))
    holds(measure, expected, replications=16)


def test_a_processor_is_m_m_1_first_come_first_served():
    rate, mean_s = 0.6, 1.0

    def measure(generator):
        env, spent_s = Environment(), []
        queues = ProcessorQueues(["cpu"])
        now_s = 0.0
        for number in range(REQUESTS):
            now_s += generator.exponential(1.0 / rate)

            work_s = float(generator.exponential(mean_s))

            def arrive(_, number=number, work_s=work_s, at_s=now_s):
                def done(_):
                    spent_s.append(env.now - at_s)
                    queues.release(("cpu",))

                queues.acquire(number, ("cpu",), lambda: after(env, work_s, done))

            after(env, now_s, arrive)
        env.run()
        return float(np.mean(spent_s[WARM_UP:]))

    holds(measure, mean_s / (1.0 - rate * mean_s))


@pytest.mark.parametrize("spread", ["exponential", "two sizes"])
def test_the_bus_is_m_g_1_processor_sharing(spread):
    """E[T] = E[S] / (1 - load), whatever the distribution of sizes."""
    rate, mean_bytes, capacity = 0.6, 1.0, 1.0

    def size(generator):
        if spread == "exponential":
            return float(generator.exponential(mean_bytes))
        return 0.25 if generator.random() < 0.8 else 4.0

    def measure(generator):
        env, spent_s = Environment(), {}
        bus = SharedBandwidth(env, capacity)
        now_s = 0.0
        for number in range(REQUESTS):
            now_s += generator.exponential(1.0 / rate)

            moved = size(generator)

            def arrive(_, number=number, moved=moved, at_s=now_s):
                when(bus.transfer(moved), lambda _: spent_s.update({number: env.now - at_s}))

            after(env, now_s, arrive)
        env.run()
        return float(np.mean([spent_s[n] for n in range(WARM_UP, REQUESTS)]))

    mean_s = mean_bytes / capacity
    holds(measure, mean_s / (1.0 - rate * mean_s), replications=12)


class Population:
    """A sink that integrates how many requests are in flight."""

    def __init__(self):
        self.env = None
        self.area = self.spent_s = 0.0
        self.inside = self.ended_count = 0
        self.since_s = 0.0

    def move(self, change):
        self.area += self.inside * (self.env.now - self.since_s)
        self.since_s, self.inside = self.env.now, self.inside + change

    def began(self, job):
        self.move(1)

    def ended(self, job):
        self.move(-1)
        self.ended_count += 1
        self.spent_s += job.latency_s

    def closed(self, job):
        pass


def test_a_device_of_one_processor_is_m_g_1_and_keeps_littles_law():
    """Two apps of different work: service times of two values (Pollaczek and Khinchine).

    L = lambda W holds on every run, not only on average.
    """
    questions = [tiny_question(workload=tiny_workload(frames)) for frames in (1, 24)]
    apps = [
        app_of(question, ("cpu", "cpu"), policy="static", name=str(n))
        for n, question in enumerate(questions)
    ]
    alone_s = []
    for app in apps:
        device = device_of(questions[0])
        job = device.submit(app)
        device.env.run()
        alone_s.append(job.latency_s)
    odds = (0.75, 0.25)
    mean_s = sum(share * seconds for share, seconds in zip(odds, alone_s, strict=True))
    squares = sum(share * seconds**2 for share, seconds in zip(odds, alone_s, strict=True))
    use = 0.6
    rate = use / mean_s

    def measure(generator):
        sink = Population()
        device = device_of(questions[0], sink=sink, most_in_flight=10**6)
        sink.env, now_s = device.env, 0.0
        for _ in range(REQUESTS):
            now_s += generator.exponential(1.0 / rate)
            app = apps[int(generator.random() < odds[1])]
            after(device.env, now_s, lambda _, app=app: device.submit(app))
        device.env.run()
        mean_in_flight, spent_s = sink.area / device.env.now, sink.spent_s / REQUESTS
        assert sink.ended_count == REQUESTS
        assert mean_in_flight == pytest.approx(REQUESTS / device.env.now * spent_s, rel=1e-9)
        return spent_s

    assert alone_s[1] > 1.5 * alone_s[0]
    holds(measure, mean_s + rate * squares / (2.0 * (1.0 - use)), replications=8)


def test_arrivals_are_what_they_say():
    assert [next(x) for x in [periodic(2.0, offset_s=1.0)] for _ in range(3)] == [1.0, 3.0, 5.0]
    count, rate = 20_000, 3.0
    source = poisson(rate, np.random.default_rng(5))
    gaps = np.diff([next(source) for _ in range(count)])
    half = t.ppf(0.9995, count - 2) * gaps.std(ddof=1) / (count - 1) ** 0.5
    assert abs(gaps.mean() - 1.0 / rate) < half
    assert gaps.std() / gaps.mean() == pytest.approx(1.0, abs=0.03)
    bursts = bursty(10.0, 0.5, 2.0, 6.0, np.random.default_rng(5))
    times = np.array([next(bursts) for _ in range(count)])
    mean_rate = (10.0 * 2.0 + 0.5 * 6.0) / 8.0
    assert count / times[-1] == pytest.approx(mean_rate, rel=0.1)
    gaps = np.diff(times)
    assert gaps.std() / gaps.mean() > 1.5


def test_a_queue_longer_than_the_stack_is_served():
    """Planning that takes no time, and thousands who wait for it."""
    question = tiny_question()
    plan = tiny_plan(question, "gpu", "gpu", evaluations=0)
    outcome = run_stream(plan, [0.0] * 3000, question)
    assert len(outcome.latency_s) == 3000
    assert (np.diff(outcome.latency_s) > 0.0).all()


def test_who_no_longer_waits_blocks_no_one():
    queues, told = ProcessorQueues(["cpu", "gpu"]), []
    queues.acquire(1, ("cpu",), lambda: told.append(1))
    queues.acquire(2, ("cpu", "gpu"), lambda: told.append(2))
    queues.acquire(3, ("gpu",), lambda: told.append(3))
    assert told == [1]  # the gpu is free, but the second request is before the third
    queues.withdraw(2)
    assert told == [1, 3]
    queues.release(("cpu",))
    queues.release(("gpu",))
    queues.acquire(4, ("cpu", "gpu"), lambda: told.append(4))
    assert told == [1, 3, 4]
