"""Tables of a chain of layers: all options of all layers priced, and the ways between layers.

They depend on the model, the SoC with its hosts, the runtime, the options, background load and
temperature; not on links, memory or goals (but for ranks, which the error limit guards), so they
are kept from one question to the next (`planners.kept`).
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planners.moves import Mover, Source, Way, source_of
from planners.tables import StageTable, stage_table
from planners.values import NotApplicable, Question
from socs import Runtime

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scope:
    """Which part of the options a search may use."""

    compaction: bool = True
    splits: bool = True
    cloud: bool = True
    processors: tuple[str, ...] | None = None
    """None: all."""

    def mask(self, table: StageTable) -> NDArray[np.bool_]:
        """Rows of a table in scope."""
        keep = np.ones(len(table.index), dtype=np.bool_)
        if not self.compaction:
            keep &= table.rank == 0
        if not self.splits:
            keep &= table.parts == 1
        if self.processors is not None:
            inside = np.array(
                [
                    all(choice.processor in self.processors for choice in table.placement_of(s))
                    for s in range(len(table.signatures))
                ],
                dtype=np.bool_,
            )
            keep &= inside[table.signature]
        return keep


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """One layer of a chain: its options, and the ways to them."""

    table: StageTable
    arrive: Way
    """From signatures of the layer before (or the input) to placements."""
    land: Way
    """From the runtime's processor, where a download ends, to placements."""
    collect: Way
    """From signatures of the layer before (or the input) to where an upload starts."""
    sizes: Floats
    """Bytes to upload, by signature of the layer before; the encoded input's for the first."""
    useful: Ints
    """Rows that no other clock beats, sorted by signature (`_useful`)."""
    group: Ints
    """Of each useful row: the number of those that differ in the clock alone."""
    slack_s: Floats
    slack_j: Floats
    """Of each useful row: most by which ways to and from it differ from those of its group."""
    clocks: bool
    """Whether any group has more than one useful row."""


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """Priced options of a chain of layers."""

    links: tuple[Link, ...]
    deliver: Way
    """From signatures of the last layer to where the app reads."""
    evaluations: int
    """Options that were costed."""
    laid_out: OrderedDict[Hashable, Any] = field(default_factory=OrderedDict)
    """Networks without the cloud, by what they depend on (`planners.network`)."""

    @property
    def tables(self) -> tuple[StageTable, ...]:
        """By layer."""
        return tuple(link.table for link in self.links)


def build_chain(question: Question, runtime: Runtime) -> Chain:
    """Price everything anew; NotApplicable where the workload branches."""
    workload = question.workload
    if not workload.is_chain:
        raise NotApplicable(f"{workload.name} branches; this planner needs a chain")
    counted = question.cost.evaluations
    tables = [stage_table(question, stage, runtime) for stage in workload.stages]
    evaluations = question.cost.evaluations - counted
    mover = Mover(question, question.device())
    wire = workload.input_wire
    sizes = np.array([float(wire.bytes_per_frame * workload.frames)])
    before = [_runtime_source(question, float(workload.stages[0].input_bytes("fp32")))]
    parts = []
    for stage, table in zip(workload.stages, tables, strict=True):
        landed = _runtime_source(question, float(stage.input_bytes("fp32")))
        arrive = mover.way(before, stage, table.placements)
        land = mover.way([landed], stage, table.placements)
        parts.append((table, arrive, land, mover.deliver(before), sizes))
        before = [source_of(table, s) for s in range(len(table.signatures))]
        sizes = np.array([sum(size for _, size, _ in source.parts) for source in before])
    deliver = mover.deliver(before)
    links = []
    for number, part in enumerate(parts):
        # what leaves a layer's signatures: ways to the next layer and to an upload, or delivery
        onward = [deliver] if number + 1 == len(parts) else list(parts[number + 1][1:4:2])
        links.append(Link(*part, *_useful(part[0], list(part[1:3]), onward)))
    return Chain(tuple(links), deliver, evaluations)


def _runtime_source(question: Question, size_bytes: float) -> Source:
    name = question.soc.runtime_processor
    top = question.soc.processors[name].frequencies_hz[-1]
    return Source(((name, size_bytes, "fp32"),), {name: top})


def _useful(
    table: StageTable, inward: list[Way], onward: list[Way]
) -> tuple[Ints, Ints, Floats, Floats, bool]:
    """Rows worth having whatever the price of seconds and joules, their groups and slacks.

    Rows of a group have the same processors, precisions, cut and rank, so the same error and
    bytes: they differ in the clock alone. A row goes when another of its group is no slower and
    costs no more even where every way to and from it is the dearer by all that ways of the group
    differ. Lossless: swapping one for the other in any plan makes it no worse.
    """
    kinds: dict[tuple[object, ...], int] = {}
    kind = np.zeros(len(table.signatures), dtype=np.int64)
    for signature, (_, cut) in enumerate(table.signatures):
        parts = tuple((c.processor, c.precision) for c in table.placement_of(signature))
        kind[signature] = kinds.setdefault((cut, parts), len(kinds))
    slack_s, slack_j = _slacks(table, kind, len(kinds), inward, onward)
    keys = kind[table.signature] * (int(table.rank.max(initial=0)) + 1) + table.rank
    group = np.unique(keys, return_inverse=True)[1].reshape(-1)
    slack_s, slack_j = slack_s[kind[table.signature]], slack_j[kind[table.signature]]
    keep = np.ones(len(group), dtype=np.bool_)
    for members in _members(group):
        if len(members) > 1:
            seconds, joules = table.seconds[members], table.joules[members]
            margin_s, margin_j = slack_s[members[0]], slack_j[members[0]]
            beaten = (seconds[:, None] >= seconds[None] + margin_s) & (
                joules[:, None] >= joules[None] + margin_j
            )
            # of equals, where nothing lies between them, the first stays
            equal = (seconds[:, None] == seconds[None]) & (joules[:, None] == joules[None])
            later = np.arange(len(members))[:, None] > np.arange(len(members))[None]
            keep[members] = ~(beaten & (~equal | later)).any(axis=1)
    useful = np.flatnonzero(keep)
    useful = useful[np.argsort(table.signature[useful], kind="stable")]
    clocks = len(useful) > len(np.unique(group[useful]))
    return useful, group[useful], slack_s[useful], slack_j[useful], clocks


def _members(group: Ints) -> list[Ints]:
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order])) + 1
    return [np.asarray(part) for part in np.split(order, starts)] if len(group) else []


def _slacks(
    table: StageTable, kind: Ints, count: int, inward: list[Way], onward: list[Way]
) -> tuple[Floats, Floats]:
    """By kind: most seconds and joules by which ways to and from its signatures differ."""
    placement = np.array([p for p, _ in table.signatures], dtype=np.int64)
    found = []
    for name in ("seconds", "joules"):
        slack = np.zeros(count)
        for members in _members(kind):
            number = kind[members[0]]
            if len(members) < 2:
                continue
            into = [
                np.ptp(getattr(w, name)[:, placement[members]], axis=1).max(initial=0.0)
                for w in inward
            ]
            out = [np.ptp(getattr(w, name)[members], axis=0).max(initial=0.0) for w in onward]
            slack[number] = max(into) + max(out)
        found.append(slack)
    return found[0], found[1]
