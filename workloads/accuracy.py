"""Task accuracy against error limit, where it was measured: a file here for each network.

`workloads/accuracies/crepe_tiny.yaml` exists, therefore a plan for that network can be asked to
keep an accuracy: it becomes an error limit. Files are found by the digest of the weights, so a
network counts as known however it was imported. `python -m experiments.trained_page` writes them.
"""

from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from workloads.graph import Workload
from workloads.reader import read_spec

FOLDER = Path(__file__).parent / "accuracies"


class UnknownAccuracy(ValueError):
    """An accuracy that no error limit is known to keep."""


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class AccuracyPoint(_Spec):
    """What plans made under an error limit reached, the worst of them."""

    error_limit: float = Field(gt=0)
    accuracy: float = Field(ge=0, le=1)


class AccuracyCurve(_Spec):
    """One network's accuracy at its task."""

    kind: Literal["accuracy"]
    network: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Of the weights."""
    task: str = Field(min_length=1)
    source: str = Field(min_length=1)
    basis: Literal["measured"]
    uncompacted: float = Field(ge=0, le=1)
    points: tuple[AccuracyPoint, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _rising(self) -> Self:
        limits = [point.error_limit for point in self.points]
        if limits != sorted(set(limits)):
            raise ValueError("error_limit must rise strictly")
        return self

    def error_limit(self, least: float) -> float:
        """The largest measured limit up to which no accuracy lies below `least`; 0: uncompacted.

        UnknownAccuracy where even the uncompacted network does not reach it.
        """
        if least > self.uncompacted:
            raise UnknownAccuracy(
                f"is {least:g}, must be at most {self.uncompacted:g}, "
                f"that of {self.network} uncompacted ({self.task})"
            )
        found = 0.0
        for point in self.points:
            if point.accuracy < least:
                break
            found = point.error_limit
        return found


@lru_cache(maxsize=1)
def accuracy_curves() -> tuple[AccuracyCurve, ...]:
    """All that are known, by the networks' names."""
    return tuple(read_spec(path, AccuracyCurve) for path in sorted(FOLDER.glob("*.yaml")))


def accuracy_curve(workload: Workload) -> AccuracyCurve:
    """That of a workload's weights; UnknownAccuracy, with the networks that have one."""
    digest = workload.spec.weights.sha256
    found = next((curve for curve in accuracy_curves() if curve.sha256 == digest), None)
    if found is None:
        known = ", ".join(curve.network for curve in accuracy_curves())
        raise UnknownAccuracy(
            f"no accuracy of {workload.name} was measured, must be one of {known}; "
            "--max-error limits the error of any model"
        )
    return found
