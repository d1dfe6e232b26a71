"""Products with the weights of one group: dense or in two factors, at a precision."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from workloads.layer import Floats, Weights
from workloads.rounding import half, integer_product, quantised

Product: TypeAlias = Callable[[Floats, Floats | None, Floats], None]
"""(columns (inputs, positions), their int8 scales (positions,) or (1,), out (units, positions))."""


def product(
    weights: Weights, group: int, first: int, last: int, rank: int | None, precision: str
) -> Product:
    """out = W[first:last] @ columns, or left[first:last, :rank] @ (right[:rank] @ columns).

    At fp16 and int8 the inner units of the two factors are rounded like any activation. int8
    columns come as integers with one scale, or one each; inner units get as many of their own.
    """
    factors = _factors(weights, group, first, last, rank)
    if precision == "int8":
        return _integer(factors)
    if precision == "fp16":
        return _real([half(factor) for factor in factors], half)
    return _real(factors, lambda inner: inner)


def _factors(weights: Weights, group: int, first: int, last: int, rank: int | None) -> list[Floats]:
    """Matrices in the order in which they meet the columns."""
    if rank is None:
        return [weights.matrix[group, first:last]]
    return [weights.right[group, :rank], weights.left[group, first:last, :rank]]


def _real(factors: list[Floats], rounded: Callable[[Floats], Floats]) -> Product:
    def fill(columns: Floats, _scale: Floats | None, out: Floats) -> None:
        for factor in factors[:-1]:
            columns = rounded(np.matmul(factor, columns))
        np.matmul(factors[-1], columns, out=out)

    return fill


def _integer(factors: list[Floats]) -> Product:
    integers = [quantised(factor) for factor in factors]

    def fill(columns: Floats, scale: Floats | None, out: Floats) -> None:
        assert scale is not None
        for matrix, scales in integers[:-1]:
            inner = integer_product(matrix, columns) * (scales * scale)
            each, scale = quantised(inner.T if len(scale) > 1 else inner[None])
            columns, scale = (each.T if len(scale) > 1 else each[0]), scale.reshape(-1)
        matrix, scales = integers[-1]
        np.multiply(integer_product(matrix, columns), scales * scale, out=out)

    return fill
