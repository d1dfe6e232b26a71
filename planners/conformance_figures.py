"""Figures for specifications drawn at random."""

from typing import Any

from hypothesis import strategies as st

Document = dict[str, Any]
NAMED: Document = {"description": "drawn at random"}


def figure(value: float) -> Document:
    """A value with where it comes from."""
    return {"value": value, "source": "drawn at random", "basis": "assumed"}


def one_of(draw: st.DrawFn, *values: Any) -> Any:
    """One of some values; examples shrink to the first."""
    return draw(st.sampled_from(values))


def drawn(draw: st.DrawFn, *values: float) -> Document:
    """A figure of one of some values."""
    return figure(one_of(draw, *values))
