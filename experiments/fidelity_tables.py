"""What `deepx validate` found, as tables: rows of text, for the terminal and for Markdown."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """A table of text."""

    title: str
    columns: Row
    rows: tuple[Row, ...]
    left: int = 1
    """Columns of words; the others hold numbers."""


def number(value: float | None) -> str:
    """Three significant digits."""
    return "-" if value is None else f"{value:.3g}"


def short(name: str) -> str:
    """`cudnn weights.bytes_per_s` of `host.cudnn.weights.bytes_per_s`."""
    _, spec, *path = name.split(".")
    return f"{spec} {'.'.join(path)}"


def cells(found: dict[str, Any]) -> Listing:
    """The ten cells: printed, sourced, calibrated."""
    columns = zip(
        found["names"],
        found["printed"],
        found["sourced"]["cells"],
        found["calibrated"]["cells"],
        strict=True,
    )
    rows: list[Row] = [
        (name, f"{paper:g}", number(sourced), number(fitted), number(fitted / paper))
        for name, paper, sourced, fitted in columns
    ]
    factors = [number(found[key]["factor"]) for key in ("sourced", "calibrated")]
    worst = [number(found[key]["worst"]) for key in ("sourced", "calibrated")]
    rows += [("geometric error", "", *factors, ""), ("worst cell, a factor of", "", *worst, "")]
    return Listing(
        "Energy of a baseline over that of DeepX",
        ("cell", "printed", "sourced", "calibrated", "/ printed"),
        tuple(rows),
    )


def parameters(found: dict[str, Any]) -> Listing:
    """The calibrated figures, by what they mean."""
    rows = tuple((row["means"], *_values(row)) for row in found["parameters"])
    columns = ("calibrated figure (SI units)", "before", "now", "low", "high")
    return Listing("What was calibrated, within the range of its sources", columns, rows)


def named_parameters(found: dict[str, Any]) -> Listing:
    """The calibrated figures, by name as well."""
    rows = tuple(
        (short(row["name"]), row["means"], row["basis_before"], *_values(row))
        for row in found["parameters"]
    )
    columns = ("figure (SI units)", "means", "basis before", "before", "now", "low", "high")
    return Listing("Calibrated figures", columns, rows, 3)


def _values(row: dict[str, Any]) -> Row:
    return tuple(number(row[key]) for key in ("uncalibrated", "value", "low", "high"))


def ablations(found: dict[str, Any]) -> Listing:
    """The cells with one thing changed."""
    names = tuple(_brief(name) for name in found["names"])
    rows = tuple(
        (row["name"], number(row["factor"]), *map(number, row["cells"]))
        for row in found["ablations"]
    )
    return Listing("Ablations, calibrated figures", ("changed", "error", *names), rows)


def _brief(name: str) -> str:
    """`T A cloud` of `tegra_k1 alexnet cloud`."""
    soc, model, versus = name.split()
    return f"{soc[0].upper()} {model[0].upper()} {versus}"


def memory(found: dict[str, Any]) -> Listing:
    """Memory reduction by error limit."""
    rows = tuple(
        (f"{row['error_limit']:g}", number(row["alexnet"]), number(row["cd_seide"]))
        for row in found["memory"]
    )
    return Listing("Times less memory by compaction alone", ("limit", "alexnet", "cd_seide"), rows)


def sensitivity(found: dict[str, Any]) -> Listing:
    """Figures that move the cells most."""
    rows = tuple(
        (
            short(row["figure"]),
            row["basis"],
            number(row["low"]),
            number(row["value"]),
            number(row["high"]),
            number(row["swing"]),
            row["most_moved"],
        )
        for row in found["sensitivity"]
    )
    columns = ("figure", "basis", "low", "value", "high", "swing", "most moved")
    return Listing("Sensitivity: cells at the high end over cells at the low end", columns, rows, 2)


def predictions(found: dict[str, Any]) -> Listing:
    """Chips that nothing was fitted to."""
    batches = list(dict.fromkeys(row["batch"] for row in found["predictions"]))
    keys = dict.fromkeys(
        (row["soc"], row["processor"], row["host"]) for row in found["predictions"]
    )
    rows = []
    for key in keys:
        mine = {
            row["batch"]: row["ms_per_image"]
            for row in found["predictions"]
            if (row["soc"], row["processor"], row["host"]) == key
        }
        rows.append((*key, *(number(mine[batch]) for batch in batches)))
    columns = ("SoC", "on", "host", *(f"batch {batch}" for batch in batches))
    return Listing("AlexNet, milliseconds an image, nothing fitted", columns, tuple(rows), 3)


def answers(found: dict[str, Any]) -> Listing:
    """Cloud against deepx, in seconds and joules."""
    rows = tuple(
        (
            row["soc"],
            row["model"],
            row["planner"],
            number(row["latency_s"]),
            number(row["energy_j"]),
        )
        for row in found["coupling"]["answers"]
    )
    columns = ("SoC", "model", "planner", "latency s", "energy J")
    return Listing("Over LTE the answer is quick and its energy is not", columns, rows, 3)


def fits(found: dict[str, Any]) -> Listing:
    """Forward selection."""
    rows, known = [], set[str]()
    for row in found["calibration"]["fits"]:
        new = [name for name in row["values"] if name not in known]
        known |= set(new)
        bounds = ", ".join(short(name) for name in row["at_bound"]) or "none"
        names = ", ".join(short(name) for name in new)
        rows.append(
            (f"{row['parameters']}", names, number(row["factor"]), number(row["worst"]), bounds)
        )
    columns = ("parameters", "added", "error", "worst", "at a bound")
    return Listing("Fits by number of parameters", columns, tuple(rows), 2)


def left_out(found: dict[str, Any]) -> Listing:
    """Cells predicted by a fit to the others."""
    part = found["calibration"]["left_out"]
    leverage = found["calibration"]["identifiability"]["leverage"]
    rows = tuple((name, number(off), number(leverage[name])) for name, off in part["cells"].items())
    rows += (("geometric error", f"{part['cells_factor']:.4g}", ""),)
    return Listing("Leave one cell out", ("cell", "predicted / printed", "leverage"), rows)


def left_out_rows(found: dict[str, Any]) -> Listing:
    """Rows of the abstract predicted by a fit to the others."""
    part = found["calibration"]["left_out"]
    rows = tuple((name, ", ".join(map(number, off))) for name, off in part["rows"].items())
    rows += (("geometric error", f"{part['rows_factor']:.4g}"),)
    return Listing("Leave one row out", ("row", "predicted / printed"), rows)


def from_tegra(found: dict[str, Any]) -> Listing:
    """The Snapdragon from the Tegra."""
    rows = tuple(
        (row["carried_over"], *map(number, row["predicted_over_printed"]), number(row["factor"]))
        for row in found["calibration"]["snapdragon_from_tegra"]
    )
    columns = ("carried over", "A cloud", "A cpu", "C cloud", "C cpu", "error")
    return Listing("The Snapdragon, fitted on the Tegra alone: predicted / printed", columns, rows)


def readings(found: dict[str, Any]) -> Listing:
    """Readings of the Tegra row."""
    rows = tuple(
        (name, number(row["factor"]), number(row["worst"]), f"{len(row['at_bound'])}")
        for name, row in found["calibration"]["readings"].items()
    )
    columns = ("reading", "error", "worst", "at a bound")
    return Listing("Readings of the Tegra row, the same parameters refitted", columns, rows)


def bands(found: dict[str, Any]) -> Listing:
    """Uncertainty of each cell."""
    rows = tuple(
        (name, f"{paper:g}", number(row["p5"]), number(row["p50"]), number(row["p95"]))
        for (name, row), paper in zip(
            found["bands"]["cells"].items(), found["printed"], strict=True
        )
    )
    title = f"{found['bands']['samples']} draws of {found['bands']['figures']} figures"
    return Listing(title, ("cell", "printed", "5 %", "median", "95 %"), rows)


def tables(found: dict[str, Any]) -> "Iterator[Table]":
    """For the terminal: what fits 80 columns."""
    from experiments.terminal import table

    chosen = [cells, parameters, memory, predictions, answers]
    if "calibration" in found:
        chosen += [fits, left_out, from_tegra, readings]
    if "bands" in found:
        chosen.append(bands)
    for make in chosen:
        listing = make(found)
        made = table(*listing.columns, title=listing.title, left=listing.left)
        for row in listing.rows:
            made.add_row(*row)
        yield made


def markdown(listing: Listing) -> str:
    """The same as a table in Markdown."""
    rules = ["---" if at < listing.left else "--:" for at in range(len(listing.columns))]
    lines: Sequence[Row] = (listing.columns, tuple(rules), *listing.rows)
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
