"""What we learn: scenarios, the command line, the paper's evaluation, figures, reports."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experiments.scenarios import describe, scenario

__all__ = ["describe", "scenario"]


def __getattr__(name: str) -> Any:
    """Load on first use: what the command line does not need must not slow it down."""
    if name in __all__:
        import experiments.scenarios

        return getattr(experiments.scenarios, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
