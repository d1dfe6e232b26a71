"""Fields of specifications by dotted path: which there are, and one set to another value."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from workloads.sourced import Sourced

M = TypeVar("M", bound=BaseModel)
_TEXTS = frozenset(
    {"kind_of_spec", "kind", "name", "description", "source", "basis", "thread_power_source"}
)
"""What a figure or a file says of itself; no field of the scenario."""


class FieldError(ValueError):
    """A field that does not exist or a value that it cannot take."""


def leaves(spec: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Dotted paths of all figures, numbers, switches and names of a specification."""
    if spec is None or isinstance(spec, Sourced | bool | int | float | str):
        yield ".".join(path)
    elif isinstance(spec, BaseModel):
        for name, field in type(spec).model_fields.items():
            value = getattr(spec, name)
            settable = value is not None or "Sourced" in repr(field.annotation)
            if name not in _TEXTS and settable:
                yield from leaves(value, (*path, name))
    elif isinstance(spec, Mapping):
        for name, item in spec.items():
            yield from leaves(item, (*path, str(name)))
    elif isinstance(spec, tuple | list):
        for number, item in enumerate(spec):
            yield from leaves(item, (*path, str(number)))


def changed(spec: M, values: Mapping[str, Any]) -> M:
    """The specification with fields at dotted paths set; FieldError where it refuses them.

    A figure's value is replaced and its range, which belongs to its source, is dropped. Paths
    must be of `leaves`.
    """
    data = spec.model_dump(mode="json", by_alias=True)
    for path, value in values.items():
        _set(data, spec, path.split("."), value)
    try:
        return type(spec).model_validate(data)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        message = str(detail.get("ctx", {}).get("error") or detail["msg"])
        raise FieldError(
            message.replace("Input should", "must").replace("Value error, ", "")
        ) from None


def _set(data: Any, spec: Any, steps: list[str], value: Any) -> None:
    for step in steps[:-1]:
        data, spec = _within(data, step), _within(spec, step)
    last: Any = int(steps[-1]) if isinstance(data, list) else steps[-1]
    if isinstance(spec, BaseModel) and last in type(spec).model_fields:
        last = type(spec).model_fields[last].alias or last
    figure = isinstance(data[last], dict) or data[last] is None
    data[last] = (
        {"value": value, "source": "set by the sweep", "basis": "assumed"} if figure else value
    )


def _within(holder: Any, step: str) -> Any:
    if isinstance(holder, list | tuple):
        return holder[int(step)]
    return getattr(holder, step) if isinstance(holder, BaseModel) else holder[step]
