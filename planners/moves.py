"""What lies between layers: moving tensors, waking processors, changing clocks and precision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planners.fluid import finish
from planners.lanes import lane_durations
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
        return self._gang([phases] if phases else [])

    def moves(
        self, parts: Sequence[Part], targets: Sequence[str]
    ) -> dict[str, tuple[float, float]]:
        """Seconds and joules by producing processor until all targets see all parts."""
        sizes = np.array([[size_bytes] for _, size_bytes, _ in parts])
        legs = self._legs(tuple(holder for holder, _, _ in parts), sizes, targets)
        return {name: (float(s[0]), float(j[0])) for name, (s, j) in legs.items()}

    def deliver(self, sources: Sequence[Source]) -> Way:
        """To where the app reads: the runtime's processor. One column."""
        reader = self.question.soc.runtime_processor
        names = tuple(self.question.soc.processors)
        placement = (Choice(reader, 0.0, "fp32"),)
        lane_s, joules = self._all_moves(sources, [placement], names)
        return Way(lane_s.max(axis=2), joules)

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
        convert_s, convert_j = self.conversions(sources, stage, placements)
        seconds = (lane_s + ready_s).max(axis=2) + convert_s
        return Way(seconds, joules + ready_j + convert_j)

    def _all_moves(
        self, sources: Sequence[Source], placements: Sequence[Placement], names: tuple[str, ...]
    ) -> tuple[Floats, Floats]:
        """(sources, placements, processors) seconds by producing processor; summed joules."""
        origins: dict[tuple[str, ...], list[int]] = {}
        for row, source in enumerate(sources):
            origins.setdefault(tuple(name for name, _, _ in source.parts), []).append(row)
        targets: dict[tuple[str, ...], list[int]] = {}
        for column, placement in enumerate(placements):
            targets.setdefault(tuple(choice.processor for choice in placement), []).append(column)
        seconds = np.zeros((len(sources), len(placements), len(names)))
        joules = np.zeros((len(sources), len(placements)))
        for holders, rows in origins.items():
            sizes = np.array([[size for _, size, _ in sources[row].parts] for row in rows]).T
            for processors, columns in targets.items():
                one, other = np.ix_(rows, columns)
                for name, (lane_s, lane_j) in self._legs(holders, sizes, processors).items():
                    seconds[one, other, names.index(name)] = lane_s[:, None]
                    joules[one, other] += lane_j[:, None]
        return seconds, joules

    def _legs(
        self, holders: tuple[str, ...], sizes: Floats, targets: Sequence[str]
    ) -> dict[str, tuple[Floats, Floats]]:
        """Seconds and joules by holder until all targets see all parts, the bus being shared.

        `sizes` is (parts, tensors): many tensors that the same processors hold.
        """
        memory, count = self.question.soc.memory, sizes.shape[1]
        lanes = {
            holder: phases
            for holder, size in zip(holders, sizes, strict=True)
            if (phases := self._lane(holder, size, targets))
        }
        durations = lane_durations(list(lanes.values()), memory.bandwidth_bytes_per_s.value, count)
        prices = {}
        for (holder, phases), lane_seconds in zip(lanes.items(), durations, strict=True):
            seconds, joules = np.zeros(count), np.zeros(count)
            for phase, duration_s in zip(phases, lane_seconds, strict=True):
                seconds = seconds + duration_s
                joules = joules + memory.energy_j_per_byte.value * phase.size_bytes
                for _, constant, watts in phase.loads:
                    joules = joules + constant + watts * duration_s
            prices[holder] = seconds, joules
        return prices

    def _lane(self, holder: str, size: Floats, targets: Sequence[str]) -> tuple[Phase, ...]:
        """Legs of one holder's part to the targets that cannot see it yet."""
        processors, seen = self.question.soc.processors, {holder}
        phases: list[Phase] = []
        for target in targets:
            if target in seen:
                continue
            phases += self.device.move(holder, target, size, "move")
            seen.add(target)
            if processors[target].buffers == "shared":
                seen.update(n for n, spec in processors.items() if spec.buffers == "shared")
        return tuple(phases)

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

    def conversions(
        self, sources: Sequence[Source], stage: Stage, placements: Sequence[Placement]
    ) -> tuple[Floats, Floats]:
        """Seconds and joules from each source (rows) to each placement of a stage (columns)."""
        held = [tuple(sorted({precision for _, _, precision in s.parts})) for s in sources]
        kinds = list(dict.fromkeys(held))
        seconds = np.zeros((len(kinds), len(placements)))
        joules = np.zeros((len(kinds), len(placements)))
        phases: dict[tuple[Choice, str], Phase] = {}
        for row, precisions in enumerate(kinds):
            for column, placement in enumerate(placements):
                lanes = [self._conversion(stage, c, precisions, phases) for c in placement]
                price = self._gang([lane for lane in lanes if lane])
                seconds[row, column], joules[row, column] = price
        rows = [kinds.index(precisions) for precisions in held]
        return seconds[rows], joules[rows]

    def _conversion(
        self,
        stage: Stage,
        choice: Choice,
        precisions: Sequence[str],
        known: dict[tuple[Choice, str], Phase],
    ) -> list[Phase]:
        others = [precision for precision in precisions if precision != choice.precision]
        for other in others:
            if (choice, other) not in known:
                known[choice, other] = self.device.convert(
                    stage, choice.processor, choice.frequency_hz, other, choice.precision
                )
        return [known[choice, other] for other in others]

    def _gang(self, lanes: Sequence[Sequence[Phase]]) -> tuple[float, float]:
        """Seconds and joules of lanes that start together and share the bus."""
        memory = self.question.soc.memory
        end_s, joules = 0.0, 0.0
        spans = finish(lanes, memory.bandwidth_bytes_per_s.value) if lanes else []
        for lane, lane_spans in zip(lanes, spans, strict=True):
            end_s = max(end_s, lane_spans[-1][1])
            for phase, (start_s, stop_s) in zip(lane, lane_spans, strict=True):
                joules += memory.energy_j_per_byte.value * float(phase.size_bytes)
                for _, constant, watts in phase.loads:
                    joules += float(constant) + float(watts) * (stop_s - start_s)
        return end_s, joules
