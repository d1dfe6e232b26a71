"""Figures: one function each, DataFrame in, Axes out; nothing is computed here but positions."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from experiments.style import DARK, PAPER, colour, drawing_order, new_axes, shown, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

BASELINES = ("cloud", "gpu", "cpu")


def energy_gains(cells: "pd.DataFrame", axes: "Axes | None" = None) -> "Axes":
    """Energy of each baseline over that of DeepX, with what the abstract prints marked.

    cells: soc, model, versus, paper, sourced, calibrated. Bars are calibrated, circles what the
    sources alone give. Logarithmic: equal factors are equally long.
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
            y="calibrated",
            hue="versus",
            order=pairs,
            hue_order=order,
            palette={name: colour(name) for name in order},
            saturation=1.0,
            edgecolor="white",
            ax=ax,
        )
        width = 0.8 / len(order)
        label, before = "printed in the abstract", "before calibration"
        for row in table.itertuples():
            x = pairs.index(str(row.pair)) + (order.index(str(row.versus)) + 0.5) * width - 0.4
            ax.plot(
                [x],
                [float(row.sourced)],  # type: ignore[arg-type]
                "o",
                markersize=4,
                markerfacecolor="white",
                markeredgecolor=PAPER,
                label=before,
            )
            before = "_nolegend_"
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
        least = float(table[["sourced", "calibrated", "paper"]].min().min())
        ax.set(yscale="log", xlabel="", ylabel="energy over that of DeepX")
        ax.set_ylim(bottom=1.0 if least > 1.0 else 0.8 * least)
        ax.yaxis.set_major_formatter("{x:g}x")
        handles, labels = ax.get_legend_handles_labels()
        names = [f"{text} only" if text in order else text for text in labels]
        ax.legend(handles, names, ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
        return ax


def _pairs(table: "pd.DataFrame") -> list[str]:
    return [
        f"{shown(soc)}\n{shown(model)}"
        for soc, model in zip(table["soc"], table["model"], strict=True)
    ]


def energy_breakdown(breakdown: "pd.DataFrame", axes: "Axes | None" = None) -> "Axes":
    """Energy by component, one bar a planner, for one SoC and model.

    breakdown: planner, component, energy_j. Bars beyond thrice the median are drawn shorter, with
    their true shares, hatched, and said so: a cloud plan would leave nothing to see of the others.
    """
    from matplotlib.patches import Patch

    with styled():
        table = breakdown.pivot_table(
            index="planner", columns="component", values="energy_j", sort=False, fill_value=0.0
        )
        totals = table.sum(axis=1)
        ax = axes or new_axes(0.9 + 0.27 * len(table))[0]
        limit = 1.2 * float(totals[totals <= 3.0 * totals.median()].max())
        limit = min(limit, float(totals.max()))
        lengths = totals.clip(upper=limit)
        drawn = table.mul(lengths / totals, axis=0)
        places = range(len(table))
        names = _stack(ax, drawn, [float(total) > limit for total in totals])
        for place, total, length in zip(places, totals, lengths, strict=True):
            cut = " (not to scale)" if total > length else ""
            ax.text(float(length), place, f" {float(total):.3g} J{cut}", va="center", fontsize=8)
        ax.set_yticks(places, [str(name) for name in table.index])
        ax.grid(axis="y", visible=False)
        ax.grid(axis="x", visible=True)
        ax.set(xlabel="energy, J", xlim=(0, limit * 1.25))
        ax.invert_yaxis()
        handles = [Patch(color=colour(name), label=name) for name in names]
        ax.legend(
            handles=handles,
            ncols=8,
            loc="lower left",
            bbox_to_anchor=(-0.12, 1),
            columnspacing=1.0,
        )
        return ax


def _stack(ax: "Axes", table: "pd.DataFrame", hatched: list[bool]) -> list[str]:
    """Horizontal bars, one a row, of parts in the components' own order; the parts to be seen."""
    left, seen = [0.0] * len(table), []
    for name in sorted(table, key=lambda name: drawing_order(str(name))):
        values = [float(value) for value in table[name]]
        if max(values) < 0.002 * float(table.to_numpy().max()):
            continue
        bars = ax.barh(
            range(len(table)),
            values,
            left=left,
            height=0.7,
            color=colour(str(name)),
            edgecolor="white",
            linewidth=0.5,
        )
        seen.append(str(name))
        for bar, cut in zip(bars, hatched, strict=True):
            bar.set_hatch("////" if cut else None)
        left = [start + value for start, value in zip(left, values, strict=True)]
    return seen


def gantt(timeline: "pd.DataFrame", axes: "Axes | None" = None) -> "Axes":
    """Activities of one inference, one row a resource.

    timeline: resource, row, label, kind, start_s, stop_s; activities of one resource that overlap
    have different rows. Computing is solid; planning, moving and loading are lighter; `kind`
    `traffic` (the bus) is as dark as it is busy, by a column `share`.
    """
    with styled():
        names = list(dict.fromkeys(timeline["resource"]))
        ax = axes or new_axes(0.8 + 0.35 * len(names))[0]
        end_ms = 1e3 * float(timeline["stop_s"].max())
        for position, name in enumerate(names):
            part = timeline[timeline["resource"] == name]
            height = 0.8 / (int(part["row"].max()) + 1)
            for row in part.to_dict("records"):
                y = position - 0.4 + height * float(row["row"])
                _activity(ax, row, (y, height), colour(str(name)), end_ms)
        ax.set_yticks(range(len(names)), names)
        ax.set_ylim(len(names) - 0.5, -0.5)
        ax.set_xlim(0, end_ms)
        ax.grid(axis="y", visible=False)
        ax.grid(axis="x", visible=True)
        ax.set_xlabel("time, ms")
        return ax


def _activity(
    ax: "Axes", row: Mapping[Any, Any], place: tuple[float, float], fill: str, end_ms: float
) -> None:
    """One bar, with its label where that fits."""
    start_ms, stop_ms = 1e3 * float(row["start_s"]), 1e3 * float(row["stop_s"])
    traffic = row["kind"] == "traffic"
    shade = float(row["share"]) if traffic else 1.0 if row["kind"] == "compute" else 0.4
    ax.broken_barh(
        [(start_ms, stop_ms - start_ms)],
        place,
        facecolors=(fill, shade),
        edgecolor="none" if traffic else "white",
        linewidth=0.0 if traffic else 0.4,
    )
    text = _short(str(row["label"]))
    if not traffic and (stop_ms - start_ms) / end_ms > 0.0115 * (len(text) + 1):
        middle = (start_ms + stop_ms) / 2, place[0] + place[1] / 2
        ink = "white" if shade == 1.0 and fill in DARK else "black"
        ax.text(*middle, text, ha="center", va="center", fontsize=7, color=ink, clip_on=True)


def _short(label: str) -> str:
    """What is done, without where: `fc6` of `fc6[0:4096]`, `stage weights` of `... fc6[0:4096]`."""
    head, bracket, _ = label.partition("[")
    return head.rpartition(" ")[0] or head if bracket else head


def power(watts: "pd.DataFrame", axes: "Axes | None" = None) -> "Axes":
    """Power of the device by component, stacked; the area is energy.

    watts: time_s, component, power_w, each row holding until the component's next.
    """
    with styled():
        ax = axes or new_axes(2.0)[0]
        steps = watts.pivot_table(
            index="time_s", columns="component", values="power_w", aggfunc="last", sort=False
        )
        steps = steps.sort_index().ffill().fillna(0.0).clip(lower=0.0)
        most = 0.01 * float(steps.to_numpy().max())
        shown_ones = [name for name in steps if float(steps[name].max()) > most]
        order = sorted(shown_ones, key=lambda name: drawing_order(str(name)), reverse=True)
        ax.stackplot(
            steps.index * 1e3,
            [steps[name] for name in order],
            labels=[str(name) for name in order],
            colors=[colour(str(name)) for name in order],
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
