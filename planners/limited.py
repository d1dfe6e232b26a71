"""The cheapest path under limits: multipliers first, labels for what they leave open.

Multipliers on the limited components give a lower bound (`planners.dual`) and, since each bound
comes with a path, mostly a good plan. The bound is concave in the multipliers; it is maximised on
grids in their logarithms that close in on the best point. Labels (`planners.labels`) then search
what lies between the plan and the bound.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from planners.dual import Passes, Paths, passes, trace
from planners.exchanges import Exchanges, exchanges
from planners.labels import Rules, explore
from planners.network import BYTES, ERROR2, JOULES, SECONDS, Network
from planners.reduction import reduced, useful_rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ROUNDING = 5e-13
"""Share by which sums may pass a limit, since predictions round differently (1e-12 is allowed)."""
_PROVED = 1e-10
"""Share below which two costs count as equal."""
_GRIDS = {
    1: (np.arange(-8.0, 8.0), (1.0, 1 / 8, 1 / 64)),
    2: (np.arange(-2.0, 3.0), (4.0, 2.0, 1.0, 0.5, 0.25, 0.125)),
    3: (np.arange(-1.0, 2.0), (6.0, 3.0, 2.0, 1.0, 0.5, 0.25, 0.125)),
}
"""By number of multipliers: exponents of two around the best point, and how they close in."""
_TANGENTS = 6
"""Prices of a second tried on the way to the least product."""
_CROWDED = 4
"""Rows a layer above which it pays to leave some out, and to look for a better plan nearby."""
_SHRUNK = 0.75
"""Share of rows below which laying out what is left pays."""
_AGAIN = 4
"""Times as many labels where the first search is not complete."""
_TRACED = 4
"""Weightings of a grid, those of the highest bounds, whose paths are tried as plans."""
_FACTORS = (0.25, 4.0)
"""Of each multiplier, beside its best value, when there are several."""
_LABELS = 8_192
"""Labels kept over all layers, and how few and many that may be after one."""
_FEWEST, _MOST = 96, 1_024


@dataclass(frozen=True, slots=True)
class Limits:
    """Most that a path may add up to, and most memory that it may need at once."""

    sums: tuple[float, float, float, float]
    memory_bytes: float

    def kept(self, paths: Paths | Exchanges) -> NDArray[np.bool_]:
        """Which paths keep all limits."""
        most = np.array(self.sums) * (1.0 + ROUNDING)
        within = (paths.sums <= most).all(axis=1)
        fits: NDArray[np.bool_] = paths.memory_bytes() <= self.memory_bytes * (1.0 + ROUNDING)
        return within & fits


@dataclass(slots=True)
class Solution:
    """The best path found so far."""

    price: Floats | None
    """(4,): the objective; None: joules x seconds."""
    limits: Limits
    value: float = np.inf
    rows: Ints | None = None
    network: Network | None = None
    """That the rows belong to."""
    sums: Floats | None = None

    def costs(self, paths: Paths | Exchanges) -> Floats:
        """The objective of each path."""
        if self.price is None:
            return np.asarray(paths.sums[:, JOULES] * paths.sums[:, SECONDS])
        return np.asarray(paths.sums @ self.price)

    def take(self, paths: Paths) -> None:
        """Keep the best of paths that keep all limits."""
        kept = np.flatnonzero(self.limits.kept(paths))
        if not len(kept):
            return
        costs = self.costs(paths)[kept]
        best = int(costs.argmin())
        if costs[best] < self.value:
            self.value = float(costs[best])
            self.rows, self.sums = paths.rows[kept[best]], paths.sums[kept[best]]
            self.network = paths.network


def cheapest(network: Network, solution: Solution) -> Network | None:
    """Look for a path of less price than the solution's.

    What is left open: a network that holds all paths of still less; None where there is none.
    """
    assert solution.price is not None
    return _Search(network, solution.price, solution).run()


def least_product(network: Network, solution: Solution) -> Network | None:
    """Look for a path of less joules x seconds; what is left open, as `cheapest` does.

    Descends along tangents (at a path, the price of a second is joules / seconds), then searches
    below the chord of the hyperbola: a path of smaller product lies between the least joules and
    the least seconds of any, and the hyperbola is convex, so there it is below the chord.
    """
    ends = passes(network, np.eye(4)[:2])
    if not np.isfinite(ends.total).all():
        return None
    paths = trace(ends)
    solution.take(paths)
    least_j, least_s = (float(total) for total in ends.total)
    if least_j * least_s >= solution.value * (1.0 - _PROVED):
        return None
    point, tried = paths.sums[0], set[float]()
    for _ in range(_TANGENTS):
        slope = float(point[JOULES] / point[SECONDS])
        if slope in tried:
            break
        tried.add(slope)
        price = np.array([1.0, slope, 0.0, 0.0])
        linear = Solution(price, solution.limits)
        left = _Search(network, price, linear, also=solution).run()
        if linear.sums is None:
            return left
        point = linear.sums
    corners = ((least_j, solution.value / least_j), (solution.value / least_s, least_s))
    chord = np.array([corners[0][1] - corners[1][1], corners[1][0] - corners[0][0], 0.0, 0.0])
    below = float(chord[0] * corners[0][0] + chord[1] * corners[0][1])
    return _Search(network, chord, solution, below=below).run()


def binding(network: Network, limits: Limits) -> list[int]:
    """Components that some path may take beyond its limit."""
    starts = [layer.rows.start for layer in network.layers]
    most = np.maximum.reduceat(network.vectors, starts, axis=0).sum(axis=0)
    live = max(float(network.activation.max()), network.input_bytes) + network.call.max()
    found = [d for d in (JOULES, SECONDS) if np.isfinite(limits.sums[d])]
    found += [ERROR2] if most[ERROR2] > limits.sums[ERROR2] else []
    return found + ([BYTES] if most[BYTES] + live > limits.memory_bytes else [])


class _Search:
    """One network, one linear price; lives for one answer."""

    def __init__(
        self,
        network: Network,
        price: Floats,
        solution: Solution,
        *,
        below: float = np.inf,
        also: Solution | None = None,
    ) -> None:
        """`below`: costs above it are of no use; `also`: another solution that takes what it can.

        A solution without a price, joules x seconds, is improved only through `below`.
        """
        self.network, self.price, self.solution = network, price, solution
        self.below = below
        self.takers = (solution,) if also is None else (solution, also)
        limits = solution.limits
        found = binding(network, limits)
        self.memory_bytes = limits.memory_bytes * (1.0 + ROUNDING) if BYTES in found else None
        alone = (price > 0.0).sum() == 1
        self.active = [d for d in found if not (price[d] > 0.0 and alone)]
        self.most = np.array(limits.sums)
        self.most[BYTES] = limits.memory_bytes - network.input_bytes
        self.units = np.eye(4)[self.active]

    @property
    def top(self) -> float:
        """Cost that a path must undercut to be of use."""
        if self.solution.price is None:
            return self.below
        return min(self.below, self.solution.value * (1.0 - _PROVED))

    def run(self) -> Network | None:
        """Improve the solution; what holds all better paths, None where there are none."""
        first = passes(self.network, np.array([self.price, *self.units]))
        paths = self._take(trace(first))
        linear = self.solution.price is not None
        if linear and (self.solution.limits.kept(paths)[0] or first.total[0] >= self.top):
            return None
        if (first.total[1:] > self.most[self.active] * (1.0 + ROUNDING)).any():
            return None
        weights, highest = self._multipliers(first, paths)
        if highest >= self.top:
            return None
        return self._labelled(weights)

    def _take(self, paths: Paths) -> Paths:
        for taker in self.takers:
            taker.take(paths)
        return paths

    def _labelled(self, weights: list[Floats]) -> Network | None:
        """Search what bounds leave of the network, twice, the second time with more labels."""
        left, rules = self._left(self.network, weights)
        count = len(self.network.layers)
        if left is not None and self._exchange(rules.bounds, np.arange(len(weights))):
            left, rules = self._left(left, weights)
        room = min(max(_LABELS // count, _FEWEST), _MOST)
        for most_labels in (room, _AGAIN * room):
            if left is None:
                return None
            found, given_up = explore(rules, most_labels)
            if len(found.rows):
                self._take(found)
            if given_up >= self.top:
                return None
            left, rules = self._left(left, weights)
        return left

    def _exchange(self, found: Passes, which: Ints) -> bool:
        """Where many rows are left, try the best paths one row away from the cheapest.

        At each of some weightings of a pass; whether that found a better plan.
        """
        network, before = found.network, self.top
        if len(network.option) <= _CROWDED * len(network.layers):
            return False
        for number in which.tolist():
            near = exchanges(found, number)
            for taker in self.takers:
                fine = np.flatnonzero(taker.limits.kept(near) & np.isfinite(near.cost))
                costs = taker.costs(near)[fine]
                if len(fine) and costs.min() < taker.value * (1.0 - _PROVED):
                    taker.take(near.path(int(fine[costs.argmin()])))
        return self.top < before

    def _left(self, network: Network, weights: list[Floats]) -> tuple[Network | None, Rules]:
        """The network without rows that no better path takes, and what its labels have to pass."""
        active = self.active
        ends = np.eye(4)[: 2 * (self.solution.price is None)]
        every = np.array([*weights, self.price, *self.units, *ends])
        spare = np.array([(w - self.price)[active] @ self.most[active] for w in weights])
        fixed = [*(self.most[active] * (1.0 + ROUNDING)), *([np.inf] * len(ends))]
        thresholds = np.array([*(self.top + spare), self.top, *fixed])
        thresholds = np.minimum(thresholds, np.finfo(float).max)
        bounds = passes(network, every)
        keep = useful_rows(bounds, thresholds)
        left = network if keep.all() else reduced(network, keep)
        if left is not None and left is not network:
            bounds = passes(left, every)
        rules = Rules(
            bounds,
            thresholds,
            spare,
            self._watched(),
            self.memory_bytes,
            self.solution.value * (1.0 - _PROVED) if self.solution.price is None else np.inf,
        )
        return left, rules

    def _watched(self) -> tuple[int, ...]:
        priced = [d for d in range(3) if self.price[d] > 0.0]
        return tuple(dict.fromkeys([*priced, *(d for d in self.active if d != BYTES)]))

    def _shrink(self, found: Passes, best: int, spare: float) -> None:
        """Leave out rows that no better path takes, by one weighting of a pass, where many may go.

        Whatever is wanted lies in what remains; it is never empty, since nothing is proved yet.
        """
        if len(self.network.option) > _CROWDED * len(self.network.layers) and np.isfinite(self.top):
            thresholds = np.full(len(found.weights), np.inf)
            thresholds[best] = self.top + spare
            keep = useful_rows(found, thresholds)
            if keep.sum() < _SHRUNK * len(keep):
                self.network = reduced(self.network, keep) or self.network

    def _multipliers(self, first: Passes, paths: Paths) -> tuple[list[Floats], float]:
        """The weightings of the highest bounds found, the best first; the highest bound."""
        price, active = self.price, self.active
        if not active:
            return [price], float(first.total[0])
        scales = _scales(price, active, self.most, paths)
        offsets, steps = _GRIDS[min(len(active), 3)]
        centre = np.zeros(len(active))
        best: list[tuple[float, int, Floats]] = [(-float(first.total[0]), 0, price)]
        for step in steps:
            points = np.array(list(product(offsets, repeat=len(active)))) * step + centre
            weights = np.tile(price, (len(points), 1))
            weights[:, active] += scales * 2.0**points
            found = passes(self.network, weights)
            spare = (weights - price)[:, active] @ self.most[active]
            values = found.total - spare
            order = np.argsort(-values, kind="stable")
            self._take(trace(found, order[:_TRACED]))
            best += [
                (-float(values[n]), len(best) + k, weights[n]) for k, n in enumerate(order[:2])
            ]
            centre = points[order[0]]
            highest = -min(best)[0]
            if self.solution.price is not None and self.top <= highest:
                break
            if step == steps[-1]:
                self._exchange(found, order[:1])
            self._shrink(found, int(order[0]), float(spare[order[0]]))
        best.sort(key=lambda entry: entry[:2])
        return _spread(best[0][2], price, active), -best[0][0]


def _spread(weights: Floats, price: Floats, active: list[int]) -> list[Floats]:
    """The best weighting, and some about it: each bounds some labels better than the others do."""
    found = [weights]
    for component in active if len(active) > 1 else ():
        for factor in _FACTORS:
            other = weights.copy()
            other[component] = price[component] + factor * (weights - price)[component]
            found.append(other)
    return found


def _scales(price: Floats, active: list[int], most: Floats, paths: Paths) -> Floats:
    """By limited component: price at which the cheapest path and the thriftiest cost the same."""
    costs, found = paths.sums @ price, []
    for number, component in enumerate(active, start=1):
        saved = paths.sums[0, component] - paths.sums[number, component]
        dearer = costs[number] - costs[0]
        if saved > 0.0 and dearer > 0.0:
            found.append(float(dearer / saved))
        else:
            found.append(float(abs(costs[0]) / max(most[component], 1e-300)))
    return np.array(found)
