"""The abstract's baselines: the whole model on one processor, uncompacted, by its native host."""

from dataclasses import replace

from planners.candidates import best_plan, priced_layers, uniform
from planners.chain import Scope
from planners.checking import broken_limits
from planners.options import allowed_processors
from planners.prediction import predict
from planners.search import find_plan
from planners.values import CLOUD, Infeasible, NotApplicable, Plan, Question, UnitBlock

NATIVE = "native"


def only(question: Question, kind: str) -> Plan:
    """Every layer on the SoC's processor of a kind; NotApplicable where there is none."""
    soc, planner = question.soc, f"{kind}_only"
    having = [name for name, spec in soc.processors.items() if spec.kind == kind]
    if not having:
        raise NotApplicable(f"{soc.name} has no {kind}")
    usable = [name for name in having if name in allowed_processors(question)]
    if not usable:
        raise NotApplicable(f"options {question.options.name!r} do not use {soc.name}'s {kind}")
    options = replace(
        question.options, processors=(usable[0],), ranks=(), max_parts=1, remote_segments=0
    )
    asked = question.under(options=options)
    if question.workload.is_chain:
        return find_plan(asked, planner, NATIVE, (Scope(),))
    return _uniform(asked, planner)


def _uniform(question: Question, planner: str) -> Plan:
    """On a branching graph: the best single frequency and precision for all layers."""
    asked = question.under(options=replace(question.options, runtime=NATIVE))
    priced, evaluations = priced_layers(asked)
    return best_plan(asked, planner, evaluations, uniform(asked, priced))


def cloud(question: Question) -> Plan:
    """Every layer in the cloud; NotApplicable without a link, or where options stay local."""
    if not question.conditions.has_cloud:
        raise NotApplicable("there is no link to a cloud")
    if not question.options.remote_segments:
        raise NotApplicable(f"options {question.options.name!r} keep every layer local")
    blocks = tuple(
        UnitBlock(stage.name, 0, stage.units, CLOUD, None, "fp32")
        for stage in question.workload.stages
    )
    plan = Plan("cloud_only", blocks, None, len(blocks), NATIVE)
    predicted = predict(plan, question)
    conflicts = broken_limits(predicted, question)
    if conflicts:
        raise Infeasible(conflicts)
    return replace(plan, predicted=predicted)
