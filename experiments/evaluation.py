"""The abstract's evaluation: every planner on both SoCs and models, with both sets of options."""

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from experiments.abstract import MODELS, SOCS
from experiments.answers import ask, carry_out
from experiments.scenarios import scenario
from experiments.workers import spread
from planners import Plan, Question, planner_names

if TYPE_CHECKING:
    from sim import Outcome

SPACES = ("paper", "full")
VERIFIED = ("deepx", "rlc", "dad", "cpu_only")
"""Planners whose plans are carried out on real tensors too."""


@dataclass(frozen=True, slots=True)
class Case:
    """One planner on one SoC and model with one set of options; LTE, window until_idle."""

    soc: str
    model: str
    options: str
    planner: str

    @property
    def label(self) -> str:
        """For progress."""
        return f"{self.soc} {self.model} {self.options} {self.planner}"


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """A case and what came of it."""

    case: Case
    status: str
    """`ok`, `infeasible: ...` or `not applicable: ...`."""
    plan: Plan | None
    outcome: "Outcome | None"

    @property
    def question(self) -> Question:
        """What the planner was asked."""
        return question_of(self.case.soc, self.case.model, self.case.options)


def all_cases(
    *,
    socs: Sequence[str] = SOCS,
    models: Sequence[str] = MODELS,
    planners: Sequence[str] | None = None,
    spaces: Sequence[str] = SPACES,
) -> tuple[Case, ...]:
    """All combinations; all planners there are by default."""
    names = planner_names() if planners is None else planners
    return tuple(
        Case(soc, model, options, planner)
        for model in models
        for soc in socs
        for options in spaces
        for planner in names
    )


@lru_cache(maxsize=64)
def question_of(soc: str, model: str, options: str) -> Question:
    """The question of a case, the same for all planners."""
    return scenario(soc, model, options=options)  # type: ignore[arg-type]


def evaluate(
    cases: Sequence[Case], *, verified: Sequence[str] = VERIFIED, workers: int = 1
) -> Generator[Finding, None, None]:
    """Plan and carry out every case; findings come in the order in which they are ready."""
    yield from spread(partial(_find, verified=tuple(verified)), cases, workers=workers)


def _find(case: Case, *, verified: tuple[str, ...]) -> Finding:
    answer = ask(question_of(case.soc, case.model, case.options), case.planner)
    answer = carry_out(answer, verify=case.planner in verified)
    return Finding(case, answer.status, answer.plan, answer.outcome)


def in_order(findings: Iterable[Finding], cases: Sequence[Case]) -> list[Finding]:
    """Findings in the order of their cases."""
    place = {case: number for number, case in enumerate(cases)}
    return sorted(findings, key=lambda finding: place[finding.case])
