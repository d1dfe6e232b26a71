"""A compiled execution made ready for the engine: phases become what the clock has to wait for.

Numbers become plain floats, the memory's energy per byte becomes a load, an error that planners
do not see stretches compute phases, and delays that follow each other become one wait.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import groupby
from math import inf, isfinite
from typing import Literal

from planners.compiling import Execution, Gang, Lane, Step
from planners.order import resources
from planners.values import Question
from sim.meter import CLOUD, Load
from socs import Soc
from socs.law import Phase

RADIO = "radio"
HiddenFactor = Callable[[str, str], float]
"""(layer, processor) -> what the seconds of that block's compute phase are multiplied by."""

Kind = Literal["delay", "flow", "transfer", "service"]


@dataclass(frozen=True, slots=True)
class Activity:
    """A phase in plain floats, the memory's energy included in its loads."""

    resource: str
    label: str
    seconds: float
    size_bytes: float
    loads: tuple[Load, ...]
    kind: Kind

    @property
    def cap_bytes_per_s(self) -> float:
        """Most bytes a second that its flow can take."""
        return self.size_bytes / self.seconds if self.seconds > 0.0 else inf


@dataclass(frozen=True, slots=True)
class Wait:
    """What a lane waits for at once: one activity, or delays in a row."""

    kind: Kind
    activities: tuple[Activity, ...]
    seconds: float
    fixed: tuple[Load, ...]
    """Of delays: what all of them take, as joules."""


@dataclass(frozen=True, slots=True)
class ProgramLane:
    """Waits in sequence, and the lane that they carry out."""

    waits: tuple[Wait, ...]
    lane: Lane


@dataclass(frozen=True, slots=True)
class ProgramStep:
    """Gangs of lanes in sequence, and the processors held meanwhile."""

    step: Step
    processors: tuple[str, ...]
    """With exclusive partners, which cannot be on together with those that the step uses."""
    gangs: tuple[tuple[ProgramLane, ...], ...]


@dataclass(frozen=True, slots=True)
class Program:
    """All steps of a request, and the device's power beside them."""

    steps: tuple[ProgramStep, ...]
    followers: tuple[tuple[int, ...], ...]
    """By step: those that wait for it."""
    active_w: tuple[tuple[str, float], ...]
    asleep_w: tuple[tuple[str, float], ...]
    peak_memory_bytes: float


def prepare(
    execution: Execution, question: Question, factor: HiddenFactor | None = None
) -> Program:
    """Make an execution ready to run on the question's SoC."""
    writer = _Writer(question.soc.memory.energy_j_per_byte.value, factor)
    return Program(
        steps=tuple(
            ProgramStep(
                step,
                _held(step, question.soc),
                tuple(writer.gang(gang) for gang in step.gangs if gang),
            )
            for step in execution.steps
        ),
        followers=_followers(execution.steps),
        active_w=tuple((name, float(watts)) for name, watts in execution.active_w),
        asleep_w=tuple((name, float(watts)) for name, watts in execution.asleep_w),
        peak_memory_bytes=float(execution.peak_memory_bytes),
    )


def _followers(steps: tuple[Step, ...]) -> tuple[tuple[int, ...], ...]:
    followers: list[list[int]] = [[] for _ in steps]
    for number, step in enumerate(steps):
        for before in step.after:
            followers[before].append(number)
    return tuple(map(tuple, followers))


def _held(step: Step, soc: Soc) -> tuple[str, ...]:
    """Processors of a step, and those that cannot be on together with one of them."""
    return resources(
        step.processors, {n: spec.exclusive_with for n, spec in soc.processors.items()}
    )


@dataclass(frozen=True, slots=True)
class _Writer:
    """Turns gangs of phases into gangs of waits."""

    dram_j_per_byte: float
    factor: HiddenFactor | None

    def gang(self, gang: Gang) -> tuple[ProgramLane, ...]:
        return tuple(self.lane(lane) for lane in gang)

    def lane(self, lane: Lane) -> ProgramLane:
        activities = [self.activity(phase) for phase in lane.phases]
        if lane.block is not None and self.factor is not None:
            scale = self.factor(lane.block.layer, lane.block.processor)
            if not (isfinite(scale) and scale > 0.0):
                raise ValueError(f"hidden error of {lane.block.layer}: factor {scale} must be > 0")
            activities[-1] = replace(activities[-1], seconds=activities[-1].seconds * scale)
        waits = []
        for is_delay, members in groupby(activities, key=lambda a: a.kind == "delay"):
            if is_delay:
                waits.append(_delays(tuple(members)))
            else:
                waits += [Wait(a.kind, (a,), a.seconds, ()) for a in members]
        return ProgramLane(tuple(waits), lane)

    def activity(self, phase: Phase) -> Activity:
        size_bytes, seconds = float(phase.size_bytes), float(phase.seconds)
        loads: tuple[Load, ...] = tuple(
            (component, float(joules), float(watts)) for component, joules, watts in phase.loads
        )
        if size_bytes > 0.0:
            loads = (*loads, ("dram", self.dram_j_per_byte * size_bytes, 0.0))
        return Activity(phase.resource, phase.label, seconds, size_bytes, loads, _kind(phase))


def _kind(phase: Phase) -> Kind:
    if phase.radio is not None:
        return "transfer"
    if phase.resource == CLOUD:
        return "service"
    return "flow" if phase.size_bytes > 0 else "delay"


def _delays(activities: tuple[Activity, ...]) -> Wait:
    fixed = tuple(
        (component, joules + watts * activity.seconds, 0.0)
        for activity in activities
        for component, joules, watts in activity.loads
    )
    return Wait("delay", activities, sum(a.seconds for a in activities), fixed)
