"""Figures of what compaction does to a trained network."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_WAYS = {"weights": "by weights", "outputs": "by outputs"}


def accuracy_figure(
    table: "pd.DataFrame",
    axes: "Axes",
    *,
    against: str,
    column: str = "accuracy",
    label: str = "frames within 50 cents (share)",
) -> "Axes":
    """Accuracy, or another column, against `weight_bytes` or `energy_j`.

    Lines of ranks that keep one mass in all layers, stars for those that RLC chose.
    """
    scale, below = {
        "weight_bytes": (1e-6, "weights (MB)"),
        "energy_j": (1e3, "energy of an inference (mJ)"),
    }[against]
    for (factors, precision), rows in table.groupby(["factors", "precision"], sort=True):
        line = rows[rows.chosen_by != "rlc"].sort_values(against)
        told = f"{precision}, {_WAYS[str(factors)]}"
        (drawn,) = axes.plot(scale * line[against], line[column], marker=".", label=told)
        stars = rows[rows.chosen_by == "rlc"]
        axes.plot(scale * stars[against], stars[column], "*", color=drawn.get_color())
    axes.set_xlabel(below)
    axes.set_ylabel(label)
    axes.set_ylim(0.0, 1.02)
    axes.legend(title="compacted (stars: RLC)")
    return axes


def calibration_figure(table: "pd.DataFrame", axes: "Axes") -> "Axes":
    """Measured against estimated error; points above the diagonal are not covered."""
    for factors, rows in table.groupby("factors", sort=True):
        axes.plot(rows.estimated_error, rows.relative_error, "o", label=_WAYS[str(factors)])
    most = float(max(table.estimated_error.max(), table.relative_error.max(), 1e-9))
    axes.plot([0.0, most], [0.0, most], color="0.6", linewidth=1.0)
    axes.set_xlabel("estimated error of the scores")
    axes.set_ylabel("measured error of the scores")
    axes.legend(title="compacted")
    return axes


def coverage_figure(errors: "pd.DataFrame", axes: "Axes") -> "Axes":
    """Measured errors of single inputs against their bounds; points above the line break them."""
    for factors, rows in errors.groupby("factors", sort=True):
        axes.plot(rows.bound, rows.measured, ".", markersize=2, label=_WAYS[str(factors)])
    ends = [float(errors.measured.min()), float(errors.bound.max())]
    axes.plot(ends, ends, color="0.6", linewidth=1.0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("bound on the error of an input")
    axes.set_ylabel("measured error of the input")
    axes.legend(title="compacted")
    return axes
