"""How far an output lies from the reference."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.layer import Floats

SYNTHETIC = "synthetic, seeded"
"""Where the weights come from, said wherever values are shown."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """Scores of the last layer before softmax, beside those of the monolithic fp32 reference."""

    max_abs_error: float
    relative_error: float
    """||Y - Y_ref||_F / ||Y_ref - mean over inputs of Y_ref||_F."""
    error_bound: float
    within_bound: bool
    top1_agrees: bool
    """Whether the best unit is the reference's for every input; no gate on synthetic weights."""
    top1_agreement: float
    """Share of the inputs for which it is."""
    inputs: int
    weights: str = SYNTHETIC

    def document(self) -> dict[str, Any]:
        """As JSON-able values."""
        return asdict(self)


def deviation(
    scores: Floats,
    reference: Floats,
    error_bound: float,
    *,
    spread_of: Floats | None = None,
    weights: str = SYNTHETIC,
) -> Deviation:
    """Compare (inputs, units, ...) scores with the reference's.

    `spread_of`: reference scores whose mean spread takes the place of the reference's own, for
    batches too small to have one. Where nothing varies, any difference is infinite.
    """
    difference = scores.astype(np.float64) - reference
    spread = _rms(_centred(reference if spread_of is None else spread_of))
    error = _rms(difference)
    relative = error / spread if spread > 0.0 else (0.0 if error == 0.0 else float("inf"))
    flat, flat_reference = (y.reshape(len(y), -1) for y in (scores, reference))
    same = flat.argmax(axis=1) == flat_reference.argmax(axis=1)
    return Deviation(
        max_abs_error=float(np.abs(difference).max()),
        relative_error=relative,
        error_bound=error_bound,
        within_bound=bool(relative <= error_bound),
        top1_agrees=bool(same.all()),
        top1_agreement=float(same.mean()),
        inputs=len(scores),
        weights=weights,
    )


def _centred(y: Floats) -> NDArray[np.float64]:
    wide = y.astype(np.float64)
    centred: NDArray[np.float64] = wide - wide.mean(axis=0)
    return centred


def _rms(y: NDArray[np.float64]) -> float:
    """Root of the mean square: a Frobenius norm that batches of different sizes share."""
    return float(np.sqrt(np.mean(y**2)))
