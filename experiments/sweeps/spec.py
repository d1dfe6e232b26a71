"""What a sweep's YAML says: a base scenario, axes, filters, replications, metrics."""

from typing import Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

Scalar = bool | int | float | str | None
Metric = Literal[
    "latency_s",
    "energy_j",
    "cloud_energy_j",
    "planning_latency_s",
    "planning_energy_j",
    "window_s",
    "peak_memory_bytes",
    "predicted_latency_s",
    "predicted_energy_j",
    "predicted_error",
    "evaluations",
    "remote_layers",
]
METRICS: tuple[Metric, ...] = get_args(Metric)
MOST_DRAWS = 2**20
"""Points of a Sobol' block at most: it is generated whole."""
MOST_NUMBERS = 2**25
"""Points times dimensions of a Sobol' block at most."""


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Span(_Spec):
    """Evenly spaced values, both ends in: on a linear or a logarithmic scale."""

    low: float
    high: float
    count: int = Field(ge=2, le=10**9)
    spacing: Literal["linear", "log"] = "linear"

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low is {self.low:g}, must be less than high, {self.high:g}")
        if self.spacing == "log" and self.low <= 0:
            raise ValueError(f"low is {self.low:g}, must be greater than 0 on a log scale")
        return self


class Draw(_Spec):
    """A distribution that a field's values are drawn from."""

    distribution: Literal["uniform", "loguniform", "normal", "choice"] = "uniform"
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    deviation: float | None = Field(None, gt=0)
    values: tuple[Scalar, ...] | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        wanted = {
            "uniform": ("low", "high"),
            "loguniform": ("low", "high"),
            "normal": ("mean", "deviation"),
            "choice": ("values",),
        }[self.distribution]
        given = [
            name
            for name in ("low", "high", "mean", "deviation", "values")
            if getattr(self, name) is not None
        ]
        if set(given) != set(wanted):
            raise ValueError(f"{self.distribution} needs {' and '.join(wanted)}, nothing else")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"low is {self.low:g}, must be less than high, {self.high:g}")
        if self.distribution == "loguniform" and self.low is not None and self.low <= 0:
            raise ValueError(f"low is {self.low:g}, must be greater than 0 for loguniform")
        return self


class Random(_Spec):
    """Independent draws, seeded."""

    count: int = Field(ge=1, le=10**9)
    seed: int = Field(0, ge=0)
    fields: dict[str, Draw] = Field(min_length=1)


class Sobol(_Spec):
    """A scrambled Sobol' sequence, seeded (scipy.stats.qmc)."""

    count: int = Field(ge=1, le=MOST_DRAWS)
    seed: int = Field(0, ge=0)
    design: Literal["sample", "saltelli"] = "sample"
    """`saltelli`: count x (fields + 2) points from which Sobol' indices are computed."""
    fields: dict[str, Draw] = Field(min_length=1, max_length=1000)

    @model_validator(mode="after")
    def _balanced(self) -> Self:
        if self.count & (self.count - 1):
            power = 1 << self.count.bit_length()
            raise ValueError(f"count is {self.count}, must be a power of 2, e.g. {power}")
        dimensions = len(self.fields) * (2 if self.design == "saltelli" else 1)
        if self.count * dimensions > MOST_NUMBERS:
            raise ValueError(f"count is {self.count}, must be fewer for {len(self.fields)} fields")
        return self


Values = tuple[Scalar, ...] | Span


class Block(_Spec):
    """One factor of the product that the cases are: exactly one of its keys is given."""

    grid: dict[str, Values] | None = Field(None, min_length=1)
    """Every value of each field with every value of the others."""
    zipped: dict[str, Values] | None = Field(None, min_length=1, alias="zip")
    """Values of all fields side by side: equally many of each."""
    random: Random | None = None
    sobol: Sobol | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [self.grid, self.zipped, self.random, self.sobol]
        if sum(item is not None for item in given) != 1:
            raise ValueError("must have exactly one of grid, zip, random, sobol")
        counts = {path: count_of(values) for path, values in (self.zipped or {}).items()}
        if len(set(counts.values())) > 1:
            told = ", ".join(f"{path} {count}" for path, count in counts.items())
            raise ValueError(f"zip needs equally many values of each field, has {told}")
        for path, values in (self.grid or self.zipped or {}).items():
            if count_of(values) == 0:
                raise ValueError(f"{path} has no values, must have at least one")
        return self

    @property
    def fields(self) -> tuple[str, ...]:
        """Paths that the block varies."""
        return tuple(self.grid or self.zipped or (self.random or self.sobol).fields)  # type: ignore[union-attr]


def count_of(values: Values) -> int:
    """How many values a field of a grid has."""
    return values.count if isinstance(values, Span) else len(values)


class SweepSpec(_Spec):
    """A sweep: base scenario, axes, filters, replications, metrics."""

    kind: Literal["sweep"]
    description: str = Field(min_length=1)
    base: dict[str, Scalar] = Field(default_factory=dict)
    """Scenario by dotted path; what is left out is as on the command line."""
    axes: tuple[Block, ...] = ()
    """The cases are the product of all blocks, the last varying fastest."""
    when: tuple[str, ...] = ()
    """Conditions on axes' values; cases that break one are left out."""
    replications: int = Field(1, ge=1, le=10**6)
    seed: int = Field(0, ge=0)
    """Replication r of every case runs with the same seed (common random numbers)."""
    metrics: tuple[Metric, ...] = Field(METRICS, min_length=1)


class ScenarioSpec(_Spec):
    """One scenario by dotted path, as the base of a sweep."""

    kind: Literal["scenario"]
    description: str = Field(min_length=1)
    base: dict[str, Scalar] = Field(default_factory=dict)
