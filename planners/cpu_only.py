"""The whole model on the CPU, uncompacted: a baseline of the abstract."""

from planners.single import only
from planners.values import Plan, Question


def plan(question: Question) -> Plan:
    """Every layer on the cpu; NotApplicable where the SoC or the options have none."""
    return only(question, "cpu")
