"""The highest Lagrangian bound of a network's cheapest path under limits, by cutting planes.

With multipliers m >= 0 on limited components, g(m) = min over paths of (price + m) . sums less
m . limits is below the cost of every path that keeps the limits, and concave in m. Each
evaluation gives a path, and with it a plane above g; the next m maximises the lowest of all planes
known, a linear programme in as many unknowns as there are limits (Kelley, "The cutting-plane
method for solving convex programs", J. SIAM 8(4), 1960).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planners.dual import Paths, passes, trace
from planners.network import Network

Floats = NDArray[np.float64]

_ROUNDS = 40
_CLOSE = 1e-7
"""Share between the planes' lowest and the best bound below which the search ends."""
_REACH = 1e6
"""Multipliers may be as many times the cost of a path per limit."""


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """A lower bound, the multipliers that give it, and the paths met on the way."""

    value: float
    weights: Floats
    """(k, 4): prices plus multipliers, the best first; each gives a valid bound."""
    paths: tuple[Paths, ...]


def highest_bound(network: Network, price: Floats, active: Sequence[int], limits: Floats) -> Bound:
    """The highest bound on price . sums of paths whose active components keep their limits.

    price (4,); `active` are components with a finite limit in `limits` (4,).
    """
    components = list(active)
    most = limits[components]
    tried: list[tuple[float, Floats]] = []
    planes: list[tuple[float, Floats]] = []
    paths: list[Paths] = []
    multipliers = np.zeros(len(components))
    while True:
        weights = price.copy()
        weights[components] += multipliers
        found = passes(network, weights[None])
        if not np.isfinite(found.total[0]):
            return Bound(np.inf, weights[None], ())
        path = trace(found)
        paths.append(path)
        tried.append((float(found.total[0] - multipliers @ most), weights))
        planes.append((float(path.sums[0] @ price), path.sums[0, components] - most))
        best = max(value for value, _ in tried)
        if not components or len(tried) >= _ROUNDS:
            break
        multipliers, ceiling = _next(planes, most)
        if ceiling - best <= _CLOSE * max(abs(best), abs(planes[0][0])):
            break
    order = sorted(range(len(tried)), key=lambda n: -tried[n][0])
    return Bound(best, np.array([tried[n][1] for n in order]), tuple(paths))


def _next(planes: Sequence[tuple[float, Floats]], limits: Floats) -> tuple[Floats, float]:
    """Multipliers where the lowest of the planes cost + m . excess is highest, and how high."""
    from scipy.optimize import linprog  # slow to import, and only needed here

    costs = np.array([cost for cost, _ in planes])
    excess = np.array([slope for _, slope in planes])
    scale = float(np.abs(costs).max()) or 1.0
    # unknowns in units that make all coefficients of order one: m_i limit_i / scale, then height
    columns = np.maximum(np.abs(limits), np.abs(excess).max(axis=0)).clip(min=1e-300)
    table = np.column_stack((-excess / columns, np.ones(len(costs))))
    objective = np.zeros(len(columns) + 1)
    objective[-1] = -1.0
    bounds = [(0.0, _REACH)] * len(columns) + [(None, None)]
    solved = linprog(objective, A_ub=table, b_ub=costs / scale, bounds=bounds, method="highs")
    if solved.x is None:
        return np.zeros(len(columns)), -np.inf
    return solved.x[:-1] * scale / columns, float(solved.x[-1] * scale)
