"""Where each unit-block runs: questions, plans, cost prediction, and one file a planner."""

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
    "load_planner",
    "options",
    "planner_names",
    "predict",
]
