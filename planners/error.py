"""RLC's error estimate: what compaction and precision cost, without running the model.

Each layer's relative output error squared is the share of squared singular mass that its rank
drops (Eckart-Young) plus the squared quantisation error of its precision. How much of it reaches
the scores is the model's measured `error_gain` of that kind of layer; layers add up in root sum of
squares, since errors of layers add up only roughly. Of networks with real weights all three are
measured, layer by layer (`workloads.sensitivity`).
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from planners.values import UnitBlock
from workloads import Workload


def layer_error2(
    workload: Workload, layer: str, rank: int | NDArray[np.int64] | None, precision: str
) -> NDArray[np.float64]:
    """Squared relative error that a layer at a rank and precision adds to the scores.

    gain^2 (tail energy(rank) + quantisation error(precision)^2), or as it was measured.
    """
    measured = workload.score_errors
    if measured is not None:
        return measured.error2(workload, layer, rank, precision)
    gain = workload.error_gain[workload.stage(layer).kind]
    quantisation = workload.quantisation_error.get(precision, 0.0)
    return np.asarray(gain**2 * (workload.tail_energy(layer, rank) + quantisation**2))


def predicted_error(blocks: Iterable[UnitBlock], workload: Workload) -> float:
    """sqrt(sum over layers of the unit-weighted squared errors of their blocks)."""
    total = 0.0
    for block in blocks:
        share = (block.last_unit - block.first_unit) / workload.stage(block.layer).units
        total += share * float(layer_error2(workload, block.layer, block.rank, block.precision))
    return float(np.sqrt(total))
