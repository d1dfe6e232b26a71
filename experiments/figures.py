"""Figures: one function each, DataFrame in, Axes out; nothing is computed here but positions."""

from typing import TYPE_CHECKING, Any

from experiments.style import PAPER, colour, new_axes, shown, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

BASELINES = ("cloud", "gpu", "cpu")


def energy_gains(cells: "pd.DataFrame", axes: "Axes | None" = None) -> "Axes":
    """Energy of each baseline over that of DeepX, with what the abstract prints marked.

    cells: soc, model, versus, paper, sourced. Logarithmic: equal factors are equally long.
    """
    import seaborn as sns

    with styled():
        ax = axes or new_axes(2.9)[0]
        table = cells.assign(pair=_pairs(cells))
        pairs = list(dict.fromkeys(table["pair"]))
        order = [name for name in BASELINES if name in set(table["versus"])]
        sns.barplot(
            table,
            x="pair",
            y="sourced",
            hue="versus",
            order=pairs,
            hue_order=order,
            palette={name: colour(name) for name in order},
            saturation=1.0,
            edgecolor="white",
            ax=ax,
        )
        width = 0.8 / len(order)
        label = "printed in the abstract"
        for row in table.itertuples():
            x = pairs.index(str(row.pair)) + (order.index(str(row.versus)) + 0.5) * width - 0.4
            ax.hlines(
                float(row.paper),  # type: ignore[arg-type]
                x - 0.46 * width,
                x + 0.46 * width,
                color=PAPER,
                linewidth=1.8,
                label=label,
            )
            label = "_nolegend_"
        ax.axhline(1.0, color=PAPER, linewidth=0.6)
        ax.set(yscale="log", xlabel="", ylabel="energy over that of DeepX")
        ax.yaxis.set_major_formatter("{x:g}x")
        handles, labels = ax.get_legend_handles_labels()
        names = [f"{text} only" if text in order else text for text in labels]
        ax.legend(handles, names, ncols=4, loc="lower left", bbox_to_anchor=(0, 1))
        return ax


def _pairs(table: "pd.DataFrame") -> list[str]:
    return [
        f"{shown(soc)}\n{shown(model)}"
        for soc, model in zip(table["soc"], table["model"], strict=True)
    ]


def energy_breakdown(breakdown: "pd.DataFrame", axes: "Axes | None" = None) -> "Axes":
    """Energy by component, one bar a planner, for one SoC and model.

    breakdown: planner, component, energy_j. Bars longer than thrice the median are cut, and the
    number says how long they are: a cloud plan would leave nothing to see of the others.
    """
    with styled():
        table = breakdown.pivot_table(
            index="planner", columns="component", values="energy_j", sort=False, fill_value=0.0
        )
        totals = table.sum(axis=1)
        ax = axes or new_axes(0.9 + 0.27 * len(table))[0]
        limit = min(float(totals.max()), 3.0 * float(totals.median()))
        components = [name for name in table if float(table[name].sum()) > 0]
        left = totals * 0.0
        for name in components:
            bars = table[name].clip(upper=(limit - left).clip(lower=0.0))
            ax.barh(
                table.index,
                bars,
                left=left,
                height=0.7,
                color=colour(str(name)),
                edgecolor="white",
                linewidth=0.5,
                label=str(name),
            )
            left = left + bars
        for planner, total in totals.items():
            cut = " (cut)" if total > limit * (1 + 1e-9) else ""
            text = f" {float(total):.3g} J{cut}"
            # matplotlib places text on a category by its name
            where: Any = str(planner)
            ax.text(min(float(total), limit), where, text, va="center", fontsize=8)
        ax.grid(axis="y", visible=False)
        ax.grid(axis="x", visible=True)
        ax.set(xlabel="energy, J", xlim=(0, limit * 1.18))
        ax.invert_yaxis()
        ax.legend(ncols=8, loc="lower left", bbox_to_anchor=(-0.12, 1), columnspacing=1.0)
        return ax


def gantt(timeline: "pd.DataFrame", axes: "Axes | None" = None) -> "Axes":
    """Activities of one inference, one row a resource.

    timeline: resource, row, label, kind, start_s, stop_s; activities of one resource that overlap
    have different rows. Computing is solid, all else (moving, loading, planning) lighter.
    """
    with styled():
        names = list(dict.fromkeys(timeline["resource"]))
        ax = axes or new_axes(0.8 + 0.35 * len(names))[0]
        for position, name in enumerate(names):
            part = timeline[timeline["resource"] == name]
            count = int(part["row"].max()) + 1
            height = 0.8 / count
            for row in part.itertuples():
                y = position - 0.4 + height * float(row.row)
                _activity(ax, row, y, height, colour(str(name)))
        ax.set_yticks(range(len(names)), names)
        ax.set_ylim(len(names) - 0.5, -0.5)
        ax.set_xlim(0, float(timeline["stop_s"].max()) * 1e3)
        ax.grid(axis="y", visible=False)
        ax.grid(axis="x", visible=True)
        ax.set_xlabel("time, ms")
        return ax


def _activity(ax: "Axes", row: "pd.Series[str]", y: float, height: float, fill: str) -> None:
    start_ms, length_ms = 1e3 * float(row.start_s), 1e3 * (float(row.stop_s) - float(row.start_s))
    solid = row.kind == "compute"
    ax.broken_barh(
        [(start_ms, length_ms)],
        (y, height),
        facecolors=fill,
        alpha=1.0 if solid else 0.45,
        edgecolor="white",
        linewidth=0.4,
    )


def power(watts: "pd.DataFrame", axes: "Axes | None" = None) -> "Axes":
    """Power of the device by component, stacked; the area is energy.

    watts: time_s, component, power_w, each row holding until the component's next.
    """
    with styled():
        ax = axes or new_axes(2.0)[0]
        steps = watts.pivot_table(
            index="time_s", columns="component", values="power_w", aggfunc="last", sort=False
        )
        steps = steps.sort_index().ffill().fillna(0.0)
        used = [name for name in steps if float(steps[name].max()) > 0]
        ax.stackplot(
            steps.index * 1e3,
            [steps[name].clip(lower=0.0) for name in used],
            labels=[str(name) for name in used],
            colors=[colour(str(name)) for name in used],
            step="post",
            linewidth=0,
        )
        ax.set(xlabel="time, ms", ylabel="power, W")
        ax.set_ylim(bottom=0)
        ax.legend(ncols=8, loc="lower left", bbox_to_anchor=(-0.02, 1), columnspacing=1.0)
        return ax


def inference(timeline: "pd.DataFrame", watts: "pd.DataFrame") -> "Axes":
    """One inference: activities above, power below, on one time axis; returns the upper axes."""
    resources = timeline["resource"].nunique()
    with styled():
        upper, lower = new_axes(1.9 + 0.33 * resources, 2, (0.33 * resources + 0.2, 1.6))
        gantt(timeline, upper)
        power(watts[watts["time_s"] <= timeline["stop_s"].max()], lower)
        upper.set_xlabel("")
        return upper
