"""Specifications as tables: every sourced figure, and what else a file says."""

import ast
from collections.abc import Iterator
from textwrap import fill, wrap
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from experiments.catalogue import Entry
from experiments.terminal import WIDTH, table
from socs.figures import figures
from workloads import Workload
from workloads.sourced import Sourced

if TYPE_CHECKING:
    from rich.table import Table

_UNITS = {
    "_bytes_per_s": "B/s",
    "_macs_per_s": "MAC/s",
    "macs_per_s": "MAC/s",
    "_j_per_byte": "J/B",
    "_w_per_hz_v2": "W/(Hz V^2)",
    "_bytes": "B",
    "_hz": "Hz",
    "_w": "W",
    "_s": "s",
    "_v": "V",
    "_c": "degC",
    "macs_per_cycle": "MAC/cycle",
}
"""By the end of a field's name; the longest that fits counts."""


def unit_of(path: tuple[str, ...]) -> str:
    """SI unit that the names of a figure's path tell; empty for a plain number."""
    for name in reversed(path):
        ends = [end for end in _UNITS if name.endswith(end)]
        if ends:
            return _UNITS[max(ends, key=len)]
    return ""


def figure_lines(spec: BaseModel) -> Iterator[str]:
    """Of each figure: field, value with unit, range, basis; below it the source."""
    for path, figure in figures(spec):
        value = f"{figure.value:.6g} {unit_of(path)}".strip()
        low, high = ("" if v is None else f"{v:.4g}" for v in (figure.low, figure.high))
        bounds = f"  in {low}..{high}" if low or high else ""
        yield f"{'.'.join(path)} = {value}{bounds}  ({figure.basis})"
        yield from wrap(figure.source, WIDTH, initial_indent="    ", subsequent_indent="    ")
        before = figure.uncalibrated
        if before is not None:
            text = f"before the fit {before.value:.6g} ({before.basis}): {before.source}"
            yield from wrap(text, WIDTH, initial_indent="    ", subsequent_indent="    ")


def plain_lines(spec: BaseModel) -> Iterator[str]:
    """What a specification says beside its sourced figures."""
    for path, value in _plain(spec):
        if len(path) > 1 or path[0] not in {"name", "description", "kind", "kind_of_spec"}:
            yield from wrap(f"{'.'.join(path)}: {value}", WIDTH, subsequent_indent="    ")


def _plain(spec: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(spec, Sourced) or spec is None:
        return
    if isinstance(spec, BaseModel):
        for name in type(spec).model_fields:
            if name != "layers" or not isinstance(spec.layers, tuple):  # type: ignore[attr-defined]
                yield from _plain(getattr(spec, name), (*path, name))
    elif isinstance(spec, dict):
        for name, item in spec.items():
            yield from _plain(item, (*path, str(name)))
    elif isinstance(spec, tuple | list) and any(isinstance(item, BaseModel) for item in spec):
        yield path, "; ".join(_short(item) for item in spec)
    elif isinstance(spec, tuple | list):
        yield path, ", ".join(map(str, spec))
    else:
        yield path, str(spec)


def _short(item: BaseModel) -> str:
    """A member of a list in one piece: `564 MHz 0.706 V`; sourced ones stand in the table."""
    fields = type(item).model_fields
    if {"frequency_hz", "voltage_v"} <= set(fields):
        return f"{item.frequency_hz / 1e6:g} MHz {item.voltage_v:g} V"  # type: ignore[attr-defined]
    texts = (getattr(item, name) for name in fields)
    return " ".join(str(text) for text in texts if not isinstance(text, BaseModel | None))


def layers_table(workload: Workload) -> "Table":
    """Planned layers with what is fused into each."""
    title = f"{workload.parameters:,} parameters, {workload.macs / 1e6:,.1f} M MACs a frame"
    made = table("layer", "kind", "fused", "units", "output", "MACs", title=title, left=3)
    for stage in workload.stages:
        planned = stage.layers[0]
        made.add_row(
            stage.name,
            planned.kind,
            ", ".join(layer.kind for layer in stage.layers[1:]),
            str(stage.units),
            " x ".join(map(str, stage.output_shape)),
            f"{stage.macs / 1e6:.1f} M",
        )
    return made


def describe_planner(entry: Entry) -> str:
    """What a planner's file says of it."""
    if entry.path is None:
        return entry.description
    tree = ast.parse(entry.path.read_text(encoding="utf-8"))
    return paragraphs(ast.get_docstring(tree) or "")


def paragraphs(text: str) -> str:
    """Text with every paragraph wrapped anew."""
    return "\n\n".join(fill(part, WIDTH) for part in text.split("\n\n"))
