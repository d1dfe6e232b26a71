"""What all parts of a stream's YAML share."""

from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(gt=0, le=1e9)]
Share = Annotated[float, Field(ge=0, lt=1)]
Rate = Annotated[float, Field(gt=0, le=1e12)]


T = TypeVar("T")


def _some(items: tuple[T, ...]) -> tuple[T, ...]:
    if not items:
        raise ValueError("must have at least 1 entry")
    return items


NotEmpty = AfterValidator(_some)
"""Of a list. (Pydantic's own `min_length` also objects where an entry has faults.)"""


class Spec(BaseModel):
    """A closed, frozen part of a file: unknown keys are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def one_of(owner: BaseModel, *names: str) -> None:
    """ValueError unless exactly one of the fields is given."""
    given = [name for name in names if getattr(owner, name) is not None]
    if len(given) != 1:
        raise ValueError(f"must have exactly one of {', '.join(names)}, has {len(given)}")


class TraceSpec(Spec):
    """A CSV file beside the YAML, its first column `time_s` ascending from 0 or later."""

    file: str = Field(min_length=1)
