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
    cheapest: Floats
    """(nodes of all layers, K): the least of each node's rows."""
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
    least = np.minimum.reduceat(row_cost, network.node_starts, axis=1)
    # weightings come last within a layer: numpy then runs along them, not along a few targets
    cheapest = np.ascontiguousarray(least.T)
    value = network.deliver @ weights[:, :2].T + network.closed[:, None]
    alike = bool((weights[:, :2] == weights[0, :2]).all())
    priced = weights[:1] if alike else weights
    ways, beyond, through = [], [], []
    for layer, way in zip(reversed(network.layers), _ways(network, priced), strict=True):
        if layer.barred is not None:
            way += layer.barred[:, :, None]
        beyond.append(value.T)
        nodes = cheapest[layer.nodes] + value
        target = np.minimum.reduceat(nodes, layer.target_starts, axis=0)
        value = np.minimum.reduce(way + target, axis=1)
        ways.append(way.transpose(2, 0, 1))
        through.append(target.T)
    return Passes(
        network,
        weights,
        row_cost,
        cheapest,
        tuple(reversed(ways)),
        tuple(reversed(beyond)),
        tuple(reversed(through)),
        value[0],
    )


def _ways(network: Network, priced: Floats) -> Iterator[Floats]:
    """Costs of the ways into each layer, the last first: (nodes before, targets, K).

    All are priced at once: an array a layer costs more in calls than in arithmetic.
    """
    joules = np.concatenate([layer.way_j.ravel() for layer in network.layers])
    seconds = np.concatenate([layer.way_s.ravel() for layer in network.layers])
    costs = joules[:, None] * priced[:, 0] + seconds[:, None] * priced[:, 1]
    stop = len(joules)
    for layer in reversed(network.layers):
        start = stop - layer.way_j.size
        yield costs[start:stop].reshape(*layer.way_j.shape, -1)
        stop = start


def trace(found: Passes, which: Ints | None = None) -> Paths:
    """The cheapest path under each weighting (or those of `which`), first of equals."""
    network = found.network
    asked = np.arange(len(found.weights)) if which is None else which
    part = slice(None) if which is None else which
    way_of = asked if len(found.ways[0]) > 1 else 0
    row_of, node_of = choices(found, asked)
    each, first = np.arange(len(asked)), 0
    node = np.zeros(len(asked), dtype=np.int64)
    rows = np.empty((len(asked), len(network.layers)), dtype=np.int64)
    steps = []
    for number, layer in enumerate(network.layers):
        way = found.ways[number][way_of, node]
        target = (way + found.through[number][part]).argmin(axis=1)
        steps.append(node * len(layer.target_starts) + target)
        chosen = node_of[each, first + target]
        rows[:, number] = row_of[each, chosen]
        node = chosen - layer.nodes.start
        first += len(layer.target_starts)
    return measured(network, rows, _between(network, steps) + network.deliver[node])


def _between(network: Network, steps: list[Ints]) -> Floats:
    """(paths, 2): joules and seconds of the ways that paths take.

    By layer, each way is its place among the layer's (nodes before, targets), laid end to end.
    """
    starts = np.cumsum([0, *(layer.way_j.size for layer in network.layers[:-1])])
    at = np.stack(steps) + starts[:, None]
    joules = np.concatenate([layer.way_j.ravel() for layer in network.layers])
    seconds = np.concatenate([layer.way_s.ravel() for layer in network.layers])
    return np.stack((joules[at].sum(axis=0), seconds[at].sum(axis=0)), axis=1)


def choices(found: Passes, which: Ints) -> tuple[Ints, Ints]:
    """By weighting of `which`: the cheapest row of each node, the cheapest node of each target.

    (K, nodes) and (K, targets) of all layers, as places among all rows and nodes.
    """
    network = found.network
    cheapest = found.cheapest.T[which]
    onward = cheapest + np.concatenate([part[which] for part in found.beyond], axis=1)
    through = np.concatenate([part[which] for part in found.through], axis=1)
    starts = [layer.target_starts + layer.nodes.start for layer in network.layers]
    return (
        _first(found.row_cost[which], cheapest, network.node_starts),
        _first(onward, through, np.concatenate(starts)),
    )


def _first(values: Floats, least: Floats, starts: Ints) -> Ints:
    """(K, groups): the first of the values (K, n) that is the least of its group."""
    count = values.shape[1]
    sizes = np.diff(starts, append=count)
    hits = np.flatnonzero(values == np.repeat(least, sizes, axis=1))
    offset = np.arange(len(values))[:, None] * count
    return np.asarray(hits[np.searchsorted(hits, starts + offset)] - offset)


def measured(network: Network, rows: Ints, ways: Floats) -> Paths:
    """Paths of given rows, of which the ways between add up to (joules, seconds)."""
    sums = network.vectors[rows].sum(axis=1)
    sums[:, :2] += ways
    live = np.maximum(network.activation[rows].max(axis=1), network.input_bytes)
    return Paths(network, rows, sums, live + network.call[rows].max(axis=1))
