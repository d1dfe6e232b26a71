"""The whole model on the GPU, uncompacted: a baseline of the abstract."""

from planners.single import only
from planners.values import Plan, Question


def plan(question: Question) -> Plan:
    """Every layer on the gpu; NotApplicable where the SoC or the options have none."""
    return only(question, "gpu")
