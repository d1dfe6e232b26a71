"""What any planner must keep, tried on small random questions: `check_planner`.

Needs hypothesis (extra `conformance`). Each property says in one line what it asks; a planner that
breaks one gets the smallest question found on which it does.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, fields, replace
from itertools import count
from math import isclose
from typing import NoReturn

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded

from planners.checking import broken_limits, check
from planners.conformance_changes import FACTOR, again, new_names, renamed, slowed, with_names
from planners.conformance_strategies import questions, single_plans
from planners.discovery import load_planner
from planners.prediction import predict
from planners.search import score
from planners.values import (
    Infeasible,
    NotApplicable,
    Plan,
    PlanError,
    Planner,
    Prediction,
    Question,
)

PROPERTIES = {
    "answer": "answers with a Plan, or raises Infeasible (saying why) or NotApplicable",
    "unchanged": "leaves the question as it was",
    "rules": "covers each unit once and keeps every rule of the device",
    "predicted": "predicts what planners.predict says, to 1e-9",
    "goals": "keeps deadline, energy, memory and error limits",
    "evaluations": "charges every option that question.cost priced",
    "deterministic": "answers the same question in the same way",
    "feasible": "is not Infeasible where one processor alone keeps all limits",
    "single": "is never worse, planning aside, than one processor alone",
    "scaling": "predicts twice the time (and energy) where everything takes twice as long",
    "renaming": "does not care what processors are called",
    "applicable": "answers at least one of all questions with a plan",
}
"""By name: what a planner does that keeps the property."""
BASELINE = frozenset(PROPERTIES) - {"feasible", "single"}
"""Properties of planners that may not choose the processor."""
_TOLERANCE = 1e-9
_SHRINKING = 40
"""Questions tried to find a smaller one after the first that fails."""

__all__ = ["BASELINE", "PROPERTIES", "ConformanceError", "check_planner", "questions"]


class ConformanceError(AssertionError):
    """A planner that breaks a property; `question` is the smallest one found."""

    def __init__(self, name: str, found: str, question: Question | None = None) -> None:
        self.property = name
        self.question = question
        law = PROPERTIES.get(name, "")
        text = f"{name}: a planner {law}; this one does not: {found}"
        if question is not None:
            text += f"\nquestion:\n{described(question)}"
        super().__init__(text)


class _Enough(BaseException):
    """Ends the search for a smaller question; hypothesis lets what is no Exception pass."""


Answer = Plan | Infeasible | NotApplicable


@dataclass(frozen=True, slots=True)
class _Case:
    """One question put to one planner, and what it answered."""

    planner: Planner
    question: Question
    answer: Answer
    counted: int
    """Evaluations that the question's cost model counted meanwhile."""

    def fail(self, name: str, found: str) -> NoReturn:
        shown = f"\nplan: {_blocks(self.answer)}" if isinstance(self.answer, Plan) else ""
        raise ConformanceError(name, found + shown, self.question)

    def asked(self, question: Question) -> Answer:
        """The answer to another question."""
        return _answer(self.planner, question)


def _answer(planner: Planner, question: Question) -> Answer:
    try:
        answer = planner(question)
    except (Infeasible, NotApplicable) as refusal:
        return refusal
    except Exception as error:
        raise ConformanceError(
            "answer", f"raised {type(error).__name__}: {error}", question
        ) from error
    if not isinstance(answer, Plan):
        raise ConformanceError("answer", f"returned {type(answer).__name__}", question)
    return answer


def _put(planner: Planner, question: Question) -> _Case:
    """Ask a copy, so that a planner that changes its question spoils nothing."""
    copy = again(question)
    before = _state(copy)
    answer = _answer(planner, copy)
    case = _Case(planner, question, answer, copy.cost.evaluations)
    after = _state(copy)
    changed = ", ".join(name for name in before if before[name] != after[name])
    if changed:
        # `again` shares hosts, workload and SoC; the busy mapping and `hosts` are copies
        case.fail("unchanged", f"changed {changed}")
    return case


def _state(question: Question) -> dict[str, object]:
    """What a question says, copied deeply; the cost model may count."""
    state = {
        name: repr(getattr(question, name))
        for name in ("conditions", "goals", "options", "energy_window")
    }
    return state | {
        "workload": question.workload.spec.model_dump_json() + str(question.workload.frames),
        "soc": question.soc.model_dump_json(),
        "hosts": {name: host.model_dump_json() for name, host in question.hosts.items()},
        "cost": type(question.cost),
    }


def _check_answer(case: _Case) -> None:
    answer = case.answer
    if isinstance(answer, Infeasible) and not (answer.conflicts or answer.reason):
        case.fail("answer", "Infeasible without conflicts or reason")
    if isinstance(answer, Plan) and answer.predicted is None:
        case.fail("answer", "a plan without `predicted`")


def _check_rules(case: _Case) -> None:
    if isinstance(case.answer, Plan):
        try:
            check(case.answer, case.question, goals=False)
        except PlanError as error:
            case.fail("rules", str(error))


def _check_predicted(case: _Case) -> None:
    if not isinstance(case.answer, Plan) or case.answer.predicted is None:
        return
    found, true = case.answer.predicted, predict(case.answer, case.question)
    for field in fields(Prediction):
        ours, theirs = getattr(true, field.name), getattr(found, field.name)
        if not isclose(ours, theirs, rel_tol=_TOLERANCE, abs_tol=1e-15):
            case.fail("predicted", f"{field.name} {theirs!r}, but planners.predict says {ours!r}")


def _check_goals(case: _Case) -> None:
    if isinstance(case.answer, Plan):
        broken = broken_limits(predict(case.answer, case.question), case.question)
        if broken:
            case.fail("goals", "; ".join(f"{c.goal} {c.best:g} > {c.asked:g}" for c in broken))


def _check_evaluations(case: _Case) -> None:
    if isinstance(case.answer, Plan) and case.answer.evaluations < case.counted:
        charged = case.answer.evaluations
        case.fail("evaluations", f"charges {charged}, but question.cost counted {case.counted}")


def _told(answer: Answer) -> object:
    return answer.conflicts if isinstance(answer, Infeasible) else type(answer)


def _alike(one: Answer, other: Answer) -> bool:
    if isinstance(one, Plan) and isinstance(other, Plan):
        return one == other
    return _told(one) == _told(other)


def _check_deterministic(case: _Case) -> None:
    second = case.asked(again(case.question))
    if not _alike(case.answer, second):
        case.fail("deterministic", f"then {_shown(second)}, first {_shown(case.answer)}")


def _singles(case: _Case, evaluations: int) -> Iterator[tuple[Plan, Prediction]]:
    for plan, predicted in single_plans(case.question, evaluations=evaluations):
        if not broken_limits(predicted, case.question):
            yield plan, predicted


def _check_feasible(case: _Case) -> None:
    if isinstance(case.answer, Infeasible):
        for plan, _ in _singles(case, case.counted):
            case.fail("feasible", f"{case.answer}; {plan.planner} keeps all: {_blocks(plan)}")


def _check_single(case: _Case) -> None:
    if not isinstance(case.answer, Plan):
        return
    ours = score(predict(case.answer, case.question), case.question)
    for plan, predicted in _singles(case, case.answer.evaluations):
        theirs = score(predicted, case.question)
        if ours > theirs * (1.0 + _TOLERANCE):
            case.fail("single", f"{ours:g}, but {plan.planner} {theirs:g}: {_blocks(plan)}")


def _check_scaling(case: _Case) -> None:
    """Under a runtime without durations of its own, which no question can slow down."""
    question = case.question
    if question.options.runtime != "native":
        question = question.under(options=replace(question.options, runtime="native"))
    one, other = case.asked(again(question)), case.asked(slow := slowed(question))
    if not isinstance(one, Plan) or not isinstance(other, Plan):
        if type(one) is not type(other):
            case.fail("scaling", f"{_shown(one)}, slowed {_shown(other)}")
        return
    power = 2.0 if question.goals.objective == "edp" else 1.0
    ours, theirs = score(predict(one, question), question), score(predict(other, slow), slow)
    if not isclose(theirs, ours * FACTOR**power, rel_tol=_TOLERANCE):
        case.fail("scaling", f"objective {ours!r}, slowed {theirs!r}: {_shown(other)}")


def _check_renaming(case: _Case) -> None:
    """But for the planner's own name and certificate, which may name processors."""
    one, other = case.answer, case.asked(renamed(case.question))
    if isinstance(other, Plan):
        back = {new: old for old, new in new_names(case.question).items()}
        other = replace(with_names(other, back), planner="", certificate=None)
    if isinstance(one, Plan):
        one = replace(one, planner="", certificate=None)
    if not _alike(one, other):
        case.fail("renaming", f"renamed {_shown(other)}, before {_shown(one)}")


_CHECKS: dict[str, Callable[[_Case], None]] = {
    "answer": _check_answer,
    "rules": _check_rules,
    "predicted": _check_predicted,
    "goals": _check_goals,
    "evaluations": _check_evaluations,
    "deterministic": _check_deterministic,
    "feasible": _check_feasible,
    "single": _check_single,
    "scaling": _check_scaling,
    "renaming": _check_renaming,
}


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
        case = _put(planner, question)
        for name, check_property in _CHECKS.items():
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


def _blocks(plan: Plan) -> str:
    return "; ".join(
        f"{b.layer}[{b.first_unit}:{b.last_unit}] {b.processor}"
        + (f" {b.frequency_hz:g} Hz" if b.frequency_hz else "")
        + f" {b.precision}"
        + (f" rank {b.rank}" if b.rank is not None else "")
        for b in plan.blocks
    )


def _shown(answer: Answer) -> str:
    if not isinstance(answer, Plan):
        return f"{type(answer).__name__}({answer})"
    return f"{_blocks(answer)} ({answer.evaluations} evaluations, {answer.predicted})"


def described(question: Question) -> str:
    """A question in a few lines; the whole of it is `ConformanceError.question`."""
    layers = ", ".join(f"{name} ({units})" for name, units in question.workload.planned_layers)
    state = deepcopy(question.conditions)
    lines = [
        f"  layers: {layers}; {question.workload.frames} frames of {question.workload.input_shape}",
        f"  {question.goals}",
        f"  {question.options}",
        f"  busy {dict(state.busy)}, link and cloud: {state.has_cloud}, radio {state.radio_state}",
        f"  energy window: {question.energy_window}",
    ]
    for name, spec in question.soc.processors.items():
        host, limit = question.hosts[name], spec.block_memory_bytes
        clocks = ", ".join(f"{clock:g}" for clock in spec.frequencies_hz)
        rates = {key: figure.value for key, figure in spec.macs_per_cycle.items()}
        lines.append(
            f"  {name}: {clocks} Hz, macs/cycle {rates}, {spec.buffers} buffers, block memory "
            f"{limit.value if limit else None}, excludes {spec.exclusive_with}, "
            f"weights {host.weights.mode}"
        )
    return "\n".join(lines)
