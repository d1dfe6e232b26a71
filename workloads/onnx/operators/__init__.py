"""ONNX operators: a file's `OPERATORS` names those that it converts."""

import pkgutil
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import TypeAlias

from workloads.onnx.nodes import Node
from workloads.onnx.tracing import Array, Trace, Value

Convert: TypeAlias = Callable[[Trace, Node], Value | Array]
"""Drafts the layers of an operator; what its output is."""


@cache
def operators() -> dict[str, Convert]:
    """All supported operators, by name."""
    found: dict[str, Convert] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        found |= import_module(f"{__name__}.{module}").OPERATORS
    return dict(sorted(found.items()))
