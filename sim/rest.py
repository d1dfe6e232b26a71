"""What is left of a workload after its first layers."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from workloads import Workload
from workloads.demand import Amount, Units
from workloads.layer import Shape
from workloads.sensitivity import ScoreErrors


@dataclass(frozen=True, eq=False)
class Rest(Workload):
    """The layers of a chain from one on; weights and spectra are the whole workload's."""

    whole: Workload = field(kw_only=True)

    @classmethod
    def of(cls, whole: Workload, first_layer: int) -> "Rest":
        """The rest from planned layer number `first_layer`; ValueError unless a chain."""
        if not whole.is_chain or not 0 <= first_layer < len(whole.stages):
            raise ValueError(f"{whole.name}: no rest from layer {first_layer}, must be of a chain")
        first, *others = whole.stages[first_layer:]
        stages = (replace(first, inputs=("input",)), *others)
        return cls(
            name=whole.name,
            frames=whole.frames,
            graph=whole.graph,
            stages=stages,
            input_wire=whole.input_wire,
            output_wire=whole.output_wire,
            error_limit=whole.error_limit,
            layer_error_limit=whole.layer_error_limit,
            error_gain=whole.error_gain,
            quantisation_error=whole.quantisation_error,
            content_hash=f"{whole.content_hash}[{first_layer}:]",
            spec=whole.spec,
            whole=whole,
        )

    @property
    def input_shape(self) -> Shape:
        """Shape of one frame of what its first layer reads."""
        return self.stages[0].input_shape

    @property
    def score_errors(self) -> ScoreErrors | None:
        """The whole workload's."""
        return self.whole.score_errors

    def spectrum(self, stage_name: str) -> NDArray[np.float64]:
        """The whole workload's."""
        return self.whole.spectrum(stage_name)

    def tail_energy(self, stage_name: str, rank: Units | None) -> Amount:
        """The whole workload's."""
        return self.whole.tail_energy(stage_name, rank)
