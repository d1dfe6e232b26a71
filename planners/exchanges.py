"""Paths one exchange away from the cheapest: for each row, the cheapest path through it.

At the best multipliers the cheapest path mostly breaks a limit by little, or leaves a little of
it unused. Forcing one row and letting the rest follow at the same prices gives as many paths
around it as there are rows, what each adds up known from one programme from either end; the best
that keeps all limits is near the optimum (a repair of Lagrangian solutions, as in Beasley,
"Lagrangian relaxation", in Reeves (ed.), Modern Heuristic Techniques, 1993, section 6.5).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planners.dual import Passes, Paths, choices, measured

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Exchanges:
    """Of each row, the cheapest path through it under one weighting."""

    found: Passes
    cost: Floats
    """(rows,): under the weighting."""
    sums: Floats
    """(rows, 4)."""
    live: Floats
    """(rows,): largest activations plus largest buffer of a call."""
    onward: "_Steps"
    """By layer: of each node before, its target; of each target, its row."""
    backward: "_Steps"
    """By layer: of each target, its node before; of each node, its row."""

    def memory_bytes(self) -> Floats:
        """Peak memory of each path: `planners.memory`."""
        return self.sums[:, 3] + self.live

    def path(self, row: int) -> Paths:
        """The path through a row."""
        network = self.found.network
        at = next(n for n, layer in enumerate(network.layers) if row < layer.rows.stop)
        rows = np.empty((1, len(network.layers)), dtype=np.int64)
        rows[0, at] = row
        for number in range(at, 0, -1):
            layer = network.layers[number]
            node = self.backward[number][0][layer.target[layer.node[row - layer.rows.start]]]
            row = rows[0, number - 1] = self.backward[number - 1][1][node]
        for number in range(at + 1, len(network.layers)):
            layer = network.layers[number - 1]
            to_target, to_row = self.onward[number]
            row = rows[0, number - 1]
            rows[0, number] = to_row[to_target[layer.node[row - layer.rows.start]]]
        return measured(network, rows, self._ways(rows[0]))

    def _ways(self, rows: Ints) -> Floats:
        """(1, 2): joules and seconds of the ways between rows, one a layer."""
        network = self.found.network
        node, ways = 0, np.zeros((1, 2))
        for layer, row in zip(network.layers, rows, strict=True):
            arrived = layer.node[row - layer.rows.start]
            target = layer.target[arrived]
            ways[0] += (layer.way_j[node, target], layer.way_s[node, target])
            node = arrived
        return np.asarray(ways + network.deliver[node])


def exchanges(found: Passes, weighting: int) -> Exchanges:
    """The cheapest path through each row, under one of the weightings of `found`."""
    network = found.network
    lives = np.stack((network.activation, network.call), axis=1)
    chosen = choices(found, np.array([weighting]))
    row_of, node_of = chosen[0][0], chosen[1][0]
    after, onward = _onward(found, weighting, lives, row_of, node_of)
    into, backward = _inward(found, weighting, lives, row_of)
    sizes = np.diff(network.node_starts, append=len(network.option))
    node = np.repeat(np.arange(len(sizes)), sizes)
    starts = zip(network.layers, into.starts.tolist(), strict=True)
    target = np.concatenate([layer.target + start for layer, start in starts])
    beyond = np.concatenate([part[weighting] for part in found.beyond])
    cost = into.cost[target] + beyond
    sums = into.sums[target] + after.sums
    live = np.maximum(into.live[target], after.live)
    return Exchanges(
        found,
        cost[node] + found.row_cost[weighting],
        sums[node] + network.vectors,
        np.maximum(live[node], lives).sum(axis=1),
        onward,
        backward,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Ends:
    """The part of the cheapest paths on one side, by target or node of all layers."""

    starts: Ints
    """By layer: its first."""
    cost: Floats
    sums: Floats
    live: Floats

    @classmethod
    def joined(cls, parts: list[tuple[Floats, Floats, Floats]]) -> "_Ends":
        sizes = [len(cost) for cost, _, _ in parts]
        cost, sums, live = (np.concatenate(column) for column in zip(*parts, strict=True))
        return cls(np.concatenate(([0], np.cumsum(sizes)[:-1])), cost, sums, live)


def _way(found: Passes, weighting: int, number: int) -> Floats:
    ways = found.ways[number]
    return np.asarray(ways[weighting if len(ways) > 1 else 0])


_Steps = tuple[tuple[Ints, Ints], ...]


def _inward(found: Passes, weighting: int, lives: Floats, row_of: Ints) -> tuple[_Ends, _Steps]:
    """Of each target, the cheapest way there; by layer, from which node and by which row."""
    network = found.network
    cost, sums = np.zeros(1), np.zeros((1, 4))
    live = np.array([[network.input_bytes, 0.0]])
    parts, steps = [], []
    for number, layer in enumerate(network.layers):
        whole = cost[:, None] + _way(found, weighting, number)
        source, every = whole.argmin(axis=0), np.arange(whole.shape[1])
        arrived, held = sums[source], live[source]
        arrived[:, 0] += layer.way_j[source, every]
        arrived[:, 1] += layer.way_s[source, every]
        reached = whole[source, every]
        parts.append((reached, arrived, held))
        best, at = row_of[layer.nodes], layer.target
        steps.append((source, best))
        cost = found.row_cost[weighting, best] + reached[at]
        sums = arrived[at] + network.vectors[best]
        live = np.maximum(held[at], lives[best])
    return _Ends.joined(parts), tuple(steps)


def _onward(
    found: Passes, weighting: int, lives: Floats, row_of: Ints, node_of: Ints
) -> tuple[_Ends, _Steps]:
    """Of each node, the cheapest completion; by layer, to which target and by which row."""
    network = found.network
    last = len(network.deliver)
    sums = np.concatenate((network.deliver, np.zeros((last, 2))), axis=1)
    live = np.zeros((last, 2))
    parts, steps = [], []
    stop = len(node_of)
    for number in reversed(range(len(network.layers))):
        layer = network.layers[number]
        start = stop - len(layer.target_starts)
        parts.append((found.beyond[number][weighting], sums, live))
        node = node_of[start:stop]
        row, at, stop = row_of[node], node - layer.nodes.start, start
        through = network.vectors[row] + sums[at]
        held = np.maximum(lives[row], live[at])
        target = (_way(found, weighting, number) + found.through[number][weighting]).argmin(axis=1)
        every = np.arange(len(target))
        sums, live = through[target], held[target]
        sums[:, 0] += layer.way_j[every, target]
        sums[:, 1] += layer.way_s[every, target]
        steps.append((target, row))
    return _Ends.joined(parts[::-1]), tuple(steps[::-1])
