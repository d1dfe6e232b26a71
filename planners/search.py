"""From a question to the best plan in a scope: multipliers for limits around the programme."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from planners.chain import Chain, Scope, Weights
from planners.checking import broken_limits
from planners.options import allowed_processors
from planners.prediction import predict
from planners.values import Conflict, Infeasible, Plan, Prediction, Question, UnitBlock

_ROUNDS = 3
"""Times that limits are priced in turn, since pricing one may break another."""
_SLOPES = 16
"""Steps along the hull between a plan that breaks a limit and one that keeps it."""
_PRICED = {
    "deadline": ("latency", Weights(energy=0.0, latency=1.0)),
    "energy": ("energy", Weights()),
    "memory": ("memory", Weights(energy=0.0, memory=1.0)),
}
"""By goal: its multiplier, and the weights under which nothing else counts."""


def _amounts(predicted: Prediction) -> dict[str, float]:
    return {
        "energy": predicted.plan_energy_j,
        "latency": predicted.plan_latency_s,
        "memory": predicted.peak_memory_bytes,
    }


def _cost(predicted: Prediction, weights: Weights) -> float:
    amounts = _amounts(predicted)
    return float(sum(getattr(weights, name) * amount for name, amount in amounts.items()))


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

    def __post_init__(self) -> None:
        before = self.question.cost.evaluations
        self.chain = Chain(self.question, self.question.runtime(self.runtime))
        self.evaluations = self.question.cost.evaluations - before

    def _plan(self, blocks: tuple[UnitBlock, ...]) -> Plan:
        return Plan(self.planner, blocks, None, self.evaluations, self.runtime)

    def consider(self, weights: Weights, scope: Scope) -> Prediction | None:
        """Solve once; the candidate's prediction, None where the scope has no plan."""
        blocks = self.chain.solve(weights, scope)
        if blocks is None:
            return None
        if blocks not in self.seen:
            self.seen[blocks] = predict(self._plan(blocks), self.question)
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
        """Price each broken limit so that it holds at the least cost on the lower hull."""
        for _ in range(_ROUNDS):
            broken = broken_limits(predicted, self.question)
            for conflict in broken:
                if conflict.goal in _PRICED:
                    weights = self._priced(weights, scope, conflict.goal, predicted)
            after = self.consider(weights, scope) if broken else None
            if after is None:
                return
            predicted = after

    def _priced(self, weights: Weights, scope: Scope, goal: str, cheap: Prediction) -> Weights:
        """Weights with the multiplier at which a limit's two sides cost the same.

        Walks the hull between a plan that breaks the limit and one that keeps it: the slope
        between the two is the next multiplier, until no plan lies below their line.
        """
        name, alone = _PRICED[goal]
        kept = self.consider(alone, scope)
        if kept is None or not self._holds(kept, goal):
            return weights
        for _ in range(_SLOPES):
            saved = _amounts(cheap)[name] - _amounts(kept)[name]
            if saved <= 0.0:
                break
            slope = max(_cost(kept, weights) - _cost(cheap, weights), 0.0) / saved
            tried = replace(weights, **{name: getattr(weights, name) + slope})
            found = self.consider(tried, scope)
            if found is None or _cost(found, tried) >= _cost(kept, tried) * (1.0 - 1e-12):
                return tried
            if self._holds(found, goal):
                kept = found
            else:
                cheap = found
        return weights

    def _holds(self, predicted: Prediction, goal: str) -> bool:
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
        blocks = min(kept)[2]
        return replace(self._plan(blocks), predicted=self.seen[blocks])

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
