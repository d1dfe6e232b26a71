"""Cases by the vectorised law: which have a vector form, and their answers as arrays."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.sweeps.building import Case, WrongValues, build_case
from planners import Infeasible, NotApplicable, Plan, Question, load_planner
from planners.batch import Arrays, Batch, best_of
from planners.candidates import blocks_of, priced_layers
from planners.neurosurgeon import cuts
from planners.options import allowed_processors, layer_options
from planners.values import Goals

Column = NDArray[Any]
SINGLE = ("cpu_only", "gpu_only", "dsp_only", "lpc_only")
PLANNERS = (*SINGLE, "cloud_only", "neurosurgeon")
"""Planners with a vector form; a given plan replayed has one too."""
_LIMITS = {
    "goals.deadline_s": "deadline",
    "goals.energy_j": "energy",
    "goals.error": "error",
}
_MEMORY = ("goals.memory_bytes", "conditions.free_memory_bytes")
_RATES = ("conditions.uplink_bytes_per_s", "conditions.downlink_bytes_per_s")
_SOC = frozenset({"idle_w", "sleep_w"})
ANY_ERROR = 1e9


def is_array(path: str) -> bool:
    """Whether cases may differ in the field within one evaluation."""
    steps = path.split(".")
    if path in _LIMITS or path in _RATES or path in _MEMORY:
        return True
    if steps[0] in ("link", "cloud") and len(steps) > 1:
        return True
    if steps[:2] == ["soc", "memory"]:
        return steps[2:] in (["bandwidth_bytes_per_s"], ["energy_j_per_byte"], ["background_w"])
    if steps[:2] == ["soc", "processors"]:
        return len(steps) == 4 and steps[3] in _SOC
    return path == "soc.board_w"


def has_vector_form(values: Mapping[str, Any]) -> bool:
    """Whether the values of a case may be evaluated by arrays at all (cheap; plans may object)."""
    if any(path.startswith("truth.") and value is not None for path, value in values.items()):
        return False
    return values.get("plan") is not None or values.get("planner", "deepx") in PLANNERS


def plans_of(case: Case) -> tuple[Plan, ...] | None:
    """The plans among which a case's planner chooses, whatever the arrays; None: no such set.

    Raises NotApplicable as the planner does.
    """
    question = case.question
    if not question.workload.is_chain:
        return None  # layers may overlap; arrays have them follow each other
    if case.plan is not None:
        return (case.plan,)
    if case.planner == "neurosurgeon":
        return _cuts(question)
    if case.planner in SINGLE and not _one_way(question, case.planner.removesuffix("_only")):
        return None
    try:
        return (load_planner(case.planner)(_relaxed(question)),)
    except Infeasible:
        return None


def _relaxed(question: Question) -> Question:
    """Without limits: a planner with one candidate then always gives it."""
    return question.under(
        goals=Goals(objective=question.goals.objective, error=ANY_ERROR),
        conditions=replace(question.conditions, free_memory_bytes=1e30),
    )


def _one_way(question: Question, kind: str) -> bool:
    """Whether each layer has one option at most on the SoC's processor of a kind."""
    having = [n for n, spec in question.soc.processors.items() if spec.kind == kind]
    usable = [name for name in having if name in allowed_processors(question)]
    narrowed = replace(
        question.options, processors=tuple(usable[:1]), ranks=(), max_parts=1, remote_segments=0
    )
    asked = question.under(options=narrowed)
    return all(len(layer_options(asked, stage)) <= 1 for stage in question.workload.stages)


def _cuts(question: Question) -> tuple[Plan, ...]:
    """Every cut that the planner would predict, in its order."""
    load_planner("neurosurgeon")(_relaxed(question))  # objects where there is nothing to cut
    priced, evaluations = priced_layers(question)
    runtime = question.options.runtime
    listed = dict.fromkeys(cuts(question, priced))
    assert blocks_of(question, {}) in listed
    return tuple(Plan("neurosurgeon", b, None, evaluations, runtime) for b in listed)


Key = tuple[tuple[str, Any], ...]


@lru_cache(maxsize=256)
def prepared(key: Key) -> tuple[Case, tuple[Plan, ...] | None, str]:
    """Case and plans of the values that a group of cases shares; the status where none can be."""
    case = build_case(dict(key))
    try:
        return case, plans_of(case), "ok"
    except NotApplicable as error:
        return case, None, f"not applicable: {error}"


def valid(shared: Key, columns: Mapping[str, Column], count: int) -> NDArray[np.bool_]:
    """Which cases of a group have array values that a scenario accepts."""
    good = np.ones(count, dtype=np.bool_)
    for path, column in columns.items():
        if _accepts(shared, path, column.min()) and _accepts(shared, path, column.max()):
            continue
        values, case = np.unique(column, return_inverse=True)
        good &= np.array([_accepts(shared, path, value) for value in values])[case]
    return good


def _accepts(shared: Key, path: str, value: Any) -> bool:
    try:
        build_case({**dict(shared), path: float(value)})
    except WrongValues:
        return False
    return True


def evaluate(
    case: Case, plans: tuple[Plan, ...], columns: Mapping[str, Column], count: int
) -> Batch:
    """Answers of a group of cases that differ in array values only."""
    return best_of(plans, case.question, arrays_of(case.question, columns), count)


def arrays_of(question: Question, columns: Mapping[str, Column]) -> Arrays:
    """Columns by path as the law over arrays takes them."""
    found: dict[str, dict[tuple[str, ...], Any]] = {"soc": {}, "link": {}, "cloud": {}}
    limits: dict[str, Any] = {}
    rates: dict[str, Any] = {}
    for path, column in columns.items():
        values = np.asarray(column, dtype=np.float64)
        root, *rest = path.split(".")
        if path in _RATES:
            rates[rest[0]] = values
        elif path in _MEMORY:
            limits["memory"] = _memory_limit(question, columns)
        elif path in _LIMITS:
            limits[_LIMITS[path]] = values
        else:
            found[root][tuple(rest)] = values
    return Arrays(found["soc"], found["link"], found["cloud"], limits=limits, **rates)


def _memory_limit(question: Question, columns: Mapping[str, Column]) -> Any:
    """The tighter of what is free and what the user allows, either of which may be an array."""
    memory = question.soc.memory
    free: Any = question.conditions.free_memory_bytes
    if free is None:
        free = memory.capacity_bytes.value - memory.reserved_bytes.value
    asked: Any = question.goals.memory_bytes
    allowed, available = _MEMORY
    return np.minimum(
        columns.get(available, free), columns.get(allowed, np.inf if asked is None else asked)
    )
