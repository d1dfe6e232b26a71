"""The cheapest path of a network under limits, proved: label-setting with bounds and dominance.

A label is a partial path. After each layer a label goes when no completion of it can beat the
best plan known (by one of several Lagrangian bounds), when the least that any completion adds
breaks a limit, or when another label at its node has no more of anything that counts. Nothing
else is dropped, so what remains after the last layer holds an optimum (Martins, "On a
multicriteria shortest path problem", EJOR 16, 1984). Where labels pass a fixed number, those of
the highest bound are given up, and the lowest of their bounds stays as the certificate's.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from planners.dominance import undominated
from planners.dual import Passes, measured, passes
from planners.limited import ROUNDING, Solution, binding
from planners.multipliers import highest_bound
from planners.network import BYTES, ERROR2, JOULES, SECONDS, Layer, Network

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

MOST_LABELS = 400_000
"""Labels after a layer, a fixed number: what is proved does not depend on the machine."""
_COMPARED = 4
"""Dominance by three and more components compares pairs: then so many times fewer labels."""
_BEFORE = 4
"""So many times more labels may be there before dominance drops some."""
_EQUAL = 1e-10
"""Share by which a plan must be better to count as better."""
_BOUNDS = 8
"""Lagrangian bounds that a label has to pass."""
_PAIRS = 4_000_000
"""Label and target pairs weighed at once: bounds memory."""


@dataclass(frozen=True, slots=True, eq=False)
class _Labels:
    """Partial paths after a layer."""

    node: Ints
    sums: Floats
    """(n, 4)."""
    ways: Floats
    """(n, 2): the ways' share of joules and seconds."""
    live: Floats
    """(n, 2): largest activations, largest buffer of a call."""
    parent: Ints
    row: Ints

    def take(self, keep: Ints | Flags) -> "_Labels":
        return _Labels(
            self.node[keep],
            self.sums[keep],
            self.ways[keep],
            self.live[keep],
            self.parent[keep],
            self.row[keep],
        )


@dataclass(slots=True, eq=False)
class _Proof:
    """What one network's labels have to pass, and what was given up."""

    network: Network
    bounds: Passes
    tops: Floats
    """(k,): weighted cost of a whole path above which it is of no use, by weighting."""
    spare: Floats
    """(k,): multipliers times limits, by weighting."""
    linear: int
    """The first so many weightings bound the objective's linear price."""
    watched: tuple[int, ...]
    memory_bytes: float | None
    product: float
    given_up: float = field(default=np.inf)
    """Least bound of labels given up."""


def prove(network: Network, solution: Solution, most_labels: int = MOST_LABELS) -> float:
    """Improve a solution to the network's best path; a lower bound on what all paths cost.

    The bound is in the objective's unit, and inf where no path keeps the limits or beats the
    solution by 1e-10: then the solution's own value is the bound.
    """
    price, below = _price(network, solution)
    if price is None:
        return np.inf
    proof = _proof(network, solution, price, below)
    if proof is None:
        return np.inf
    _explore(proof, solution, most_labels)
    if solution.price is None and np.isfinite(proof.given_up):
        return _product(price, proof.given_up, passes(network, np.eye(4)[:2]).total)
    return proof.given_up


def _price(network: Network, solution: Solution) -> tuple[Floats | None, float]:
    """The linear price to search by, and the most that a useful path may cost by it.

    For joules x seconds: the chord of the hyperbola through the best product known, between the
    least joules and the least seconds of any path. Better paths lie below it, as the hyperbola is
    convex. Without a product known, any path does.
    """
    if solution.price is not None:
        return solution.price, solution.value
    ends = passes(network, np.eye(4)[:2])
    if not np.isfinite(ends.total).all():
        return None, np.inf
    least_j, least_s = (float(total) for total in ends.total)
    if least_j * least_s >= solution.value * (1.0 - _EQUAL):
        return None, np.inf
    if not np.isfinite(solution.value):
        return np.array([1.0 / least_j, 1.0 / least_s, 0.0, 0.0]), np.inf
    most_s, most_j = solution.value / least_j, solution.value / least_s
    price = np.array([most_s - least_s, most_j - least_j, 0.0, 0.0])
    return price, float(price[0] * least_j + price[1] * most_s)


def _product(price: Floats, cost: float, least: Floats) -> float:
    """The least joules x seconds of which the linear cost is no less; both at least `least`.

    On the line of that cost the product is concave: it is least at an end.
    """
    least_j, least_s = (float(value) for value in least)
    seconds = max(least_s, (cost - price[JOULES] * least_j) / price[SECONDS])
    joules = max(least_j, (cost - price[SECONDS] * least_s) / price[JOULES])
    return float(min(least_j * seconds, least_s * joules))


def _proof(network: Network, solution: Solution, price: Floats, below: float) -> _Proof | None:
    """Bounds to pass; None where they show that no path is better."""
    limits = solution.limits
    active = binding(network, limits)
    most = np.array(limits.sums)
    most[BYTES] = limits.memory_bytes - network.input_bytes
    found = highest_bound(network, price, active, most)
    for paths in found.paths:
        solution.take(paths)
    linear = solution.price is not None
    top = min(below, solution.value) if linear else below
    if found.value >= top * (1.0 - _EQUAL):
        return None
    weights = found.weights[:_BOUNDS]
    units = np.eye(4)
    bounds = passes(network, np.array([*weights, *(units[d] for d in active), *units[:2]]))
    spare = np.array([(w - price)[active] @ most[active] for w in weights])
    tops = [*(top * (1.0 - _EQUAL if linear else 1.0) + spare)]
    tops += [*(most[active] * (1.0 + ROUNDING)), np.inf, np.inf]
    if any(total > limit for total, limit in zip(bounds.total, tops, strict=True)):
        return None
    # what cannot be completed costs inf, and must not pass where nothing is known to beat
    limited = np.minimum(np.array(tops), np.finfo(float).max)
    priced = [d for d in (JOULES, SECONDS, ERROR2) if price[d] > 0.0]
    watched = tuple(dict.fromkeys([*priced, *(d for d in active if d != BYTES)]))
    memory = limits.memory_bytes * (1.0 + ROUNDING) if BYTES in active else None
    product = np.inf if linear else solution.value * (1.0 - _EQUAL)
    return _Proof(network, bounds, limited, spare, len(weights), watched, memory, product)


def _explore(proof: _Proof, solution: Solution, most_labels: int) -> None:
    network = proof.network
    none = np.zeros(1, dtype=np.int64)
    live = np.array([[network.input_bytes, 0.0]])
    labels = _Labels(none, np.zeros((1, 4)), np.zeros((1, 2)), live, none, none)
    history = []
    for number, layer in enumerate(network.layers):
        labels = _over(proof, number, layer, labels, most_labels)
        history.append(labels)
        if not len(labels.node):
            return
    rows = np.empty((len(labels.node), len(history)), dtype=np.int64)
    at = np.arange(len(labels.node))
    for number in reversed(range(len(history))):
        rows[:, number] = history[number].row[at]
        at = history[number].parent[at]
    solution.take(measured(network, rows, labels.ways + network.deliver[labels.node]))


def _over(proof: _Proof, number: int, layer: Layer, labels: _Labels, most_labels: int) -> _Labels:
    """Labels after a layer: first the way to each target, then the rows there."""
    bounds = proof.bounds
    columns = len(proof.watched) + 3 * (proof.memory_bytes is not None)
    most = most_labels if columns <= 2 else max(1, most_labels // _COMPARED ** (columns - 2))
    arrived = _arrived(proof, number, layer, labels)
    arrived = _roomy(proof, bounds.through[number], arrived, _BEFORE * most)
    arrived = arrived.take(_undominated(proof, arrived.node, arrived))
    made = _placed(proof, number, layer, arrived)
    made = _roomy(proof, bounds.beyond[number], made, _BEFORE * most)
    made = made.take(_undominated(proof, made.node, made))
    return _roomy(proof, bounds.beyond[number], made, most)


def _roomy(proof: _Proof, beyond: Floats, labels: _Labels, most: int) -> _Labels:
    """At most so many labels, those of least bound; the least bound given up is noted."""
    if len(labels.node) <= most:
        return labels
    bound = _lowest(proof, beyond, labels)
    order = np.argsort(bound, kind="stable")
    proof.given_up = min(proof.given_up, float(bound[order[most]]))
    return labels.take(np.sort(order[:most]))


def _arrived(proof: _Proof, number: int, layer: Layer, labels: _Labels) -> _Labels:
    """Labels at the layer's targets; `node` is the target, `row` says nothing yet."""
    through, ways = proof.bounds.through[number], proof.bounds.ways[number]
    costs = proof.bounds.weights @ labels.sums.T
    count = len(layer.target_starts)
    step = max(1, _PAIRS // count)
    found = []
    for start in range(0, len(labels.node), step):
        node = labels.node[start : start + step]
        fine = np.ones((len(node), count), dtype=np.bool_)
        for k, top in enumerate(proof.tops):
            onward = ways[k if len(ways) > 1 else 0] + through[k]
            fine &= costs[k, start : start + step, None] + onward[node] <= top
        one, target = np.nonzero(fine)
        one += start
        found.append(_moved(layer, labels, one, target))
    return _joined(found)


def _moved(layer: Layer, labels: _Labels, one: Ints, target: Ints) -> _Labels:
    at = labels.node[one]
    way = np.stack((layer.way_j[at, target], layer.way_s[at, target]), axis=1)
    sums = labels.sums[one]
    sums[:, :2] += way
    return _Labels(target, sums, labels.ways[one] + way, labels.live[one], one, target)


def _joined(parts: list[_Labels]) -> _Labels:
    names = ("node", "sums", "ways", "live", "parent", "row")
    return _Labels(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _placed(proof: _Proof, number: int, layer: Layer, arrived: _Labels) -> _Labels:
    """Each label with each row of its target, where a completion may still be of use."""
    bounds = proof.bounds
    of_row = layer.target[layer.node]
    rows_of = [np.flatnonzero(of_row == t) for t in range(len(layer.target_starts))]
    costs = bounds.weights @ arrived.sums.T
    after = bounds.row_cost[:, layer.rows] + bounds.beyond[number][:, layer.node]
    found = []
    for target in np.unique(arrived.node):
        rows = rows_of[target]
        members = np.flatnonzero(arrived.node == target)
        fine = np.ones((len(members), len(rows)), dtype=np.bool_)
        for k, top in enumerate(proof.tops):
            fine &= costs[k, members, None] + after[k, rows][None] <= top
        one, other = np.nonzero(fine)
        found.append(_made(proof, layer, arrived, members[one], rows[other]))
    made = _joined(found) if found else arrived.take(np.zeros(0, dtype=np.int64))
    return made.take(_possible(proof, number, made))


def _made(proof: _Proof, layer: Layer, arrived: _Labels, one: Ints, row: Ints) -> _Labels:
    network, rows = proof.network, row + layer.rows.start
    sums = arrived.sums[one] + network.vectors[rows]
    alive = np.stack((network.activation[rows], network.call[rows]), axis=1)
    live = np.maximum(arrived.live[one], alive)
    return _Labels(layer.node[row], sums, arrived.ways[one], live, arrived.parent[one], rows)


def _possible(proof: _Proof, number: int, made: _Labels) -> Flags:
    """Within memory, and below the product whatever a completion adds at the least."""
    fine = np.ones(len(made.node), dtype=np.bool_)
    if proof.memory_bytes is not None:
        fine &= made.sums[:, BYTES] + made.live.sum(axis=1) <= proof.memory_bytes
    if np.isfinite(proof.product):
        joules, seconds = (proof.bounds.beyond[number][k, made.node] for k in (-2, -1))
        left = made.sums[:, JOULES] + joules
        fine &= left * (made.sums[:, SECONDS] + seconds) <= proof.product
    return fine


def _undominated(proof: _Proof, groups: Ints, labels: _Labels) -> Ints:
    columns = [labels.sums[:, d] for d in proof.watched]
    if proof.memory_bytes is not None:
        columns += [labels.sums[:, BYTES], labels.live[:, 0], labels.live[:, 1]]
    return undominated(groups, columns)


def _lowest(proof: _Proof, beyond: Floats, labels: _Labels) -> Floats:
    """The highest of the bounds on what completing each label costs, `beyond` its node."""
    weights = proof.bounds.weights[: proof.linear]
    onward = beyond[: proof.linear, labels.node]
    bound: Floats = (weights @ labels.sums.T + onward - proof.spare[:, None]).max(axis=0)
    return bound
