"""What we learn: scenarios, the command line, the paper's evaluation, figures, reports."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experiments.scenarios import describe, scenario
    from experiments.sweeps.loading import load_sweep
    from experiments.sweeps.results import load_results
    from experiments.sweeps.running import run_sweep

__all__ = ["describe", "load_results", "load_sweep", "run_sweep", "scenario"]

_ROOMS = {
    "describe": "experiments.scenarios",
    "scenario": "experiments.scenarios",
    "load_sweep": "experiments.sweeps.loading",
    "run_sweep": "experiments.sweeps.running",
    "load_results": "experiments.sweeps.results",
}


def __getattr__(name: str) -> Any:
    """Load on first use: what the command line does not need must not slow it down."""
    if name in _ROOMS:
        from importlib import import_module

        return getattr(import_module(_ROOMS[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
