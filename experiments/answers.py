"""Asking a planner and carrying its plan out: an answer, or the reason why there is none."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from experiments.scenarios import describe
from planners import Infeasible, NotApplicable, Plan, Question, load_planner, predict
from planners.checking import broken_limits
from planners.documents import plan_document
from sim.acceptance import Withdrawn, accepted_plan

if TYPE_CHECKING:
    from sim import Outcome

OK = "ok"


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What came of one question to one planner."""

    question: Question
    planner: str
    status: str
    """`ok`, `infeasible: ...` or `not applicable: ...`."""
    plan: Plan | None = None
    outcome: "Outcome | None" = None
    seed: int = 0
    withdrawn: tuple[Withdrawn, ...] = ()
    """Compacted plans that failed the end-to-end check before this one."""

    @property
    def holds(self) -> bool:
        """Whether there is a plan, and its values, where they were verified, are within bound."""
        verified = None if self.outcome is None else self.outcome.verification
        return self.status == OK and (verified is None or verified.within_bound)

    @property
    def complaint(self) -> str:
        """Why it does not hold."""
        if self.status != OK:
            return f"{self.planner}: {self.status}"
        verified = None if self.outcome is None else self.outcome.verification
        assert verified is not None
        return (
            f"{self.planner}: verification failed: relative error {verified.relative_error:.4g} "
            f"exceeds {verified.error_bound:.4g}"
        )


def ask(question: Question, planner: str) -> Answer:
    """The planner's plan, checked end to end; UnknownName for an unknown planner."""
    plan_for = load_planner(planner)
    try:
        plan, withdrawn = accepted_plan(question, plan_for)
        return Answer(question, planner, OK, plan, withdrawn=withdrawn)
    except Infeasible as error:
        return Answer(question, planner, f"infeasible: {error}")
    except NotApplicable as error:
        return Answer(question, planner, f"not applicable: {error}")


def replay(question: Question, plan: Plan) -> Answer:
    """A plan made elsewhere, priced anew for this question; PlanError is the caller's."""
    predicted = predict(plan, question)
    priced = replace(plan, predicted=predicted)
    broken = broken_limits(predicted, question)
    status = f"infeasible: {Infeasible(broken)}" if broken else OK
    return Answer(question, plan.planner, status, priced)


def carry_out(answer: Answer, *, verify: bool = False, seed: int = 0) -> Answer:
    """Run the plan of an answer that has one."""
    from sim import RunFailed, run

    if answer.status != OK or answer.plan is None:
        return answer
    try:
        outcome = run(answer.plan, answer.question, seed=seed, verify=verify)
    except RunFailed as error:
        return replace(answer, status=f"infeasible: {error}", seed=seed)
    return replace(answer, outcome=outcome, seed=seed)


def infer_document(answer: Answer) -> dict[str, Any]:
    """One inference as `deepx infer --json` prints it; numbers are null where status is not ok."""
    outcome, plan = answer.outcome, answer.plan
    planning = None
    if outcome is not None and plan is not None:
        planning = {
            "evaluations": plan.evaluations,
            "latency_s": outcome.planning_latency_s,
            "energy_j": outcome.planning_energy_j,
        }
    verified = None if outcome is None else outcome.verification
    return {
        **_head(answer),
        "latency_s": None if outcome is None else outcome.latency_s,
        "energy_j": None if outcome is None else outcome.energy_j,
        "peak_memory_bytes": None if outcome is None else outcome.peak_memory_bytes,
        "energy_breakdown_j": None if outcome is None else dict(outcome.energy_breakdown_j),
        "cloud_energy_j": None if outcome is None else outcome.cloud_energy_j,
        "planning": planning,
        "predicted": _predicted(plan),
        "plan": _plan(plan),
        "withdrawn": [failed.document() for failed in answer.withdrawn],
        "verification": None if verified is None else verified.document(),
        "timeline": [] if outcome is None else timeline_rows(outcome),
    }


def plan_only_document(answer: Answer) -> dict[str, Any]:
    """One plan as `deepx plan --json` prints it."""
    plan, planning = answer.plan, None
    if plan is not None and plan.predicted is not None:
        planning = {
            "evaluations": plan.evaluations,
            "latency_s": plan.predicted.planning_s,
            "energy_j": plan.predicted.planning_j,
        }
    return {
        **_head(answer),
        "planning": planning,
        "predicted": _predicted(plan),
        "plan": _plan(plan),
        "withdrawn": [failed.document() for failed in answer.withdrawn],
    }


def _head(answer: Answer) -> dict[str, Any]:
    question = answer.question
    return {
        "scenario": describe(question, planner=answer.planner, seed=answer.seed),
        "soc": question.soc.name,
        "model": question.workload.name,
        "planner": answer.planner,
        "status": answer.status,
    }


def _predicted(plan: Plan | None) -> dict[str, float] | None:
    if plan is None or plan.predicted is None:
        return None
    wanted = ("latency_s", "energy_j", "peak_memory_bytes", "error")
    return {name: getattr(plan.predicted, name) for name in wanted}


def _plan(plan: Plan | None) -> Mapping[str, Any] | None:
    if plan is None:
        return None
    document = plan_document(plan)
    del document["predicted"]
    return document


def timeline_rows(outcome: "Outcome") -> list[dict[str, Any]]:
    """Resource, label, start and stop of every activity."""
    names = ("resource", "label", "start_s", "stop_s")
    return [{name: getattr(interval, name) for name in names} for interval in outcome.timeline]


def block_rows(plan: Plan) -> list[dict[str, Any]]:
    """Blocks as JSON-able values."""
    return [asdict(block) for block in plan.blocks]
