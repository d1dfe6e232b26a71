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

from planners.dual import Passes, Paths, measured
from planners.network import Layer

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
    onward: tuple[tuple[Ints, Ints], ...]
    """By layer: of each node before, its target; of each target, its row."""
    backward: tuple[tuple[Ints, Ints], ...]
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
    vectors, lives = network.vectors, np.stack((network.activation, network.call), axis=1)
    after, onward = _onward(found, weighting, lives)
    sums, live = vectors.copy(), lives.copy()
    cost = found.row_cost[weighting].copy()
    before_cost, before_sums = np.zeros(1), np.zeros((1, 4))
    before_live = np.array([[network.input_bytes, 0.0]])
    backward = []
    for number, layer in enumerate(network.layers):
        every = np.arange(layer.way_j.shape[1])
        whole = before_cost[:, None] + _way(found, weighting, number)
        source = whole.argmin(axis=0)
        arrived = before_sums[source]
        arrived[:, 0] += layer.way_j[source, every]
        arrived[:, 1] += layer.way_s[source, every]
        target, rows = layer.target[layer.node], layer.rows
        cost[rows] += whole[source, every][target]
        sums[rows] += arrived[target]
        np.maximum(live[rows], before_live[source][target], out=live[rows])
        best = _least(cost[rows], layer.node)
        backward.append((source, best + rows.start))
        before_cost = cost[rows][best]
        before_sums, before_live = sums[rows][best], live[rows][best]
        node = layer.node
        cost[rows] += found.beyond[number][weighting, node]
        sums[rows] += after[number][0][node]
        np.maximum(live[rows], after[number][1][node], out=live[rows])
    return Exchanges(found, cost, sums, live.sum(axis=1), onward, tuple(backward))


def _way(found: Passes, weighting: int, number: int) -> Floats:
    ways = found.ways[number]
    return np.asarray(ways[weighting if len(ways) > 1 else 0])


def _onward(
    found: Passes, weighting: int, lives: Floats
) -> tuple[list[tuple[Floats, Floats]], tuple[tuple[Ints, Ints], ...]]:
    """By layer, of its nodes: what the cheapest completion adds up and holds; and where it goes."""
    network = found.network
    last = len(network.deliver)
    sums = np.concatenate((network.deliver, np.zeros((last, 2))), axis=1)
    live = np.zeros((last, 2))
    after, steps = [], []
    for number in reversed(range(len(network.layers))):
        after.append((sums, live))
        layer, rows = network.layers[number], network.layers[number].rows
        row = _cheapest(found, weighting, number, layer)
        node = layer.node[row]
        through = network.vectors[rows][row] + sums[node]
        held = np.maximum(lives[rows][row], live[node])
        target = (_way(found, weighting, number) + found.through[number][weighting]).argmin(axis=1)
        every = np.arange(len(target))
        sums, live = through[target], held[target]
        sums[:, 0] += layer.way_j[every, target]
        sums[:, 1] += layer.way_s[every, target]
        steps.append((target, row + rows.start))
    return after[::-1], tuple(steps[::-1])


def _cheapest(found: Passes, weighting: int, number: int, layer: Layer) -> Ints:
    """Of each target, its row with the cheapest completion."""
    cost = found.row_cost[weighting, layer.rows] + found.beyond[number][weighting, layer.node]
    return _least(cost, layer.target[layer.node])


def _least(cost: Floats, group: Ints) -> Ints:
    """Of each group, its member of least cost; groups come in order."""
    order = np.lexsort((cost, group))
    return order[np.concatenate(([True], group[1:] != group[:-1]))]
