"""Precisions of arithmetic: rounding to fp16, symmetric quantisation to int8, exact products.

Values stay in float32 arrays. fp16 rounds weights, inputs and outputs to half precision and
accumulates in fp32. int8 rounds to q = rint(v / s), s = max|v| / 127 (one scale per frame of an
input tensor, one per unit of a weight matrix), multiplies integers exactly and rescales.
"""

import numpy as np

from workloads.layer import Floats

LEVELS = 127
"""Largest magnitude of a symmetric int8 value."""
EXACT_COLUMNS = 1024
"""Products of that many pairs of int8 sum below 2^24, so fp32 holds every partial sum exactly."""


def half(x: Floats) -> Floats:
    """x rounded to half precision; beyond 65504 it overflows to infinity, as there."""
    with np.errstate(over="ignore"):
        return x.astype(np.float16).astype(np.float32)


def quantised(x: Floats, *, keep: int = 1) -> tuple[Floats, Floats]:
    """(integers as float32, scales): one scale per entry of the first `keep` axes."""
    axes = tuple(range(keep, x.ndim))
    largest = np.abs(x).max(axis=axes, keepdims=True, initial=0.0)
    scale = np.where(largest > 0, largest / LEVELS, 1.0).astype(np.float32)
    return np.rint(x / scale), scale


def stored(x: Floats, precision: str) -> Floats:
    """An activation as it lies in memory at a precision: (frames, ...), one int8 scale a frame."""
    if precision == "fp16":
        return half(x)
    if precision == "int8":
        integers, scale = quantised(x)
        return integers * scale
    return x


def integer_product(a: Floats, b: Floats) -> Floats:
    """a @ b of int8 values held in float32: exact sums, rounded once to float32.

    The inner dimension is cut so that fp32 partial sums stay below 2^24.
    """
    columns = a.shape[-1]
    if columns <= EXACT_COLUMNS:
        product: Floats = np.matmul(a, b)
        return product
    total = np.zeros((*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]))
    for start in range(0, columns, EXACT_COLUMNS):
        part = slice(start, start + EXACT_COLUMNS)
        total += np.matmul(a[..., :, part], b[..., part, :])
    return total.astype(np.float32)
