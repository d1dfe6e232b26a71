"""The provable optimum over `planners.options(question)`, with a certificate.

On chains: a label-setting dynamic programme over (layer, placement, cut, rank) under all limits
(`planners.certified`), started from the plan that `deepx` finds. The plan is then predicted and
checked like any other; what is proved is that no plan of the options that keeps the limits has a
smaller objective, planning aside. Where layers on the device outlast the radio's tail, plans
that use the cloud are priced at less than they cost (`planners.remote`): then the bound holds, and
the gap says what it leaves open. On branching graphs: `planners.branching`, whose bounds leave a
gap more often. For task graphs: `makespan`.
"""

from dataclasses import replace

import numpy as np

from planners import branching
from planners.certified import prove
from planners.chain import Scope
from planners.checking import check
from planners.limited import Solution
from planners.makespan import Schedule, makespan
from planners.search import PRICES, Search, score
from planners.values import NotApplicable, Plan, Question

__all__ = ["Schedule", "makespan", "plan"]

SOLVER = "label-setting dynamic programme"
_PROVED = 1e-9
"""Gap at which a plan counts as optimal: predictions round by less."""


def plan(question: Question) -> Plan:
    """The best plan there is, its `certificate` saying how far that is proved.

    certificate: status ("optimal", or "feasible" with a gap), value and bound of the objective,
    planning aside, gap and solver. Raises Infeasible where no plan keeps the limits (proved on
    chains), NotApplicable where more than one run of a chain's layers may go to the cloud.
    """
    if not question.workload.is_chain:
        return _branching(question)
    if question.options.remote_segments > 1:
        raise NotApplicable("exact proves plans with one run of layers in the cloud at most")
    search = Search(question, "exact", question.options.runtime)
    search.explore(Scope())
    bound = _proved(search)
    if not search.kept():
        search.extremes(Scope())
    found = search.best()
    check(found, question)
    return replace(found, certificate=_certificate(found, question, bound))


def _branching(question: Question) -> Plan:
    found = branching.solve(question)
    certificate = {
        "status": "optimal" if found.optimal else "feasible",
        "value": found.value,
        "bound": found.bound,
        "gap": found.gap,
        "solver": branching.SOLVER,
    }
    return replace(found.plan, certificate=certificate)


def _proved(search: Search) -> float:
    """Prove or improve the search's best plan; a lower bound on the objective of any plan."""
    objective = search.question.goals.objective
    price = None if objective == "edp" else np.array(PRICES[objective])
    solution, bounds = Solution(price, search.limits(), value=search.least()), []
    for cloud in search.sides(Scope()):
        found = search.network(replace(Scope(), cloud=cloud), None)
        if found is not None:
            bounds.append(prove(found, solution))
    if solution.rows is not None:
        search.predicted(solution)
    return min([solution.value, *bounds])


def _certificate(found: Plan, question: Question, bound: float) -> dict[str, str | float]:
    assert found.predicted is not None
    value = score(found.predicted, question)
    gap = max(0.0, 1.0 - bound / value) if value else 0.0
    status = "optimal" if gap <= _PROVED else "feasible"
    return {"status": status, "value": value, "bound": bound, "gap": gap, "solver": SOLVER}
