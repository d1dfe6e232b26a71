"""Limits on a path, and the best path found that keeps them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planners.dual import Paths
from planners.exchanges import Exchanges
from planners.network import BYTES, ERROR2, JOULES, SECONDS, Network

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ROUNDING = 5e-13
"""Share by which sums may pass a limit, since predictions round differently (1e-12 is allowed)."""
PROVED = 1e-10
"""Share below which two costs count as equal."""


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


def binding(network: Network, limits: Limits) -> list[int]:
    """Components that some path may take beyond its limit."""
    starts = [layer.rows.start for layer in network.layers]
    most = np.maximum.reduceat(network.vectors, starts, axis=0).sum(axis=0)
    live = max(float(network.activation.max()), network.input_bytes) + network.call.max()
    found = [d for d in (JOULES, SECONDS) if np.isfinite(limits.sums[d])]
    found += [ERROR2] if most[ERROR2] > limits.sums[ERROR2] else []
    return found + ([BYTES] if most[BYTES] + live > limits.memory_bytes else [])


def compared(
    network: Network, limits: Limits, price: Floats
) -> tuple[tuple[int, ...], float | None]:
    """Components that dominance compares, priced or binding; peak memory, where that binds."""
    found = binding(network, limits)
    priced = [d for d in (JOULES, SECONDS, ERROR2) if price[d] > 0.0]
    watched = tuple(dict.fromkeys([*priced, *(d for d in found if d != BYTES)]))
    return watched, limits.memory_bytes * (1.0 + ROUNDING) if BYTES in found else None
