"""The picture of the concept page: how a question becomes an outcome, and what a device is."""

from typing import TYPE_CHECKING, NamedTuple

from experiments.style import COLOURS, DARK, new_axes, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import FancyBboxPatch

PALE, DATA, CODE = "#f2f2f2", "#ffffff", "#cfe2f3"
HEIGHT = 8.0


class Box(NamedTuple):
    """A box: its name, what stands below it, its centre and width in hundredths, its fill."""

    name: str
    below: str
    x: float
    y: float
    width: float
    fill: str


FLOW = (
    Box("chip and its code", "socs/data, socs/hosts", 12.5, 95, 24, DATA),
    Box("model", "workloads/data, ONNX", 12.5, 82, 24, DATA),
    Box("conditions, goals", "link, load, limits", 12.5, 69, 24, DATA),
    Box("question", "all a planner knows", 37.5, 82, 18, DATA),
    Box("planner", "a file in planners/", 59, 82, 17, CODE),
    Box("plan", "unit-blocks", 77, 82, 12, DATA),
    Box("cost law", "written once, asked by both", 60, 95, 25, CODE),
    Box("event engine", "seconds, joules", 90.5, 95, 18, CODE),
    Box("numerics", "real tensors, error", 90.5, 69, 18, CODE),
)
FLOWS = (
    ("chip and its code", "question"),
    ("model", "question"),
    ("conditions, goals", "question"),
    ("question", "planner"),
    ("planner", "plan"),
    ("cost law", "planner"),
    ("cost law", "event engine"),
    ("plan", "event engine"),
    ("plan", "numerics"),
)
DEVICE = (
    Box("cpu", "BLAS on its cores", 12, 49, 17, COLOURS["cpu"]),
    Box("gpu", "CUDA or OpenCL", 31, 49, 17, COLOURS["gpu"]),
    Box("dsp", "fixed point", 50, 49, 17, COLOURS["dsp"]),
    Box("lpc", "companion core", 69, 49, 17, COLOURS["lpc"]),
    Box(
        "dram",
        "one bus, its bandwidth shared by all that move bytes",
        40.5,
        35,
        74,
        COLOURS["dram"],
    ),
    Box("flash", "weights come from here", 14, 21, 21, PALE),
    Box("battery, case", "charge, heat, capped clocks", 40.5, 21, 25, PALE),
    Box("radio", "promotion, rate, tail", 67, 21, 20, COLOURS["radio"]),
    Box("cloud", "a server's queue", 90.5, 21, 18, COLOURS["cloud"]),
)
WIRES = (
    ("cpu", "dram"),
    ("gpu", "dram"),
    ("dsp", "dram"),
    ("lpc", "dram"),
    ("flash", "dram"),
    ("radio", "dram"),
    ("radio", "cloud"),
)


def concept() -> "Axes":
    """Above what is asked and answered (white: data, blue: code), below the device as modelled."""
    with styled():
        (axes,) = new_axes(4.2)
        axes.set(xlim=(0, 100), ylim=(15, 101))
        axes.axis("off")
        axes.axhline(61.5, color="#bbbbbb", linewidth=0.8)
        axes.text(0.5, 58.5, "The device", fontsize=8, weight="bold", va="center")
        said = "each part draws watts while it works; the board draws its own all along"
        axes.text(15, 58.5, said, fontsize=7, va="center")
        boxes = {box.name: (box, _box(axes, box)) for box in (*FLOW, *DEVICE)}
        for pairs, style in ((FLOWS, "-|>"), (WIRES, "<|-|>")):
            for tail, head in pairs:
                _arrow(axes, boxes[tail], boxes[head], style)
        return axes


def _box(axes: "Axes", box: Box) -> "FancyBboxPatch":
    from matplotlib.patches import FancyBboxPatch

    corner = (box.x - box.width / 2, box.y - HEIGHT / 2)
    patch = FancyBboxPatch(
        corner, box.width, HEIGHT, "round,pad=0,rounding_size=1", fc=box.fill, ec="#555555", lw=0.8
    )
    axes.add_patch(patch)
    ink = "white" if box.fill in DARK else "black"
    axes.text(
        box.x, box.y + 1.6, box.name, ha="center", va="center", color=ink, size=8, weight="bold"
    )
    axes.text(box.x, box.y - 1.9, box.below, ha="center", va="center", color=ink, fontsize=6.5)
    return patch


Drawn = tuple[Box, "FancyBboxPatch"]


def _arrow(axes: "Axes", tail: Drawn, head: Drawn, style: str) -> None:
    """Between the rims of two boxes; straight up and down where one lies over the other."""
    from matplotlib.patches import FancyArrowPatch

    (start, from_patch), (end, to_patch) = tail, head
    narrow = min(start, end, key=lambda box: box.width)
    over = abs(start.x - end.x) < max(start.width, end.width) / 2
    points = [(narrow.x if over else box.x, box.y) for box in (start, end)]
    axes.add_patch(
        FancyArrowPatch(
            points[0],
            points[1],
            arrowstyle=style,
            mutation_scale=8,
            color="#333333",
            linewidth=0.9,
            patchA=from_patch,
            patchB=to_patch,
            shrinkA=0,
            shrinkB=0,
        )
    )
