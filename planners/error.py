"""RLC's error estimate: what compaction and precision cost, without running the model.

Each layer's relative output error squared is the share of squared singular mass that its rank
drops (Eckart-Young) plus the squared quantisation error of its precision; layers add up in root
sum of squares, times the model's measured `error_gain`, since errors of layers add up only
roughly.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from planners.values import UnitBlock
from workloads import Workload


def layer_error2(
    workload: Workload, layer: str, rank: int | NDArray[np.int64] | None, precision: str
) -> NDArray[np.float64]:
    """Squared relative error of a layer at a rank and precision, gain not included."""
    quantisation = workload.quantisation_error.get(precision, 0.0)
    return np.asarray(workload.tail_energy(layer, rank) + quantisation**2)


def predicted_error(blocks: Iterable[UnitBlock], workload: Workload) -> float:
    """error_gain x sqrt(sum over layers of the unit-weighted squared errors of their blocks)."""
    total = 0.0
    for block in blocks:
        share = (block.last_unit - block.first_unit) / workload.stage(block.layer).units
        total += share * float(layer_error2(workload, block.layer, block.rank, block.precision))
    return workload.error_gain * float(np.sqrt(total))
