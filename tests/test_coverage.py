"""Bounds of single inputs: conformal, so that they hold whatever errors are like."""

from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest

from experiments.coverage import InputBound, coverage_table, input_errors


@pytest.mark.parametrize("tail", ["normal", "heavy"])
def test_bounds_cover_whatever_errors_are_like(tail: str) -> None:
    random = np.random.default_rng(1)

    def drawn(count: int) -> tuple[np.ndarray, np.ndarray]:
        scores = random.random((count, 6)).astype(np.float32)
        noise = random.standard_normal(count) if tail == "normal" else random.standard_t(3, count)
        return scores, scores.max(axis=1) ** -2.0 * np.exp(0.3 * noise)

    bound = InputBound.of(*drawn(4000), covered=0.99)
    scores, errors = drawn(20_000)
    assert np.mean(errors <= bound.of_inputs(scores)) == pytest.approx(0.99, abs=0.006)


def test_it_knows_which_inputs_are_hit() -> None:
    random = np.random.default_rng(2)
    scores = random.random((3000, 6)).astype(np.float32)
    errors = scores.max(axis=1).astype(np.float64) ** -2.0
    found = InputBound.of(scores, errors).of_inputs(scores)
    np.testing.assert_allclose(found, errors, rtol=0.05)


def test_too_few_inputs_are_told() -> None:
    with pytest.raises(ValueError, match="too few"):
        InputBound.of(np.ones((20, 3), np.float32), np.ones(20), covered=0.99)


def test_the_table_counts() -> None:
    errors = pd.DataFrame(
        {
            "factors": "outputs",
            "error_limit": 0.2,
            "measured": [0.1, 0.2, 0.3, 0.4],
            "planned": 0.25,
            "bound": [0.2, 0.4, 0.2, 0.8],
        }
    )
    planned, bound = coverage_table(errors).itertuples()
    assert (planned.covered, bound.covered) == (0.5, 0.75)
    assert bound.median_ratio == 2.0
    assert planned.batch_ratio == pytest.approx(0.25 / np.sqrt(0.075))


@pytest.mark.slow
@pytest.mark.skipif(find_spec("torchcrepe") is None, reason="torchcrepe is not installed")
def test_the_data_aware_estimate_covers_crepes_inputs() -> None:
    """At least 99 % of 1,000 inputs, within a factor of two in the middle."""
    found = coverage_table(input_errors(limits=(0.2, 0.35)))
    aware = found[(found.factors == "outputs") & (found.estimate == "bound")]
    assert len(aware) == 2
    assert (aware.covered >= 0.99).all()
    assert (aware.median_ratio <= 2.0).all()
    assert (found[found.estimate == "planned"].batch_ratio >= 1.0).all()
