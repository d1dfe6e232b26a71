"""Least costs of a branching graph's options: what no plan can go below, whatever runs beside it.

Options of a layer fall into classes by their processors and precisions. Between classes lie the
least seconds and joules of moving and converting a tensor, over all clocks and cuts of a class;
sharing the bus, waking without need and changes of clock are left out, so that the sum of all
least costs is a lower bound on what the law says (`planners.branching` proves plans by it).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planners.compiling import baseline_w
from planners.moves import Mover, Source
from planners.options import Placement
from planners.remote import Remote
from planners.tables import StageTable, stage_table
from planners.values import CLOUD, Question
from socs.law import cloud_service
from workloads import Stage

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Kind:
    """A class of options: where the parts of a layer run, and how exactly."""

    processors: tuple[str, ...]
    """In the order of the parts; the cloud's name alone for a layer that is away."""
    precisions: tuple[str, ...]

    @property
    def away(self) -> bool:
        """Whether the layer is in the cloud."""
        return self.processors == (CLOUD,)


AWAY = Kind((CLOUD,), ("fp32",))


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """One layer's options: their own costs, and their classes."""

    stage: Stage
    table: StageTable
    seconds: Floats
    joules: Floats
    stored_bytes: Floats
    live_bytes: Floats
    error2: Floats
    kinds: tuple[Kind, ...]
    kind: NDArray[np.int64]
    """Of each option; arrays are (options,), the cloud's last where there is one."""
    placements: tuple[tuple[Placement, ...], ...]
    """Of each class."""

    def sources(self, number: int) -> tuple[Source, ...]:
        """Where the least of a tensor is that an option of a class makes."""
        kind, units = self.kinds[number], self.stage.units
        rows = np.flatnonzero(self.kind == number)
        cuts = self.table.options.cut[self.table.index[rows]]
        edges = [(0, int(cuts.min())), (int(cuts.max()), units)][: len(kind.processors)]
        parts = tuple(
            (name, float(self.stage.output_bytes(first, last, precision)), precision)
            for name, precision, (first, last) in zip(
                kind.processors, kind.precisions, edges, strict=True
            )
        )
        return (Source(parts, {}),)


def choices(question: Question, stage: Stage, *, cloud: bool) -> Choices:
    """Price a layer's options."""
    table = stage_table(question, stage, question.runtime(question.options.runtime))
    kinds: dict[Kind, list[Placement]] = {}
    of_signature = []
    for signature in range(len(table.signatures)):
        placement = table.placement_of(signature)
        kind = Kind(tuple(c.processor for c in placement), tuple(c.precision for c in placement))
        known = kinds.setdefault(kind, [])
        if placement not in known:
            known.append(placement)
        of_signature.append(list(kinds).index(kind))
    numbers = np.array(of_signature, dtype=np.int64)[table.signature]
    own = (table.seconds, table.joules, table.stored_bytes, table.activation_bytes, table.error2)
    columns: list[Floats] = list(own)
    if cloud:
        server = question.conditions.cloud
        assert server is not None
        service_s = float(cloud_service(server, stage).seconds)
        columns = [np.append(c, v) for c, v in zip(columns, (service_s, 0, 0, 0, 0), strict=True)]
        numbers = np.append(numbers, len(kinds))
        kinds[AWAY] = [()]
    seconds, joules, stored, live, error2 = columns
    placements = tuple(map(tuple, kinds.values()))
    return Choices(
        stage, table, seconds, joules, stored, live, error2, tuple(kinds), numbers, placements
    )


@dataclass(frozen=True, slots=True, eq=False)
class Between:
    """Least costs from each class of a maker (rows) to each of a reader (columns)."""

    move_s: Floats
    move_j: Floats
    convert_s: Floats
    convert_j: Floats


@dataclass(slots=True)
class Ways:
    """Least costs between the layers of one question."""

    question: Question
    mover: Mover

    @classmethod
    def of(cls, question: Question) -> "Ways":
        """Under the question's conditions."""
        return cls(question, Mover(question, question.device()))

    def between(self, maker: Choices | None, reader: Choices) -> Between:
        """From a maker (None: the app's input) to a reader; nothing but time to and from the cloud.

        A download or an upload takes at least its bytes at the link's rate and half a round trip.
        """
        rows = 1 if maker is None else len(maker.kinds)
        shape = (rows, len(reader.kinds))
        found = Between(*(np.zeros(shape) for _ in range(4)))
        for row in range(rows):
            for column, kind in enumerate(reader.kinds):
                away = maker is not None and maker.kinds[row].away
                if away != kind.away:
                    seconds = self._down_s(maker) if away else self._up_s(maker, row, reader)
                    found.move_s[row, column] = seconds
                elif not away:
                    sources = self._input(reader) if maker is None else maker.sources(row)
                    self._local(found, (row, column), sources, reader)
        return found

    def _input(self, reader: Choices) -> tuple[Source, ...]:
        home = self.question.soc.runtime_processor
        size = float(self.question.workload.stages[0].input_bytes("fp32"))
        return (Source(((home, size, "fp32"),), {}),)

    def _local(
        self, found: Between, at: tuple[int, int], sources: Sequence[Source], reader: Choices
    ) -> None:
        lanes = self.mover.moves(sources[0].parts, reader.kinds[at[1]].processors)
        found.move_s[at] = max((seconds for seconds, _ in lanes.values()), default=0.0)
        found.move_j[at] = sum(joules for _, joules in lanes.values())
        seconds, joules = self.mover.conversions(sources, reader.stage, reader.placements[at[1]])
        found.convert_s[at], found.convert_j[at] = seconds.min(), joules.min()

    def _up_s(self, maker: Choices | None, row: int, reader: Choices) -> float:
        state = self.question.conditions
        assert state.link is not None and state.cloud is not None
        hop_s = state.link.round_trip_s.value / 2 + state.cloud.overhead_s.value
        if maker is None:
            workload = self.question.workload
            size = float(workload.input_wire.bytes_per_frame * workload.frames)
        else:
            size = sum(part[1] for part in maker.sources(row)[0].parts)
        return hop_s + size / state.up_bytes_per_s

    def _down_s(self, maker: Choices | None) -> float:
        state = self.question.conditions
        assert state.link is not None and maker is not None
        size = float(maker.stage.output_bytes(0, maker.stage.units, "fp32"))
        return state.link.round_trip_s.value / 2 + size / state.down_bytes_per_s

    def deliver_s(self, maker: Choices) -> tuple[Floats, Floats]:
        """Least seconds and joules from each class to where the app reads."""
        home, state = self.question.soc.runtime_processor, self.question.conditions
        seconds, joules = np.zeros(len(maker.kinds)), np.zeros(len(maker.kinds))
        for row, kind in enumerate(maker.kinds):
            if kind.away:
                assert state.link is not None
                workload = self.question.workload
                size = float(workload.output_wire.bytes_per_frame * workload.frames)
                seconds[row] = state.link.round_trip_s.value / 2 + size / state.down_bytes_per_s
                continue
            lanes = self.mover.moves(maker.sources(row)[0].parts, (home,))
            seconds[row] = max((s for s, _ in lanes.values()), default=0.0)
            joules[row] = sum(j for _, j in lanes.values())
        return seconds, joules

    def away(self) -> tuple[float, float]:
        """Least seconds, and least joules above the active baseline, of any use of the cloud."""
        seconds, joules = Remote.of(self.question).least()
        return seconds, joules - seconds * self.active_w()

    def active_w(self) -> float:
        """What the device draws while a request is under way, whatever it does."""
        return sum(w for _, w in baseline_w(self.question, self.question.conditions, active=True))

    def wake(self, processor: str) -> tuple[float, float]:
        """Seconds and joules of leaving the sleep state; none for the runtime's own processor."""
        if processor == self.question.soc.runtime_processor:
            return 0.0, 0.0
        phase = self.mover.device.wake(processor)
        seconds = float(phase.seconds)
        return seconds, sum(float(j) + float(w) * seconds for _, j, w in phase.loads)
