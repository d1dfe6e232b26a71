"""The best path under limits: labels, pruned by what their cheapest completion costs.

A label is a partial path: where it is and what it has added up. One goes when a Lagrangian bound
shows that no completion beats the best plan known, when the least that completions add breaks a
limit, or when another label at the same node has no more of anything that counts (dominance).
Nothing else is dropped, so what is left after the last layer holds the optimum (Martins, "On a
multicriteria shortest path problem", EJOR 16, 1984; Dumitrescu and Boland, "Improved
preprocessing, labeling and scaling algorithms for the weight-constrained shortest path problem",
Networks 42, 2003). Where labels pass a fixed number, those of the highest bounds are given up, and
the least of their bounds is told: no path that was given up costs less.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planners.dominance import undominated
from planners.dual import Passes, Paths, measured
from planners.network import BYTES, JOULES, SECONDS, Layer, Network

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_PAIRS = 4_000_000
"""Pairs of a label and a target or row weighed at once: bounds memory."""
_FEW = 64
_ROWS = 3
"""Labels, and rows a target, up to which dominance at targets costs more than it saves."""


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """What lets a label live."""

    bounds: Passes
    """Under K weightings, the first L of them prices plus multipliers; with a `product`, joules
    and seconds come last."""
    thresholds: Floats
    """(K,): cost of a whole path under each weighting above which it is of no use."""
    spare: Floats
    """(L,): multipliers times limits, a bound's other half."""
    watched: tuple[int, ...]
    """Components that dominance compares; the first ranks labels."""
    memory_bytes: float | None
    """Peak memory that may not be exceeded; None where it cannot be."""
    product: float = np.inf
    """Joules x seconds that must be undercut."""

    def growing(self) -> list[int]:
        """Of what is live: that which some rows raise above what every path needs."""
        if self.memory_bytes is None:
            return []
        network = self.bounds.network
        largest = np.array([network.activation.max(), network.call.max()])
        return np.flatnonzero(largest > network.least_live()).tolist()

    def columns(self) -> int:
        """How many figures dominance compares."""
        return len(self.watched) + (self.memory_bytes is not None) + len(self.growing())

    def lowest(self, beyond: Floats, labels: "_Labels") -> Floats:
        """The highest of the bounds on what completing each label costs, `beyond` its node."""
        count = len(self.spare)
        onward = beyond[:count, labels.node]
        costs = self.bounds.weights[:count] @ labels.sums.T
        return np.asarray((costs + onward - self.spare[:, None]).max(axis=0))


@dataclass(frozen=True, slots=True, eq=False)
class _Labels:
    """Partial paths at the nodes after a layer, or at the targets within one."""

    node: Ints
    sums: Floats
    """(n, 4)."""
    ways: Floats
    """(n, 2): the ways' share of joules and seconds."""
    live: Floats
    """(n, 2): largest activations, largest buffer of a call."""
    parent: Ints
    row: Ints

    def take(self, keep: Ints) -> "_Labels":
        return _Labels(
            self.node[keep],
            self.sums[keep],
            self.ways[keep],
            self.live[keep],
            self.parent[keep],
            self.row[keep],
        )


class _Exploration:
    """One run through the layers of the bounds' network."""

    def __init__(self, rules: Rules, most: int) -> None:
        self.rules, self.most = rules, most
        self.given_up = np.inf
        self.growing = rules.growing()
        self.before = (4 if rules.columns() <= 2 else 2) * most
        """Labels that may be there before dominance drops some."""
        largest = np.finfo(np.float64).max
        # what cannot be completed costs inf, and must not pass where nothing is known to beat
        self.tops = np.minimum(rules.thresholds, largest)

    def run(self) -> Paths:
        network, history = self.rules.bounds.network, []
        labels = _start(network)
        for number, layer in enumerate(network.layers):
            labels = self._over(number, layer, labels)
            history.append(labels)
        rows = np.empty((len(labels.node), len(history)), dtype=np.int64)
        at = np.arange(len(labels.node))
        for number in reversed(range(len(history))):
            rows[:, number] = history[number].row[at]
            at = history[number].parent[at]
        return measured(network, rows, labels.ways + network.deliver[labels.node])

    def _over(self, number: int, layer: Layer, labels: _Labels) -> _Labels:
        """Labels after a layer: first the way to each target, then the rows there."""
        if layer.way_j.size == len(layer.node) == 1:
            return _onto(layer, self.rules.bounds.network, labels)
        bounds = self.rules.bounds
        arrived = self._arrived(number, layer, labels)
        if len(arrived.node) > _FEW and len(layer.node) > _ROWS * len(layer.target_starts):
            arrived = self._roomy(bounds.through[number], arrived, self.before)
            arrived = self._undominated(arrived)
        made = self._placed(number, layer, arrived)
        made = self._roomy(bounds.beyond[number], made, self.before)
        made = self._undominated(made)
        return self._roomy(bounds.beyond[number], made, self.most)

    def _roomy(self, beyond: Floats, labels: _Labels, most: int) -> _Labels:
        """At most so many labels, those of least bound; the least bound given up is noted."""
        if len(labels.node) <= most:
            return labels
        bound = self.rules.lowest(beyond, labels)
        order = np.argsort(bound, kind="stable")
        self.given_up = min(self.given_up, float(bound[order[most]]))
        return labels.take(np.sort(order[:most]))

    def _undominated(self, labels: _Labels) -> _Labels:
        columns = [labels.sums[:, d] for d in self.rules.watched]
        if self.rules.memory_bytes is not None:
            columns += [labels.sums[:, BYTES], *(labels.live[:, n] for n in self.growing)]
        return labels.take(undominated(labels.node, columns))

    def _arrived(self, number: int, layer: Layer, labels: _Labels) -> _Labels:
        """Labels at the layer's targets; `node` is the target, `row` says nothing yet."""
        bounds = self.rules.bounds
        ways, through = bounds.ways[number], bounds.through[number]
        costs = bounds.weights @ labels.sums.T
        step = max(1, _PAIRS // through.shape[1])
        found = []
        for start in range(0, len(labels.node), step):
            node = labels.node[start : start + step]
            fine = np.ones((len(node), through.shape[1]), dtype=np.bool_)
            for k, top in enumerate(self.tops):
                onward = ways[k if len(ways) > 1 else 0] + through[k]
                fine &= costs[k, start : start + step, None] + onward[node] <= top
            one, target = np.nonzero(fine)
            found.append(_moved(layer, labels, one + start, target))
        return _joined(found) if found else labels

    def _placed(self, number: int, layer: Layer, arrived: _Labels) -> _Labels:
        """Each label with each row of its target, where a completion may still be of use."""
        bounds = self.rules.bounds
        costs = bounds.weights @ arrived.sums.T
        after = bounds.row_cost[:, layer.rows] + bounds.beyond[number][:, layer.node]
        edges = np.searchsorted(layer.target[layer.node], np.arange(len(layer.target_starts) + 1))
        counts = np.diff(edges)[arrived.node]
        ends = counts.cumsum()
        found, start = [], 0
        while start < len(ends):
            before = ends[start] - counts[start]
            stop = max(start + 1, int(np.searchsorted(ends, before + _PAIRS, side="right")))
            one = np.repeat(np.arange(start, stop), counts[start:stop])
            first = edges[arrived.node] - (ends - counts) + before
            row = first[one] + np.arange(len(one))
            fine = np.ones(len(one), dtype=np.bool_)
            for k, top in enumerate(self.tops):
                fine &= costs[k, one] + after[k, row] <= top
            found.append(self._made(number, layer, arrived, one[fine], row[fine]))
            start = stop
        return _joined(found) if found else arrived

    def _made(self, number: int, layer: Layer, arrived: _Labels, one: Ints, row: Ints) -> _Labels:
        network, rows = self.rules.bounds.network, row + layer.rows.start
        sums = arrived.sums[one] + network.vectors[rows]
        live = arrived.live[one]
        np.maximum(live[:, 0], network.activation[rows], out=live[:, 0])
        np.maximum(live[:, 1], network.call[rows], out=live[:, 1])
        node, ways, parent = layer.node[row], arrived.ways[one], arrived.parent[one]
        made = _Labels(node, sums, ways, live, parent, rows)
        if self.rules.memory_bytes is None and not np.isfinite(self.rules.product):
            return made
        return made.take(self._possible(number, made))

    def _possible(self, number: int, made: _Labels) -> Ints:
        """Within memory, and below the product whatever a completion adds at the least."""
        fine = np.ones(len(made.node), dtype=np.bool_)
        if self.rules.memory_bytes is not None:
            fine &= made.sums[:, BYTES] + made.live.sum(axis=1) <= self.rules.memory_bytes
        if np.isfinite(self.rules.product):
            joules, seconds = (self.rules.bounds.beyond[number][k, made.node] for k in (-2, -1))
            left = made.sums[:, JOULES] + joules
            fine &= left * (made.sums[:, SECONDS] + seconds) <= self.rules.product
        return np.flatnonzero(fine)


def explore(rules: Rules, most: int) -> tuple[Paths, float]:
    """Whole paths of the bounds' network that survive, and the least bound that was given up.

    That is inf where no label had to go for want of room: then the best of the paths, if it is
    of use at all, is the best there is. At most `most` labels are kept after a layer.
    """
    exploration = _Exploration(rules, most)
    return exploration.run(), exploration.given_up


def _start(network: Network) -> _Labels:
    none = np.zeros(1, dtype=np.int64)
    live = network.least_live()[None]
    return _Labels(none, np.zeros((1, 4)), np.zeros((1, 2)), live, none, none)


def _onto(layer: Layer, network: Network, labels: _Labels) -> _Labels:
    """Labels after a layer of one row, to which one way leads: it adds the same to each.

    So none goes there: what completes a label costs as much as before.
    """
    row, count = layer.rows.start, len(labels.node)
    way = np.array([layer.way_j[0, 0], layer.way_s[0, 0]])
    sums = labels.sums + network.vectors[row]
    sums[:, :2] += way
    live = np.maximum(labels.live, (network.activation[row], network.call[row]))
    return _Labels(
        labels.node, sums, labels.ways + way, live, np.arange(count), np.full(count, row)
    )


def _moved(layer: Layer, labels: _Labels, one: Ints, target: Ints) -> _Labels:
    at = labels.node[one]
    way = np.stack((layer.way_j[at, target], layer.way_s[at, target]), axis=1)
    sums = labels.sums[one]
    sums[:, :2] += way
    return _Labels(target, sums, labels.ways[one] + way, labels.live[one], one, one)


def _joined(parts: list[_Labels]) -> _Labels:
    if len(parts) == 1:
        return parts[0]
    names = ("node", "sums", "ways", "live", "parent", "row")
    return _Labels(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
