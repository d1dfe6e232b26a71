"""From a question to the best plan in a scope: multipliers for limits around the programme."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from planners.chain import Chain, Scope, Weights
from planners.checking import broken_limits
from planners.options import allowed_processors
from planners.prediction import predict
from planners.values import Conflict, Infeasible, Plan, Prediction, Question, UnitBlock
from socs import load_runtime

_DOUBLINGS = 40
_BISECTIONS = 10
_RESERVED_EVALUATIONS = 512
"""Evaluations that final predictions may still add, kept free under a deadline."""


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
    started: int = field(init=False)
    seen: dict[tuple[UnitBlock, ...], Prediction] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.started = self.question.cost.evaluations
        self.chain = Chain(self.question, load_runtime(self.runtime))

    def _plan(self, blocks: tuple[UnitBlock, ...], spare: int = 0) -> Plan:
        spent = self.question.cost.evaluations - self.started + spare
        return Plan(self.planner, blocks, None, spent, self.runtime)

    def consider(self, weights: Weights, scope: Scope) -> Prediction | None:
        """Solve once; the candidate's prediction, None where the scope has no plan."""
        blocks = self.chain.solve(weights, scope)
        if blocks is None:
            return None
        if blocks not in self.seen:
            self.seen[blocks] = predict(self._plan(blocks, _RESERVED_EVALUATIONS), self.question)
        return self.seen[blocks]

    def explore(self, scope: Scope) -> None:
        """Collect candidates of a scope: objective weights, then multipliers for broken limits."""
        for weights in self._weights(scope):
            predicted = self.consider(weights, scope)
            if predicted is not None:
                self._repair(weights, scope, predicted)

    def _weights(self, scope: Scope) -> Iterator[Weights]:
        objective = self.question.goals.objective
        if objective == "energy":
            yield Weights()
        elif objective == "latency":
            yield Weights(energy=0.0, latency=1.0)
        else:
            anchor = self.consider(Weights(), scope)
            if anchor is None:
                return
            price = anchor.plan_energy_j / max(anchor.plan_latency_s, 1e-12)
            yield from (Weights(latency=price * 2.0**step) for step in range(-4, 5))

    def _repair(self, weights: Weights, scope: Scope, predicted: Prediction) -> None:
        """Raise the price of each broken limit until it holds, then bisect back."""
        for _ in range(3):
            broken = broken_limits(predicted, self.question)
            if not broken:
                return
            for conflict in broken:
                weights = self._raise(weights, scope, conflict, predicted)
            after = self.consider(weights, scope)
            if after is None:
                return
            predicted = after

    def _raise(
        self, weights: Weights, scope: Scope, conflict: Conflict, predicted: Prediction
    ) -> Weights:
        name = {"deadline": "latency", "energy": "energy", "memory": "memory"}.get(conflict.goal)
        if name is None:
            return weights
        scale = max(predicted.plan_energy_j, predicted.plan_latency_s)
        low, high = (
            getattr(weights, name),
            max(getattr(weights, name), 1e-3 * scale / conflict.asked),
        )
        for _ in range(_DOUBLINGS):
            if self._holds(replace(weights, **{name: high}), scope, conflict.goal):
                break
            low, high = high, 2.0 * high
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2.0
            if self._holds(replace(weights, **{name: middle}), scope, conflict.goal):
                high = middle
            else:
                low = middle
        return replace(weights, **{name: high})

    def _holds(self, weights: Weights, scope: Scope, goal: str) -> bool:
        predicted = self.consider(weights, scope)
        if predicted is None:
            return True
        return all(broken.goal != goal for broken in broken_limits(predicted, self.question))

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
        plan = self._plan(min(kept)[2])
        # one prediction more is counted in the plan that it prices
        plan = replace(plan, evaluations=plan.evaluations + len(plan.blocks))
        return replace(plan, predicted=predict(plan, question))

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
        """The broken limits of the candidate that breaks the fewest, each with the best seen."""
        if not self.seen:
            return ()
        broken = [broken_limits(predicted, self.question) for predicted in self.seen.values()]
        fewest = min(broken, key=len)
        best: dict[str, float] = {}
        for predicted in self.seen.values():
            values = {
                "deadline": predicted.latency_s,
                "energy": predicted.energy_j,
                "memory": predicted.peak_memory_bytes,
                "error": predicted.error,
            }
            for goal, value in values.items():
                best[goal] = min(best.get(goal, value), value)
        return tuple(replace(c, best=best[c.goal]) for c in fewest)


def find_plan(question: Question, planner: str, runtime: str, scopes: tuple[Scope, ...]) -> Plan:
    """The best plan over scopes; wider scopes list narrower ones too, so never lose to them."""
    search = Search(question, planner, runtime)
    for scope in scopes:
        search.explore(scope)
    return search.best()
