"""The search space: which options a planner has for each layer."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from planners.values import CLOUD, Options, Question, UnitBlock
from socs.law import Device
from workloads import Stage


@dataclass(frozen=True, slots=True)
class Choice:
    """How one part of a layer runs."""

    processor: str
    frequency_hz: float
    precision: str


Placement = tuple[Choice, ...]
"""One choice per part, in the order of their units; empty: the cloud."""


@dataclass(frozen=True, slots=True, eq=False)
class LayerOptions(Sequence[tuple[UnitBlock, ...]]):
    """All options of one layer as arrays; indexing gives an option's unit-blocks."""

    stage: Stage
    placements: tuple[Placement, ...]
    placement: NDArray[np.int64]
    """Index into `placements`, per option."""
    cut: NDArray[np.int64]
    """Units of the first part; all of them where there is one part."""
    rank: NDArray[np.int64]
    """Rank of every part; 0 when dense."""

    def __len__(self) -> int:
        return len(self.placement)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        """Unit-blocks of an option."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if index < 0 or index >= len(self):
            raise IndexError(index)
        return self.blocks(int(index))

    def __iter__(self) -> Iterator[tuple[UnitBlock, ...]]:
        return (self.blocks(index) for index in range(len(self)))

    def blocks(self, index: int) -> tuple[UnitBlock, ...]:
        """Unit-blocks of an option."""
        stage, choices = self.stage, self.placements[self.placement[index]]
        if not choices:
            return (UnitBlock(stage.name, 0, stage.units, CLOUD, None, "fp32", None),)
        rank = int(self.rank[index]) or None
        edges = [0, stage.units] if len(choices) == 1 else [0, int(self.cut[index]), stage.units]
        return tuple(
            UnitBlock(
                stage.name, first, last, part.processor, part.frequency_hz, part.precision, rank
            )
            for part, first, last in zip(choices, edges, edges[1:], strict=False)
        )


def allowed_processors(question: Question) -> tuple[str, ...]:
    """Local processors that the options admit, in the SoC's order."""
    soc, asked = question.soc, question.options.processors
    if asked == "prototype":
        return tuple(name for name in soc.processors if name in soc.prototype_processors)
    if asked == "all":
        return tuple(soc.processors)
    return tuple(name for name in soc.processors if name in asked)


def _choices(question: Question, device: Device, stage: Stage, options: Options) -> list[Choice]:
    found = []
    for name in allowed_processors(question):
        spec = question.soc.processors[name]
        precisions: Sequence[str] = tuple(spec.macs_per_cycle)
        if options.precisions != "all":
            precisions = options.precisions.get(spec.kind, ())
        clocks = spec.frequencies_hz if options.frequencies == "all" else spec.frequencies_hz[-1:]
        found += [
            Choice(name, frequency_hz, precision)
            for precision in precisions
            if device.supports(stage, name, precision)
            for frequency_hz in clocks
        ]
    return found


def _pairs(question: Question, choices: Sequence[Choice]) -> list[Placement]:
    """Two processors side by side, each at its highest frequency, parts in the SoC's order."""
    processors = question.soc.processors
    top = [c for c in choices if c.frequency_hz == processors[c.processor].frequencies_hz[-1]]
    return [
        (a, b)
        for a, b in combinations(top, 2)
        if a.processor != b.processor
        and processors[a.processor].exclusive_with != b.processor
        and processors[b.processor].exclusive_with != a.processor
    ]


def rank_levels(stage: Stage, shares: Sequence[float]) -> tuple[int, ...]:
    """Ranks at shares of break-even, each at least 1 and below break-even."""
    return _levels(stage.break_even_rank, stage.max_rank, tuple(shares))


@lru_cache(maxsize=4096)
def _levels(break_even: int, highest: int, shares: tuple[float, ...]) -> tuple[int, ...]:
    levels = {round(share * break_even) for share in shares}
    return tuple(sorted(rank for rank in levels if 1 <= rank <= highest))


def guarded_ranks(question: Question, stage: Stage) -> tuple[int, ...]:
    """Ranks of the options that keep the limit of one layer's own error."""
    guard2 = question.layer_error_limit**2
    ranks, workload = rank_levels(stage, question.options.ranks), question.workload
    # what is beyond a rank never grows with it: those that keep the limit are the largest
    least = bisect_left(
        ranks, True, key=lambda rank: bool(workload.tail_energy(stage.name, rank) <= guard2)
    )
    return ranks[least:]


def _cuts(stage: Stage, parts: int) -> tuple[int, ...]:
    cuts = {round(stage.units * step / parts) for step in range(1, parts)}
    return tuple(sorted(cut for cut in cuts if 0 < cut < stage.units))


def layer_options(question: Question, stage: Stage) -> LayerOptions:
    """All options of one layer: placements x cuts x ranks, and the cloud."""
    options, device = question.options, question.device()
    choices = _choices(question, device, stage, options)
    placements: list[Placement] = [(choice,) for choice in choices]
    if options.max_parts > 1:
        placements += _pairs(question, choices)
    ranks = (0, *guarded_ranks(question, stage))
    rows: list[tuple[int, int, int]] = []
    for index, placement in enumerate(placements):
        cuts = (stage.units,) if len(placement) == 1 else _cuts(stage, options.split_parts)
        rows += [(index, cut, rank) for cut, rank in product(cuts, ranks)]
    if options.remote_segments and question.conditions.has_cloud:
        placements.append(())
        rows.append((len(placements) - 1, stage.units, 0))
    columns = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return LayerOptions(stage, tuple(placements), columns[0], columns[1], columns[2])


def options(question: Question) -> dict[str, LayerOptions]:
    """Per planned layer, exactly the options that `dad`, `deepx` and `exact` choose from."""
    return {stage.name: layer_options(question, stage) for stage in question.workload.stages}
