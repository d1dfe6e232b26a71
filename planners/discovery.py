"""Finding planners: a file in this package that defines `plan`, or an entry point, is a planner."""

import ast
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from planners.values import Planner
from workloads.names import nearest_name

GROUP = "deepx.planners"
"""Entry-point group through which other packages add planners."""


@lru_cache(maxsize=1)
def _shipped() -> tuple[str, ...]:
    """Names of files that define a top-level function `plan`, found without importing them."""
    found = []
    for path in sorted(Path(__file__).parent.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.FunctionDef) and node.name == "plan" for node in tree.body):
            found.append(path.stem)
    return tuple(found)


def planner_names() -> tuple[str, ...]:
    """All planners: shipped ones, then those of other packages."""
    others = sorted(entry.name for entry in entry_points(group=GROUP))
    return (*_shipped(), *(name for name in others if name not in _shipped()))


def load_planner(name: str) -> Planner:
    """The planner of that name; UnknownName, naming the nearest ones, otherwise."""
    if name in _shipped():
        planner: Planner = import_module(f"planners.{name}").plan
        return planner
    for entry in entry_points(group=GROUP):
        if entry.name == name:
            loaded: Planner = entry.load()
            return loaded
    raise nearest_name("planner", name, planner_names())
