"""Faults that come and go: at given times, or at random with seeded gaps and durations."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from simpy import Environment

from sim.background import OnOff
from sim.causes import Causes
from sim.clock import after

FaultKind = Literal["link_lost", "server_down", "processor_offline", "throttled", "memory_pressure"]


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong."""

    kind: FaultKind
    processor: str | None = None
    """Of `processor_offline` and `throttled`."""
    cap_hz: float | None = None
    """Of `throttled`."""
    free_bytes: float | None = None
    """Of `memory_pressure`: what other apps leave."""


def switch(causes: Causes, fault: Fault, number: int = 0) -> Callable[[bool], None]:
    """What begins (True) and ends (False) fault number so many."""
    name = f"fault {number}"
    if fault.kind == "link_lost":
        return causes.link_lost
    if fault.kind == "server_down":
        return causes.server_down
    processor = fault.processor
    if fault.kind == "memory_pressure":
        return lambda on: causes.free_memory(name, fault.free_bytes if on else None)
    assert processor is not None
    if fault.kind == "processor_offline":
        return lambda on: causes.offline(processor, on)
    return lambda on: causes.cap(name, processor, fault.cap_hz if on else None)


def at_times(
    env: Environment, spans_s: Sequence[tuple[float, float]], switched: Callable[[bool], None]
) -> None:
    """Begin and end a fault at given instants."""
    for start_s, stop_s in spans_s:
        after(env, max(0.0, start_s - env.now), lambda _: switched(True))
        after(env, max(0.0, stop_s - env.now), lambda _: switched(False))


def at_random(
    env: Environment,
    generator: np.random.Generator,
    mean_between_s: float,
    mean_duration_s: float,
    switched: Callable[[bool], None],
) -> None:
    """Begin after an exponential time, last an exponential time, and so on."""
    OnOff(env, generator, mean_duration_s, mean_between_s, switched, begin_off=True)
