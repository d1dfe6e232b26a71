"""The choices of one question as a layered network: nodes after each layer, rows between them.

A node is where a layer's output is and how the device is then: a signature (placement and cut)
before the cloud segment, inside it, or after it. A row is an option that leads to a node. Rows and
the ways between layers carry what a plan adds up: joules (the baseline included), seconds, squared
error, stored bytes. So every limit and every objective is a statement on sums along a path.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planners.chain import Chain, Link, Scope
from planners.compiling import baseline_w
from planners.moves import Way
from planners.remote import Remote
from planners.tables import StageTable
from planners.values import CLOUD, Question, UnitBlock

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

JOULES, SECONDS, ERROR2, BYTES = range(4)
"""Components of a row's vector."""
MOST = 8
"""Networks without the cloud kept with a chain: links change them only by what they draw idle."""
_NONE = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """The step over one layer; rows are sorted by node, nodes by target."""

    way_j: Floats
    """(nodes before, targets). A target is a placement and position."""
    way_s: Floats
    barred: Floats | None
    """The same: inf where there is no way, 0 elsewhere; None: there is always one."""
    target: Ints
    """Of each node."""
    target_starts: Ints
    """First node of each target."""
    node: Ints
    """Of each row."""
    rows: slice
    """Of the network's rows."""
    nodes: slice
    """Of the network's nodes."""


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """All layers; arrays run over the rows of all of them."""

    layers: tuple[Layer, ...]
    vectors: Floats
    """(rows, 4): joules, seconds, squared error, stored bytes."""
    activation: Floats
    call: Floats
    option: Ints
    """Of the layer's table; -1 in the cloud."""
    node_starts: Ints
    """First row of each node of all layers."""
    deliver: Floats
    """(last layer's nodes, 2): joules and seconds until the app can read the output."""
    closed: Floats
    """(last layer's nodes,): inf where a path must not end, 0 elsewhere."""
    input_bytes: float
    """The input, which is in memory whatever runs where."""

    def blocks(self, chain: Chain, path: Sequence[int]) -> tuple[UnitBlock, ...]:
        """Unit-blocks of one row of each layer."""
        found: list[UnitBlock] = []
        for link, row in zip(chain.links, path, strict=True):
            stage, option = link.table.options.stage, int(self.option[row])
            if option < 0:
                found.append(UnitBlock(stage.name, 0, stage.units, CLOUD, None, "fp32"))
            else:
                found += link.table.options.blocks(option)
        return tuple(found)

    def least_live(self) -> Floats:
        """(2,): activations and buffer of a call that every path needs at some time.

        No path needs less than the leanest row of its most demanding layer.
        """
        starts = [layer.rows.start for layer in self.layers]
        activation, call = (
            np.minimum.reduceat(values, starts).max() for values in (self.activation, self.call)
        )
        return np.array([max(self.input_bytes, activation), call])

    def within(self, chain: Chain, scope: Scope) -> NDArray[np.bool_]:
        """(rows,): which lie in a scope."""
        keep = np.full(len(self.option), scope.cloud)
        for link, layer in zip(chain.links, self.layers, strict=True):
            option = self.option[layer.rows]
            place = np.searchsorted(link.table.index, option)
            local = option >= 0
            keep[layer.rows][local] = scope.mask(link.table)[place[local]]
        return keep


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices of a joule and a second, where nothing else speaks for one clock over another."""

    joule: float
    second: float


@dataclass(frozen=True, slots=True, eq=False)
class _Position:
    """Nodes of a layer on one side of the cloud segment."""

    signatures: Ints
    placements: Ints
    target: Ints
    """Of each signature: index into `placements`."""
    rows: Ints
    """Of the table, sorted by signature."""
    node: Ints


_Columns = tuple[Floats, Floats, Floats, Ints]
"""Of rows: vectors, activations, buffers of a call, options."""
_NOWHERE = _Position(_NONE, _NONE, _NONE, _NONE, _NONE)


class Builder:
    """Lays out one question; lives for one call of `network`."""

    def __init__(
        self,
        question: Question,
        chain: Chain,
        scope: Scope,
        prices: Prices | None,
        planning_s: float,
    ) -> None:
        self.question, self.chain, self.scope, self.prices = question, chain, scope, prices
        conditions = question.conditions
        self.remote = Remote.of(question, planning_s) if scope.cloud else None
        self.local_w = sum(w for _, w in baseline_w(question, conditions, active=True))
        self.after_w = self.remote.after_w if self.remote else self.local_w
        self.error2_limit = question.error_limit**2

    def build(self) -> Network | None:
        """The network; None where a layer has no option at all."""
        before, inside, after = _Position(*(np.zeros(1, dtype=np.int64),) * 5), False, _NOWHERE
        layers: list[Layer] = []
        parts: list[_Columns] = []
        rows, nodes = 0, 0
        for number, link in enumerate(self.chain.links):
            mask = self._mask(link)
            now, late = self._position(link, mask, self.local_w), _NOWHERE
            if number and self.remote:
                late = self._position(link, mask, self.after_w)
            if self.remote is None and not len(now.rows):
                return None
            ways = self._ways(number, link, (before, inside, after), (now, late))
            layer, columns = self._layer(number, link, now, late, ways, rows, nodes)
            layers.append(layer)
            parts.append(columns)
            rows, nodes = layer.rows.stop, layer.nodes.stop
            before, inside, after = now, self.remote is not None, late
        starts = [np.flatnonzero(np.diff(one.node, prepend=-1)) + one.rows.start for one in layers]
        return Network(
            tuple(layers),
            *_joined(parts),
            np.concatenate(starts),
            self._deliver(before, inside, after),
            self._closed(before, after),
            float(self.question.workload.stages[0].input_bytes("fp32")),
        )

    def _mask(self, link: Link) -> NDArray[np.bool_] | None:
        """Useful rows in scope that alone keep the error limit; None: all."""
        table, useful = link.table, link.useful
        keep = table.error2[useful] <= self.error2_limit * (1.0 + 1e-12)
        if self.scope != Scope() and self.scope != Scope(cloud=False):
            keep &= self.scope.mask(table)[useful]
        return None if keep.all() else keep

    def _position(self, link: Link, mask: NDArray[np.bool_] | None, base_w: float) -> _Position:
        table, rows = link.table, link.useful
        keep = self._priced(link, base_w)
        if mask is not None:
            keep = mask if keep is None else keep & mask
        if keep is not None:
            rows = rows[keep]
        signature = table.signature[rows]
        if not len(rows):
            return _NOWHERE
        first = np.concatenate(([True], signature[1:] != signature[:-1]))
        signatures = signature[first]
        of_signature = table.placement_index[signatures]
        fresh = np.concatenate(([True], of_signature[1:] != of_signature[:-1]))
        return _Position(
            signatures, of_signature[fresh], np.cumsum(fresh) - 1, rows, np.cumsum(first) - 1
        )

    def _priced(self, link: Link, base_w: float) -> NDArray[np.bool_] | None:
        """Of rows that differ in the clock alone, those that may be the cheapest."""
        prices, rows, group = self.prices, link.useful, link.group
        if prices is None or not link.clocks:
            return None
        second = prices.joule * base_w + prices.second
        cost = prices.joule * link.table.joules[rows] + second * link.table.seconds[rows]
        least = np.full(int(group.max()) + 1, np.inf)
        np.minimum.at(least, group, cost)
        slack = prices.joule * link.slack_j + second * link.slack_s
        return np.asarray(cost <= least[group] + slack)

    def _ways(
        self,
        number: int,
        link: Link,
        sources: tuple[_Position, bool, _Position],
        targets: tuple[_Position, _Position],
    ) -> tuple[Floats, Floats, Floats | None]:
        """(nodes before, targets): before the segment, inside it, after it."""
        (before, inside, after), (now, late) = sources, targets
        near = _pick(link.arrive, before.signatures, now.placements, self.local_w)
        if self.remote is None:
            return *near, None
        late_count, columns = len(late.placements), len(now.placements)
        shape = (len(before.signatures) + inside + len(after.signatures), columns + 1 + late_count)
        way_j, way_s, barred = np.zeros(shape), np.zeros(shape), np.full(shape, np.inf)
        middle = len(before.signatures)
        barred[:middle, : columns + 1] = 0.0
        way_j[:middle, :columns], way_s[:middle, :columns] = near
        up_s, up_j = self.remote.upload(number, link.collect, link.sizes)
        way_s[:middle, columns] = up_s[before.signatures]
        way_j[:middle, columns] = (up_j + self.local_w * up_s)[before.signatures]
        if inside:
            barred[middle:, columns + 1 :] = barred[middle, columns] = 0.0
            down_s, down_j = self.remote.download(number)
            home_j, home_s = _pick(link.land, np.zeros(1, np.int64), late.placements, self.after_w)
            way_s[middle, columns + 1 :] = home_s[0] + down_s
            way_j[middle, columns + 1 :] = home_j[0] + (down_j + self.local_w * down_s)
            far = _pick(link.arrive, after.signatures, late.placements, self.after_w)
            way_j[middle + 1 :, columns + 1 :], way_s[middle + 1 :, columns + 1 :] = far
        return way_j, way_s, barred

    def _layer(
        self,
        number: int,
        link: Link,
        now: _Position,
        late: _Position,
        ways: tuple[Floats, Floats, Floats | None],
        rows: int,
        nodes: int,
    ) -> tuple[Layer, _Columns]:
        node, target = now.node, now.target
        columns = _columns(link.table, now.rows, self.local_w)
        if self.remote is not None:
            inner, targets = len(now.signatures), len(now.placements)
            node = np.concatenate((now.node, [inner], late.node + inner + 1))
            target = np.concatenate((now.target, [targets], late.target + targets + 1))
            after = _columns(link.table, late.rows, self.after_w)
            columns = _joined((columns, self._served(number), after))
        layer = Layer(
            *ways,
            target,
            np.flatnonzero(np.diff(target, prepend=-1)),
            node,
            slice(rows, rows + len(node)),
            slice(nodes, nodes + len(target)),
        )
        return layer, columns

    def _served(self, number: int) -> _Columns:
        """The layer in the cloud."""
        assert self.remote is not None
        seconds, joules = self.remote.service(number)
        vector = np.array([[joules + self.local_w * seconds, seconds, 0.0, 0.0]])
        return vector, np.zeros(1), np.zeros(1), np.full(1, -1)

    def _closed(self, before: _Position, after: _Position) -> Floats:
        """With a cloud in reach, paths have to use it: those that do not are another network's."""
        if self.remote is None:
            return np.zeros(len(before.signatures))
        never = np.full(len(before.signatures), np.inf)
        return np.concatenate((never, np.zeros(1 + len(after.signatures))))

    def _deliver(self, before: _Position, inside: bool, after: _Position) -> Floats:
        way = self.chain.deliver
        seconds = way.seconds[before.signatures, 0]
        joules = way.joules[before.signatures, 0] + self.local_w * seconds
        if self.remote is not None and inside:
            down_s, down_j = self.remote.download(len(self.chain.links))
            late_s = way.seconds[after.signatures, 0]
            late_j = way.joules[after.signatures, 0] + self.after_w * late_s
            seconds = np.concatenate((seconds, [down_s], late_s))
            joules = np.concatenate((joules, [down_j + self.local_w * down_s], late_j))
        return np.stack((joules, seconds), axis=1)


def _columns(table: StageTable, rows: Ints, base_w: float) -> _Columns:
    seconds = table.seconds[rows]
    joules = table.joules[rows] + base_w * seconds
    vectors = np.stack((joules, seconds, table.error2[rows], table.stored_bytes[rows]), axis=1)
    return vectors, table.activation_bytes[rows], table.call_bytes[rows], table.index[rows]


def _joined(parts: Sequence[_Columns]) -> _Columns:
    vectors, activation, call, option = zip(*parts, strict=True)
    joined = np.concatenate
    return joined(vectors), joined(activation), joined(call), joined(option)


def _pick(way: Way, rows: Ints, columns: Ints, base_w: float) -> tuple[Floats, Floats]:
    """Joules, the baseline included, and seconds of part of a way."""
    seconds = way.seconds[rows[:, None], columns]
    return way.joules[rows[:, None], columns] + base_w * seconds, seconds


def may_leave(question: Question) -> bool:
    """Whether layers may go to the cloud."""
    return question.options.remote_segments > 0 and question.conditions.has_cloud


def network(
    question: Question,
    chain: Chain,
    scope: Scope,
    prices: Prices | None,
    planning_s: float = 0.0,
) -> Network | None:
    """The network of a question in a scope; None where a layer has no option at all.

    With the scope's `cloud` (which needs a link) every path goes there; without it none does.
    With `prices`, rows that lose to another clock at those prices are left out. `planning_s` is
    what planning takes before the first layer.
    """
    builder = Builder(question, chain, scope, prices, planning_s)
    if scope.cloud:
        return builder.build()
    key = (scope, prices, builder.local_w, builder.error2_limit)
    if key not in chain.laid_out:
        chain.laid_out[key] = builder.build()
        if len(chain.laid_out) > MOST:
            chain.laid_out.popitem(last=False)
    found: Network | None = chain.laid_out[key]
    return found
