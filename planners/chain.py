"""The allocation problem on a chain of layers, solved by dynamic programming.

State after a layer: signature of the option chosen (where its output is) x error level used so
far x position relative to the cloud segment (before, inside, after). Costs are additive:
`energy_weight x joules + latency_weight x seconds + memory_weight x stored bytes`, so limits on
latency and memory enter as Lagrange multipliers and the error limit as a budget on at most
`LEVELS` levels. Exact for the weighted sum up to the rounding of errors to levels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planners.compiling import baseline_w
from planners.moves import Mover, Source, Way, source_of
from planners.remote import Remote
from planners.tables import StageTable, stage_table
from planners.values import CLOUD, NotApplicable, Question, UnitBlock
from socs import Runtime

LEVELS = 256
"""Levels of the error budget."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Weights:
    """Prices of a joule, a second and a stored byte."""

    energy: float = 1.0
    latency: float = 0.0
    memory: float = 0.0


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
class _Rows:
    """The cheapest option of each (signature, error level) of a layer, sorted by signature."""

    option: Ints
    signature: Ints
    column: Ints
    """Position of the row's placement in `placements`."""
    level: Ints
    cost: Floats
    placements: Ints
    """Placements that any row uses."""


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """Costs after a layer, by signature (those worth keeping) and error level."""

    signatures: Ints
    values: Floats

    @classmethod
    def start(cls, levels: int, *, reached: bool) -> "_State":
        """Before the first layer: the input, at no cost; or a position not reachable there."""
        if not reached:
            return cls(np.zeros(0, dtype=np.int64), np.zeros((0, levels + 1)))
        return cls(np.zeros(1, dtype=np.int64), np.zeros((1, levels + 1)))


_NONE = -1


class Chain:
    """Tables of one question, and searches over them."""

    def __init__(self, question: Question, runtime: Runtime) -> None:
        if not question.workload.is_chain:
            raise NotApplicable(f"{question.workload.name} branches; this planner needs a chain")
        self.question = question
        self.stages = question.workload.stages
        self.tables = [stage_table(question, stage, runtime) for stage in self.stages]
        self.mover = Mover(question, question.device())
        self.remote = Remote.of(question, self.mover) if self._may_leave() else None
        self._ways()

    def _may_leave(self) -> bool:
        question = self.question
        return question.options.remote_segments > 0 and question.conditions.has_cloud

    def _runtime_source(self, size_bytes: float) -> Source:
        soc = self.question.soc
        name = soc.runtime_processor
        top = soc.processors[name].frequencies_hz[-1]
        return Source(((name, size_bytes, "fp32"),), {name: top})

    def _ways(self) -> None:
        """ways[i]: signatures of layer i-1 (or the input) to placements of layer i;
        returns[i]: from the cloud's output of layer i-1, once downloaded, to layer i.
        """
        self.ways: list[Way] = []
        self.returns: list[Way] = []
        self.sources: list[list[Source]] = []
        start = self._runtime_source(float(self.stages[0].input_bytes("fp32")))
        before = [start]
        for stage, table in zip(self.stages, self.tables, strict=True):
            placements = table.placements
            self.ways.append(self.mover.way(before, stage, placements))
            landed = self._runtime_source(float(stage.input_bytes("fp32")))
            self.returns.append(self.mover.way([landed], stage, placements))
            before = [source_of(table, s) for s in range(len(table.signatures))]
            self.sources.append(before)
        self.delivery = self.mover.deliver(before)
        self.start = start
        self.kinds = [self._kinds(table) for table in self.tables]

    @staticmethod
    def _kinds(table: StageTable) -> Ints:
        """By signature: the number of its class of equal processors, precisions and cut."""
        numbers: dict[tuple[object, ...], int] = {}
        found = []
        for signature, (_, cut) in enumerate(table.signatures):
            parts = [(c.processor, c.precision) for c in table.placement_of(signature)]
            found.append(numbers.setdefault((cut, *parts), len(numbers)))
        return np.array(found, dtype=np.int64)

    def solve(self, weights: Weights, scope: Scope) -> tuple[UnitBlock, ...] | None:
        """Blocks of the cheapest plan in scope within the error limit; None where there is none."""
        return _Pass(self, weights, scope).best()


class _Pass:
    """One dynamic programme over the chain."""

    def __init__(self, chain: Chain, weights: Weights, scope: Scope) -> None:
        self.chain, self.weights = chain, weights
        self.budget = chain.question.error_limit**2
        masks = [scope.mask(table) for table in chain.tables]
        lossy = any(np.any(t.error2[m] > 0) for t, m in zip(chain.tables, masks, strict=True))
        self.levels = LEVELS if lossy and self.budget > 0 else 0
        self.remote = chain.remote if scope.cloud else None
        self.local_w = sum(
            w for _, w in baseline_w(chain.question, chain.question.conditions, active=True)
        )
        self.after_w = self.remote.after_w if self.remote else self.local_w
        self.rows = [self._rows(t, m) for t, m in zip(chain.tables, masks, strict=True)]
        self._forward()

    def _price(self, seconds: Floats, joules: Floats, base_w: float) -> Floats:
        w = self.weights
        return w.energy * (joules + base_w * seconds) + w.latency * seconds

    def _rows(self, table: StageTable, mask: NDArray[np.bool_]) -> dict[bool, _Rows]:
        """Per position (False: before the cloud, True: after), the best options by level."""
        levels = np.zeros(len(table.index), dtype=np.int64)
        if self.budget > 0:
            exact = table.error2 / self.budget * max(self.levels, 1)
            levels = np.ceil(exact - 1e-9).astype(np.int64)
        else:
            levels[table.error2 > 0] = 1
        keep = np.flatnonzero(mask & (levels <= self.levels))
        return {
            after: self._cheapest(table, keep, levels, base_w)
            for after, base_w in ((False, self.local_w), (True, self.after_w))
        }

    def _cheapest(self, table: StageTable, keep: Ints, levels: Ints, base_w: float) -> _Rows:
        cost = self._price(table.seconds[keep], table.joules[keep], base_w)
        cost = cost + self.weights.memory * table.stored_bytes[keep]
        order = np.lexsort((keep, cost, levels[keep], table.signature[keep]))
        keep, cost = keep[order], cost[order]
        signature, level = table.signature[keep], levels[keep]
        first = np.ones(len(keep), dtype=np.bool_)
        first[1:] = (signature[1:] != signature[:-1]) | (level[1:] != level[:-1])
        of_signature = np.array([placement for placement, _ in table.signatures], dtype=np.int64)
        placements, column = np.unique(of_signature[signature[first]], return_inverse=True)
        return _Rows(
            table.index[keep[first]],
            signature[first],
            column,
            level[first],
            cost[first],
            placements,
        )

    def _forward(self) -> None:
        """states[i][after]: costs after layer i; inside[i]: the same in the cloud, by level."""
        self.states: list[dict[bool, _State]] = []
        self.inside: list[Floats] = []
        for i in range(len(self.chain.tables)):
            if self.remote is not None:
                stay = self.inside[i - 1] if i else np.full(self.levels + 1, np.inf)
                enter = self._enter(i, self._previous(i, False))
                self.inside.append(np.minimum(stay, enter) + self._serve(i))
            self.states.append({after: self._layer(i, after) for after in (False, True)})

    def _previous(self, i: int, after: bool) -> _State:
        return self.states[i - 1][after] if i else _State.start(self.levels, reached=not after)

    def _way(self, i: int, after: bool, rows: Ints, columns: Ints) -> Floats:
        """Prices from signatures of layer i-1 to placements of layer i."""
        way, pick = self.chain.ways[i], np.ix_(rows, columns)
        base_w = self.after_w if after else self.local_w
        return self._price(way.seconds[pick], way.joules[pick], base_w)

    def _arrived(self, i: int, after: bool) -> Floats:
        """(placements in use, levels): cheapest way to have the inputs ready for each."""
        before, columns = self._previous(i, after), self.rows[i][after].placements
        way = self._way(i, after, before.signatures, columns)
        costs = before.values[:, None, :] + way[:, :, None]
        arrived: Floats = costs.min(axis=0, initial=np.inf)
        if after and self.remote is not None and i:
            home = self._return(i)[columns]
            arrived = np.minimum(arrived, home[:, None] + self.inside[i - 1][None])
        return arrived

    def _layer(self, i: int, after: bool) -> _State:
        rows = self.rows[i][after]
        if not len(rows.option) or (after and self.remote is None):
            return _State.start(self.levels, reached=False)
        costs = self._row_costs(rows, self._arrived(i, after))
        starts = np.flatnonzero(np.r_[True, rows.signature[1:] != rows.signature[:-1]])
        state = _State(rows.signature[starts], np.minimum.reduceat(costs, starts, axis=0))
        return self._pruned(i, after, state)

    def _pruned(self, i: int, after: bool, state: _State) -> _State:
        """Without signatures that another of the same processors and cut beats at every level.

        Lossless: the other is cheaper by more than any way onwards can differ between the two.
        """
        keep = np.isfinite(state.values[:, -1])
        if i + 1 < len(self.chain.tables):
            columns = np.arange(len(self.chain.tables[i + 1].placements))
            onward = self._way(i + 1, after, state.signatures, columns)
        else:
            way = self.chain.delivery
            base_w = self.after_w if after else self.local_w
            onward = self._price(way.seconds, way.joules, base_w)[state.signatures]
        kinds = self.chain.kinds[i][state.signatures]
        for kind in np.unique(kinds[keep]):
            members = np.flatnonzero((kinds == kind) & keep)
            spread = np.ptp(onward[members], axis=0).max(initial=0.0)
            bar = state.values[members].min(axis=0) + spread
            keep[members] = (state.values[members] <= bar).any(axis=1)
        return _State(state.signatures[keep], state.values[keep])

    def _row_costs(self, rows: _Rows, arrived: Floats) -> Floats:
        """(rows, levels): cost after the layer when its option is that row."""
        left = np.arange(self.levels + 1)[None] - rows.level[:, None]
        costs = arrived[rows.column[:, None], np.maximum(left, 0)] + rows.cost[:, None]
        result: Floats = np.where(left >= 0, costs, np.inf)
        return result

    def _enter(self, i: int, before: _State) -> Floats:
        """Levels: cheapest way to have layer i's input in the cloud."""
        costs = before.values + self._upload(i)[before.signatures][:, None]
        result: Floats = costs.min(axis=0, initial=np.inf)
        return result

    def _upload(self, i: int) -> Floats:
        """By signature of layer i-1."""
        assert self.remote is not None
        way = self.remote.upload(i, self.chain.sources[i - 1] if i else [self.chain.start])
        return self._price(way.seconds[:, 0], way.joules[:, 0], self.local_w)

    def _serve(self, i: int) -> float:
        assert self.remote is not None
        seconds, joules = self.remote.service(i)
        return float(self._price(np.array(seconds), np.array(joules), self.local_w))

    def _return(self, i: int) -> Floats:
        """Placements: from the cloud's output of layer i-1 to layer i."""
        assert self.remote is not None
        way = self.chain.returns[i]
        home = self._price(way.seconds[0], way.joules[0], self.after_w)
        return home + self._download(i)

    def _download(self, i: int) -> float:
        assert self.remote is not None
        seconds, joules = self.remote.download(i)
        return float(self._price(np.array(seconds), np.array(joules), self.local_w))

    def best(self) -> tuple[UnitBlock, ...] | None:
        """Blocks of the cheapest complete plan."""
        count, way = len(self.chain.stages), self.chain.delivery
        ends: list[tuple[float, int, str]] = []
        for after in (False, True):
            last, base_w = self.states[-1][after], self.after_w if after else self.local_w
            deliver = self._price(way.seconds[:, 0], way.joules[:, 0], base_w)
            costs = last.values[:, -1] + deliver[last.signatures]
            if len(costs):
                row = int(np.argmin(costs))
                where = "after" if after else "before"
                ends.append((float(costs[row]), int(last.signatures[row]), where))
        if self.remote is not None:
            home = float(self.inside[-1][-1]) + self._download(count)
            ends.append((home, _NONE, "inside"))
        cost, signature, where = min(ends, default=(np.inf, _NONE, ""))
        if not np.isfinite(cost):
            return None
        return self._trace(signature, where)

    def _trace(self, signature: int, where: str) -> tuple[UnitBlock, ...]:
        """Walk back from the last layer, finding at each which choice gave the value."""
        level = self.levels
        blocks: list[tuple[UnitBlock, ...]] = []
        for i in reversed(range(len(self.chain.stages))):
            if where == "inside":
                stage = self.chain.stages[i]
                blocks.append((UnitBlock(stage.name, 0, stage.units, CLOUD, None, "fp32"),))
                where, signature = self._before_cloud(i, level)
                continue
            after = where == "after"
            rows = self.rows[i][after]
            costs = self._row_costs(rows, self._arrived(i, after))[:, level]
            row = int(np.argmin(np.where(rows.signature == signature, costs, np.inf)))
            blocks.append(self.chain.tables[i].options.blocks(int(rows.option[row])))
            level -= int(rows.level[row])
            where, signature = self._before(i, after, level, signature)
        return tuple(block for layer in reversed(blocks) for block in layer)

    def _before(self, i: int, after: bool, level: int, signature: int) -> tuple[str, int]:
        """Position and signature of the layer before layer i's chosen signature."""
        placement = self.chain.tables[i].signatures[signature][0]
        before = self._previous(i, after)
        way = self._way(i, after, before.signatures, np.array([placement]))[:, 0]
        costs = before.values[:, level] + way
        if after and self.remote is not None and i:
            home = self._return(i)[placement] + self.inside[i - 1][level]
            if home <= costs.min(initial=np.inf):
                return "inside", _NONE
        return ("after" if after else "before"), int(before.signatures[np.argmin(costs)])

    def _before_cloud(self, i: int, level: int) -> tuple[str, int]:
        """Position and signature before layer i, which ran in the cloud."""
        stay = self.inside[i - 1][level] if i else np.inf
        before = self._previous(i, False)
        costs = before.values[:, level] + self._upload(i)[before.signatures]
        if stay < costs.min(initial=np.inf):
            return "inside", _NONE
        return "before", int(before.signatures[np.argmin(costs)])
