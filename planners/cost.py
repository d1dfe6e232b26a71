"""Cost models as data: what planners believe that a block costs."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from socs import Runtime
from socs.law import Device, Phase
from workloads import Stage

Units = int | NDArray[np.int64]


class CostModel(Protocol):
    """Seconds and joules of blocks, as phases; it counts its own calls.

    One evaluation is one (layer, option) costed, however vectorised.
    """

    evaluations: int

    def block(
        self,
        device: Device,
        stage: Stage,
        first: Units,
        last: Units,
        processor: str,
        frequency_hz: float,
        precision: str,
        rank: Units | None,
        runtime: Runtime,
        *,
        counted: bool = True,
    ) -> tuple[Phase, ...]:
        """Phases of a block, or of an array of blocks.

        `counted=False` for pricing a finished plan, which evaluates no option.
        """


@dataclass(slots=True, eq=False)
class Roofline:
    """The device's own law: believes what the simulator does."""

    evaluations: int = field(default=0)

    def block(
        self,
        device: Device,
        stage: Stage,
        first: Units,
        last: Units,
        processor: str,
        frequency_hz: float,
        precision: str,
        rank: Units | None,
        runtime: Runtime,
        *,
        counted: bool = True,
    ) -> tuple[Phase, ...]:
        """Phases of a block, or of an array of blocks, by `socs.law`."""
        if counted:
            self.evaluations += np.broadcast(first, last, 0 if rank is None else rank).size
        return device.block(stage, first, last, processor, frequency_hz, precision, rank, runtime)
