"""Shared bandwidth against hand-computed instants and an exact, independent max-min computation."""

from dataclasses import dataclass, field
from fractions import Fraction
from math import inf, nan

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule
from simpy import Environment

from sim.bandwidth import Flow, SharedBandwidth, fair_rates

MB = 1e6


def ends(env: Environment, flows: dict[str, Flow]) -> dict[str, float]:
    """Run the clock out; the instant at which each flow fired."""
    stops: dict[str, float] = {}
    for name, flow in flows.items():
        flow.callbacks.append(lambda _, name=name: stops.setdefault(name, env.now))
    env.run()
    return stops


def at(env: Environment, time_s: float, action) -> None:
    """Do something at an instant."""
    env.timeout(time_s).callbacks.append(lambda _: action())


def test_two_flows_share_the_bus_until_the_shorter_ends():
    """SimGrid's scenario A: 100 and 50 MB on 100 MB/s end at 1.5 and 1.0 s."""
    env = Environment()
    bus = SharedBandwidth(env, 100 * MB)
    stops = ends(env, {"f1": bus.transfer(100 * MB), "f2": bus.transfer(50 * MB)})
    assert stops == {"f2": pytest.approx(1.0), "f1": pytest.approx(1.5)}


def test_a_capped_flow_leaves_the_rest_to_the_other():
    """Scenario B: 200 MB; at 0.5 s another 60 MB capped at 30 MB/s: they end at 2.6 and 2.5 s."""
    env = Environment()
    bus = SharedBandwidth(env, 100 * MB)
    stops: dict[str, float] = {}

    def second():
        late = bus.transfer(60 * MB, 30 * MB)
        late.callbacks.append(lambda _: stops.setdefault("f2", env.now))

    at(env, 0.5, second)
    stops |= ends(env, {"f1": bus.transfer(200 * MB)})
    assert stops == {"f2": pytest.approx(2.5), "f1": pytest.approx(2.6)}


def test_weights_divide_the_bus_in_proportion():
    """Scenario E: equal sizes, weights 1 and 3: 4/3 s and 2 s."""
    env = Environment()
    bus = SharedBandwidth(env, 1.0)
    stops = ends(env, {"a": bus.transfer(1.0, weight=1.0), "b": bus.transfer(1.0, weight=3.0)})
    assert stops == {"b": pytest.approx(4 / 3), "a": pytest.approx(2.0)}


def test_flows_that_join_one_after_the_other():
    """Scenario D: 1, 0.5, 0.1 units from 0, 0.2, 0.6 s on a capacity of 1: 1.6, 1.3, 0.9 s."""
    env = Environment()
    bus = SharedBandwidth(env, 1.0)
    stops: dict[str, float] = {}

    def start(name, size):
        bus.transfer(size).callbacks.append(lambda _: stops.setdefault(name, env.now))

    for time_s, name, size in ((0.0, "a", 1.0), (0.2, "b", 0.5), (0.6, "c", 0.1)):
        at(env, time_s, lambda name=name, size=size: start(name, size))
    env.run()
    assert stops == {"c": pytest.approx(0.9), "b": pytest.approx(1.3), "a": pytest.approx(1.6)}


def test_a_flow_alone_takes_the_larger_of_its_bounds():
    env = Environment()
    bus = SharedBandwidth(env, 100.0)
    assert ends(env, {"capped": bus.transfer(50.0, 10.0)})["capped"] == 5.0
    assert ends(env, {"free": bus.transfer(50.0)})["free"] == 5.5


def test_no_bytes_end_at_once():
    env = Environment()
    bus = SharedBandwidth(env, 1.0)
    bus.transfer(10.0)
    assert ends(env, {"none": bus.transfer(0.0)})["none"] == 0.0


def test_a_process_may_wait_for_a_flow():
    env = Environment()
    bus = SharedBandwidth(env, 2.0)

    def process():
        yield bus.transfer(4.0)
        return env.now

    assert env.run(env.process(process())) == 2.0


def test_cancel_returns_what_is_left_and_frees_the_bus():
    env = Environment()
    bus = SharedBandwidth(env, 100.0)
    kept, dropped = bus.transfer(100.0), bus.transfer(100.0)
    left: list[float] = []
    at(env, 1.0, lambda: left.append(dropped.cancel()))
    assert ends(env, {"kept": kept, "dropped": dropped}) == {"kept": pytest.approx(1.5)}
    assert left == [pytest.approx(50.0)]
    assert dropped.cancel() == pytest.approx(50.0)
    assert kept.cancel() == 0.0


def test_caps_and_capacity_may_change_and_stand_still():
    env = Environment()
    bus = SharedBandwidth(env, 10.0)
    flow = bus.transfer(100.0)
    at(env, 1.0, lambda: flow.set_cap(5.0))
    at(env, 2.0, lambda: bus.set_capacity(0.0))
    at(env, 4.0, lambda: bus.set_capacity(20.0))
    at(env, 5.0, lambda: flow.set_cap(inf))
    # 10 + 5 + 0 + 5 moved by 5 s; 80 left at 20 a second
    assert ends(env, {"flow": flow})["flow"] == pytest.approx(9.0)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda bus: bus.transfer(-1.0),
        lambda bus: bus.transfer(nan),
        lambda bus: bus.transfer(inf),
        lambda bus: bus.transfer(1.0, -1.0),
        lambda bus: bus.transfer(1.0, nan),
        lambda bus: bus.transfer(1.0, weight=0.0),
        lambda bus: bus.set_capacity(-1.0),
        lambda bus: bus.set_capacity(inf),
        lambda bus: bus.transfer(1.0).set_cap(-1.0),
    ],
)
def test_impossible_values_are_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        wrong(SharedBandwidth(Environment(), 1.0))


def filled(caps, weights, capacity):
    """Exact progressive filling: all rates grow in proportion until a cap or the capacity binds."""
    rates = {name: Fraction(0) for name in caps}
    growing, left = set(caps), capacity
    while growing and left > 0:
        total = sum(weights[name] for name in growing)
        rooms = {n: (caps[n] - rates[n]) / weights[n] for n in growing if caps[n] is not None}
        step = min([left / total, *rooms.values()])
        for name in growing:
            rates[name] += step * weights[name]
        left -= step * total
        growing -= {name for name, room in rooms.items() if room == step}
    return rates


@dataclass
class Reference:
    """Flows in exact arithmetic, stepped from one change to the next."""

    capacity: Fraction
    now: Fraction = Fraction(0)
    left: dict = field(default_factory=dict)
    caps: dict = field(default_factory=dict)
    weights: dict = field(default_factory=dict)
    stops: dict = field(default_factory=dict)

    def advance(self, until):
        while self.left:
            rates = filled({n: self.caps[n] for n in self.left}, self.weights, self.capacity)
            ends = {n: self.now + self.left[n] / rates[n] for n in rates if rates[n] > 0}
            step = min([*ends.values(), *([until] if until is not None else [])], default=None)
            if step is None:
                return
            for name, rate in rates.items():
                self.left[name] -= rate * (step - self.now)
            self.now = step
            for name in [n for n, end in ends.items() if end == step]:
                self.stops[name] = step
                del self.left[name]
            if step == until:
                return
        self.now = max(self.now, until or self.now)


numbers = st.integers(1, 40).map(lambda n: Fraction(n, 4))
caps = st.none() | st.integers(0, 40).map(lambda n: Fraction(n, 4))
actions = st.one_of(
    st.tuples(st.just("start"), numbers, caps, numbers),
    st.tuples(st.just("cancel"), st.integers(0, 7)),
    st.tuples(st.just("cap"), st.integers(0, 7), caps),
    st.tuples(st.just("capacity"), st.integers(0, 40).map(Fraction)),
)
programmes = st.lists(st.tuples(numbers.map(lambda n: n / 3), actions), min_size=1, max_size=12)


def real(cap):
    return inf if cap is None else float(cap)


def carry_out(programme):
    """The same programme on the bus and on the reference: (stops, cancelled) of each."""
    env, ideal = Environment(), Reference(Fraction(10))
    bus = SharedBandwidth(env, 10.0)
    flows, stops, dropped, ideal_dropped = [], {}, {}, {}
    moment = Fraction(0)

    def act(kind, *values):
        if kind == "start":
            size, cap, weight = values
            number, flow = len(flows), bus.transfer(float(size), real(cap), float(weight))
            flow.callbacks.append(lambda _: stops.setdefault(number, env.now))
            flows.append(flow)
        elif kind == "capacity":
            bus.set_capacity(float(values[0]))
        elif values[0] < len(flows):
            flow = flows[values[0]]
            if kind == "cap":
                flow.set_cap(real(values[1]))
            elif values[0] not in stops:
                dropped.setdefault(values[0], flow.cancel())

    def act_ideally(kind, *values):
        if kind == "start":
            name = len(ideal.caps)
            ideal.left[name], ideal.caps[name], ideal.weights[name] = values
        elif kind == "capacity":
            ideal.capacity = values[0]
        elif values[0] in ideal.left:
            if kind == "cap":
                ideal.caps[values[0]] = values[1]
            else:
                ideal_dropped[values[0]] = ideal.left.pop(values[0])

    for pause, (kind, *values) in programme:
        moment += pause
        env.run(until=float(moment))
        ideal.advance(moment)
        act(kind, *values)
        act_ideally(kind, *values)
    env.run()
    ideal.advance(None)
    return (stops, dropped), (ideal.stops, ideal_dropped)


@given(programmes)
def test_any_programme_ends_as_exact_progressive_filling_says(programme):
    (stops, dropped), (ideal_stops, ideal_dropped) = carry_out(programme)
    note(f"bus {stops} {dropped}; exact {ideal_stops} {ideal_dropped}")
    for name in {*stops, *ideal_stops}:
        if name in stops and name in ideal_stops:
            assert stops[name] == pytest.approx(float(ideal_stops[name]), rel=1e-9)
        else:  # cancelled at the very instant of its end: either answer is right
            assert dropped.get(name, ideal_dropped.get(name)) == pytest.approx(0.0, abs=1e-9)
    for name in dropped.keys() & ideal_dropped.keys():
        assert dropped[name] == pytest.approx(float(ideal_dropped[name]), rel=1e-9, abs=1e-9)


@given(
    st.lists(st.tuples(st.floats(0.0, 1e10), st.floats(1e-3, 1e3)), min_size=1, max_size=8),
    st.floats(0.0, 2e10),
)
def test_rates_are_max_min_fair(flows, capacity):
    """No flow below its cap could gain without taking from one that has less for its weight."""
    caps, weights = zip(*flows, strict=True)
    rates = fair_rates(caps, weights, capacity)
    assert sum(rates) == pytest.approx(min(sum(caps), capacity), rel=1e-9)
    level = max(rate / weight for rate, weight in zip(rates, weights, strict=True))
    for rate, cap, weight in zip(rates, caps, weights, strict=True):
        assert rate <= cap
        assert rate == pytest.approx(min(cap, level * weight), rel=1e-9)


rates = st.just(0.0) | st.floats(1e-3, 300.0)
weights = st.floats(0.1, 9.0)


class BusMachine(RuleBasedStateMachine):
    """Any use of a bus: rates stay fair, and every byte is accounted for."""

    flows = Bundle("flows")

    def __init__(self):
        super().__init__()
        self.env = Environment()
        self.bus = SharedBandwidth(self.env, 100.0)
        self.moved: dict[Flow, float] = {}
        self.fired: set[Flow] = set()
        self.dropped: dict[Flow, float] = {}

    @rule(target=flows, size=st.integers(0, 500), cap=rates | st.just(inf), weight=weights)
    def start(self, size, cap, weight):
        flow = self.bus.transfer(size, cap, weight)
        flow.callbacks.append(self.fired.add)
        self.moved[flow] = 0.0
        return flow

    @rule(flow=flows, cap=rates)
    def cap(self, flow, cap):
        flow.set_cap(cap)

    @rule(flow=flows)
    def cancel(self, flow):
        self._fire_now()
        if flow not in self.fired:
            self.dropped.setdefault(flow, flow.cancel())

    @rule(capacity=rates)
    def capacity(self, capacity):
        self.bus.set_capacity(capacity)

    @precondition(lambda self: self.env.peek() < inf)
    @rule()
    def next_event(self):
        """Integrate the rates, which are constant up to the next event, beside the bus."""
        elapsed_s = self.env.peek() - self.env.now
        for flow in self.bus.flows:
            self.moved[flow] += flow.rate_bytes_per_s * elapsed_s
        self.env.step()

    def _fire_now(self):
        while self.env.peek() <= self.env.now:
            self.env.step()

    @invariant()
    def rates_are_fair(self):
        live = self.bus.flows
        total = sum(flow.rate_bytes_per_s for flow in live)
        assert total <= self.bus.capacity_bytes_per_s * (1 + 1e-9)
        level = max((flow.rate_bytes_per_s / flow.weight for flow in live), default=0.0)
        full = total >= self.bus.capacity_bytes_per_s * (1 - 1e-9)
        for flow in live:
            at_cap = flow.rate_bytes_per_s == flow.cap_bytes_per_s
            fair = flow.rate_bytes_per_s >= level * flow.weight * (1 - 1e-9)
            assert at_cap or (full and fair)

    @invariant()
    def bytes_are_conserved(self):
        for flow, moved in self.moved.items():
            left = self.dropped.get(flow, flow.left_bytes)
            assert moved + left == pytest.approx(flow.size_bytes, rel=1e-6, abs=1e-6)
        assert self.fired.isdisjoint(self.dropped)
        assert self.fired.isdisjoint(self.bus.flows)


TestBusMachine = BusMachine.TestCase
TestBusMachine.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
