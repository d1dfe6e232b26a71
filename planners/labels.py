"""The best path under limits: labels, pruned by what their cheapest completion costs.

A label is a partial path: where it is and what it has added up. One goes when a Lagrangian bound
shows that no completion beats the best plan known, when the least that completions add breaks a
limit, or when another label at the same node has no more of anything (dominance). What is left
after the last layer holds the optimum (Dumitrescu and Boland, "Improved preprocessing, labeling
and scaling algorithms for the weight-constrained shortest path problem", Networks 42, 2003).
At most `most` labels are kept after a layer, those of least bound, so that time is linear in
layers; where none had to go for that reason the result is proved.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planners.dual import Passes, Paths, measured
from planners.network import Network

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Partial paths after a layer."""

    node: Ints
    sums: Floats
    """(labels, 4)."""
    ways: Floats
    """(labels, 2): the ways' share of joules and seconds."""
    live: Floats
    """(labels, 2): largest activations, largest buffer of a call."""
    costs: Floats
    """(K, labels): under each weighting."""
    parent: Ints
    row: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """What lets a label live."""

    bounds: Passes
    thresholds: Floats
    """(K,): cost of the whole path under each weighting above which it is of no use."""
    spare: Floats
    """(L,): of the first L weightings, the multipliers times the limits: a bound's other half."""
    watched: tuple[int, ...]
    """Components that dominance compares; the first ranks labels."""
    memory_bytes: float | None
    """Peak memory that may not be exceeded; None where it cannot be."""
    product: float = np.inf
    """Joules x seconds that must be undercut."""


def explore(network: Network, rules: Rules, most: int) -> tuple[Paths, bool]:
    """Whole paths that survive, and whether none was dropped for want of room."""
    labels, history, complete = _start(network, rules), [], True
    for number in range(len(network.layers)):
        labels, whole = _step(network, rules, number, labels, most)
        history.append(labels)
        complete &= whole
    return _finished(network, history), complete


def _start(network: Network, rules: Rules) -> Labels:
    none = np.zeros(1, dtype=np.int64)
    # no path needs less than the leanest row of its most demanding layer
    starts = [layer.rows.start for layer in network.layers]
    least = [np.minimum.reduceat(x, starts).max() for x in (network.activation, network.call)]
    live = np.array([[max(network.input_bytes, least[0]), least[1]]])
    costs = np.zeros((len(rules.thresholds), 1))
    return Labels(none, np.zeros((1, 4)), np.zeros((1, 2)), live, costs, none, none)


def _step(
    network: Network, rules: Rules, number: int, labels: Labels, most: int
) -> tuple[Labels, bool]:
    layer = network.layers[number]
    parent, row, costs, bound = _useful(rules, number, network, labels)
    at, target = labels.node[parent], layer.target[layer.node[row]]
    way = np.stack((layer.way_j[at, target], layer.way_s[at, target]), axis=1)
    rows = row + layer.rows.start
    sums = labels.sums[parent] + network.vectors[rows]
    sums[:, :2] += way
    alive = np.stack((network.activation[rows], network.call[rows]), axis=1)
    live = np.maximum(labels.live[parent], alive)
    made = Labels(layer.node[row], sums, labels.ways[parent] + way, live, costs, parent, rows)
    keep = _allowed(rules, number, made)
    complete = True
    room = 4 * most if len(rules.watched) + (rules.memory_bytes is not None) <= 2 else 2 * most
    if len(keep) > room:
        keep, complete = keep[np.argsort(bound[keep], kind="stable")[:room]], False
    keep = keep[_undominated(_taken(made, keep), rules)]
    if len(keep) > most:
        keep, complete = keep[np.argsort(bound[keep], kind="stable")[:most]], False
    return _taken(made, keep), complete


def _taken(labels: Labels, keep: Ints) -> Labels:
    return Labels(
        labels.node[keep],
        labels.sums[keep],
        labels.ways[keep],
        labels.live[keep],
        labels.costs[:, keep],
        labels.parent[keep],
        labels.row[keep],
    )


def _useful(
    rules: Rules, number: int, network: Network, labels: Labels
) -> tuple[Ints, Ints, Floats, Floats]:
    """(label, row) pairs whose completion may be of use; their costs and first bound."""
    layer, bounds = network.layers[number], rules.bounds
    nodes, inverse = np.unique(labels.node, return_inverse=True)
    target = layer.target[layer.node]
    rows = np.arange(len(target))
    pair: tuple[Ints, Ints] | None = None
    for k, threshold in enumerate(rules.thresholds):
        way = bounds.ways[number][k if len(bounds.ways[number]) > 1 else 0]
        after = bounds.row_cost[k, layer.rows] + bounds.beyond[number][k, layer.node]
        cost = labels.costs[k]
        if pair is None:
            onward = way[nodes[:, None], target] + after
            least = np.full(len(nodes), np.inf)
            np.minimum.at(least, inverse, cost)
            rows = np.flatnonzero(
                (least[:, None] + onward).min(axis=0, initial=np.inf) <= threshold
            )
            kept = cost[:, None] + onward[:, rows][inverse] <= threshold
            one, other = np.nonzero(kept)
            pair = one, rows[other]
        else:
            one, row = pair
            whole = cost[one] + way[labels.node[one], target[row]] + after[row]
            kept = whole <= threshold
            pair = one[kept], row[kept]
    assert pair is not None
    return *pair, *_priced(rules, number, network, labels, *pair)


def _priced(
    rules: Rules, number: int, network: Network, labels: Labels, parent: Ints, row: Ints
) -> tuple[Floats, Floats]:
    layer, bounds = network.layers[number], rules.bounds
    target, at = layer.target[layer.node[row]], labels.node[parent]
    way = bounds.ways[number][:, at, target]
    costs = labels.costs[:, parent] + way + bounds.row_cost[:, layer.rows][:, row]
    first = len(rules.spare)
    beyond = bounds.beyond[number][:first, layer.node[row]]
    return costs, (costs[:first] + beyond - rules.spare[:, None]).max(axis=0)


def _allowed(rules: Rules, number: int, made: Labels) -> Ints:
    """Labels within memory and below the product, whatever their completion adds at the least."""
    fine = np.ones(len(made.node), dtype=np.bool_)
    bounds = rules.bounds
    if rules.memory_bytes is not None:
        fine &= made.sums[:, 3] + made.live.sum(axis=1) <= rules.memory_bytes
    if np.isfinite(rules.product):
        joules = made.sums[:, 0] + bounds.beyond[number][-2, made.node]
        seconds = made.sums[:, 1] + bounds.beyond[number][-1, made.node]
        fine &= joules * seconds <= rules.product
    return np.flatnonzero(fine)


def _undominated(labels: Labels, rules: Rules) -> Ints:
    """Labels of which no other at their node has as little of everything."""
    columns = [labels.sums[:, component] for component in rules.watched]
    if rules.memory_bytes is not None:
        columns += [labels.sums[:, 3], labels.live[:, 0], labels.live[:, 1]]
    order = np.lexsort((*columns[::-1], labels.node))
    if len(columns) == 1:
        return order[np.diff(labels.node[order], prepend=-1) > 0]
    if len(columns) == 2:
        return order[_descending(labels.node[order], columns[1][order])]
    nodes = labels.node[order]
    starts = np.flatnonzero(np.diff(nodes, prepend=-1))
    found = [
        members[_minimal(np.array([values[members] for values in columns]))]
        for members in np.split(order, starts[1:])
    ]
    return np.concatenate(found) if found else order


def _descending(node: Ints, values: Floats) -> NDArray[np.bool_]:
    """Whether each value is below all before it at its node; nodes come in order."""
    ranks = np.unique(values, return_inverse=True)[1].reshape(-1)
    if not len(ranks):
        return np.zeros(0, dtype=np.bool_)
    keys = ranks - node * (int(ranks.max()) + 1)
    least = np.minimum.accumulate(keys)
    return np.concatenate(([True], keys[1:] < least[:-1]))


def _minimal(columns: Floats) -> NDArray[np.bool_]:
    """Whether no earlier label has as little of every column; they are sorted by the first."""
    beaten: NDArray[np.bool_] = np.tri(columns.shape[1], k=-1, dtype=np.bool_)
    for values in columns[1:]:
        beaten &= values[None] <= values[:, None]
    return np.logical_not(beaten.any(axis=1))


def _finished(network: Network, history: list[Labels]) -> Paths:
    last = history[-1]
    rows = np.empty((len(last.node), len(history)), dtype=np.int64)
    at = np.arange(len(last.node))
    for number in reversed(range(len(history))):
        rows[:, number] = history[number].row[at]
        at = history[number].parent[at]
    return measured(network, rows, last.ways + network.deliver[last.node])
