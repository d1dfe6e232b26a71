"""What any planner must keep, tried on small random questions: `check_planner`.

Needs hypothesis (extra `conformance`). Each property says in one line what it asks; a planner that
breaks one gets the smallest question found on which it does. Questions are drawn in
`planners.conformance_strategies`, checked in `planners.conformance_checks`, told in
`planners.conformance_reports`.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import count

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded

from planners.conformance_checks import CHECKS, put
from planners.conformance_reports import BASELINE, PROPERTIES, ConformanceError, described
from planners.conformance_strategies import questions
from planners.discovery import load_planner
from planners.values import Planner, Question

_SHRINKING = 40
"""Questions tried to find a smaller one after the first that fails."""

__all__ = ["BASELINE", "PROPERTIES", "ConformanceError", "check_planner", "described", "questions"]


class _Enough(BaseException):
    """Ends the search for a smaller question; hypothesis lets what is no Exception pass."""


def check_planner(
    planner: Planner | str,
    *,
    max_examples: int = 100,
    properties: Collection[str] = frozenset(PROPERTIES),
    seed: int = 0,
    shrink: bool = True,
) -> None:
    """Raise ConformanceError, naming property and smallest question, unless a planner keeps all.

    `planner` is a callable or the name of one. `properties` leaves out named ones: a planner that
    may not choose its processor takes BASELINE. The same seed gives the same questions.
    Without `shrink`, the first question that fails is told, which is quicker.
    """
    unknown = set(properties) - set(PROPERTIES)
    if unknown:
        raise ValueError(f"no property {', '.join(sorted(unknown))}; there are {[*PROPERTIES]}")
    asked = load_planner(planner) if isinstance(planner, str) else planner
    answers: list[str] = []
    since = count()
    failures: list[ConformanceError] = []

    @seeded(seed)
    @settings(
        max_examples=max_examples,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        print_blob=False,
        phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(questions())
    def trial(question: Question) -> None:
        if failures and next(since) >= (_SHRINKING if shrink else 2):
            raise _Enough
        answers.append(_try(asked, question, properties, failures))

    with _told_plainly(failures):
        trial()
    if "applicable" in properties and "Plan" not in answers:
        given_instead = ", ".join(sorted(set(answers)))
        raise ConformanceError("applicable", f"{len(answers)} questions, only {given_instead}")


def _try(
    planner: Planner,
    question: Question,
    properties: Collection[str],
    failures: list[ConformanceError],
) -> str:
    """Check one question; the kind of answer it got."""
    try:
        case = put(planner, question)
        for name, check_property in CHECKS.items():
            if name in properties:
                check_property(case)
    except ConformanceError as failure:
        if failure.property in properties:
            failures.append(failure)
            raise
        return ""
    return type(case.answer).__name__


@contextmanager
def _told_plainly(failures: list[ConformanceError]) -> Iterator[None]:
    """Turn whatever hypothesis raises into one ConformanceError."""
    try:
        yield
    except (ConformanceError, _Enough):
        raise _smallest(failures) from None
    except Exception as error:  # flaky: what failed once did not fail again
        if not failures:
            raise ConformanceError("answer", f"{type(error).__name__}: {error}") from error
        raise ConformanceError(
            "deterministic", f"at another time it keeps this: {failures[-1]}"
        ) from None


def _smallest(failures: list[ConformanceError]) -> ConformanceError:
    """Of the failures of the property that failed first, the one of the smallest question."""
    alike = [failure for failure in failures if failure.property == failures[0].property]
    return min(alike, key=_size)


def _size(failure: ConformanceError) -> tuple[int, int, int]:
    question = failure.question
    assert question is not None
    return len(question.soc.processors), len(question.workload.stages), len(described(question))
