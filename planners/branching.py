"""The optimum on a branching graph: a relaxation solved again and again, each answer checked.

Logic-based Benders decomposition (Hooker, Ottosson, "Logic-based Benders decomposition",
Mathematical Programming 96, 2003): OR-Tools CP-SAT chooses an option for every layer and times
them by least costs (`planners.relaxation`), each processor taking its layers in their order; the
law prices the choice; a cut forbids it; and so on until nothing that is left can be better, or a
fixed amount of work is done. What the solver has proved of the relaxation holds for every plan.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from planners.branching_model import Relaxed
from planners.candidates import Blocks, best_plan
from planners.checking import broken_limits, check
from planners.network import may_leave
from planners.prediction import predict
from planners.relaxation import Choices, choices
from planners.search import score
from planners.values import (
    CLOUD,
    Infeasible,
    NotApplicable,
    Objective,
    Plan,
    PlanError,
    Question,
    UnitBlock,
)

SOLVER = "logic-based Benders decomposition, CP-SAT"
STARTS = ("heft", "peft", "mulayer", "dads")
"""Planners whose plans the proof starts from."""
WORK_S = 10.0
"""CP-SAT's deterministic seconds for all rounds together, about those of one core."""
ROUNDS = 200
"""Most answers that are checked and forbidden."""
_PROVED = 1e-6
"""Gap at which a plan counts as optimal: more than rounding to steps can cost."""


@dataclass(frozen=True, slots=True)
class Proved:
    """A plan, and a bound on what any plan's objective is."""

    plan: Plan
    value: float
    bound: float

    @property
    def gap(self) -> float:
        """Share of the value that the bound leaves open."""
        return max(0.0, 1.0 - self.bound / self.value) if self.value > 0.0 else 0.0

    @property
    def optimal(self) -> bool:
        """Whether the bound leaves nothing open but rounding."""
        return self.gap <= _PROVED


def solve(question: Question, *, work_s: float = WORK_S) -> Proved:
    """The best plan found, and how far that is proved.

    For joules x seconds the bound is that of each alone, multiplied. Raises NotApplicable without
    OR-Tools, Infeasible where no plan that was found keeps the limits.
    """
    before = question.cost.evaluations
    cloud = may_leave(question)
    layers = [choices(question, stage, cloud=cloud) for stage in question.workload.stages]
    known = dict.fromkeys(_starts(question))
    search = _Search(question, layers, known, question.cost.evaluations - before)
    if question.goals.objective == "edp":
        bound = search.run("energy", work_s / 2) * search.run("latency", work_s / 2)
    else:
        bound = search.run(question.goals.objective, work_s)
    plan = best_plan(question, "exact", question.cost.evaluations - before, search.known)
    check(plan, question)
    assert plan.predicted is not None
    value = score(plan.predicted, question)
    return Proved(plan, value, min(bound, value))


def _starts(question: Question) -> Iterator[Blocks]:
    from planners.discovery import load_planner

    for name in STARTS:
        try:
            yield load_planner(name)(question).blocks
        except (Infeasible, NotApplicable):
            continue


@dataclass(slots=True)
class _Search:
    """Choices of all layers, and the plans known so far."""

    question: Question
    layers: Sequence[Choices]
    known: dict[Blocks, None]
    evaluations: int
    forbidden: list[tuple[int, ...]] = field(default_factory=list)

    def run(self, objective: Objective, work_s: float) -> float:
        """Add plans to those known; a lower bound on the objective of every plan."""
        asked = self.question.under(goals=replace(self.question.goals, objective=objective))
        best, scale, planning = self._best(asked)
        model = Relaxed(asked, self.layers, scale, planning)
        for known in self.forbidden:
            model.forbid(known)
        bound, least_priced = 0.0, best
        for _ in range(ROUNDS):
            rows, bound, spent_s = model.solve(work_s, below=least_priced)
            work_s -= spent_s
            if rows is None or bound >= least_priced * (1.0 - _PROVED / 2):
                return min(bound, least_priced)
            model.forbid(rows)
            self.forbidden.append(rows)
            value = self._priced(asked, rows)
            least_priced = min(least_priced, value)
            if work_s <= 0.0:
                return min(bound, least_priced)
        return min(bound, least_priced)

    def _priced(self, asked: Question, rows: Sequence[int]) -> float:
        """What the law says of one option a layer; inf where that breaks a rule or a limit."""
        blocks: Blocks = tuple(
            block
            for layer, row in zip(self.layers, rows, strict=True)
            for block in self._blocks(layer, row)
        )
        plan = Plan("exact", blocks, None, self.evaluations, asked.options.runtime)
        try:
            check(plan, asked, goals=False)
        except PlanError:
            return inf
        self.known[blocks] = None
        predicted = predict(plan, asked)
        return inf if broken_limits(predicted, asked) else score(predicted, asked)

    @staticmethod
    def _blocks(layer: Choices, row: int) -> tuple[UnitBlock, ...]:
        if layer.kinds[layer.kind[row]].away:
            return (UnitBlock(layer.stage.name, 0, layer.stage.units, CLOUD, None, "fp32"),)
        return layer.table.options.blocks(int(layer.table.index[row]))

    def _best(self, asked: Question) -> tuple[float, tuple[float, float], tuple[float, float]]:
        """Value of the best known plan that keeps all limits; seconds and joules to scale by;
        seconds and joules of planning.
        """
        plans = [
            Plan("exact", b, None, self.evaluations, asked.options.runtime) for b in self.known
        ]
        predicted = [predict(plan, asked) for plan in plans]
        kept = [score(p, asked) for p in predicted if not broken_limits(p, asked)]
        if not predicted:
            return inf, (1.0, 1.0), (0.0, 0.0)
        scale = (
            min(p.plan_latency_s for p in predicted),
            min(p.plan_energy_j for p in predicted),
        )
        first = predicted[0]
        return min(kept, default=inf), scale, (first.planning_s, first.planning_j)
