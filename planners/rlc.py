"""Runtime Layer Compaction alone: the whole model on one processor, each layer at its best rank.

DeepX section 2: a rank-c factorisation of an m x n layer turns its m n weights into c (m + n).
Ranks are chosen under one error budget over all layers, a multiple-choice knapsack in which
staying dense is an option; the processor is the best single one.
"""

from dataclasses import replace

from planners.chain import Scope
from planners.options import allowed_processors
from planners.search import find_plan
from planners.values import Plan, Question


def scopes(question: Question) -> tuple[Scope, ...]:
    """One scope per processor: its whole model, compacted."""
    return tuple(
        Scope(splits=False, cloud=False, processors=(name,))
        for name in allowed_processors(question)
    )


def plan(question: Question) -> Plan:
    """The best compacted plan on one processor."""
    options = replace(question.options, max_parts=1, remote_segments=0)
    narrowed = question.under(options=options)
    return find_plan(narrowed, "rlc", options.runtime, scopes(narrowed))
