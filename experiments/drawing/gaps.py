"""How far planners are from the best plan, and how long they think."""

from typing import TYPE_CHECKING, Any

from experiments.style import COLUMN_IN, PAPER, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

LEAST_GAP = 1e-4
"""Smaller gaps stand at the left edge: 0.01 %."""


def gap_and_time(plans: "pd.DataFrame", *, best: str = "the exact optimum") -> "Axes":
    """Each planner's gap (left) and planning time (right), a dot a question, a line the median.

    plans: planner, gap (cost over that of the best, less 1; missing where there is none to compare
    with), planning_s. Both axes are logarithmic; planners stand in order of their median gap.
    Returns the axes of gaps.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    with styled():
        medians = plans.groupby("planner")["gap"].median().sort_values(na_position="last")
        order = [str(name) for name in medians.index]
        size = (COLUMN_IN, 0.8 + 0.24 * len(order))
        figure: Any = Figure(figsize=size, layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.3, 1.0))
        gaps = plans.assign(shown=100 * plans["gap"].clip(lower=LEAST_GAP)).dropna(subset="gap")
        _dots(left, gaps, "shown", order)
        _dots(right, plans.assign(shown=1e3 * plans["planning_s"]), "shown", order)
        left.set_yticks(range(len(order)), order)
        left.set_ylim(len(order) - 0.5, -0.5)
        left.set(xscale="log", xlabel=f"cost above {best}, % (0.01: or less)")
        left.set_xlim(left=0.7 * 100 * LEAST_GAP)
        right.set(xscale="log", xlabel="planning, ms")
        for ax in (left, right):
            ax.xaxis.set_major_formatter("{x:g}")
            ax.xaxis.set_minor_formatter(NullFormatter())
            ax.grid(axis="y", visible=False)
            ax.grid(axis="x", visible=True)
        return left  # type: ignore[no-any-return]


def _dots(ax: "Axes", table: "pd.DataFrame", column: str, order: list[str]) -> None:
    for place, name in enumerate(order):
        values = table.loc[table["planner"] == name, column].dropna()
        if len(values):
            ax.plot(values, [place] * len(values), "o", ms=4, color="#0173b2", alpha=0.6)
            middle = float(values.median())
            ax.vlines(middle, place - 0.36, place + 0.36, color=PAPER, linewidth=1.6, zorder=3)
