"""The cheapest path under limits, or the one of least joules x seconds.

What is linear: `planners.linear_search`. The product is searched by linear prices, its tangents.
"""

import numpy as np
from numpy.typing import NDArray

from planners.dual import passes, trace
from planners.linear_search import LinearSearch
from planners.network import JOULES, SECONDS, Network
from planners.solutions import PROVED, ROUNDING, Limits, Solution, binding

__all__ = ["ROUNDING", "Limits", "Solution", "binding", "cheapest", "least_product"]

Floats = NDArray[np.float64]

_TANGENTS = 6
"""Prices of a second tried on the way to the least product."""


def cheapest(network: Network, solution: Solution) -> Network | None:
    """Look for a path of less price than the solution's.

    What is left open: a network that holds all paths of still less; None where there is none.
    """
    assert solution.price is not None
    return LinearSearch(network, solution.price, solution).run()


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
    if least_j * least_s >= solution.value * (1.0 - PROVED):
        return None
    point, tried = paths.sums[0], set[float]()
    for _ in range(_TANGENTS):
        slope = float(point[JOULES] / point[SECONDS])
        if slope in tried:
            break
        tried.add(slope)
        price = np.array([1.0, slope, 0.0, 0.0])
        linear = Solution(price, solution.limits)
        left = LinearSearch(network, price, linear, also=solution).run()
        if linear.sums is None:
            return left
        point = linear.sums
    least_j, least_s = (
        max(least, _bound(network, unit, solution) * (1.0 - PROVED))
        for least, unit in zip((least_j, least_s), np.eye(4)[:2], strict=True)
    )
    if least_j * least_s >= solution.value * (1.0 - PROVED):
        return None
    corners = ((least_j, solution.value / least_j), (solution.value / least_s, least_s))
    chord = np.array([corners[0][1] - corners[1][1], corners[1][0] - corners[0][0], 0.0, 0.0])
    below = float(chord[0] * corners[0][0] + chord[1] * corners[0][1])
    return LinearSearch(network, chord, solution, below=below).run()


def _bound(network: Network, unit: Floats, solution: Solution) -> float:
    """The least of one component that any path within the limits adds up, or below that."""
    alone = Solution(unit, solution.limits)
    return LinearSearch(network, unit, alone, also=solution).bound()
