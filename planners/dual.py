"""Lower bounds on all plans: shortest paths through a network under many weightings at once.

A weighting prices joules, seconds, squared error and bytes; a path's cost under it is linear, so
the cheapest completion from each node is one backward dynamic programme, run for all weightings
together. With the objective's weights plus multipliers on limited components this is the
Lagrangian relaxation (Everett, "Generalized Lagrange multiplier method", Operations Research 11,
1963): the cost less multipliers x limits never exceeds the best feasible plan's.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planners.network import Network

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Passes:
    """What the cheapest completion costs, under each of K weightings."""

    network: Network
    weights: Floats
    """(K, 4)."""
    row_cost: Floats
    """(K, rows)."""
    ways: tuple[Floats, ...]
    """By layer, (K or 1, nodes before, targets)."""
    beyond: tuple[Floats, ...]
    """By layer, (K, its nodes): everything after the layer."""
    through: tuple[Floats, ...]
    """By layer, (K, its targets): the layer's row and everything after."""
    total: Floats
    """(K,): the cheapest whole path."""


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """Whole paths: their rows, what these add up, and the memory that is live at once."""

    network: Network
    rows: Ints
    """(paths, layers)."""
    sums: Floats
    """(paths, 4)."""
    live: Floats
    """(paths,): largest activations plus largest buffer of a call."""

    def memory_bytes(self) -> Floats:
        """Peak memory of each path: `planners.memory`."""
        return self.sums[:, 3] + self.live


def passes(network: Network, weights: Floats) -> Passes:
    """One backward programme for each of the weightings (K, 4)."""
    row_cost = weights @ network.vectors.T
    cheapest = np.minimum.reduceat(row_cost, network.node_starts, axis=1)
    value = weights[:, :2] @ network.deliver.T + network.closed
    alike = bool((weights[:, :2] == weights[0, :2]).all())
    priced = weights[:1] if alike else weights
    ways, beyond, through = [], [], []
    for layer, way in zip(reversed(network.layers), _ways(network, priced), strict=True):
        if layer.barred is not None:
            way += layer.barred
        beyond.append(value)
        nodes = cheapest[:, layer.nodes] + value
        target = np.minimum.reduceat(nodes, layer.target_starts, axis=1)
        value = np.minimum.reduce(way + target[:, None, :], axis=2)
        ways.append(way)
        through.append(target)
    return Passes(
        network,
        weights,
        row_cost,
        tuple(reversed(ways)),
        tuple(reversed(beyond)),
        tuple(reversed(through)),
        value[:, 0],
    )


def _ways(network: Network, priced: Floats) -> Iterator[Floats]:
    """Costs of the ways into each layer, the last first: (K, nodes before, targets).

    All are priced at once: an array a layer costs more in calls than in arithmetic.
    """
    joules = np.concatenate([layer.way_j.ravel() for layer in network.layers])
    seconds = np.concatenate([layer.way_s.ravel() for layer in network.layers])
    costs = priced[:, :1] * joules + priced[:, 1:2] * seconds
    stop = len(joules)
    for layer in reversed(network.layers):
        start = stop - layer.way_j.size
        yield costs[:, start:stop].reshape(-1, *layer.way_j.shape)
        stop = start


def trace(found: Passes, which: Ints | None = None) -> Paths:
    """The cheapest path under each weighting (or those of `which`), first of equals."""
    network = found.network
    asked = np.arange(len(found.weights)) if which is None else which
    count = len(asked)
    part = slice(None) if which is None else which
    row_cost = found.row_cost[part]
    way_of = asked if len(found.ways[0]) > 1 else 0
    node = np.zeros(count, dtype=np.int64)
    rows = np.empty((count, len(network.layers)), dtype=np.int64)
    ways = np.zeros((count, 2))
    for number, layer in enumerate(network.layers):
        way = found.ways[number][way_of, node]
        target = (way + found.through[number][part]).argmin(axis=1)
        ways[:, 0] += layer.way_j[node, target]
        ways[:, 1] += layer.way_s[node, target]
        cost = row_cost[:, layer.rows] + found.beyond[number][part][:, layer.node]
        of_row = layer.target[layer.node]
        row = np.where(of_row == target[:, None], cost, np.inf).argmin(axis=1)
        rows[:, number] = row + layer.rows.start
        node = layer.node[row]
    return measured(network, rows, ways + network.deliver[node])


def measured(network: Network, rows: Ints, ways: Floats) -> Paths:
    """Paths of given rows, of which the ways between add up to (joules, seconds)."""
    sums = network.vectors[rows].sum(axis=1)
    sums[:, :2] += ways
    live = np.maximum(network.activation[rows].max(axis=1), network.input_bytes)
    return Paths(network, rows, sums, live + network.call[rows].max(axis=1))
