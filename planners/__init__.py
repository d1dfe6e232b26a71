"""Where each unit-block runs: questions, plans, cost prediction, and one file a planner."""

from typing import TYPE_CHECKING

from planners.checking import check
from planners.discovery import load_planner, planner_names
from planners.options import options
from planners.prediction import predict
from planners.values import (
    FULL,
    PAPER,
    Conditions,
    Conflict,
    Goals,
    Infeasible,
    NotApplicable,
    Options,
    Plan,
    PlanError,
    Planner,
    Prediction,
    Question,
    UnitBlock,
)

if TYPE_CHECKING:
    from planners.conformance import check_planner

__all__ = [
    "FULL",
    "PAPER",
    "Conditions",
    "Conflict",
    "Goals",
    "Infeasible",
    "NotApplicable",
    "Options",
    "Plan",
    "PlanError",
    "Planner",
    "Prediction",
    "Question",
    "UnitBlock",
    "check",
    "check_planner",
    "load_planner",
    "options",
    "planner_names",
    "predict",
]


def __getattr__(name: str) -> object:
    """`check_planner`, imported when asked for: only it needs hypothesis."""
    if name == "check_planner":
        from planners.conformance import check_planner

        return check_planner
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
