"""What a piece of work asks of a processor, whatever the processor."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

Precision: TypeAlias = Literal["fp32", "fp16", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

ITEM_BYTES: dict[str, int] = {"fp32": 4, "fp16": 2, "int8": 1}
"""Bytes of one weight or activation."""

BIAS_BYTES = 4
"""Biases are kept in 32 bits at every precision."""

Units: TypeAlias = int | NDArray[np.int64]
"""A number of units or a rank, or an array of them: one entry per option costed."""

Amount: TypeAlias = float | NDArray[np.float64]
"""A count of operations or bytes, or an array of them."""


def amount(count: Units) -> Amount:
    """A count in floating point: products of counts may exceed what 64-bit integers hold."""
    return np.asarray(count, np.float64) if isinstance(count, np.ndarray) else float(count)


@dataclass(frozen=True, slots=True)
class Demand:
    """Work of one layer, or of some of its units, for all frames of a request."""

    kind: str
    """Layer kind; hosts give their rates by it."""
    macs: Amount
    """Multiply-accumulates of conv and dense; elementary operations of other kinds."""
    weight_bytes: Amount
    """Weights and biases read once per call of the host."""
    input_bytes: Amount
    output_bytes: Amount
    kernels: int
    """Launches per call of the host."""


def free(kind: str) -> Demand:
    """Demand of a kind that does nothing at inference."""
    return Demand(kind, 0.0, 0.0, 0.0, 0.0, 0)
