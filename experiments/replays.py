"""Plans read back from files: a plan document, or a whole document that holds one."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.faults import InputFault
from planners import Plan, PlanError, Question, check
from planners.documents import read_plan
from socs import load_runtime
from workloads.names import UnknownName

MOST_BYTES = 64_000_000
MOST_EVALUATIONS = 10**12


def read_json(path: Path) -> Any:
    """The JSON document in a file; InputFault with its place where it is none."""
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputFault(f"{path}:1:1: file: cannot be read ({reason})") from None
    if len(content) > MOST_BYTES:
        raise InputFault(f"{path}:1:1: file: is larger than {MOST_BYTES} bytes")
    try:
        return json.loads(content.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        where = f"{path}:{error.lineno}:{error.colno}"
        fault = f"{where}: file: is no JSON ({error.msg}), must be a JSON document"
        raise InputFault(fault) from None
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise InputFault(f"{path}:1:1: file: is no JSON ({error})") from None


def read_plan_file(path: Path, question: Question, planner: str | None) -> Plan:
    """The plan in a file, which covers the question's model; InputFault otherwise.

    The file may hold a plan alone or what `infer --json` or `plan --json` print. `planner` names
    a plan whose file does not. Limits are not checked here: breaking them is an answer.
    """
    document = read_json(path)
    try:
        plan = read_plan(_plan_of(document, planner), runtime=question.options.runtime)
        load_runtime(_shipped(plan.runtime))
        if plan.evaluations > MOST_EVALUATIONS:
            raise PlanError(f"evaluations: must be at most {MOST_EVALUATIONS}")
        check(plan, question, goals=False)
    except (PlanError, UnknownName, OverflowError) as error:
        raise InputFault(f"{path}:1:1: plan: {error}") from None
    return plan


def _shipped(runtime: str) -> str:
    """A runtime by name only: a plan file must not open others."""
    if runtime.endswith((".yaml", ".yml")):
        raise PlanError(f"runtime {runtime!r}: must be the name of a shipped runtime")
    return runtime


def _plan_of(document: Any, planner: str | None) -> Any:
    """The plan document, with name and evaluations from around it where it has none."""
    if not isinstance(document, Mapping):
        return document
    if "blocks" in document:
        outer: Mapping[str, Any] = {}
        inner = document
    elif isinstance(document.get("plan"), Mapping):
        outer, inner = document, document["plan"]
    elif document.get("status", "ok") != "ok":
        raise PlanError(f"the document holds no plan: {document['status']}")
    else:
        return document
    planning = outer.get("planning")
    evaluations = planning.get("evaluations", 0) if isinstance(planning, Mapping) else 0
    named = outer.get("planner") or planner or "replay"
    return {"planner": named, "evaluations": evaluations, **inner}
