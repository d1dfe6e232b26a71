"""Which of many vectors no other one beats: the rule by which partial plans are dropped.

A vector dominates another of its group when it has no more of anything; of equals the first in
order stays. Dropping dominated vectors keeps every Pareto-optimal one.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_ALL_AT_ONCE = 160
"""Vectors up to which all pairs are compared, whatever their groups."""
_CHUNK = 512
"""Vectors compared at once with those that are kept: bounds memory."""


def undominated(groups: Ints, columns: Sequence[Floats]) -> Ints:
    """Indices of vectors that none of their group dominates, by group, then by column.

    groups (n,), each column (n,). One column: the least of each group. Two: one sweep in order
    of the first. More: each vector against those kept so far, which come first in order.
    """
    order = np.lexsort((*columns[::-1], groups))
    if not len(order):
        return order
    ranked = groups[order]
    if len(columns) == 1:
        return order[np.concatenate(([True], ranked[1:] != ranked[:-1]))]
    if len(columns) == 2:
        return order[_falling(ranked, columns[1][order])]
    if len(order) <= _ALL_AT_ONCE:
        same: NDArray[np.bool_] = ranked[None, :] == ranked[:, None]
        return order[_first(same, [column[order] for column in columns])]
    starts = np.flatnonzero(np.diff(ranked)) + 1
    values = np.stack(columns, axis=1)
    kept = [members[_front(values[members])] for members in np.split(order, starts)]
    return np.concatenate(kept)


def _first(beaten: NDArray[np.bool_], columns: Sequence[Floats]) -> NDArray[np.bool_]:
    """Whether no earlier vector, of those that may beat it (n, n), has as little of everything."""
    beaten &= np.tri(len(beaten), k=-1, dtype=np.bool_)
    for column in columns:
        beaten &= column[None, :] <= column[:, None]
    return np.asarray(~beaten.any(axis=1))


def _falling(groups: Ints, values: Floats) -> NDArray[np.bool_]:
    """Whether each value is below all that come before it in its group; groups are sorted.

    Values become ranks, and each group's ranks lie below those of the group before, so that one
    running minimum serves all groups.
    """
    if groups[0] == groups[-1]:
        return np.concatenate(([True], values[1:] < np.minimum.accumulate(values)[:-1]))
    number = np.concatenate(([0], groups[1:] != groups[:-1])).cumsum()
    ranks = np.unique(values, return_inverse=True)[1].reshape(-1)
    keys = ranks - number * (int(ranks.max()) + 1)
    least = np.minimum.accumulate(keys)
    return np.concatenate(([True], keys[1:] < least[:-1]))


def _front(values: Floats) -> Ints:
    """Rows of (n, d), sorted by column from the first on, that no earlier row dominates."""
    front = np.empty((0, values.shape[1]))
    kept: list[Ints] = []
    for start in range(0, len(values), _CHUNK):
        chunk = values[start : start + _CHUNK]
        alive = np.flatnonzero(~_beaten(chunk, front))
        within = chunk[alive]
        every = np.ones((len(within), len(within)), dtype=np.bool_)
        alive = alive[_first(every, list(within.T))]
        front = np.concatenate((front, chunk[alive]))
        kept.append(alive + start)
    return np.concatenate(kept)


def _beaten(values: Floats, front: Floats) -> NDArray[np.bool_]:
    """Whether some row of the front has no more of anything than each of the values."""
    found = np.zeros(len(values), dtype=np.bool_)
    for start in range(0, len(front), _CHUNK):
        part = front[start : start + _CHUNK]
        open_ones = np.flatnonzero(~found)
        below = np.ones((len(open_ones), len(part)), dtype=np.bool_)
        for column in range(values.shape[1]):
            below &= part[None, :, column] <= values[open_ones, None, column]
        found[open_ones] |= below.any(axis=1)
    return found
