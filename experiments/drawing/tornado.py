"""Which figures matter most: a tornado."""

from typing import TYPE_CHECKING

from experiments.style import PAPER, new_axes, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

LOW, HIGH = "#d9d9d9", "#0173b2"


def tornado(
    swings: "pd.DataFrame",
    *,
    base: float,
    label: str,
    most: int = 12,
    axes: "Axes | None" = None,
) -> "Axes":
    """What a result becomes with one figure at either end of its range, the widest above.

    swings: figure, at_low, at_high: the result with the figure at its low and high end; base: the
    result with all figures as they are. Logarithmic: equal factors are equally long. Pale bars are
    low ends, dark ones high ends.
    """
    import numpy as np

    with styled():
        width = np.abs(np.log(swings["at_high"] / swings["at_low"]))
        table = swings.assign(width=width).nlargest(most, "width")
        ax = axes or new_axes(0.9 + 0.23 * len(table))[0]
        for end, fill in (("low", LOW), ("high", HIGH)):
            values = table[f"at_{end}"]
            ax.barh(
                range(len(table)),
                values - base,
                left=base,
                height=0.7,
                color=fill,
                edgecolor="#555555",
                linewidth=0.5,
                label=f"figure at its {end} end",
            )
        ax.axvline(base, color=PAPER, linewidth=1.0)
        ax.set_yticks(range(len(table)), [_short(str(name)) for name in table["figure"]])
        ax.invert_yaxis()
        ax.set(xscale="log", xlabel=label)
        ax.xaxis.set_major_formatter("{x:g}")
        ax.xaxis.set_minor_formatter("{x:g}")
        ax.tick_params(axis="x", which="minor", labelsize=7)
        ax.grid(axis="y", visible=False)
        ax.grid(axis="x", visible=True)
        ax.legend(ncols=2, loc="lower left", bbox_to_anchor=(-0.02, 1))
        return ax


def _short(name: str) -> str:
    """`tegra_k1 cpu.stall_activity` of `soc.tegra_k1.processors.cpu.stall_activity`: whose it is
    and the end of its path, with three parts where the last but one is a mere number.
    """
    _, owner, *path = name.split(".") if name.count(".") >= 2 else ("", "", name)
    count = 3 if len(path) > 2 and path[-2].isdigit() else 2
    return f"{owner} {'.'.join(path[-count:])}".strip()
