"""A network less the rows that no path of use takes.

The cheapest path through a row is a prefix, the row and a completion: with one backward programme
(`planners.dual`) and one forward, every row knows it, under every weighting. A row goes when that
breaks a threshold, which loses no path that keeps them all (fixing by reduced costs; for paths:
Dumitrescu and Boland, "Improved preprocessing, labeling and scaling algorithms for the
weight-constrained shortest path problem", Networks 42, 2003, section 3).
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from planners.dual import Passes
from planners.network import Layer, Network

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


def useful_rows(found: Passes, thresholds: Floats) -> Flags:
    """(rows,): whether the cheapest path through each costs no more than all thresholds (K,)."""
    asked = np.flatnonzero(thresholds < np.finfo(float).max)
    keep = np.ones(len(found.network.option), dtype=np.bool_)
    if not len(asked):
        return keep
    network, before = found.network, np.zeros((len(asked), 1))
    cheapest, arrivals = found.cheapest.T[asked], []
    for layer, way in zip(network.layers, found.ways, strict=True):
        priced = way if len(way) == 1 else way[asked]
        arrived = np.minimum.reduce(before[:, :, None] + priced, axis=1)[:, layer.target]
        arrivals.append(arrived)
        before = cheapest[:, layer.nodes] + arrived
    beyond = np.concatenate([part[asked] for part in found.beyond], axis=1)
    others = np.concatenate(arrivals, axis=1) + beyond
    sizes = np.diff(network.node_starts, append=len(keep))
    whole = found.row_cost[asked] + np.repeat(others, sizes, axis=1)
    return np.asarray((whole <= thresholds[asked, None]).all(axis=0))


def reduced(network: Network, keep: Flags) -> Network | None:
    """The network of the rows to keep (rows,); None where a layer has none."""
    layers: list[Layer] = []
    starts: list[Ints] = []
    sources = np.zeros(1, dtype=np.int64)
    rows = nodes = 0
    for layer in network.layers:
        of_node = layer.node[keep[layer.rows]]
        if not len(of_node):
            return None
        fresh = _changes(of_node)
        of_target = layer.target[of_node[fresh]]
        changed = _changes(of_target)
        corner = (sources[:, None], of_target[changed])
        barred = None if layer.barred is None else layer.barred[corner]
        node = fresh.cumsum() - 1
        target = changed.cumsum() - 1
        layers.append(
            Layer(
                layer.way_j[corner],
                layer.way_s[corner],
                barred,
                target,
                changed.nonzero()[0],
                node,
                slice(rows, rows + len(node)),
                slice(nodes, nodes + len(target)),
            )
        )
        starts.append(fresh.nonzero()[0] + rows)
        rows, nodes, sources = layers[-1].rows.stop, layers[-1].nodes.stop, of_node[fresh]
    return replace(
        network,
        layers=tuple(layers),
        vectors=network.vectors[keep],
        activation=network.activation[keep],
        call=network.call[keep],
        option=network.option[keep],
        node_starts=np.concatenate(starts),
        deliver=network.deliver[sources],
        closed=network.closed[sources],
    )


def _changes(values: Ints) -> Flags:
    """Where each run of equal values starts."""
    found = np.ones(len(values), dtype=np.bool_)
    np.not_equal(values[1:], values[:-1], out=found[1:])
    return found
