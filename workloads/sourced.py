"""A figure with where it comes from."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

Basis = Literal["measured", "datasheet", "derived", "assumed", "calibrated"]

SourceText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Sourced(BaseModel):
    """A finite figure in SI units, its source, and how well it is known.

    `low` and `high`, where given, are the range that the sources allow: low <= value <= high.
    A calibrated figure has both, since a fit may not leave that range, and says what it was
    before the fit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    value: float
    source: SourceText
    basis: Basis
    low: float | None = None
    high: float | None = None
    uncalibrated: "Sourced | None" = None
    """Of a calibrated figure: the best that its sources give without the fit."""

    @model_validator(mode="after")
    def _within_range(self) -> Self:
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low is {self.low:g}, must be at most high, {self.high:g}")
        if self.low is not None and self.value < self.low:
            raise ValueError(f"must be at least low, {self.low:g}")
        if self.high is not None and self.value > self.high:
            raise ValueError(f"must be at most high, {self.high:g}")
        if self.basis == "calibrated" and (self.low is None or self.high is None):
            raise ValueError("a calibrated figure needs low and high, the range of its sources")
        return self

    @model_validator(mode="after")
    def _says_what_it_was(self) -> Self:
        before = self.uncalibrated
        if self.basis == "calibrated" and before is None:
            raise ValueError("a calibrated figure needs uncalibrated, what it was before the fit")
        if self.basis != "calibrated" and before is not None:
            raise ValueError("only a calibrated figure has uncalibrated")
        if before is not None and before.basis == "calibrated":
            raise ValueError("uncalibrated must have another basis than calibrated")
        return self
