"""Deep Architecture Decomposition alone: uncompacted unit-blocks on local and remote processors.

DeepX section 2: unit-blocks of layers are allocated so that resources are used best and the
goals are met. On a chain of layers the allocation is a shortest path over (layer, placement).
"""

from dataclasses import replace

from planners.chain import Scope
from planners.options import allowed_processors
from planners.search import find_plan
from planners.values import Plan, Question


def scopes(question: Question) -> tuple[Scope, ...]:
    """All placements; within them, without splits or the cloud, and each single processor."""
    wide = Scope(compaction=False)
    singles = tuple(
        Scope(compaction=False, splits=False, cloud=False, processors=(name,))
        for name in allowed_processors(question)
    )
    return (wide, Scope(compaction=False, splits=False), *singles)


def plan(question: Question) -> Plan:
    """The best uncompacted plan."""
    narrowed = question.under(options=replace(question.options, ranks=()))
    wide, *narrower = scopes(narrowed)
    return find_plan(narrowed, "dad", question.options.runtime, (wide,), tuple(narrower))
