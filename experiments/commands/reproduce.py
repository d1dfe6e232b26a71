"""`deepx reproduce`: the abstract's evaluation, end to end."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from experiments.faults import AnswerIsNo, writing

if TYPE_CHECKING:
    from experiments.evaluation import Case, Finding

DEFAULT = Path("results/reproduce")


@click.command("reproduce")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=DEFAULT,
    show_default=True,
    metavar="DIR",
    help="Where data, timelines, figures and report.html go.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(out: Path, as_json: bool) -> None:
    """Reproduce the abstract's evaluation: both SoCs, both models, all planners.

    Every plan is simulated; those of deepx, rlc, dad and a baseline are carried out on real
    tensors as well. Energy cells, memory, verification and planners are printed beside what the
    abstract says; data, timelines, figures and report.html are written to DIR.

    \b
    Examples
      deepx reproduce
      deepx reproduce --out results/today --json > today.json
    """
    from experiments.evaluation import all_cases
    from experiments.files import to_json
    from experiments.publishing import prepare, publish
    from experiments.scoring import by_case, document
    from experiments.terminal import say, working

    with writing(out, "--out"):
        prepare(out)
    findings = _findings(all_cases(), out)
    result = document(by_case(findings))
    with working("drawing figures, writing the page"), writing(out, "--out"):
        publish(out, result, findings)
    if as_json:
        click.echo(to_json(result))
    else:
        _show(result)
    say(f"written to {out}: reproduce.json, planners.csv, cells.csv, figures, timelines")
    say(f"the page, to open in a browser: {out / 'report.html'}")
    failed = [row for row in result["verification"] if not row["within_bound"]]
    if failed:
        raise AnswerIsNo("verification failed: " + "; ".join(map(_failure, failed)))


def _findings(cases: "tuple[Case, ...]", out: Path) -> "list[Finding]":
    """Every case, in order; interrupted, what is finished is kept."""
    from experiments.evaluation import evaluate, in_order
    from experiments.terminal import progress
    from experiments.workers import free_workers

    findings: list[Finding] = []
    try:
        with (
            progress("plans simulated", len(cases)) as step,
            closing(evaluate(cases, workers=free_workers())) as running,
        ):
            for finding in running:
                findings.append(finding)
                step(finding.case.label)
    except KeyboardInterrupt:
        if findings:
            _keep(in_order(findings, cases), len(cases), out)
        raise
    return in_order(findings, cases)


def _keep(findings: "list[Finding]", total: int, out: Path) -> None:
    from experiments.publishing import keep_finished
    from experiments.terminal import say

    with writing(out, "--out"):
        kept = keep_finished(out, findings)
    say(f"{len(findings)} of {total} plans were finished; they are kept in {kept}")


def _failure(row: dict[str, Any]) -> str:
    error, bound = row["relative_error"], row["error_bound"]
    what = f"{row['soc']} {row['model']} {row['options']} {row['planner']}"
    return f"{what}: relative error {error:.3g} exceeds {bound:.3g}"


def _show(result: dict[str, Any]) -> None:
    from experiments.summary import (
        cells_table,
        closing_lines,
        gaps_table,
        memory_table,
        planners_tables,
        verification_table,
    )
    from experiments.terminal import output

    console = output()
    console.print(cells_table(result["cells"]))
    console.print(memory_table(result["memory"]))
    console.print(verification_table(result["verification"]))
    console.print(gaps_table(result["planners"]))
    for made in planners_tables(result["planners"]):
        console.print(made)
    for line in closing_lines(result):
        console.print(line)
