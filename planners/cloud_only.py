"""The whole model in the cloud: the abstract's first baseline."""

from planners.single import cloud
from planners.values import Plan, Question


def plan(question: Question) -> Plan:
    """Every layer in the cloud; NotApplicable without a link."""
    return cloud(question)
