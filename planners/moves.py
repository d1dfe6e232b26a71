"""What lies between layers: moving tensors, waking processors, changing clocks and precision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planners.options import Choice, Placement
from planners.tables import StageTable
from planners.values import Question
from socs.law import Device, Phase
from workloads import Stage

Floats = NDArray[np.float64]
Part = tuple[str, float, str]
"""Processor that holds a part of a tensor, its bytes, its precision."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a tensor is after a layer, and the clocks of the processors then awake."""

    parts: tuple[Part, ...]
    clocks: Mapping[str, float]


def source_of(table: StageTable, signature: int) -> Source:
    """Where a layer's output is after an option of that signature."""
    placement, (_, cut) = table.placement_of(signature), table.signatures[signature]
    stage = table.options.stage
    edges = [0, stage.units] if len(placement) == 1 else [0, cut, stage.units]
    parts = tuple(
        (choice.processor, float(stage.output_bytes(a, b, choice.precision)), choice.precision)
        for choice, a, b in zip(placement, edges, edges[1:], strict=False)
    )
    return Source(parts, {choice.processor: choice.frequency_hz for choice in placement})


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """Seconds and joules from each source (rows) to each target (columns)."""

    seconds: Floats
    joules: Floats


@dataclass(slots=True)
class Mover:
    """Prices ways between sources and placements of one question."""

    question: Question
    device: Device

    def _price(self, phases: Sequence[Phase]) -> tuple[float, float]:
        memory = self.question.soc.memory
        seconds, joules = 0.0, 0.0
        for phase in phases:
            duration_s = float(phase.alone_s(memory.bandwidth_bytes_per_s.value))
            seconds += duration_s
            joules += memory.energy_j_per_byte.value * float(phase.size_bytes)
            for component, constant, watts in phase.loads:
                if component != "cloud":
                    joules += float(constant) + float(watts) * duration_s
        return seconds, joules

    def moves(
        self, parts: Sequence[Part], targets: Sequence[str]
    ) -> dict[str, tuple[float, float]]:
        """Seconds and joules by producing processor until all targets see all parts."""
        processors = self.question.soc.processors
        lanes: dict[str, tuple[float, float]] = {}
        for source, size_bytes, _ in parts:
            seen = {source}
            for target in targets:
                if target in seen:
                    continue
                price = self._price(self.device.move(source, target, size_bytes, "move"))
                before = lanes.get(source, (0.0, 0.0))
                lanes[source] = (before[0] + price[0], before[1] + price[1])
                seen.add(target)
                if processors[target].buffers == "shared":
                    seen.update(n for n, spec in processors.items() if spec.buffers == "shared")
        return lanes

    def deliver(self, sources: Sequence[Source]) -> Way:
        """To where the app reads: the runtime's processor. One column."""
        target = (self.question.soc.runtime_processor,)
        prices = [self.moves(source.parts, target).values() for source in sources]
        seconds = [max((s for s, _ in lanes), default=0.0) for lanes in prices]
        joules = [sum(j for _, j in lanes) for lanes in prices]
        return Way(np.array(seconds)[:, None], np.array(joules)[:, None])

    def encode(self, size_bytes: float, bytes_per_s: float) -> tuple[float, float]:
        """Putting the input into its wire encoding: `planners.compiling._upload`."""
        seconds = size_bytes / bytes_per_s
        phase = self.device.runtime_work("encode input", seconds, 2.0 * size_bytes)
        return self._price((phase,))

    def way(self, sources: Sequence[Source], stage: Stage, placements: Sequence[Placement]) -> Way:
        """From sources of a stage's input to its placements: move and wake, then convert."""
        names = tuple(self.question.soc.processors)
        lane_s, joules = self._all_moves(sources, placements, names)
        ready_s, ready_j = self._ready(sources, placements, names)
        convert_s, convert_j = self._conversions(sources, stage, placements)
        seconds = (lane_s + ready_s).max(axis=2) + convert_s
        return Way(seconds, joules + ready_j + convert_j)

    def _all_moves(
        self, sources: Sequence[Source], placements: Sequence[Placement], names: tuple[str, ...]
    ) -> tuple[Floats, Floats]:
        origins = {source.parts: None for source in sources}
        targets = {tuple(choice.processor for choice in p): None for p in placements}
        seconds = np.zeros((len(origins), len(targets), len(names)))
        joules = np.zeros((len(origins), len(targets)))
        for i, parts in enumerate(origins):
            for k, processors in enumerate(targets):
                for name, (lane_s, lane_j) in self.moves(parts, processors).items():
                    seconds[i, k, names.index(name)] = lane_s
                    joules[i, k] += lane_j
        rows = {parts: i for i, parts in enumerate(origins)}
        columns = {processors: k for k, processors in enumerate(targets)}
        pick = np.ix_(
            [rows[source.parts] for source in sources],
            [columns[tuple(choice.processor for choice in p)] for p in placements],
        )
        return seconds[pick], joules[pick]

    def _ready(
        self, sources: Sequence[Source], placements: Sequence[Placement], names: tuple[str, ...]
    ) -> tuple[Floats, Floats]:
        """Wake delays and clock changes per processor: `planners.compiling._ready`."""
        before = np.full((len(sources), len(names)), np.nan)
        after = np.full((len(placements), len(names)), np.nan)
        for row, source in enumerate(sources):
            for name, hz in self._awake(source).items():
                before[row, names.index(name)] = hz
        for row, placement in enumerate(placements):
            for choice in placement:
                after[row, names.index(choice.processor)] = choice.frequency_hz
        used, awake = ~np.isnan(after)[None], ~np.isnan(before)[:, None]
        wake = (used & ~awake).astype(float)
        switch = (used & awake & (after[None] != before[:, None])).astype(float)
        wakes = np.array([self._price((self.device.wake(name),)) for name in names])
        switches = np.array([self._price((self.device.switch(name),)) for name in names])
        seconds = wake * wakes[:, 0] + switch * switches[:, 0]
        joules = (wake * wakes[:, 1] + switch * switches[:, 1]).sum(axis=2)
        return seconds, joules

    def _awake(self, source: Source) -> dict[str, float]:
        """Clocks of awake processors; the runtime's sleeps only beside an exclusive partner."""
        soc, awake = self.question.soc, dict(source.clocks)
        name = soc.runtime_processor
        if all(soc.processors[other].exclusive_with != name for other in source.clocks):
            awake.setdefault(name, soc.processors[name].frequencies_hz[-1])
        return awake

    def _conversions(
        self, sources: Sequence[Source], stage: Stage, placements: Sequence[Placement]
    ) -> tuple[Floats, Floats]:
        held = [tuple(sorted({precision for _, _, precision in s.parts})) for s in sources]
        kinds = list(dict.fromkeys(held))
        seconds = np.zeros((len(kinds), len(placements)))
        joules = np.zeros((len(kinds), len(placements)))
        for row, precisions in enumerate(kinds):
            for column, placement in enumerate(placements):
                lanes = [self._conversion(stage, choice, precisions) for choice in placement]
                seconds[row, column] = max((s for s, _ in lanes), default=0.0)
                joules[row, column] = sum(j for _, j in lanes)
        rows = [kinds.index(precisions) for precisions in held]
        return seconds[rows], joules[rows]

    def _conversion(
        self, stage: Stage, choice: Choice, precisions: Sequence[str]
    ) -> tuple[float, float]:
        others = [precision for precision in precisions if precision != choice.precision]
        return self._price(
            [
                self.device.convert(
                    stage, choice.processor, choice.frequency_hz, other, choice.precision
                )
                for other in others
            ]
        )
