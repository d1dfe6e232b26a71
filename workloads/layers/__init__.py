"""Layer kinds: the file `workloads/layers/conv.py` exists, therefore kind `conv` exists."""

import pkgutil
from functools import cache
from importlib import import_module
from typing import cast

from workloads.layer import CombiningKind, FusedKind, Kind, PlannedKind


def kind_names() -> tuple[str, ...]:
    """All layer kinds, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


@cache
def kind(name: str) -> Kind:
    """The module of a kind."""
    return cast(Kind, import_module(f"{__name__}.{name}"))


def planned_kind(name: str) -> PlannedKind:
    """The module of a kind whose units a plan allocates."""
    return cast(PlannedKind, kind(name))


def fused_kind(name: str) -> FusedKind:
    """The module of a kind that is fused into its producer."""
    return cast(FusedKind, kind(name))


def combining_kind(name: str) -> CombiningKind | None:
    """The module of a fused kind that has to know its channels; None for any other."""
    found = kind(name)
    return cast(CombiningKind, found) if hasattr(found, "combine") else None


def operand_count(name: str) -> int:
    """Layers that a kind reads beside its producer."""
    found = combining_kind(name)
    return 0 if found is None else found.OPERANDS


def weightless(name: str) -> bool:
    """Whether a planned kind has no weights, so that nothing of it can be compacted."""
    return bool(getattr(kind(name), "WEIGHTLESS", False))
