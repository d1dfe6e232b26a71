"""Singular spectra of a model's layers and the ranks that a plan has chosen."""

from typing import TYPE_CHECKING

from experiments.style import new_axes, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

LINES = ("-", "--", "-.", ":")


def spectra(curves: "pd.DataFrame", ranks: "pd.DataFrame", axes: "Axes | None" = None) -> "Axes":
    """Singular values over the largest, by share of full rank; circles where a plan cuts them.

    curves: layer, rank_share, relative (s_i / s_1, mean over groups). ranks: layer, rank_share,
    relative, mark (`chosen` or `break-even`, beyond which compaction saves nothing). Layers with
    the same spectrum share one line.
    """
    import seaborn as sns

    with styled():
        ax = axes or new_axes(3.0)[0]
        shared: dict[tuple[float, ...], list[str]] = {}
        for layer, curve in curves.groupby("layer", sort=False):
            points = (*curve["rank_share"], *curve["relative"])
            shared.setdefault(points, []).append(str(layer))
        shades = sns.color_palette("cividis", len(shared))
        ink: dict[str, tuple[float, ...]] = {}
        for number, (points, layers) in enumerate(shared.items()):
            half = len(points) // 2
            line = LINES[number % len(LINES)]
            ink |= dict.fromkeys(layers, shades[number])
            name = ", ".join(layers)
            ax.plot(points[:half], points[half:], line, color=shades[number], lw=1.3, label=name)
        for mark, style, size in (("break-even", "|", 9), ("chosen", "o", 5)):
            for row in ranks[ranks["mark"] == mark].itertuples():
                ax.plot(
                    [float(row.rank_share)],  # type: ignore[arg-type]
                    [float(row.relative)],  # type: ignore[arg-type]
                    style,
                    markersize=size,
                    color=ink[str(row.layer)],
                    markeredgecolor="black",
                    clip_on=False,
                    zorder=4,
                )
        _legend_of_marks(ax, set(ranks["mark"]))
        ax.set(yscale="log", xlim=(0, 1), xlabel="rank over full rank")
        ax.set_ylabel("singular value over the largest")
        ax.set_ylim(bottom=max(0.5 * float(curves["relative"].quantile(0.02)), 1e-4), top=1.2)
        return ax


def _legend_of_marks(ax: "Axes", marks: set[str]) -> None:
    for mark, style in (("chosen", "o"), ("break-even", "|")):
        if mark in marks:
            ax.plot([], [], style, color="white", markeredgecolor="black", label=f"{mark} rank")
    ax.legend(ncols=3, loc="lower left", bbox_to_anchor=(-0.02, 1), columnspacing=1.2)
