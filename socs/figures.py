"""Sourced figures of specifications by path: all of them, one replaced, calibrated ones undone."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from workloads.names import nearest_name
from workloads.sourced import Sourced

S = TypeVar("S", bound=BaseModel)

Path = tuple[str, ...]


def figures(spec: Any, path: Path = ()) -> Iterator[tuple[Path, Sourced]]:
    """All sourced figures of a specification with the path of each."""
    if isinstance(spec, Sourced):
        yield path, spec
    elif isinstance(spec, BaseModel):
        for name in type(spec).model_fields:
            yield from figures(getattr(spec, name), (*path, name))
    elif isinstance(spec, dict):
        for name, item in spec.items():
            yield from figures(item, (*path, str(name)))
    elif isinstance(spec, tuple | list):
        for number, item in enumerate(spec):
            yield from figures(item, (*path, str(number)))


def with_figures(spec: S, changes: Mapping[Path, Sourced]) -> S:
    """The specification with figures at paths replaced; UnknownName where there is no such one."""
    known = dict(figures(spec))
    for path in changes:
        if path not in known:
            dotted = (".".join(name) for name in known)
            raise nearest_name("figure", ".".join(path), dotted)
    changed: S = _replaced(spec, changes, ())
    return changed


def _replaced(spec: Any, changes: Mapping[Path, Sourced], path: Path) -> Any:
    if not any(name[: len(path)] == path for name in changes):
        return spec
    if isinstance(spec, Sourced):
        return changes[path]
    if isinstance(spec, BaseModel):
        fields = {
            name: _replaced(getattr(spec, name), changes, (*path, name))
            for name in type(spec).model_fields
        }
        return spec.model_copy(update=fields)
    if isinstance(spec, dict):
        return {name: _replaced(item, changes, (*path, str(name))) for name, item in spec.items()}
    return type(spec)(
        _replaced(item, changes, (*path, str(number))) for number, item in enumerate(spec)
    )


def sourced_only(spec: S) -> S:
    """The specification before any fit: calibrated figures as their sources alone give them."""
    undone = {
        path: figure.uncalibrated
        for path, figure in figures(spec)
        if figure.uncalibrated is not None
    }
    return with_figures(spec, undone) if undone else spec
