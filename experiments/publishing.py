"""What a reproduction leaves behind: data, timelines, figures and the page, each file whole."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.abstract import CELLS
from experiments.answers import OK
from experiments.comparison import planner_rows
from experiments.evaluation import Finding
from experiments.files import prepare_folder, replacing, write_json, write_text
from experiments.report import RESULTS, file_name, write_report
from experiments.scoring import ABSTRACT_OPTIONS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

PARTIAL = "planners.partial.csv"
"""Rows finished before an interruption; gone when a run ends."""
FOLDERS = ("figures", "timelines")
Draw = Callable[[], "Axes"]


def prepare(folder: Path) -> None:
    """Make the folders and see that files can be written there, before any work; OSError."""
    prepare_folder(folder)
    for name in FOLDERS:
        prepare_folder(folder / name)


def publish(folder: Path, document: Mapping[str, Any], findings: Sequence[Finding]) -> None:
    """Write everything; `reproduce.json` comes last but for the page, when all else is there."""
    import pandas as pd

    write_table(folder / "planners.csv", pd.DataFrame(document["planners"]))
    write_table(folder / "cells.csv", pd.DataFrame(document["cells"]))
    write_table(folder / "verification.csv", pd.DataFrame(document["verification"]))
    from experiments.frames import breakdown_frame

    breakdown = breakdown_frame(findings)
    write_table(folder / "energy_breakdown.csv", breakdown)
    for finding in shown_findings(findings):
        _write_timeline(folder / "timelines", finding)
    for name, draw in drawings(document, breakdown, findings):
        save_figure(folder / "figures" / name, draw())
    write_json(folder / RESULTS, document)
    write_report(folder)
    (folder / PARTIAL).unlink(missing_ok=True)


def keep_finished(folder: Path, findings: Iterable[Finding]) -> Path:
    """Write the rows of an interrupted run; returns the file."""
    import pandas as pd

    rows = planner_rows({finding.case: finding for finding in findings})
    write_table(folder / PARTIAL, pd.DataFrame(rows))
    return folder / PARTIAL


def shown_findings(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Runs of deepx with the abstract's options: those with timelines and figures."""
    for finding in findings:
        case = finding.case
        if finding.status == OK and case.planner == "deepx" and case.options == ABSTRACT_OPTIONS:
            yield finding


def write_table(path: Path, table: "pd.DataFrame") -> None:
    """A table as CSV, whole or not at all; OSError."""
    write_text(path, table.to_csv(index=False, lineterminator="\n"))


def _write_timeline(folder: Path, finding: Finding) -> None:
    from experiments.tracing import chrome_trace

    name, plan, outcome = pair_name(finding), finding.plan, finding.outcome
    assert plan is not None and outcome is not None
    write_table(folder / f"{name}.csv", _activities(finding))
    write_table(folder / f"{name}.power.csv", outcome.power())
    write_json(folder / f"{name}.trace.json", chrome_trace(outcome, plan, finding.question))


def pair_name(finding: Finding) -> str:
    """SoC and model in a file's name."""
    return file_name(finding.question.soc.name, finding.case.model)


def drawings(
    document: Mapping[str, Any], breakdown: "pd.DataFrame", findings: Sequence[Finding]
) -> Iterator[tuple[str, Draw]]:
    """(file name, what draws it) of every figure."""
    import pandas as pd

    from experiments import figures
    from experiments.drawing import studies
    from experiments.drawing.gaps import gap_and_time
    from experiments.drawing.tables import planning_frame

    cells = pd.DataFrame(document["cells"]).dropna(subset=["sourced", "calibrated"])
    if len(cells):
        yield "energy_gains", lambda: figures.energy_gains(cells)
    for finding in shown_findings(findings):
        shares = _of_pair(breakdown, finding)
        name = pair_name(finding)
        yield f"energy_breakdown_{name}", partial(figures.energy_breakdown, shares)
        yield f"inference_{name}", partial(_inference, finding)
        yield f"plan_{name}", partial(_plan, finding)
        yield f"spectra_{name}", partial(_spectra, finding)
        yield f"trade_off_{name}", partial(_trade_off, finding)
    planning = planning_frame(document["planners"], findings)
    if planning["gap"].notna().any():
        yield "gap_and_time", partial(gap_and_time, planning)
    if len(cells) == len(CELLS):  # of the whole evaluation, not of a part
        yield "sensitivity", studies.sensitivities
        yield "replanning", studies.replanning_over_time


def _of_pair(breakdown: "pd.DataFrame", finding: Finding) -> "pd.DataFrame":
    case = finding.case
    same = (breakdown["soc"] == case.soc) & (breakdown["model"] == case.model)
    return breakdown[same & (breakdown["options"] == case.options)]


def _inference(finding: Finding) -> "Axes":
    from experiments.figures import inference

    assert finding.outcome is not None
    return inference(_activities(finding), finding.outcome.power())


def _plan(finding: Finding) -> "Axes":
    from experiments.drawing.plans import plan_over_layers
    from experiments.drawing.tables import plan_frame

    assert finding.plan is not None
    return plan_over_layers(plan_frame(finding.plan, finding.question.workload))


def _spectra(finding: Finding) -> "Axes":
    from experiments.drawing.spectra import spectra
    from experiments.drawing.tables import spectra_frames

    assert finding.plan is not None
    return spectra(*spectra_frames(finding.plan, finding.question.workload))


def _trade_off(finding: Finding) -> "Axes":
    from experiments.drawing.tables import trade_off_frame
    from experiments.drawing.trade_offs import memory_error_energy

    return memory_error_energy(trade_off_frame(finding.question))


def _activities(finding: Finding) -> "pd.DataFrame":
    """Everything that a timeline shows: what processors and radio do, in detail, and the bus."""
    import pandas as pd

    from experiments.blocks import block_details, said
    from experiments.frames import timeline_frame, traffic_frame

    plan, outcome = finding.plan, finding.outcome
    assert plan is not None and outcome is not None
    details = block_details(plan, finding.question.workload)
    table = pd.concat([timeline_frame(outcome), traffic_frame(outcome)], ignore_index=True)
    keys = zip(table["resource"], table["label"], strict=True)
    return table.assign(details=[said(details.get(key)) for key in keys])


def save_figure(path: Path, axes: "Axes") -> None:
    """PNG and SVG, the same bytes for the same figure; OSError."""
    from experiments.style import figure_of, styled

    figure = figure_of(axes)
    with styled():
        for kind, metadata in (("svg", {"Date": None}), ("png", {"Software": None})):
            with replacing(path.with_suffix(f".{kind}")) as beside:
                figure.savefig(beside, format=kind, dpi=200, metadata=metadata)
