"""The optimum of a chain as an integer programme: a second opinion on the dynamic programme.

One binary unknown a row (an option of a layer), flows along the ways between layers, all limits
as rows of the programme, peak memory by one unknown for the largest activations and one for the
largest buffer. Solved by HiGHS through `scipy.optimize.milp`. Slower than the dynamic programme,
and shares nothing with it but the network that both search.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from planners.chain import Scope
from planners.limited import Limits
from planners.network import BYTES, JOULES, SECONDS, Layer, Network
from planners.search import PRICES, Search
from planners.values import NotApplicable, Question

Floats = NDArray[np.float64]


def optimum(question: Question, time_limit_s: float = 60.0) -> float | None:
    """The objective of the best plan of the options, planning aside; None where there is none.

    Raises NotApplicable for joules x seconds, which is not linear, and where HiGHS does not end.
    """
    if question.goals.objective == "edp":
        raise NotApplicable("joules x seconds is no linear objective")
    search = Search(question, "integer", question.options.runtime)
    price = np.array(PRICES[question.goals.objective])
    values = []
    for cloud in search.sides(Scope()):
        found = search.network(replace(Scope(), cloud=cloud), None)
        if found is not None:
            values.append(_solved(_Programme(found), price, search.limits(), time_limit_s))
    reached = [value for value in values if value is not None]
    return min(reached, default=None)


class _Programme:
    """Rows of the programme; unknowns are rows, then ways, then activations and buffer."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.rows = len(network.vectors)
        sizes = [layer.way_j.size for layer in network.layers]
        self.starts = self.rows + np.concatenate(([0], np.cumsum(sizes)))
        self.count = int(self.starts[-1]) + 2
        self.table: list[tuple[Floats, float, float]] = []
        self.most = np.ones(self.count)
        self.most[-2:] = np.inf
        for number, layer in enumerate(network.layers):
            self._layer(number, layer)
        last = network.layers[-1]
        self.most[last.rows][~np.isfinite(network.closed[last.node])] = 0.0

    def _layer(self, number: int, layer: Layer) -> None:
        """One row of each layer; what leaves a node goes along its ways to a row's target."""
        network = self.network
        ways = np.arange(layer.way_j.size).reshape(layer.way_j.shape) + self.starts[number]
        if layer.barred is not None:
            self.most[ways[~np.isfinite(layer.barred)]] = 0.0
        of_row = layer.target[layer.node]
        rows = np.arange(layer.rows.start, layer.rows.stop)
        self._add({}, rows, 1.0, 1.0)
        for target in range(ways.shape[1]):
            self._add(dict.fromkeys(ways[:, target], -1.0), rows[of_row == target], 0.0, 0.0)
        if number:
            before = network.layers[number - 1]
            earlier = np.arange(before.rows.start, before.rows.stop)
            for node in range(ways.shape[0]):
                self._add(dict.fromkeys(ways[node], -1.0), earlier[before.node == node], 0.0, 0.0)
        for unknown, amounts in ((-2, network.activation), (-1, network.call)):
            row = np.zeros(self.count)
            row[rows], row[unknown] = amounts[rows], -1.0
            self.table.append((row, -np.inf, 0.0))

    def _add(
        self, others: dict[int, float], ones: NDArray[np.int64], low: float, high: float
    ) -> None:
        row = np.zeros(self.count)
        row[ones] = 1.0
        for unknown, factor in others.items():
            row[unknown] = factor
        self.table.append((row, low, high))

    def component(self, number: int) -> Floats:
        """What each unknown adds to a component of a path's sums."""
        network, found = self.network, np.zeros(self.count)
        found[: self.rows] = network.vectors[:, number]
        if number in (JOULES, SECONDS):
            last = network.layers[-1]
            found[last.rows] += network.deliver[last.node, number]
            for layer, start in zip(network.layers, self.starts, strict=False):
                way = layer.way_j if number == JOULES else layer.way_s
                found[start : start + way.size] = way.ravel()
        return found


def _solved(
    programme: _Programme, price: Floats, limits: Limits, time_limit_s: float
) -> float | None:
    from scipy.optimize import Bounds, LinearConstraint, milp  # slow to import

    network, rows = programme.network, list(programme.table)
    for number, limit in enumerate(limits.sums):
        if np.isfinite(limit):
            rows.append(_scaled(programme.component(number), limit))
    held = programme.component(BYTES)
    held[-2:] = 1.0
    if np.isfinite(limits.memory_bytes):
        rows.append(_scaled(held, limits.memory_bytes))
    table, low, high = (np.array(part) for part in zip(*rows, strict=True))
    cost = sum(price[d] * programme.component(d) for d in range(len(price)))
    scale = float(np.abs(cost).max()) or 1.0
    least = np.zeros(programme.count)
    least[-2] = network.input_bytes
    # bytes in units of the input, so that all coefficients are of an order
    units = np.ones(programme.count)
    units[-2:] = max(network.input_bytes, 1.0)
    whole = np.zeros(programme.count, dtype=np.int64)
    whole[: programme.rows] = 1
    size = np.abs(table * units).max(axis=1).clip(min=1e-300)
    solved = milp(
        cost * units / scale,
        integrality=whole,
        bounds=Bounds(least / units, programme.most),
        constraints=LinearConstraint(table * units / size[:, None], low / size, high / size),
        options={"mip_rel_gap": 1e-9, "time_limit": time_limit_s},
    )
    if solved.status not in (0, 2):
        raise NotApplicable(f"HiGHS: {solved.message}")
    return None if solved.x is None else float(solved.fun * scale)


def _scaled(row: Floats, limit: float) -> tuple[Floats, float, float]:
    unit = abs(limit) or 1.0
    return row / unit, -np.inf, limit / unit
