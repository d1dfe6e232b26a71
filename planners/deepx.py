"""DeepX: rank and allocation of every layer in one decision.

One dynamic programme over (placement, cut, rank) of each layer under a shared error budget. The
narrower searches of RLC alone and DAD alone run on the same tables, so that DeepX never predicts
worse than either, or than any single processor.
"""

from planners import dad, rlc
from planners.chain import Scope
from planners.search import find_plan
from planners.values import Plan, Question


def plan(question: Question) -> Plan:
    """The best plan over all options."""
    narrower = (Scope(splits=False), *rlc.scopes(question), *dad.scopes(question))
    return find_plan(question, "deepx", question.options.runtime, (Scope(),), narrower)
