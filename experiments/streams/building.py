"""From a stream's specification to a living device with all that moves around it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from simpy import Environment

from experiments.streams.equipping import break_things, equip
from experiments.streams.loading import Stream
from experiments.streams.moving import OnOffSpec
from experiments.streams.spec import AppSpec, AssumedSpec, PolicySpec, StreamSpec
from experiments.streams.traces import TraceTable
from planners.discovery import load_planner
from planners.values import Question
from sim import arrivals
from sim.background import OnOff, Trace, Walk, log_walk
from sim.battery import Battery
from sim.causes import Causes
from sim.deciding import Planning
from sim.driving import Driver
from sim.jobs import App
from sim.living import LivingDevice
from sim.residence import Flash
from sim.surroundings import Surroundings, World
from sim.tally import Tallies
from sim.thermal import Thermal

PURPOSES = ("arrivals", "load", "bus", "link", "server", "faults")
"""What draws random numbers; each has generators of its own, so that they do not mix."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One replication under one policy, ready to run."""

    device: LivingDevice
    driver: Driver
    tallies: Tallies
    apps: tuple[App, ...]
    battery: Battery | None
    thermal: Thermal | None


class Generators:
    """Generators of one replication by purpose and number: the same under every policy.

    SeedSequence(seed) spawns one child a replication, each one a purpose, each one a number.
    """

    def __init__(self, seed: int, replication: int) -> None:
        self._key = (seed, replication)

    def of(self, purpose: str, number: int = 0) -> np.random.Generator:
        """The generator of one thing."""
        seed, replication = self._key
        spawned = np.random.SeedSequence(
            seed, spawn_key=(replication, PURPOSES.index(purpose), number)
        )
        return np.random.default_rng(spawned)


def build_scene(stream: Stream, policy: PolicySpec, replication: int) -> Scene:
    """A device at rest at t = 0, its first request still to come."""
    spec, env = stream.spec, Environment(initial_time=0.0)
    question = next(iter(stream.questions.values()))
    lag_s = spec.belief_lag_s if policy.belief_lag_s is None else policy.belief_lag_s
    world = World(env, nominal(question), lag_s=lag_s)
    generators = Generators(spec.seed, replication)
    tallies = Tallies(spec.warm_up_s)
    driver = Driver(tallies, spec.requests, env.event())
    standby = spec.device.standby_w
    device = LivingDevice(
        env,
        question,
        world,
        driver,
        slots=spec.server.slots,
        order=spec.order,
        most_in_flight=spec.most_in_flight,
        notice_s=spec.notice_s,
        patience_s=spec.patience_s,
        standby_w=0.0 if standby is None else standby.value,
        flash=_flash(spec),
    )
    causes = Causes(world)
    _move(stream, causes, generators)
    battery, thermal = equip(spec, device, causes)
    apps = tuple(_app(stream, app, policy) for app in spec.apps)
    instants = {
        app: _arrivals(stream, app_spec, generators.of("arrivals", number))
        for number, (app, app_spec) in enumerate(zip(apps, spec.apps, strict=True))
    }
    driver.drive(device, instants)
    return Scene(device, driver, tallies, apps, battery, thermal)


def nominal(question: Question) -> Surroundings:
    """Nothing else going on, the link at its own rates."""
    state = question.conditions
    if state.link is None:
        return Surroundings(temperature_c=state.temperature_c)
    return Surroundings(
        temperature_c=state.temperature_c,
        up_bytes_per_s=state.up_bytes_per_s,
        down_bytes_per_s=state.down_bytes_per_s,
    )


def assumed_state(question: Question, assumed: AssumedSpec | None) -> Surroundings:
    """What a static plan is made for."""
    state = nominal(question)
    if assumed is None:
        return state
    up, down = state.up_bytes_per_s, state.down_bytes_per_s
    online = up is not None and down is not None and not assumed.offline
    return replace(
        state,
        busy=tuple(sorted(assumed.busy.items())),
        bus_taken=assumed.bus_share,
        up_bytes_per_s=up * assumed.rate_share if online and up is not None else None,
        down_bytes_per_s=down * assumed.rate_share if online and down is not None else None,
        server_speed=assumed.server_speed,
    )


def _app(stream: Stream, app: AppSpec, policy: PolicySpec) -> App:
    question = stream.questions[app.name]
    planning = Planning(
        load_planner(policy.planner or app.planner),
        policy.policy,
        assumed_state(question, policy.assume) if policy.policy == "static" else None,
        stream.spec.belief_step,
    )
    return App(
        app.name,
        question,
        planning,
        priority=app.priority,
        deadline_s=app.deadline_s,
        weight_bytes=0.0 if stream.spec.weights is None else 4.0 * question.workload.parameters,
    )


def _flash(spec: StreamSpec) -> Flash | None:
    weights = spec.weights
    if weights is None:
        return None
    return Flash(weights.read_s_per_byte.value, weights.read_w.value)


def _arrivals(stream: Stream, app: AppSpec, generator: np.random.Generator) -> Iterator[float]:
    asked = app.arrivals
    if asked.periodic is not None:
        return arrivals.periodic(asked.periodic.period_s, offset_s=asked.periodic.offset_s)
    if asked.poisson is not None:
        return arrivals.poisson(asked.poisson.per_second, generator)
    if asked.bursty is not None:
        bursts = asked.bursty
        return arrivals.bursty(
            bursts.per_second_on,
            bursts.per_second_off,
            bursts.mean_on_s,
            bursts.mean_off_s,
            generator,
        )
    return arrivals.traced(stream.traces[f"arrivals {app.name}"].time_s)


def _move(stream: Stream, causes: Causes, generators: Generators) -> None:
    """Set everything going that moves by itself."""
    spec, env = stream.spec, causes.world.env
    for number, load in enumerate(spec.load):
        trace = stream.traces.get(f"load {load.processor}")
        share = partial(causes.busy, load.processor)
        _vary(env, share, load.share, load.on_off, trace, generators.of("load", number))
    if spec.bus is not None:
        trace, generator = stream.traces.get("bus"), generators.of("bus")
        _vary(env, causes.bus, spec.bus.share, spec.bus.on_off, trace, generator)
    if spec.server.on_off is not None:
        slow, times = spec.server.speed_under_load or 1.0, spec.server.on_off

        def load_server(on: bool) -> None:
            causes.server_speed(slow if on else 1.0)

        OnOff(env, generators.of("server"), times.mean_on_s, times.mean_off_s, load_server)
    _move_link(stream, causes, generators.of("link"))
    break_things(spec, causes, lambda number: generators.of("faults", number))


def _vary(
    env: Environment,
    set_share: Callable[[float], None],
    share: float | None,
    on_off: OnOffSpec | None,
    trace: TraceTable | None,
    generator: np.random.Generator,
) -> None:
    """A share that is on and off, or that follows a trace."""
    if on_off is not None:
        on_share = share or 0.0

        def switched(on: bool) -> None:
            set_share(on_share if on else 0.0)

        OnOff(env, generator, on_off.mean_on_s, on_off.mean_off_s, switched)
    elif trace is not None:
        shares = trace.columns["share"]
        Trace(env, trace.time_s, lambda at: set_share(shares[at]))


def _move_link(stream: Stream, causes: Causes, generator: np.random.Generator) -> None:
    """The link's rates as a walk about its own, or from a trace."""
    link, state = stream.spec.link, causes.world.now
    up, down = state.up_bytes_per_s, state.down_bytes_per_s
    if link is None or up is None or down is None:
        return
    env = causes.world.env
    if link.walk is not None:
        walk = link.walk
        up_rate, down_rate = (rate * walk.median_share.value for rate in (up, down))
        chain = log_walk(
            spread=walk.spread.value,
            correlation_s=walk.correlation_s.value,
            step_s=walk.step_s,
            states=walk.states,
        )

        def moved(factor: float) -> None:
            causes.rates(up_rate * factor, down_rate * factor)

        Walk(env, generator, chain, walk.step_s, moved)
    else:
        trace = stream.traces["link"]
        ups, downs = trace.columns["uplink_bytes_per_s"], trace.columns["downlink_bytes_per_s"]
        Trace(env, trace.time_s, lambda at: causes.rates(ups[at], downs[at]))
