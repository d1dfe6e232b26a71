"""What is left of a workload after its first layers, and plans that do those another way.

The rest of a chain is a chain whose input is the output of the last layer done. A recovered plan
is whole again: the blocks that ran and those planned anew, so that every check of plans, the law's
own moves from where the last output really lies, and the numerics hold for it as for any other.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from planners.error import predicted_error
from planners.values import Goals, Plan, Question
from sim.jobs import NoPlan
from workloads import Workload
from workloads.demand import Amount, Units
from workloads.layer import Shape


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

    def spectrum(self, stage_name: str) -> NDArray[np.float64]:
        """The whole workload's."""
        return self.whole.spectrum(stage_name)

    def tail_energy(self, stage_name: str, rank: Units | None) -> Amount:
        """The whole workload's."""
        return self.whole.tail_energy(stage_name, rank)


def rest_question(question: Question, plan: Plan, first_layer: int, goals: Goals) -> Question:
    """What a planner is asked about the layers that are left; the error already made is spent.

    Errors add up in root sum of squares (planners.error): limit_left^2 = limit^2 - spent^2.
    """
    whole = question.workload
    done = {stage.name for stage in whole.stages[:first_layer]}
    spent = predicted_error([b for b in plan.blocks if b.layer in done], whole)
    left = max(question.error_limit**2 - spent**2, 0.0) ** 0.5
    return question.under(workload=Rest.of(whole, first_layer), goals=replace(goals, error=left))


def joined_plan(before: Plan, after: Plan, question: Question, first_layer: int) -> Plan:
    """The blocks that ran, and the new ones for the layers from `first_layer` on."""
    whole = question.workload
    done = {stage.name for stage in whole.stages[:first_layer]}
    blocks = (*(b for b in before.blocks if b.layer in done), *after.blocks)
    if {b.layer for b in blocks} != {stage.name for stage in whole.stages}:
        raise NoPlan(f"the new plan of {whole.name} leaves layers out")
    return Plan(after.planner, blocks, None, after.evaluations, after.runtime)
