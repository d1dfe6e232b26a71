"""Means over independent replications, with Student's confidence intervals."""

from collections.abc import Sequence
from math import sqrt


def interval(values: Sequence[float | None], confidence: float) -> dict[str, float | int | None]:
    """Mean and two-sided Student interval: m +- t_{n-1, (1+c)/2} s / sqrt(n).

    `low` and `high` are None where there are fewer than two values.
    """
    given = [value for value in values if value is not None]
    count = len(given)
    if not count:
        return {"mean": None, "low": None, "high": None, "replications": 0}
    mean = sum(given) / count
    if count == 1:
        return {"mean": mean, "low": None, "high": None, "replications": 1}
    from scipy.stats import t

    deviation = sqrt(sum((value - mean) ** 2 for value in given) / (count - 1))
    half = float(t.ppf((1.0 + confidence) / 2.0, count - 1)) * deviation / sqrt(count)
    return {"mean": mean, "low": mean - half, "high": mean + half, "replications": count}


def paired(
    values: Sequence[float | None], others: Sequence[float | None], confidence: float
) -> dict[str, float | int | None]:
    """Interval of the differences value - other of the same replications."""
    pairs = zip(values, others, strict=True)
    return interval([None if a is None or b is None else a - b for a, b in pairs], confidence)
