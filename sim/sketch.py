"""Quantiles of a stream in memory that does not grow with it.

DDSketch (Masson, Rim, Lee, VLDB 2019): values fall into buckets (g^(k-1), g^k] with
g = (1 + a) / (1 - a); the answer 2 g^k / (g + 1) of bucket k lies within a of every value in it,
so every quantile is answered with relative error at most a. Sketches add up bucket by bucket.
"""

from collections import Counter
from dataclasses import dataclass, field
from math import ceil, inf, log

RELATIVE_ERROR = 0.005
_LOG_GAMMA = log((1.0 + RELATIVE_ERROR) / (1.0 - RELATIVE_ERROR))
SMALLEST = 1e-12
"""Values below count as 0."""


@dataclass(slots=True)
class Sketch:
    """Counts of values >= 0 by bucket, with exact count, sum, least and greatest."""

    buckets: Counter[int] = field(default_factory=Counter)
    zeros: int = 0
    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    least: float = inf
    greatest: float = 0.0

    def add(self, value: float) -> None:
        """Take a value in; ValueError below 0."""
        if not 0.0 <= value < inf:
            raise ValueError(f"value {value}: must be finite and 0 or greater")
        self.count += 1
        self.total += value
        self.squares += value * value
        self.least, self.greatest = min(self.least, value), max(self.greatest, value)
        if value < SMALLEST:
            self.zeros += 1
        else:
            self.buckets[ceil(log(value) / _LOG_GAMMA)] += 1

    def merge(self, other: "Sketch") -> None:
        """Take in all that another has taken in."""
        self.buckets.update(other.buckets)
        self.zeros += other.zeros
        self.count += other.count
        self.total += other.total
        self.squares += other.squares
        self.least, self.greatest = min(self.least, other.least), max(self.greatest, other.greatest)

    @property
    def mean(self) -> float | None:
        """Exact; None of nothing."""
        return self.total / self.count if self.count else None

    def quantile(self, share: float) -> float | None:
        """The value of rank floor(share (count - 1)), within the relative error; None of nothing.

        Share 0 and 1 are exact.
        """
        if not self.count:
            return None
        rank = int(share * (self.count - 1))
        if rank < self.zeros:
            return 0.0
        if rank == self.count - 1:
            return self.greatest
        seen = self.zeros
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen > rank:
                gamma = (1.0 + RELATIVE_ERROR) / (1.0 - RELATIVE_ERROR)
                middle = 2.0 * gamma**bucket / (gamma + 1.0)
                return min(max(middle, self.least), self.greatest)
        return self.greatest
