"""Buffers that successive layers and requests reuse."""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class Scratch:
    """A pool of float32 arrays, so that hot loops allocate nothing and stay in the cache.

    The only mutable thing in numerics. One pool serves one thread; an array taken from it is
    valid until its key is taken again.
    """

    def __init__(self) -> None:
        self._spans: dict[str, Floats] = {}
        self._framed: dict[tuple[str, tuple[int, ...]], Floats] = {}

    def take(self, key: str, shape: tuple[int, ...]) -> Floats:
        """An array for a purpose, whatever is in it: all shapes share the memory of their key."""
        size = math.prod(shape)
        span = self._spans.get(key)
        if span is None or span.size < size:
            span = self._spans[key] = np.empty(size, np.float32)
        return span[:size].reshape(shape)

    def framed(self, key: str, shape: tuple[int, ...]) -> Floats:
        """An array of zeros at first, later as it was left: for borders that nobody writes."""
        found = self._framed.get((key, shape))
        if found is None:
            found = self._framed[key, shape] = np.zeros(shape, np.float32)
        return found
