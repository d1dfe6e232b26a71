"""Plans that do what is left of a request another way.

The rest of a chain is a chain whose input is the output of the last layer done. A recovered plan
is whole again: the blocks that ran and those planned anew, so that every check of plans, the law's
own moves from where the last output really lies, and the numerics hold for it as for any other.
"""

from dataclasses import replace

from planners.error import predicted_error
from planners.values import Goals, Plan, Question
from sim.jobs import NoPlan
from sim.rest import Rest


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
