"""A reproduction as tables for people; each fits 80 columns."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from experiments.amounts import bytes_of, joules, ratio, seconds
from experiments.scoring import factor_off, rms_log_error
from experiments.style import shown
from experiments.terminal import table

if TYPE_CHECKING:
    from rich.table import Table

Rows = Sequence[dict[str, Any]]


def cells_table(rows: Rows) -> "Table":
    """The ten energy cells."""
    made = table(
        "SoC",
        "model",
        "versus",
        "abstract",
        "sourced",
        "calibrated",
        "/ abstract",
        title="Energy of a baseline over that of DeepX",
        left=3,
    )
    for row in rows:
        fitted = row["calibrated"]
        made.add_row(
            shown(row["soc"]),
            shown(row["model"]),
            row["versus"],
            f"{row['paper']:g}",
            ratio(row["sourced"]),
            ratio(fitted),
            ratio(None if fitted is None else fitted / row["paper"]),
        )
    return made


def memory_table(rows: Rows) -> "Table":
    """Footprints."""
    made = table(
        "SoC",
        "model",
        "abstract",
        "as stored",
        "by ranks alone",
        "error limit",
        title="Memory footprint of the model over that of its DeepX plan",
        left=2,
    )
    for row in rows:
        names = shown(row["soc"]), shown(row["model"])
        made.add_row(
            *names,
            f"{row['paper']:g}",
            ratio(row["simulated"]),
            ratio(row["compaction"]),
            f"{row['error_limit']:g}",
        )
    return made


def verification_table(rows: Rows) -> "Table":
    """Relative errors of the plans that ran on real tensors."""
    made = table(
        "SoC", "model", "planner", "options", "error", "bound", "", title="On real tensors", left=4
    )
    for row in rows:
        made.add_row(
            shown(row["soc"]),
            shown(row["model"]),
            row["planner"],
            row["options"],
            ratio(row["relative_error"]),
            f"{row['error_bound']:g}",
            "within" if row["within_bound"] else "BEYOND",
        )
    return made


def planners_tables(rows: Rows) -> "Iterator[Table]":
    """One table for each SoC and model: a row a planner, both sets of options side by side."""
    for soc, model in dict.fromkeys((row["soc"], row["model"]) for row in rows):
        columns = ("energy", "latency", "memory", "plan in", "energy", "latency", "memory")
        title = f"{shown(soc)}, {shown(model)}: options paper (4 columns), then options full"
        made = table("planner", *columns, title=title)
        mine = [row for row in rows if (row["soc"], row["model"]) == (soc, model)]
        for planner in dict.fromkeys(row["planner"] for row in mine):
            spaces = {row["options"]: row for row in mine if row["planner"] == planner}
            paper, full = _numbers(spaces.get("paper")), _numbers(spaces.get("full"))
            made.add_row(planner, *paper, *full[:3])
        yield made


def gaps_table(rows: Rows) -> "Table":
    """How far each planner's plan is from the proved optimum: a row a planner, a column a case."""
    cases = list(dict.fromkeys((r["soc"], r["model"], r["options"]) for r in rows))
    names = [f"{shown(soc)[:5]}\n{shown(model)[:5]}\n{space}" for soc, model, space in cases]
    made = table("planner", *names, title="Cost above the proved optimum, planning aside")
    gaps = {(r["planner"], (r["soc"], r["model"], r["options"])): r["gap_to_exact"] for r in rows}
    for planner in dict.fromkeys(row["planner"] for row in rows):
        cells = [gaps.get((planner, case)) for case in cases]
        made.add_row(planner, *(_above(gap) for gap in cells))
    return made


def _above(gap: float | None) -> str:
    """A share in percent; from ten times on, as a factor."""
    if gap is None:
        return "-"
    if gap >= 9.0:
        return f"{gap + 1.0:.0f}x"
    gap = max(gap, 0.0) if abs(gap) < 1e-9 else gap  # no sign on what rounding leaves
    return f"{100.0 * gap:.{0 if gap >= 1.0 else 1 if gap >= 0.01 else 2}f} %"


def _numbers(row: dict[str, Any] | None) -> tuple[str, str, str, str]:
    """Energy, latency, memory, how long planning takes; why not, where there are none."""
    if row is None:
        return ("-",) * 4
    if row["status"] != "ok":
        word = {"infeasible": "infeas.", "not applicable": "n/a"}
        return (word.get(row["status"].partition(":")[0], "failed"), "-", "-", "-")
    return (
        joules(row["energy_j"]),
        seconds(row["latency_s"]),
        bytes_of(row["peak_memory_bytes"]),
        seconds(row["planning_latency_s"]),
    )


def closing_lines(result: dict[str, Any]) -> Iterator[str]:
    """How far to believe it."""
    scenario, coupling = result["scenario"], result["coupling"]
    network, window = scenario.get("network"), scenario.get("energy_window")
    yield f"Network {network}, energy window {window}; energies include planning."
    fitted = len(result["parameters"])
    yield (
        f"{fitted} figures are calibrated."
        if fitted
        else "Sourced figures only: nothing was fitted to the abstract."
    )
    yield f"Weights are {scenario.get('weights')}."
    yield "Sourced alone: " + factor_off(rms_log_error(result["cells"], column="sourced"))
    yield "Calibrated: " + factor_off(rms_log_error(result["cells"]))
    others = (
        f"{name} {ratio(reading['rms_log_error'])}" for name, reading in result["readings"].items()
    )
    yield "The same by reading of the Tegra K1 row: " + ", ".join(others) + "."
    yield f"Rank correlation {ratio(coupling['rank_correlation'])} of {coupling['over']}."
