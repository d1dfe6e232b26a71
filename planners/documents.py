"""Plans as JSON documents and back: complete, so that a plan replays without its planner."""

import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from planners.values import Plan, PlanError, UnitBlock

_TYPES: dict[str, tuple[type, ...]] = {
    "layer": (str,),
    "first_unit": (int,),
    "last_unit": (int,),
    "processor": (str,),
    "frequency_hz": (int, float, type(None)),
    "precision": (str,),
    "rank": (int, type(None)),
}


def plan_document(plan: Plan) -> dict[str, Any]:
    """A plan as JSON-able values."""
    predicted = None if plan.predicted is None else asdict(plan.predicted)
    return {
        "planner": plan.planner,
        "runtime": plan.runtime,
        "evaluations": plan.evaluations,
        "blocks": [asdict(block) for block in plan.blocks],
        "predicted": predicted,
        "certificate": None if plan.certificate is None else dict(plan.certificate),
    }


def read_plan(document: Any, *, runtime: str = "deepx") -> Plan:
    """A plan from a document; `runtime` serves documents that name none.

    What was predicted is not read back: it belongs to the question it was made for.
    Raises PlanError naming the block and field that is wrong.
    """
    if not isinstance(document, Mapping) or not isinstance(document.get("blocks"), list):
        raise PlanError("a plan is an object with a list `blocks`")
    blocks = tuple(_read_block(i, row) for i, row in enumerate(document["blocks"]))
    named = document.get("runtime", runtime)
    evaluations = document.get("evaluations", 0)
    if not isinstance(named, str):
        raise PlanError("runtime: must be the name of a runtime")
    if type(evaluations) is not int or evaluations < 0:
        raise PlanError("evaluations: must be a whole number, 0 or more")
    return Plan(str(document.get("planner", "replay")), blocks, None, evaluations, named)


def _read_block(index: int, row: Any) -> UnitBlock:
    where = f"blocks[{index}]"
    if not isinstance(row, Mapping):
        raise PlanError(f"{where}: must be an object")
    names = [field.name for field in fields(UnitBlock)]
    unknown = sorted(set(map(str, row)) - set(names))
    if unknown:
        raise PlanError(f"{where}: unknown field {unknown[0]!r}; fields are {', '.join(names)}")
    values: dict[str, Any] = {}
    for name in names:
        if name not in row and name != "rank":
            raise PlanError(f"{where}: {name} is missing")
        value = row.get(name)
        if not isinstance(value, _TYPES[name]) or isinstance(value, bool):
            raise PlanError(f"{where}: {name} {value!r} is not of the right type")
        if isinstance(value, float) and not math.isfinite(value):
            raise PlanError(f"{where}: {name} must be finite")
        values[name] = value
    return UnitBlock(**values)
