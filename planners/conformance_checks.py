"""One question put to one planner, and a check for each property of its answer."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from math import isclose
from typing import NoReturn

from planners.checking import broken_limits, check
from planners.conformance_changes import FACTOR, again, new_names, renamed, slowed, with_names
from planners.conformance_reports import Answer, ConformanceError, blocks_of, shown
from planners.conformance_strategies import single_plans
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

_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Case:
    """One question put to one planner, and what it answered."""

    planner: Planner
    question: Question
    answer: Answer
    counted: int
    """Evaluations that the question's cost model counted meanwhile."""

    def fail(self, name: str, found: str) -> NoReturn:
        """Raise ConformanceError for a property, showing the plan."""
        answer = f"\nplan: {blocks_of(self.answer)}" if isinstance(self.answer, Plan) else ""
        raise ConformanceError(name, found + answer, self.question)

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


def put(planner: Planner, question: Question) -> Case:
    """Ask a copy, so that a planner that changes its question spoils nothing."""
    copy = again(question)
    before = _state(copy)
    answer = _answer(planner, copy)
    case = Case(planner, question, answer, copy.cost.evaluations)
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


def _check_answer(case: Case) -> None:
    answer = case.answer
    if isinstance(answer, Infeasible) and not (answer.conflicts or answer.reason):
        case.fail("answer", "Infeasible without conflicts or reason")
    if isinstance(answer, Plan) and answer.predicted is None:
        case.fail("answer", "a plan without `predicted`")


def _check_rules(case: Case) -> None:
    if isinstance(case.answer, Plan):
        try:
            check(case.answer, case.question, goals=False)
        except PlanError as error:
            case.fail("rules", str(error))


def _check_predicted(case: Case) -> None:
    if not isinstance(case.answer, Plan) or case.answer.predicted is None:
        return
    found, true = case.answer.predicted, predict(case.answer, case.question)
    for field in fields(Prediction):
        ours, theirs = getattr(true, field.name), getattr(found, field.name)
        if not isclose(ours, theirs, rel_tol=_TOLERANCE, abs_tol=1e-15):
            case.fail("predicted", f"{field.name} {theirs!r}, but planners.predict says {ours!r}")


def _check_goals(case: Case) -> None:
    if isinstance(case.answer, Plan):
        broken = broken_limits(predict(case.answer, case.question), case.question)
        if broken:
            case.fail("goals", "; ".join(f"{c.goal} {c.best:g} > {c.asked:g}" for c in broken))


def _check_evaluations(case: Case) -> None:
    if isinstance(case.answer, Plan) and case.answer.evaluations < case.counted:
        charged = case.answer.evaluations
        case.fail("evaluations", f"charges {charged}, but question.cost counted {case.counted}")


def _told(answer: Answer) -> object:
    return answer.conflicts if isinstance(answer, Infeasible) else type(answer)


def _alike(one: Answer, other: Answer) -> bool:
    if isinstance(one, Plan) and isinstance(other, Plan):
        return one == other
    return _told(one) == _told(other)


def _check_deterministic(case: Case) -> None:
    second = case.asked(again(case.question))
    if not _alike(case.answer, second):
        case.fail("deterministic", f"then {shown(second)}, first {shown(case.answer)}")


def _singles(case: Case, evaluations: int) -> Iterator[tuple[Plan, Prediction]]:
    for plan, predicted in single_plans(case.question, evaluations=evaluations):
        if not broken_limits(predicted, case.question):
            yield plan, predicted


def _check_feasible(case: Case) -> None:
    if isinstance(case.answer, Infeasible):
        for plan, _ in _singles(case, case.counted):
            case.fail("feasible", f"{case.answer}; {plan.planner} keeps all: {blocks_of(plan)}")


def _check_single(case: Case) -> None:
    if not isinstance(case.answer, Plan):
        return
    ours = score(predict(case.answer, case.question), case.question)
    for plan, predicted in _singles(case, case.answer.evaluations):
        theirs = score(predicted, case.question)
        if ours > theirs * (1.0 + _TOLERANCE):
            case.fail("single", f"{ours:g}, but {plan.planner} {theirs:g}: {blocks_of(plan)}")


def _check_scaling(case: Case) -> None:
    """Under a runtime without durations of its own, which no question can slow down."""
    question = case.question
    if question.options.runtime != "native":
        question = question.under(options=replace(question.options, runtime="native"))
    one, other = case.asked(again(question)), case.asked(slow := slowed(question))
    if not isinstance(one, Plan) or not isinstance(other, Plan):
        if type(one) is not type(other):
            case.fail("scaling", f"{shown(one)}, slowed {shown(other)}")
        return
    power = 2.0 if question.goals.objective == "edp" else 1.0
    ours, theirs = score(predict(one, question), question), score(predict(other, slow), slow)
    if not isclose(theirs, ours * FACTOR**power, rel_tol=_TOLERANCE):
        case.fail("scaling", f"objective {ours!r}, slowed {theirs!r}: {shown(other)}")


def _check_renaming(case: Case) -> None:
    """But for the planner's own name and certificate, which may name processors."""
    one, other = case.answer, case.asked(renamed(case.question))
    if isinstance(other, Plan):
        back = {new: old for old, new in new_names(case.question).items()}
        other = replace(with_names(other, back), planner="", certificate=None)
    if isinstance(one, Plan):
        one = replace(one, planner="", certificate=None)
    if not _alike(one, other):
        case.fail("renaming", f"renamed {shown(other)}, before {shown(one)}")


CHECKS: dict[str, Callable[[Case], None]] = {
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
"""By property: what looks at a case and raises ConformanceError; `applicable` takes them all."""
