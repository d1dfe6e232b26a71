"""The cheapest path under limits by one linear price: multipliers, exchanges, then labels.

Multipliers on the limited components give a lower bound (`planners.dual`) and, since each bound
comes with a path, mostly a good plan. Rows that no better path takes go (`planners.reduction`),
paths nearby are tried (`planners.exchanges`), and labels (`planners.labels`) search what is left
between the plan and the bound.
"""

import numpy as np
from numpy.typing import NDArray

from planners.dual import Passes, Paths, passes, trace
from planners.exchanges import exchanges
from planners.labels import Rules, explore
from planners.multipliers import highest_bound
from planners.network import BYTES, Network
from planners.reduction import reduced, useful_rows
from planners.solutions import PROVED, ROUNDING, Solution, binding, compared

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_EXPONENTS, _STEPS = np.arange(-8.0, 8.0), (1.0, 1 / 8, 1 / 64)
"""Of two, around the best multiplier of a single limit, and how they close in on it."""
_CROWDED = 4
"""Rows a layer above which it pays to leave some out, and to look for a better plan nearby."""
_SHRUNK = 0.75
"""Share of rows below which laying out what is left pays."""
_AGAIN = 4
"""Times as many labels where the first search is not complete."""
_TRACED = 4
"""Weightings of a grid, those of the highest bounds, whose paths are tried as plans."""
_BOUNDS = 6
"""Of the multipliers of several limits, those of the highest bounds, which labels have to pass."""
_LABELS = 8_192
"""Labels kept over all layers, and how few and many that may be after one."""
_FEWEST, _MOST = 96, 1_024
_LONG, _NEAR = 16, 1e-3
"""Layers from which on a plan this near its bound, as a share, is not searched for a second time:
on long chains that takes as long as all before, and finds next to nothing."""


class LinearSearch:
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
        alone = (price > 0.0).sum() == 1
        self.active = [d for d in found if not (price[d] > 0.0 and alone)]
        self.most = np.array(limits.sums)
        self.most[BYTES] = limits.memory_bytes - network.least_live().sum()
        self.units = np.eye(4)[self.active]

    @property
    def top(self) -> float:
        """Cost that a path must undercut to be of use."""
        if self.solution.price is None:
            return self.below
        return min(self.below, self.solution.value * (1.0 - PROVED))

    def run(self) -> Network | None:
        """Improve the solution; what holds all better paths, None where there are none."""
        weights, highest = self._relaxed()
        return None if highest >= self.top else self._labelled(weights)

    def bound(self) -> float:
        """What no path that keeps the limits costs less than; inf where there is none.

        Rows may be gone that only paths dearer than the solution take: these cost that or more.
        """
        highest = self._relaxed()[1]
        return min(highest, self.solution.value)

    def _relaxed(self) -> tuple[list[Floats], float]:
        """Weightings of the highest bounds, the best first, and the highest bound."""
        first = passes(self.network, np.array([self.price, *self.units]))
        paths = self._take(trace(first))
        least = float(first.total[0])
        if (first.total[1:] > self.most[self.active] * (1.0 + ROUNDING)).any():
            return [self.price], np.inf
        linear = self.solution.price is not None
        if linear and (self.solution.limits.kept(paths)[0] or least >= self.top):
            return [self.price], least
        return self._multipliers(first, paths)

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
            if len(left.option) <= _CROWDED * count:  # then more labels cost little
                most_labels = _AGAIN * room
            found, given_up = explore(rules, most_labels)
            if len(found.rows):
                self._take(found)
            if given_up >= self.top:
                return None
            if count >= _LONG and self.top * (1.0 - _NEAR) <= given_up:
                return self._left(left, weights)[0]
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
                if len(fine) and costs.min() < taker.value * (1.0 - PROVED):
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
            *compared(bounds.network, self.solution.limits, self.price),
            self.solution.value * (1.0 - PROVED) if self.solution.price is None else np.inf,
        )
        return left, rules

    def _shrink(self, found: Passes, best: int, spare: float) -> None:
        """Leave out rows that no better path takes, by one weighting of a pass, where many may go.

        Whatever is wanted lies in what remains. Where that is nothing, the labels find so.
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
        if len(active) > 1:
            found = highest_bound(self.network, price, active, self.most)
            for some in found.paths:
                self._take(some)
            return list(found.weights[:_BOUNDS]), found.value
        weights, highest = self._on_grids(active[0], first, paths)
        return [weights], highest

    def _on_grids(self, component: int, first: Passes, paths: Paths) -> tuple[Floats, float]:
        """The best multiplier of one limit, on grids in its logarithm that close in on it."""
        scale = _scale(self.price, component, self.most, paths)
        centre, best, highest = 0.0, self.price, float(first.total[0])
        for step in _STEPS:
            exponents = _EXPONENTS * step + centre
            weights = np.tile(self.price, (len(exponents), 1))
            weights[:, component] += scale * 2.0**exponents
            found = passes(self.network, weights)
            spare = (weights - self.price)[:, component] * self.most[component]
            values = found.total - spare
            order = np.argsort(-values, kind="stable")
            self._take(trace(found, order[:_TRACED]))
            top, centre = int(order[0]), float(exponents[order[0]])
            if values[top] > highest:
                best, highest = weights[top], float(values[top])
            if self._beaten(highest):
                break
            self._shrink(found, top, float(spare[top]))
        return best, highest

    def _beaten(self, bound: float) -> bool:
        """Whether a bound shows that the solution is the best there is."""
        return self.solution.price is not None and self.top <= bound


def _scale(price: Floats, component: int, most: Floats, paths: Paths) -> float:
    """Price at which the cheapest path (the first) and the thriftiest cost the same."""
    costs = paths.sums @ price
    saved = paths.sums[0, component] - paths.sums[1, component]
    dearer = costs[1] - costs[0]
    if saved > 0.0 and dearer > 0.0:
        return float(dearer / saved)
    return float(abs(costs[0]) / max(most[component], 1e-300))
