"""Timelines to zoom and point at in a browser: Bokeh, its script part of the page.

Bokeh (BSD 3-clause) draws on a canvas from plain JSON; nothing is evaluated and nothing fetched.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from experiments.drawing.recorded import Run
from experiments.style import colour, drawing_order

if TYPE_CHECKING:
    import pandas as pd
    from bokeh.models import ColumnDataSource, Range1d
    from bokeh.plotting import figure as BokehFigure

WIDEST_ZOOM_MS = 1e-3
"""The least span of time that zooming shows."""
LANE_PX, POWER_PX = 34, 190


def script() -> str:
    """BokehJS as it is shipped in the package, without widgets; about 1.3 MB."""
    from bokeh.resources import Resources

    return "\n".join(Resources(mode="inline", components=["bokeh"], log_level="warn").js_raw)


def timelines(runs: Sequence[Run], target: str) -> dict[str, Any]:
    """What `Bokeh.embed.embed_item` draws into the element `target`: a tab a run.

    The same runs give the same document: Bokeh's numbers of objects start anew.
    """
    from bokeh.core.types import ID
    from bokeh.embed import json_item
    from bokeh.models import TabPanel, Tabs

    panels = [TabPanel(title=run.title, child=_panel(run, n)) for n, run in enumerate(runs)]
    drawn = Tabs(
        tabs=panels,
        sizing_mode="stretch_width",
        name="timelines",
        stylesheets=[".bk-headers-wrapper { flex-wrap: wrap; }"],  # all tabs in sight on a phone
    )
    return _numbered_anew(dict(json_item(drawn, ID(target))))


def _panel(run: Run, number: int) -> Any:
    """Activities above, power below, on one time axis."""
    from bokeh.layouts import column
    from bokeh.models import Range1d

    end_ms = 1e3 * float(run.activities["stop_s"].max())
    span = Range1d(
        start=0, end=end_ms, bounds=(0, end_ms), min_interval=WIDEST_ZOOM_MS, name=f"time_{number}"
    )
    return column(_lanes(run, number, span), _power(run, span), sizing_mode="stretch_width")


def _figure(span: "Range1d", height: int, **options: Any) -> "BokehFigure":
    """An empty figure: dragging selects a span to zoom to; Ctrl and wheel zoom, so that the
    wheel alone still scrolls the page.
    """
    from bokeh.models import BoxZoomTool, PanTool, ResetTool, WheelZoomTool
    from bokeh.plotting import figure

    zoom = BoxZoomTool(dimensions="width")
    wheel = WheelZoomTool(dimensions="width", modifiers="ctrl")
    made = figure(
        x_range=span,
        height=height,
        sizing_mode="stretch_width",
        tools=[zoom, PanTool(dimensions="width"), wheel, ResetTool()],
        active_drag=zoom,
        active_scroll=wheel,
        min_border_left=52,
        min_border_right=14,
        **options,
    )
    made.toolbar.logo = None
    return made


def _lanes(run: Run, number: int, span: "Range1d") -> "BokehFigure":
    """A lane a resource; pointing at an activity tells what it is."""
    from bokeh.models import HoverTool

    resources = list(dict.fromkeys(run.activities["resource"].astype(str)))
    made = _figure(span, 100 + LANE_PX * len(resources), y_range=resources[::-1])
    made.toolbar_location = "above"
    bars = made.hbar(
        y="lane",
        height="height",
        left="left",
        right="right",
        fill_color="colour",
        fill_alpha="shade",
        line_color="white",
        line_width=0.5,
        line_alpha="edge",
        source=_activities(run.activities),
        name=f"activities_{number}",
    )
    said = [
        ("", "@resource: @label"),
        ("", "@details"),
        ("start", "@left{0.000} ms"),
        ("takes", "@duration_ms{0.000} ms"),
        ("adds", "@power_w{0.000} W, @energy_mj{0.000} mJ"),
    ]
    made.add_tools(HoverTool(renderers=[bars], tooltips=said))
    made.ygrid.visible = False
    made.xaxis.axis_label = "time, ms"
    return made


def _activities(table: "pd.DataFrame") -> "ColumnDataSource":
    """One bar an activity; those of a resource that overlap share its lane's height."""
    from bokeh.models import ColumnDataSource

    found: dict[str, Any] = {}
    rows = table.groupby("resource")["row"].max() + 1
    for row in table.to_dict("records"):
        name, count = str(row["resource"]), int(rows[row["resource"]])
        traffic = row["kind"] == "traffic"
        solid = 1.0 if row["kind"] == "compute" else 0.45
        duration_s = float(row["stop_s"]) - float(row["start_s"])
        bar = {
            "resource": name,
            "label": str(row["label"]),
            "details": str(row["details"]),
            "lane": (name, 0.4 - 0.8 * (float(row["row"]) + 0.5) / count),
            "height": 0.8 / count,
            "left": 1e3 * float(row["start_s"]),
            "right": 1e3 * float(row["stop_s"]),
            "duration_ms": 1e3 * duration_s,
            "power_w": float(row["power_w"]),
            "energy_mj": 1e3 * duration_s * float(row["power_w"]),
            "colour": colour(name),
            "shade": float(row["share"]) if traffic else solid,
            "edge": 0.0 if traffic else 1.0,
        }
        for key, value in bar.items():
            found.setdefault(key, []).append(value)
    return ColumnDataSource(found)


def _power(run: Run, span: "Range1d") -> "BokehFigure":
    """Power by component, stacked, so that area is energy; pointing tells the watts."""
    from bokeh.models import ColumnDataSource, HoverTool
    from bokeh.models.annotations import Legend, LegendItem

    steps = run.watts.pivot_table(
        index="time_s", columns="component", values="power_w", aggfunc="last", sort=False
    )
    steps = steps.sort_index().ffill().fillna(0.0).clip(lower=0.0)
    steps = steps[steps.index <= float(run.activities["stop_s"].max())]
    most_w = float(steps.sum(axis=1).max())
    seen = [str(name) for name in steps if float(steps[name].max()) > 0.01 * most_w]
    order = sorted(seen, key=drawing_order, reverse=True)
    made = _figure(span, POWER_PX, y_range=(0, 1.05 * most_w))
    made.toolbar_location = None
    made.yaxis.axis_label = "power, W"
    below = steps[order[:0]].sum(axis=1)
    items: list[Any] = []
    for name in order:
        above = below + steps[name]
        source = ColumnDataSource({"x": 1e3 * steps.index, "y1": below, "y2": above})
        area = made.varea_step(
            x="x", y1="y1", y2="y2", step_mode="after", fill_color=colour(name), source=source
        )
        items.append(LegendItem(label={"value": name}, renderers=[area]))  # type: ignore[list-item]
        below = above
    columns = {name: f"watts_{number}" for number, name in enumerate(order)}
    total: dict[str, Any] = {"x": 1e3 * steps.index, "total_w": below}
    total |= {columns[name]: steps[name] for name in order}
    line = made.step(
        x="x", y="total_w", mode="after", line_color="black", source=ColumnDataSource(total)
    )
    said = [("time", "@x{0.000} ms"), ("total", "@total_w{0.000} W")]
    said += [(name, f"@{columns[name]}{{0.000}} W") for name in reversed(order)]
    made.add_tools(HoverTool(renderers=[line], tooltips=said, mode="vline", line_policy="prev"))
    legend = Legend(items=items[::-1], ncols=4, location="left", border_line_color=None)
    made.add_layout(legend, "below")
    return made


def _numbered_anew(document: dict[str, Any]) -> dict[str, Any]:
    """The same document with Bokeh's ids (`p1042`, counted per process) in order of appearance."""
    known: dict[str, str] = {}

    def walk(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: walk(item, str(name)) for name, item in value.items()}
        if isinstance(value, list):
            return [walk(item, key) for item in value]
        if key in {"id", "root_id"} and re.fullmatch(r"p\d+", str(value)):
            return known.setdefault(value, f"p{1001 + len(known)}")
        return value

    return {name: walk(value, name) for name, value in document.items()}
