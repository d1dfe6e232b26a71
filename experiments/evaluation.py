"""The abstract's evaluation: every planner on both SoCs and models, with both sets of options."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from experiments.abstract import MODELS, SOCS
from experiments.answers import OK, Answer, ask, carry_out
from experiments.scenarios import scenario
from planners import Question, planner_names

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
    answer: Answer

    @property
    def ok(self) -> bool:
        """Whether the plan was made and carried out."""
        return self.answer.status == OK


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
    cases: Iterable[Case],
    *,
    verified: Sequence[str] = VERIFIED,
    done: Callable[[Finding], None] = lambda finding: None,
) -> Iterator[Finding]:
    """Plan and carry out case by case; `done` hears of each as it is finished."""
    for case in cases:
        answer = ask(question_of(case.soc, case.model, case.options), case.planner)
        finding = Finding(case, carry_out(answer, verify=case.planner in verified))
        done(finding)
        yield finding
