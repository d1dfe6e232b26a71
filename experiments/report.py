"""The page: one self-contained HTML file of what a folder of results holds."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from experiments.amounts import bytes_of, joules, ratio, seconds
from experiments.documents import Reproduction, read_reproduction
from experiments.drawing.recorded import Run, recorded
from experiments.files import write_text
from experiments.scoring import factor_off
from experiments.style import shown

RESULTS = "reproduce.json"
PAGE = "report.html"
CAPTIONS = {
    "energy_gains": "Energy of the baselines over that of DeepX; lines: as the abstract has it, "
    "rings: before calibration.",
    "energy_breakdown": "Energy by component and planner, {pair}, options paper.",
    "inference": "One inference planned by DeepX, {pair}: activities above, power below.",
    "plan": "Which block runs where, {pair}: the plan of DeepX, options paper.",
    "spectra": "Singular values of the layers and where the plan of DeepX cuts them, {pair}.",
    "trade_off": "What error buys, {pair}: plans under rising error limits; rimmed: none is better "
    "in memory, energy and error at once.",
    "gap_and_time": "How far each planner stays above the optimum, and how long it plans.",
    "sensitivity": "By what factor the ten cells are off with one figure at either end of its "
    "range.",
    "replanning": "Energy so far under static plans, replanning and an oracle in the same twenty "
    "minutes: AlexNet on a Snapdragon 800 over a slow WiFi that wanders.",
}
"""By kind of figure, the beginning of its file name."""


class Drawing(NamedTuple):
    """A figure for the page."""

    kind: str
    caption: str
    svg: str


def write_report(folder: Path) -> Path:
    """Write `report.html` of a folder that `reproduce` wrote; InputFault, OSError."""
    page, found = folder / PAGE, read_reproduction(folder / RESULTS)
    pairs = _pairs(found)
    runs = recorded(folder / "timelines", {file_name(*p): pair_title(*p) for p in pairs})
    write_text(page, render(found, figures_in(folder, pairs), runs))
    return page


def file_name(soc: str, model: str) -> str:
    """SoC and model in a file's name: letters, digits, `.`, `-` and `_` only."""
    return "-".join(re.sub(r"[^\w.]+", "_", name) for name in (soc, model))


def pair_title(soc: str, model: str) -> str:
    """SoC and model as people read them."""
    return f"{shown(soc)}, {shown(model)}"


def figures_in(folder: Path, pairs: Iterable[tuple[str, str]]) -> list[Drawing]:
    """Every figure that has a caption, in the order of the captions."""
    titles = {file_name(*pair): pair_title(*pair) for pair in pairs}
    found = []
    for kind, caption in CAPTIONS.items():
        for path in sorted((folder / "figures").glob(f"{kind}*.svg")):
            name = path.stem.removeprefix(kind).removeprefix("_")
            svg = svg_element(path.read_text(encoding="utf-8"), f"{path.stem}-")
            found.append(Drawing(kind, caption.format(pair=titles.get(name, name)), svg))
    return found


def svg_element(text: str, prefix: str) -> str:
    """The `svg` element of a drawing, to stand in a page: ids prefixed, nothing from outside."""
    start = text.find("<svg")
    body = text[start:] if start >= 0 else ""
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<script.*?</script>", "", body, flags=re.DOTALL | re.IGNORECASE)
    body = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", body)
    body = re.sub(r'\b(id=")', rf"\g<1>{prefix}", body)
    return re.sub(r'(url\(#|href="#)', rf"\g<1>{prefix}", body)


def render(found: Reproduction, figures: Sequence[Drawing], runs: Sequence[Run] = ()) -> str:
    """The page; every name in it is escaped, the figures are drawings of ours."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from experiments.drawing.interactive import script, timelines

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Bokeh's objects refer to those before them: sorting the keys would undo that.
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}
    environment.filters |= {
        "seconds": seconds,
        "joules": joules,
        "bytes_of": bytes_of,
        "ratio": ratio,
        "shown": shown,
    }
    template = environment.get_template("report.html.j2")
    return template.render(
        found=found,
        figures=figures,
        off=_off(found),
        pairs=_pairs(found),
        rows=_rows(found),
        timelines=timelines(runs, "timelines") if runs else None,
        script=script() if runs else "",
    )


def _off(found: Reproduction) -> str:
    printed = found.readings.get("as_printed")
    return factor_off(None if printed is None else printed.rms_log_error)


def _pairs(found: Reproduction) -> list[tuple[str, str]]:
    return list(dict.fromkeys((row.soc, row.model) for row in found.planners))


def _rows(found: Reproduction) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """By SoC and model: one row a planner, its results under `paper` and `full`."""
    rows: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for row in found.planners:
        planners = rows.setdefault((row.soc, row.model), {})
        planners.setdefault(row.planner, {"planner": row.planner})[row.options] = row
    return {pair: list(planners.values()) for pair, planners in rows.items()}
