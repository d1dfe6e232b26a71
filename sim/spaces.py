"""Tensors in memory spaces: what lies where, from when on, while a simulation runs.

A block may read only what has arrived where it runs. Spaces are `dram`, shared by processors with
shared buffers; one for each processor with buffers of its own; `cloud`; and, of every shared
processor, what its caches still hold back: it alone sees that until it is written to `dram`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from planners.compiling import Lane, Step
from planners.values import CLOUD, Plan, Question, UnitBlock
from sim.deviation import Deviation, deviation
from sim.numerics import (
    Bench,
    bench_size,
    block_output,
    by_layer,
    joined,
    seeded_bench,
    weights_told,
)
from workloads import Stage, Workload
from workloads.execution import Scratch, recompose
from workloads.layer import Floats

DRAM = "dram"
INPUT = "input"


class ReadTooEarly(RuntimeError):
    """A read of what has not arrived in the reader's memory space."""


@dataclass(eq=False)
class Part:
    """Units [first, last) of a tensor, the processor that made them, and where they lie."""

    first: int
    last: int
    holder: str
    values: Floats
    spaces: set[str]


@dataclass(eq=False)
class Tensors:
    """The tensors of one request, carried by the blocks of one plan."""

    question: Question
    blocks: dict[str, list[UnitBlock]]
    bench: Bench
    parts: dict[str, list[Part]] = field(default_factory=dict)
    scratch: Scratch = field(default_factory=Scratch)

    @classmethod
    def of(cls, plan: Plan, question: Question, *, seed: int) -> "Tensors":
        """The request's seeded input, ready where the app puts it."""
        workload = question.workload
        bench = seeded_bench(workload, seed, bench_size(workload))
        tensors = cls(question, by_layer(plan.blocks), bench)
        whole = workload.input_shape[0]
        tensors._put(INPUT, 0, whole, question.soc.runtime_processor, bench.inputs)
        return tensors

    def lane_begins(self, step: Step, lane: Lane) -> None:
        """Raise ReadTooEarly unless all that the lane reads has arrived."""
        if lane.block is not None:
            for name in self._stage(step).reads:
                self._arrived(name, lane.block.processor)
        for direction, name in _transfers(lane):
            sender = self.question.soc.runtime_processor if direction == "uplink" else CLOUD
            self._arrived(name, sender)

    def lane_ends(self, step: Step, lane: Lane) -> None:
        """Take in what the lane has made or moved."""
        if lane.block is not None:
            self._make(self._stage(step), lane.block)
        for name, holder, legs in _moves(lane):
            self._move(name, holder, legs, self._readers(step))
        for direction, name in _transfers(lane):
            if direction == "uplink":
                for part in self.parts[name]:
                    part.spaces.add(CLOUD)
            else:
                self._bring_home(name)

    def step_ends(self, step: Step) -> None:
        """Tensors change hands with lanes."""

    def deviation(self) -> Deviation:
        """Of the scores that the last layer's blocks made."""
        question = self.question
        last = question.workload.stages[-1]
        scores = joined(self._arrived(last.name, question.soc.runtime_processor))
        return deviation(
            scores,
            self.bench.reference,
            question.error_limit,
            weights=weights_told(question.workload),
        )

    @property
    def _workload(self) -> Workload:
        return self.question.workload

    def _stage(self, step: Step) -> Stage:
        return self._workload.stage(step.name)

    def _readers(self, step: Step) -> Sequence[str]:
        """Where a step's moves go: to its local blocks, else to the runtime's processor."""
        local = [b.processor for b in self.blocks.get(step.name, ()) if b.processor != CLOUD]
        return tuple(dict.fromkeys(local)) or (self.question.soc.runtime_processor,)

    def _space(self, processor: str) -> str:
        """Where a processor reads what others made."""
        if processor == CLOUD:
            return CLOUD
        separate = self.question.soc.processors[processor].buffers == "separate"
        return processor if separate else DRAM

    def _sees(self, processor: str, part: Part) -> bool:
        return part.holder == processor or self._space(processor) in part.spaces

    def _put(self, name: str, first: int, last: int, holder: str, values: Floats) -> None:
        """A part made by a processor: visible at once only in its own space."""
        space = self._space(holder)
        held_back = space == DRAM and not self.question.soc.processors[holder].coherent
        spaces = set() if held_back else {space}
        self.parts.setdefault(name, []).append(Part(first, last, holder, values, spaces))

    def _arrived(self, name: str, reader: str) -> list[Floats]:
        """All parts of a tensor, in order; ReadTooEarly unless the reader sees every one."""
        parts = sorted(self.parts.get(name, ()), key=lambda part: part.first)
        workload = self._workload
        units = workload.input_shape[0] if name == INPUT else workload.stage(name).units
        expected = 0
        for part in parts:
            if part.first != expected or not self._sees(reader, part):
                break
            expected = part.last
        if expected != units:
            raise ReadTooEarly(
                f"{name}[{expected}:{units}] has not arrived in {self._space(reader)!r}, "
                f"where {reader} reads it"
            )
        return [part.values for part in parts]

    def _whole(self, name: str, reader: str) -> Floats:
        values = self._arrived(name, reader)
        return values[0] if name == INPUT else recompose(self._workload.stage(name), values)

    def _make(self, stage: Stage, block: UnitBlock) -> None:
        x = joined([self._whole(name, block.processor) for name in stage.inputs])
        beside = [self._whole(name, block.processor) for name in stage.operands]
        values = block_output(stage, x, self.bench.weights, block, self.scratch, beside)
        self._put(stage.name, block.first_unit, block.last_unit, block.processor, values)

    def _move(self, name: str, holder: str, legs: int, readers: Sequence[str]) -> None:
        """Legs of a holder's parts, in the order of the readers that do not see them yet."""
        device = self.question.device()
        for part in self.parts.get(name, ()):
            left = legs
            for reader in readers:
                if part.holder != holder or self._sees(reader, part):
                    continue
                left -= len(device.move(holder, reader, 1.0, ""))
                if left < 0:
                    break
                part.spaces.add(self._space(reader))

    def _bring_home(self, name: str) -> None:
        """The whole tensor, downloaded, is now the runtime's processor's."""
        parts = sorted(self.parts.pop(name), key=lambda part: part.first)
        values = joined([part.values for part in parts])
        self._put(name, 0, parts[-1].last, self.question.soc.runtime_processor, values)
        self.parts[name][0].spaces.add(CLOUD)


def _transfers(lane: Lane) -> list[tuple[str, str]]:
    """(direction, tensor) of the lane's transfers over the radio."""
    return [
        (phase.radio, phase.label.split(" ", 1)[1])
        for phase in lane.phases
        if phase.radio is not None
    ]


def _moves(lane: Lane) -> list[tuple[str, str, int]]:
    """(tensor, holder, legs) of the lane's moves within the device."""
    legs: dict[tuple[str, str], int] = {}
    for phase in lane.phases:
        if phase.radio is None and phase.label.startswith("move "):
            key = (phase.label.removeprefix("move "), phase.resource)
            legs[key] = legs.get(key, 0) + 1
    return [(name, holder, count) for (name, holder), count in legs.items()]
