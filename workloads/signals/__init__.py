"""Inputs as a network meets them in use: a file here for each signal, made from a seed.

`workloads/signals/tones.py` exists, therefore `input: {signal: tones}` works in a workload's YAML.
Each offers `make(shape, count, seed)`, which returns (count, *shape) or raises ValueError where the
shape is none of its own.
"""

import pkgutil
from functools import cache
from importlib import import_module

import numpy as np

from workloads.layer import Floats, Shape


@cache
def signal_names() -> tuple[str, ...]:
    """Names of all signals, sorted."""
    return tuple(sorted(info.name for info in pkgutil.iter_modules(__path__)))


def make_signal(name: str, shape: Shape, count: int, seed: int) -> Floats:
    """(count, *shape) of that signal; ValueError for a shape that it does not have."""
    if name not in signal_names():
        raise ValueError(f"signal {name!r}, must be one of {', '.join(signal_names())}")
    made = import_module(f"{__name__}.{name}").make(shape, count, seed)
    return np.asarray(made, dtype=np.float32)
