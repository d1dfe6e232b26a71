"""What the conformance kit says: the properties, what broke one, plans and questions in short."""

from copy import deepcopy

from planners.values import Infeasible, NotApplicable, Plan, Question

Answer = Plan | Infeasible | NotApplicable

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


def blocks_of(plan: Plan) -> str:
    """A plan's unit-blocks in one line."""
    return "; ".join(
        f"{b.layer}[{b.first_unit}:{b.last_unit}] {b.processor}"
        + (f" {b.frequency_hz:g} Hz" if b.frequency_hz else "")
        + f" {b.precision}"
        + (f" rank {b.rank}" if b.rank is not None else "")
        for b in plan.blocks
    )


def shown(answer: Answer) -> str:
    """An answer in one line."""
    if not isinstance(answer, Plan):
        return f"{type(answer).__name__}({answer})"
    return f"{blocks_of(answer)} ({answer.evaluations} evaluations, {answer.predicted})"


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
