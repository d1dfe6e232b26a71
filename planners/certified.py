"""The cheapest path of a network under limits, proved.

`planners.labels` with multipliers from cutting planes (`planners.multipliers`) and room for so many
labels that few questions need more. Where one does, the least bound given up is what is proved.
"""

import numpy as np
from numpy.typing import NDArray

from planners.dual import passes
from planners.labels import Rules, explore
from planners.multipliers import highest_bound
from planners.network import BYTES, JOULES, SECONDS, Network
from planners.reduction import reduced, useful_rows
from planners.solutions import ROUNDING, Solution, binding, compared

Floats = NDArray[np.float64]

MOST_LABELS = 400_000
"""Labels after a layer, a fixed number: what is proved does not depend on the machine."""
_COMPARED = 4
"""Dominance by three and more components compares pairs: then so many times fewer labels."""
_EQUAL = 1e-10
"""Share by which a plan must be better to count as better."""
_ROUNDED = 1e-12
"""Share by which sums may be rounded."""
_BOUNDS = 8
"""Lagrangian bounds that a label has to pass."""


def prove(network: Network, solution: Solution, most_labels: int = MOST_LABELS) -> float:
    """Improve a solution to the network's best path; a lower bound on what all paths cost.

    The bound is in the objective's unit, and inf where no path keeps the limits or beats the
    solution by 1e-10: then the solution's own value is the bound.
    """
    least = _least(network, solution) if solution.price is None else np.zeros(2)
    price, below = _price(solution, least)
    if price is None:
        return np.inf
    rules = _rules(network, solution, price, below)
    if rules is None:
        return np.inf
    room = max(1, most_labels // _COMPARED ** max(0, rules.columns() - 2))
    paths, given_up = explore(rules, room)
    solution.take(paths)
    if solution.price is None and np.isfinite(given_up):
        return _product(price, given_up, least)
    return given_up


def _least(network: Network, solution: Solution) -> Floats:
    """(2,): joules and seconds that any path within the limits adds up at the least, or less."""
    active, most = _active(network, solution)
    found = [highest_bound(network, unit, active, most) for unit in np.eye(4)[:2]]
    for paths in (paths for one in found for paths in one.paths):
        solution.take(paths)
    return np.array([one.value * (1.0 - _ROUNDED) for one in found])


def _active(network: Network, solution: Solution) -> tuple[list[int], Floats]:
    """Components that may break a limit, and the limits; of bytes, what activations leave."""
    most = np.array(solution.limits.sums)
    most[BYTES] = solution.limits.memory_bytes - network.least_live().sum()
    return binding(network, solution.limits), most


def _price(solution: Solution, least: Floats) -> tuple[Floats | None, float]:
    """The linear price to search by, and the most that a useful path may cost by it.

    For joules x seconds: the chord of the hyperbola through the best product known, between the
    least joules and the least seconds of any path. Better paths lie below it, as the hyperbola is
    convex. Without a product known, any path does.
    """
    if solution.price is not None:
        return solution.price, solution.value
    least_j, least_s = (float(value) for value in least)
    if not np.isfinite(least).all():
        return None, np.inf
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


def _rules(network: Network, solution: Solution, price: Floats, below: float) -> Rules | None:
    """What labels have to pass, on the rows that may matter; None where nothing can be better."""
    active, most = _active(network, solution)
    found = highest_bound(network, price, active, most)
    for paths in found.paths:
        solution.take(paths)
    linear = solution.price is not None
    top = min(below, solution.value) if linear else below
    if found.value >= top * (1.0 - _EQUAL):
        return None
    weights = found.weights[:_BOUNDS]
    units = np.eye(4)
    every = np.array([*weights, *(units[d] for d in active), *units[:2]])
    spare = np.array([(w - price)[active] @ most[active] for w in weights])
    tops = [*(top * (1.0 - _EQUAL if linear else 1.0) + spare)]
    tops += [*(most[active] * (1.0 + ROUNDING)), np.inf, np.inf]
    # what cannot be completed costs inf, and must not pass where nothing is known to beat
    thresholds = np.minimum(np.array(tops), np.finfo(float).max)
    left = reduced(network, useful_rows(passes(network, every), thresholds))
    if left is None:
        return None
    bounds = passes(left, every)
    if (bounds.total > thresholds).any():
        return None
    watched, memory = compared(left, solution.limits, price)
    product = np.inf if linear else solution.value * (1.0 - _EQUAL)
    return Rules(bounds, thresholds, spare, watched, memory, product)
