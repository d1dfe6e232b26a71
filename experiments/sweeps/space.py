"""The cases of a sweep without listing them: case i gives its axes' values, for arrays of i.

Case i is a number in the mixed radix of the blocks' counts, replications varying fastest. Draws
are a function of (seed, position): Philox is a counter-based generator, so any window of its
sequence is made without the ones before (Salmon et al., SC 2011).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.sweeps.filters import Filter, parse_filter
from experiments.sweeps.spec import Block, Draw, Scalar, Sobol, Span, SweepSpec, Values, count_of

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Columns = dict[str, NDArray[Any]]
_WINDOW = 1 << 18
"""Cases counted at a time."""


@dataclass(frozen=True, slots=True)
class Space:
    """All cases, filtered ones included, by number."""

    spec: SweepSpec
    filters: tuple[Filter, ...]

    @classmethod
    def of(cls, spec: SweepSpec) -> "Space":
        """The space of a specification whose paths and conditions are right."""
        known = axis_paths(spec)
        return cls(spec, tuple(parse_filter(text, known) for text in spec.when))

    def __len__(self) -> int:
        return prod(radices(self.spec))

    def digits(self, numbers: Ints) -> list[Ints]:
        """Position within each block, and the replication last."""
        found, left = [], numbers
        for radix in reversed(radices(self.spec)):
            left, digit = np.divmod(left, radix)
            found.append(digit)
        return found[::-1]

    def columns(self, numbers: Ints) -> Columns:
        """Values of all axes for cases by number; numbers, texts, booleans or objects."""
        result: Columns = {}
        for block, digit in zip(self.spec.axes, self.digits(numbers)[:-1], strict=True):
            result |= block_columns(block, digit)
        return result

    def replications(self, numbers: Ints) -> Ints:
        """Replication of each case."""
        return self.digits(numbers)[-1]

    def kept(self, columns: Mapping[str, NDArray[Any]], count: int) -> NDArray[np.bool_]:
        """Whether cases of these values keep every condition."""
        mask = np.ones(count, dtype=np.bool_)
        for condition in self.filters:
            mask &= condition.mask(columns)
        return mask

    def cases(self, start: int, stop: int) -> Ints:
        """Numbers in [start, stop) of the cases that keep every condition."""
        numbers = np.arange(start, stop, dtype=np.int64)
        if not self.filters or not len(numbers):
            return numbers
        return numbers[self.kept(self.columns(numbers), len(numbers))]

    def count(self) -> int:
        """How many cases there are."""
        if not self.filters:
            return len(self)
        edges = range(0, len(self), _WINDOW)
        return sum(len(self.cases(edge, min(edge + _WINDOW, len(self)))) for edge in edges)


def axis_paths(spec: SweepSpec) -> tuple[str, ...]:
    """Paths that axes vary, in their order."""
    return tuple(path for block in spec.axes for path in block.fields)


def radices(spec: SweepSpec) -> list[int]:
    """Positions of each block, then replications."""
    return [*(block_count(block) for block in spec.axes), spec.replications]


def block_count(block: Block) -> int:
    """How many points a block has."""
    if block.grid is not None:
        return prod(count_of(values) for values in block.grid.values())
    if block.zipped is not None:
        return count_of(next(iter(block.zipped.values())))
    if block.random is not None:
        return block.random.count
    assert block.sobol is not None
    sobol = block.sobol
    return sobol.count * (len(sobol.fields) + 2 if sobol.design == "saltelli" else 1)


def block_columns(block: Block, digit: Ints) -> Columns:
    """Values of a block's fields at positions."""
    if block.grid is not None:
        columns, left = {}, digit
        for path, values in reversed(block.grid.items()):
            left, position = np.divmod(left, count_of(values))
            columns[path] = _at(values, position)
        return dict(reversed(columns.items()))
    if block.zipped is not None:
        return {path: _at(values, digit) for path, values in block.zipped.items()}
    if block.random is not None:
        fields = block.random.fields
        return {
            path: _drawn(draw, _uniform(block.random.seed, field, digit))
            for field, (path, draw) in enumerate(fields.items())
        }
    assert block.sobol is not None
    units = _sobol(block.sobol, digit)
    draws = block.sobol.fields.items()
    return {path: _drawn(draw, units[:, field]) for field, (path, draw) in enumerate(draws)}


def _at(values: Values, position: Ints) -> NDArray[Any]:
    if not isinstance(values, Span):
        return typed_values(values)[position]
    share = position / (values.count - 1)
    if values.spacing == "linear":
        return values.low + (values.high - values.low) * share
    found = values.low * (values.high / values.low) ** share
    return np.where(position == values.count - 1, values.high, found)


def typed_values(values: tuple[Scalar, ...]) -> NDArray[Any]:
    """Values as one array: booleans, whole numbers, reals; objects where they hold texts."""
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return np.array(values, dtype=np.bool_)
    if kinds == {int} and all(abs(value) < 2**62 for value in values):  # type: ignore[arg-type]
        return np.array(values, dtype=np.int64)
    if kinds <= {int, float}:
        return np.array(values, dtype=np.float64)
    return np.array(values, dtype=object)


def _uniform(seed: int, field: int, digit: Ints) -> Floats:
    """The digit-th numbers in [0, 1) of the sequence of (seed, field)."""
    if not len(digit):
        return np.empty(0)
    first, last = int(digit.min()), int(digit.max())
    bits = np.random.Philox(np.random.SeedSequence([seed, field]))
    bits.advance(first // 4)  # a counter step makes four numbers
    raw = bits.random_raw(last - first // 4 * 4 + 1)
    window: Floats = (np.asarray(raw) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return window[digit - first // 4 * 4]


def _drawn(draw: Draw, unit: Floats) -> NDArray[Any]:
    """Numbers in [0, 1) as values of the distribution, by its inverse."""
    if draw.distribution == "choice":
        assert draw.values is not None
        count = len(draw.values)
        return typed_values(draw.values)[np.minimum((unit * count).astype(np.int64), count - 1)]
    if draw.distribution == "normal":
        from scipy.special import ndtri

        assert draw.mean is not None and draw.deviation is not None
        inside = np.clip(unit, 2.0**-54, 1 - 2.0**-53)
        return np.asarray(draw.mean + draw.deviation * ndtri(inside))
    assert draw.low is not None and draw.high is not None
    if draw.distribution == "loguniform":
        return np.asarray(draw.low * (draw.high / draw.low) ** unit)
    return draw.low + (draw.high - draw.low) * unit


def _sobol(block: Sobol, digit: Ints) -> Floats:
    """Points of a Sobol' block; of Saltelli's design: A, then B, then A with one column of B each.

    Saltelli et al., Computer Physics Communications 181 (2010), 259.
    """
    fields = len(block.fields)
    if block.design == "sample":
        return _sequence(block.count, fields, block.seed)[digit]
    points = _sequence(block.count, 2 * fields, block.seed)
    part, row = np.divmod(digit, block.count)
    first, second = points[row, :fields], points[row, fields:]
    swapped = (part[:, None] == 1) | (part[:, None] - 2 == np.arange(fields)[None])
    return np.where(swapped, second, first)


@lru_cache(maxsize=4)
def _sequence(count: int, dimensions: int, seed: int) -> Floats:
    from scipy.stats import qmc

    made = qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(seed))
    points = np.asarray(made.random_base2(count.bit_length() - 1), dtype=np.float64)
    points.flags.writeable = False
    return points
