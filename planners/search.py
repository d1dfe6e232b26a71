"""From a question to the best plan in a scope, every candidate predicted before it counts."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from planners import network as networks
from planners.chain import Chain, Scope
from planners.checking import broken_limits
from planners.compiling import baseline_w
from planners.kept import chain_of
from planners.limited import Limits, Solution, cheapest, least_product
from planners.network import Network, Prices, may_leave
from planners.options import allowed_processors
from planners.prediction import predict
from planners.reduction import reduced
from planners.remote import Remote
from planners.values import Conflict, Infeasible, Plan, Prediction, Question, UnitBlock

Floats = NDArray[np.float64]
PRICES = {
    "energy": (1.0, 0.0, 0.0, 0.0),
    "latency": (0.0, 1.0, 0.0, 0.0),
    "memory": (0.0, 0.0, 0.0, 1.0),
}
"""By what is to be least: prices of a joule, a second, a unit of squared error, a byte."""
_EXACT = 1e-9
"""Share by which a prediction may differ from the sum of its path and still confirm it."""


def score(predicted: Prediction, question: Question) -> float:
    """The objective's value, planning aside (planning is the same whatever plan is chosen)."""
    energy_j, latency_s = predicted.plan_energy_j, predicted.plan_latency_s
    objective = question.goals.objective
    if objective == "energy":
        return energy_j
    return latency_s if objective == "latency" else energy_j * latency_s


@dataclass(slots=True)
class Search:
    """Candidates of one question under one runtime, each predicted exactly before it counts."""

    question: Question
    planner: str
    runtime: str
    chain: Chain = field(init=False)
    evaluations: int = field(init=False)
    seen: dict[tuple[UnitBlock, ...], Prediction] = field(init=False, default_factory=dict)
    left: list[Network] = field(init=False, default_factory=list)
    """Networks that hold whatever is better than what has been found, where not proved."""
    confirmed: bool = field(init=False, default=True)
    """Whether predictions were what paths add up to, so that `left` can be relied on."""

    def __post_init__(self) -> None:
        before = self.question.cost.evaluations
        self.chain = chain_of(self.question, self.question.runtime(self.runtime))
        self.evaluations = self.question.cost.evaluations - before

    def _plan(self, blocks: tuple[UnitBlock, ...]) -> Plan:
        return Plan(self.planner, blocks, None, self.evaluations, self.runtime)

    def explore(self, scope: Scope) -> bool:
        """Find the best plan of a scope; whether it is proved the best.

        Plans on the device come first: mostly, their best shows that the cloud cannot win.
        """
        price = self._price()
        solution, left = Solution(price, self.limits(), value=self.least()), []
        for cloud in self.sides(scope):
            found = None
            if not (cloud and self._cloud_costs(price) >= solution.value):
                found = self.network(replace(scope, cloud=cloud), price)
            if found is not None:
                left.append(self._improved(found, solution))
        self.left += [one for one in left if one is not None]
        if solution.rows is not None:
            self.confirmed &= self._confirmed(solution)
        return self.confirmed and not self.left

    def narrow(self, scope: Scope) -> None:
        """Look for a better plan of a scope within one that was explored but not proved."""
        if not self.confirmed:
            self.explore(scope)
            return
        solution = Solution(self._price(), self.limits(), value=self.least())
        for wide in self.left:
            keep = wide.within(self.chain, scope)
            found = None if keep.all() else reduced(wide, keep)
            if found is not None:
                self._improved(found, solution)
        if solution.rows is not None:
            self.predicted(solution)

    def _price(self) -> Floats | None:
        """Of the objective; None: joules x seconds."""
        objective = self.question.goals.objective
        return None if objective == "edp" else np.array(PRICES[objective])

    def _improved(self, found: Network, solution: Solution) -> Network | None:
        return (least_product if solution.price is None else cheapest)(found, solution)

    def sides(self, scope: Scope) -> tuple[bool, ...]:
        """Without the cloud, and with it where it may be used."""
        return (False, True) if scope.cloud and may_leave(self.question) else (False,)

    def _cloud_costs(self, price: Floats | None) -> float:
        """A lower bound on any plan that uses the cloud."""
        seconds, joules = Remote.of(self.question).least()
        return joules * seconds if price is None else float(price[0] * joules + price[1] * seconds)

    def network(self, scope: Scope, price: Floats | None) -> Network | None:
        """The choices of a scope laid out; with a price, without clocks that lose at it."""
        goals = self.question.goals
        crossed = goals.deadline_s is not None or goals.energy_j is not None
        prices = None if crossed or price is None else Prices(float(price[0]), float(price[1]))
        planning_s = self._planning()[0] if scope.cloud else 0.0
        return networks.network(self.question, self.chain, scope, prices, planning_s)

    def _confirmed(self, solution: Solution) -> bool:
        """Whether a solution's prediction is what its path adds up to, and keeps all limits."""
        predicted = self.predicted(solution)
        exact = abs(score(predicted, self.question) - solution.value) <= _EXACT * solution.value
        return exact and not broken_limits(predicted, self.question)

    def predicted(self, solution: Solution) -> Prediction:
        """The prediction of a solution's plan, which is a candidate from now on."""
        assert solution.rows is not None and solution.network is not None
        blocks = solution.network.blocks(self.chain, solution.rows.tolist())
        if blocks not in self.seen:
            self.seen[blocks] = predict(self._plan(blocks), self.question)
        return self.seen[blocks]

    def limits(self) -> Limits:
        """Limits on what a plan adds up, planning aside."""
        question, goals = self.question, self.question.goals
        planning_s, planning_j = self._planning()
        energy_j = np.inf if goals.energy_j is None else goals.energy_j - planning_j
        seconds = np.inf if goals.deadline_s is None else goals.deadline_s - planning_s
        sums = (energy_j, seconds, question.error_limit**2, np.inf)
        return Limits(sums, question.memory_limit_bytes)

    def _planning(self) -> tuple[float, float]:
        """Seconds and joules of planning: `planners.compiling`, `planners.prediction`."""
        question, runtime = self.question, self.question.runtime(self.runtime)
        counted = self.evaluations * question.soc.evaluation_s.value
        work_s = runtime.planning_s.value + (counted if runtime.counts_evaluations else 0.0)
        phase = question.device().runtime_work("planning", work_s)
        seconds = float(phase.seconds)
        watts = sum(w for _, w in baseline_w(question, question.conditions, active=True))
        joules = sum(float(j) + float(w) * seconds for _, j, w in phase.loads)
        return seconds, joules + watts * seconds

    def least(self) -> float:
        """Score of the best candidate that keeps all limits."""
        return min(
            (score(p, self.question) for p in self.seen.values() if not self._broken(p)),
            default=np.inf,
        )

    def _broken(self, predicted: Prediction) -> tuple[Conflict, ...]:
        return broken_limits(predicted, self.question)

    def kept(self) -> bool:
        """Whether any candidate keeps all limits."""
        return any(not broken_limits(p, self.question) for p in self.seen.values())

    def best(self) -> Plan:
        """The best candidate that keeps all limits; Infeasible, with the conflicts, otherwise."""
        question = self.question
        kept = [
            (score(predicted, question), number, blocks)
            for number, (blocks, predicted) in enumerate(self.seen.items())
            if not broken_limits(predicted, question)
        ]
        if not kept:
            raise Infeasible(self._conflicts(), self._reason())
        blocks = min(kept)[2]
        return replace(self._plan(blocks), predicted=self.seen[blocks])

    def extremes(self, scope: Scope) -> None:
        """For each limit but the error's: the candidate that comes nearest to it.

        Within the other limits, if possible, and within the error limit alone.
        """
        limits = self.limits()
        error_alone = Limits((np.inf, np.inf, limits.sums[2], np.inf), np.inf)
        for name, relaxed in self._relaxed(limits):
            price = np.array(PRICES[name])
            for within in (relaxed, error_alone):
                solution = Solution(price, within)
                for cloud in self.sides(scope):
                    found, before = self.network(replace(scope, cloud=cloud), None), solution.value
                    if found is not None:
                        cheapest(found, solution)
                        if solution.value < before:
                            self.predicted(solution)

    def _relaxed(self, limits: Limits) -> Iterator[tuple[str, Limits]]:
        """By what is limited: the limits without that one."""
        energy_j, seconds, error2, _ = limits.sums
        if np.isfinite(seconds):
            yield "latency", replace(limits, sums=(energy_j, np.inf, error2, np.inf))
        if np.isfinite(energy_j):
            yield "energy", replace(limits, sums=(np.inf, seconds, error2, np.inf))
        yield "memory", replace(limits, memory_bytes=np.inf)

    def _reason(self) -> str:
        """Why no candidate was found at all; empty where candidates broke limits."""
        if self.seen:
            return ""
        names = ", ".join(allowed_processors(self.question)) or "no processor"
        for table in self.chain.tables:
            if not len(table.index):
                layer = table.options.stage.name
                return f"{layer}: no block of it fits {names} (memory of a block, precisions)"
        return f"no plan on {names} keeps the error limit {self.question.error_limit:g}"

    def _conflicts(self) -> tuple[Conflict, ...]:
        """The fewest limits that some candidate breaks, each with the best that this allows."""
        if not self.seen:
            return ()
        broken = [broken_limits(predicted, self.question) for predicted in self.seen.values()]
        fewest = min(len(conflicts) for conflicts in broken)
        best: dict[str, Conflict] = {}
        for conflict in (c for conflicts in broken if len(conflicts) == fewest for c in conflicts):
            known = best.get(conflict.goal)
            if known is None or conflict.best < known.best:
                best[conflict.goal] = conflict
        return tuple(best.values())


def find_plan(
    question: Question,
    planner: str,
    runtime: str,
    scopes: tuple[Scope, ...],
    narrower: tuple[Scope, ...] = (),
) -> Plan:
    """The best plan over scopes.

    `narrower` ones lie within `scopes`; they are searched too unless these are proved, so that a
    wider search never loses to a narrower one. Infeasible where no plan keeps the limits.
    """
    search = Search(question, planner, runtime)
    proved = [search.explore(scope) for scope in scopes]
    if not all(proved):
        for scope in narrower:
            search.narrow(scope)
    if not search.kept():
        for scope in scopes:
            search.extremes(scope)
    return search.best()
