"""When requests come in: instants in ascending order, in memory that does not grow with them."""

from collections.abc import Iterator, Sequence

import numpy as np

_BLOCK = 1024
"""Draws made at once."""


def periodic(period_s: float, *, offset_s: float = 0.0) -> Iterator[float]:
    """offset + k period, each from its own product, so that rounding does not add up."""
    number = 0
    while True:
        yield offset_s + number * period_s
        number += 1


def poisson(rate_per_s: float, generator: np.random.Generator) -> Iterator[float]:
    """A Poisson process: independent exponential gaps."""
    now_s = 0.0
    while True:
        for gap_s in generator.exponential(1.0 / rate_per_s, _BLOCK).tolist():
            now_s += gap_s
            yield now_s


def bursty(
    rate_on_per_s: float,
    rate_off_per_s: float,
    mean_on_s: float,
    mean_off_s: float,
    generator: np.random.Generator,
) -> Iterator[float]:
    """A Markov-modulated Poisson process of two states (Fischer and Meier-Hellstern 1993).

    The rate switches between on and off after exponential times; the start is drawn from the
    stationary distribution. Rate off may be 0 (interrupted Poisson process).
    """
    now_s = 0.0
    on = bool(generator.random() < mean_on_s / (mean_on_s + mean_off_s))
    while True:
        end_s = now_s + float(generator.exponential(mean_on_s if on else mean_off_s))
        rate = rate_on_per_s if on else rate_off_per_s
        while rate > 0.0:
            now_s += float(generator.exponential(1.0 / rate))
            if (
                now_s >= end_s
            ):  # memoryless: what is left of the gap is drawn anew in the next state
                break
            yield now_s
        now_s, on = end_s, not on


def traced(instants_s: Sequence[float]) -> Iterator[float]:
    """The instants of a trace."""
    yield from instants_s
