"""One look for all figures: colours safe for the colour-blind, text readable at column width."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN_IN = 6.0
"""Width of a figure; at a column of 3.3 in its text is still 5 pt or more."""
PAPER = "#000000"
"""Colour of what the paper prints."""
COLOURS = {
    "cpu": "#0173b2",
    "gpu": "#de8f05",
    "dsp": "#029e73",
    "lpc": "#56b4e9",
    "cloud": "#949494",
    "radio": "#cc78bc",
    "dram": "#ca9161",
    "board": "#d9d9d9",
}
"""Seaborn's `colorblind` palette, one colour a component wherever it appears; in drawing order."""
DARK = frozenset({COLOURS["cpu"], COLOURS["dsp"]})
"""Fills that want white text."""
NAMES = {
    "tegra_k1": "Tegra K1",
    "snapdragon_800": "Snapdragon 800",
    "alexnet": "AlexNet",
    "cd_seide": "CD-Seide",
}


def shown(name: str) -> str:
    """How a name is printed."""
    return NAMES.get(name, name)


def colour(component: str) -> str:
    """A component's colour; grey for an unknown one."""
    return COLOURS.get(component, "#7f7f7f")


def drawing_order(component: str) -> tuple[int, str]:
    """Sorts components alike in every figure; unknown ones last, by name."""
    known = list(COLOURS)
    return (known.index(component) if component in known else len(known), component)


@contextmanager
def styled() -> Iterator[None]:
    """The shared style while a figure is drawn."""
    import matplotlib as mpl

    settings: dict[str, Any] = {
        "font.size": 9,
        "axes.titlesize": 9,
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "grid.color": "#dddddd",
        "grid.linewidth": 0.6,
        "legend.frameon": False,
        "legend.fontsize": 8,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "hatch.linewidth": 0.5,
        "svg.hashsalt": "deepx",
        "svg.fonttype": "path",
    }
    with mpl.rc_context(cast("Any", settings)):
        yield


def new_axes(height_in: float, rows: int = 1, heights: tuple[float, ...] = (1.0,)) -> list["Axes"]:
    """Axes below each other, sharing x, in a figure of column width."""
    from matplotlib.figure import Figure

    figure: Figure = Figure(figsize=(COLUMN_IN, height_in), layout="constrained")
    grid = figure.subplots(
        rows, 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights}
    )
    return [row[0] for row in grid]


def figure_of(axes: "Axes") -> "Figure":
    """The figure that axes belong to."""
    from matplotlib.figure import Figure

    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    return figure


def drawn(axes: "Axes", path: Path) -> Path:
    """Write the figure of axes as PNG, the same bytes each time; the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure_of(axes).savefig(path, format="png", dpi=110, metadata={"Software": None})
    return path
