"""Trained networks that lie inside published packages: a file here for each package.

Each names its `NETWORKS` and how each is loaded. Nothing of a package is imported or run: its
files are read where they are installed. `workloads/trained/speechmos.py` exists, therefore
`load_workload("dnsmos_p808")` works once the package is there.
"""

import pkgutil
from collections.abc import Callable
from functools import cache, lru_cache
from importlib import import_module
from typing import TypeAlias

from workloads.graph import Workload

Load: TypeAlias = Callable[[int | None], Workload]
"""From frames per inference (None: one); UnknownName where the package is not installed."""


@cache
def networks() -> dict[str, Load]:
    """All networks that can be loaded, by name, whether or not their package is there."""
    found: dict[str, Load] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        found |= import_module(f"{__name__}.{module}").NETWORKS
    return dict(sorted(found.items()))


def trained_names() -> tuple[str, ...]:
    """Names of the networks, sorted."""
    return tuple(networks())


@lru_cache(maxsize=4)
def load_trained(name: str, frames: int | None = None) -> Workload:
    """The network of that name, with its trained weights."""
    return networks()[name](frames)
