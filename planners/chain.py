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
    level: Ints
    cost: Floats


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

    def solve(self, weights: Weights, scope: Scope) -> tuple[UnitBlock, ...] | None:
        """Blocks of the cheapest plan in scope within the error limit; None where there is none."""
        return _Pass(self, weights, scope).best()


class _Pass:
    """One dynamic programme over the chain."""

    def __init__(self, chain: Chain, weights: Weights, scope: Scope) -> None:
        self.chain, self.weights = chain, weights
        limit = chain.question.error_limit / chain.question.workload.error_gain
        self.budget = limit * limit
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
        return _Rows(table.index[keep[first]], signature[first], level[first], cost[first])

    def _forward(self) -> None:
        """values[i][after]: (signatures, levels) costs after layer i; inside[i]: in the cloud."""
        chain, size = self.chain, self.levels + 1
        self.values: list[dict[bool, Floats]] = []
        self.inside: list[Floats] = []
        before = {False: np.zeros((1, size)), True: np.full((1, size), np.inf)}
        cloud = np.full(size, np.inf)
        for i in range(len(chain.tables)):
            arrived = {after: self._arrive(i, before[after], after) for after in (False, True)}
            if self.remote is not None:
                arrived[True] = np.minimum(arrived[True], self._return(i)[:, None] + cloud[None])
                cloud = np.minimum(cloud, self._enter(i, before[False])) + self._serve(i)
            before = {after: self._layer(i, arrived[after], after) for after in (False, True)}
            self.values.append(before)
            self.inside.append(cloud)

    def _way(self, i: int, after: bool) -> Floats:
        way = self.chain.ways[i]
        return self._price(way.seconds, way.joules, self.after_w if after else self.local_w)

    def _arrive(self, i: int, before: Floats, after: bool) -> Floats:
        """(placements, levels): cheapest way to have the inputs ready for each placement."""
        way = self._way(i, after)
        if before.shape[0] != way.shape[0]:
            return np.full((way.shape[1], before.shape[1]), np.inf)
        result: Floats = (before[:, None, :] + way[:, :, None]).min(axis=0, initial=np.inf)
        return result

    def _layer(self, i: int, arrived: Floats, after: bool) -> Floats:
        rows, table = self.rows[i][after], self.chain.tables[i]
        values = np.full((len(table.signatures), self.levels + 1), np.inf)
        if not len(rows.option):
            return values
        costs = self._row_costs(i, arrived, after)
        starts = np.flatnonzero(np.r_[True, rows.signature[1:] != rows.signature[:-1]])
        values[rows.signature[starts]] = np.minimum.reduceat(costs, starts, axis=0)
        return values

    def _row_costs(self, i: int, arrived: Floats, after: bool) -> Floats:
        """(rows, levels): cost after the layer when its option is that row."""
        rows, table = self.rows[i][after], self.chain.tables[i]
        placement = np.array([p for p, _ in table.signatures], dtype=np.int64)[rows.signature]
        left = np.arange(self.levels + 1)[None] - rows.level[:, None]
        costs = arrived[placement[:, None], np.maximum(left, 0)] + rows.cost[:, None]
        result: Floats = np.where(left >= 0, costs, np.inf)
        return result

    def _enter(self, i: int, before: Floats) -> Floats:
        """Levels: cheapest way to have layer i's input in the cloud."""
        assert self.remote is not None
        result: Floats = (before + self._upload(i)[:, None]).min(axis=0, initial=np.inf)
        return result

    def _upload(self, i: int) -> Floats:
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
        last, count = self.values[-1], len(self.chain.stages)
        ends: list[tuple[float, int, str]] = []
        for after in (False, True):
            base_w = self.after_w if after else self.local_w
            way = self.chain.delivery
            deliver = self._price(way.seconds[:, 0], way.joules[:, 0], base_w)
            costs = last[after][:, -1] + deliver
            if len(costs):
                s = int(np.argmin(costs))
                ends.append((float(costs[s]), s, "after" if after else "before"))
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
            rows, arrived = self.rows[i][after], self._arrived(i, after)
            costs = self._row_costs(i, arrived, after)[:, level]
            costs = np.where(rows.signature == signature, costs, np.inf)
            row = int(np.argmin(costs))
            blocks.append(self.chain.tables[i].options.blocks(int(rows.option[row])))
            level -= int(rows.level[row])
            where, signature = self._before(i, after, level, signature)
        return tuple(block for layer in reversed(blocks) for block in layer)

    def _previous(self, i: int, after: bool) -> Floats:
        size = self.levels + 1
        if i:
            return self.values[i - 1][after]
        return np.full((1, size), np.inf) if after else np.zeros((1, size))

    def _arrived(self, i: int, after: bool) -> Floats:
        arrived = self._arrive(i, self._previous(i, after), after)
        if after and self.remote is not None and i:
            home = self._return(i)[:, None] + self.inside[i - 1][None]
            arrived = np.minimum(arrived, home)
        return arrived

    def _before(self, i: int, after: bool, level: int, signature: int) -> tuple[str, int]:
        """Position and signature of the layer before layer i's chosen signature."""
        placement = self.chain.tables[i].signatures[signature][0]
        costs = self._previous(i, after)[:, level] + self._way(i, after)[:, placement]
        s = int(np.argmin(costs))
        if after and self.remote is not None and i:
            home = self._return(i)[placement] + self.inside[i - 1][level]
            if home <= costs[s]:
                return "inside", _NONE
        return ("after" if after else "before"), s

    def _before_cloud(self, i: int, level: int) -> tuple[str, int]:
        """Position and signature before layer i, which ran in the cloud."""
        stay = self.inside[i - 1][level] if i else np.inf
        costs = self._previous(i, False)[:, level] + self._upload(i)
        s = int(np.argmin(costs))
        return ("inside", _NONE) if stay < costs[s] else ("before", s)
