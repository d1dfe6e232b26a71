"""The shape of `reproduce.json`, for reading it back."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from experiments.faults import InputFault
from experiments.replays import read_json


class _Row(BaseModel):
    """A row; fields that are not named here are left alone."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)


class CellRow(_Row):
    """An energy cell of the abstract."""

    soc: str
    model: str
    versus: str
    paper: float = Field(gt=0)
    sourced: float | None
    calibrated: float | None


class MemoryRow(_Row):
    """Footprint of the model over that of its deepx plan."""

    soc: str
    model: str
    paper: float
    simulated: float | None
    compaction: float | None = None
    error_limit: float


class Coupling(_Row):
    """Rank correlation of latency and energy, and what it runs over."""

    rank_correlation: float | None
    over: str


class Reading(_Row):
    """How far the cells are off under a reading of the Tegra row."""

    rms_log_error: float | None = Field(ge=0, le=100)


class ParameterRow(_Row):
    """A calibrated figure."""

    name: str
    value: float
    low: float | None
    high: float | None
    basis: str
    source: str
    at_bound: bool


class VerificationRow(_Row):
    """A plan carried out on real tensors."""

    soc: str
    model: str
    planner: str
    options: str
    relative_error: float | None
    error_bound: float
    within_bound: bool


class PlannerRow(_Row):
    """One planner on one SoC and model; numbers are None where status is not ok."""

    soc: str
    model: str
    planner: str
    options: str
    status: str
    latency_s: float | None
    energy_j: float | None
    planning_latency_s: float | None
    planning_energy_j: float | None
    peak_memory_bytes: float | None


class Reproduction(_Row):
    """All that `reproduce --json` prints."""

    scenario: dict[str, Any]
    cells: list[CellRow]
    memory: list[MemoryRow]
    coupling: Coupling
    readings: dict[str, Reading]
    parameters: list[ParameterRow]
    verification: list[VerificationRow]
    planners: list[PlannerRow]


def read_reproduction(path: Path) -> Reproduction:
    """What `reproduce` wrote to a file; InputFault, one line a fault."""
    document = read_json(path)
    try:
        return Reproduction.model_validate(document)
    except ValidationError as error:
        raise InputFault(
            *(
                f"{path}:1:1: {'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}"
                for fault in error.errors()[:20]
            )
        ) from None
