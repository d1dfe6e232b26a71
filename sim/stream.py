"""Many requests of one plan on one living device."""

from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import fsum, inf

import numpy as np
from numpy.typing import NDArray
from simpy import Environment, Event

from planners.checking import check
from planners.compiling import Execution
from planners.values import Conditions, Plan, Question
from sim.clock import after
from sim.device import Device
from sim.engine import HiddenError, compile_truly, hidden_factor
from sim.meter import CLOUD
from sim.program import Program, prepare
from sim.request import Request
from sim.timeline import Interval


@dataclass(frozen=True, slots=True, eq=False)
class StreamOutcome:
    """Requests carried out on one device; energies are the device's from 0 to `window_s`."""

    latency_s: NDArray[np.float64]
    """Of each request, in order of arrival."""
    energy_j: float
    energy_breakdown_j: Mapping[str, float]
    cloud_energy_j: float
    window_s: float
    """Last output, with the window `until_idle` the radio's return to idle."""
    peak_memory_bytes: float
    """Of one request."""
    timeline: tuple[Interval, ...]


def run_stream(
    plan: Plan | Execution,
    arrivals_s: Iterable[float],
    question: Question,
    *,
    truth: Conditions | None = None,
    hidden_error: HiddenError | None = None,
    seed: int = 0,
    record: bool = False,
) -> StreamOutcome:
    """Carry out a request of the same plan at each instant of arrival (ascending, from 0).

    The plan is compiled once; requests queue for processors, radio and server, earliest first.
    Without `record` memory grows by one number a request. Raises as `run` does, and ValueError
    for arrivals that go back in time.
    """
    if isinstance(plan, Execution):
        execution = plan
    else:
        check(plan, question)
        execution = compile_truly(plan, question, truth)
    program = prepare(execution, question, hidden_factor(hidden_error, seed))
    device = Device(
        Environment(initial_time=0.0), question, truth or question.conditions, record=record
    )
    source = _Source(program, device, iter(arrivals_s))
    source.next_arrival()
    device.env.run()
    return _outcome(program, device, np.array(source.latency_s))


class _Source:
    """Lets requests arrive one after the other, and notes how long each took."""

    def __init__(self, program: Program, device: Device, arrivals_s: Iterator[float]) -> None:
        self._program, self._device, self._arrivals_s = program, device, arrivals_s
        self.latency_s = array("d")

    def next_arrival(self) -> None:
        """Wait for the next request, if there is one."""
        arrival_s = next(self._arrivals_s, None)
        if arrival_s is None:
            return
        now_s = self._device.env.now
        if not now_s <= arrival_s < inf:
            raise ValueError(f"arrival at {arrival_s} s: must be finite and not before {now_s} s")
        after(self._device.env, arrival_s - now_s, self._arrive)

    def _arrive(self, _: Event) -> None:
        number, arrival_s = len(self.latency_s), self._device.env.now
        self.latency_s.append(0.0)

        def answered() -> None:
            self.latency_s[number] = self._device.env.now - arrival_s

        Request(number, self._program, self._device, answered).begin()
        self.next_arrival()


def _outcome(program: Program, device: Device, latency_s: NDArray[np.float64]) -> StreamOutcome:
    window_s = device.close(program)
    breakdown = dict(device.meter.joules)
    cloud_j = breakdown.pop(CLOUD, 0.0)
    return StreamOutcome(
        latency_s=latency_s,
        energy_j=fsum(breakdown.values()),
        energy_breakdown_j=breakdown,
        cloud_energy_j=cloud_j,
        window_s=window_s,
        peak_memory_bytes=program.peak_memory_bytes,
        timeline=device.timeline.intervals(),
    )
