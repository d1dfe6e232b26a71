"""A plan drawn over the layers of its model."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from experiments.style import DARK, colour, new_axes, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_BOX = 0.62
"""Height of a layer's box; the rest of a row is for the arrows between them."""
_LETTERS = 62
"""Letters of the boxes' size that fit into the width of all lanes."""


def plan_over_layers(plan: "pd.DataFrame", axes: "Axes | None" = None) -> "Axes":
    """Which block runs where, at which precision and rank: a box a layer, a fill a processor.

    plan: layer, place (row), lane and lanes (where branches run side by side), after (names of the
    layers that it reads), start and stop (share of the layer's units), processor, precision, rank
    (missing: not compacted), full_rank. Blocks of one layer share its box as they share its units.
    """
    with styled():
        rows = int(plan["place"].max()) + 1
        ax = axes or new_axes(0.55 + 0.36 * rows)[0]
        boxes = plan.drop_duplicates("layer").set_index("layer").to_dict("index")
        for name, box in boxes.items():
            for before in box["after"]:
                if before in boxes:
                    _arrow(ax, boxes[before], box)
            names_left = box["lanes"] == 1
            ax.text(
                -0.01 if names_left else _left(box),
                box["place"] if names_left else box["place"] - _BOX / 2 - 0.05,
                str(name),
                ha="right" if names_left else "left",
                va="center" if names_left else "bottom",
                fontsize=8,
            )
        for row in plan.to_dict("records"):
            _block(ax, row)
        ax.set(xlim=(-0.09, 1.0), ylim=(rows - 0.5, -0.6))
        ax.set_axis_off()
        return ax


def _left(box: Mapping[Any, Any]) -> float:
    return float(box["lane"]) / float(box["lanes"])


def _width(box: Mapping[Any, Any]) -> float:
    return 1.0 / float(box["lanes"]) - (0.02 if box["lanes"] > 1 else 0.0)


def _arrow(ax: "Axes", source: Mapping[Any, Any], target: Mapping[Any, Any]) -> None:
    ends = [_left(box) + _width(box) / 2 for box in (source, target)]
    far = float(target["place"]) - float(source["place"]) > 1
    ax.annotate(
        "",
        (ends[1], float(target["place"]) - _BOX / 2),
        (ends[0], float(source["place"]) + _BOX / 2),
        arrowprops={
            "arrowstyle": "-|>",
            "color": "#555555",
            "linewidth": 0.8,
            "shrinkA": 0,
            "shrinkB": 0,
            # Over other layers, beside their boxes' middle rather than through their text.
            "connectionstyle": "arc3,rad=0.35" if far else "arc3",
        },
        zorder=0 if far else 2,
    )


def _block(ax: "Axes", row: Mapping[Any, Any]) -> None:
    """A share of a box, with processor, precision and rank as far as they fit."""
    from matplotlib.patches import Rectangle

    left = _left(row) + _width(row) * float(row["start"])
    width = _width(row) * (float(row["stop"]) - float(row["start"]))
    fill, bottom = colour(str(row["processor"])), float(row["place"]) - _BOX / 2
    ax.add_patch(
        Rectangle((left, bottom), width, _BOX, facecolor=fill, edgecolor="white", linewidth=1.0)
    )
    ink = "white" if fill in DARK else "black"
    middle = left + width / 2, float(row["place"])
    text = next((t for t in _texts(row) if len(t) <= _LETTERS * width), "")
    ax.text(*middle, text, ha="center", va="center", fontsize=7.5, color=ink)


def _texts(row: Mapping[Any, Any]) -> tuple[str, ...]:
    """From the fullest to the shortest."""
    where, what = str(row["processor"]), str(row["precision"])
    rank = row["rank"]
    if rank is None or rank != rank:
        return (f"{where}, {what}", where)
    long = f"{where}, {what}, rank {int(rank)} of {int(row['full_rank'])}"
    return (long, f"{where}, {what}, rank {int(rank)}", f"{where}, {int(rank)}", where)
