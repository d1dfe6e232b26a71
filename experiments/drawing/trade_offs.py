"""What a plan buys with error: memory and energy."""

from typing import TYPE_CHECKING

from experiments.style import PAPER, new_axes, styled
from experiments.sweeps.analyses import pareto_front

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

METRICS = ("peak_memory_bytes", "energy_j", "error")
MARKERS = "osD^vP*X<>p"


def memory_error_energy(plans: "pd.DataFrame", axes: "Axes | None" = None) -> "Axes":
    """Plans by memory and energy, error as shade, one marker a planner.

    plans: planner, peak_memory_bytes, energy_j, error (predicted). Those that no other beats in
    all three (`pareto_front`) have a black rim, the others are small.
    """
    from matplotlib.colors import Normalize

    with styled():
        ax = axes or new_axes(3.1)[0]
        front = pareto_front(plans, METRICS)
        worst = max(float(plans["error"].max()), 1e-9)
        for number, (planner, part) in enumerate(plans.groupby("planner", sort=False)):
            best = part.index.isin(front.index)
            dots = ax.scatter(
                part["peak_memory_bytes"] / 1e6,
                part["energy_j"],
                c=part["error"],
                s=[46 if kept else 18 for kept in best],
                edgecolors=[PAPER if kept else "#bbbbbb" for kept in best],
                linewidths=0.9,
                marker=MARKERS[number % len(MARKERS)],
                cmap="cividis_r",
                norm=Normalize(0.0, worst),
                label=str(planner),
                zorder=3,
            )
        ax.set(xscale="log", yscale="log", xlabel="peak memory, MB", ylabel="energy, J")
        _plain_ticks(ax)
        ax.grid(axis="x", visible=True)
        bar = ax.figure.colorbar(dots, ax=ax, pad=0.02)
        bar.set_label("relative error, predicted")
        legend = ax.legend(ncols=6, loc="lower left", bbox_to_anchor=(-0.02, 1), columnspacing=1.0)
        for handle in legend.legend_handles:
            handle.set(facecolor="white", edgecolor=PAPER, sizes=[36])  # type: ignore[union-attr]
        return ax


def _plain_ticks(ax: "Axes") -> None:
    """1, 2, 5, 10, 20, ... in full: powers of ten alone say little within one decade."""
    from matplotlib.ticker import LogLocator, NullFormatter

    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(NullFormatter())
