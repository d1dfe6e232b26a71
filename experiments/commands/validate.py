"""`deepx validate`: how far the numbers can be believed."""

from pathlib import Path
from typing import Any

import click

from experiments.faults import writing
from experiments.parameters import Count


@click.command("validate")
@click.option(
    "--calibrate",
    is_flag=True,
    help="Fit from scratch too: by number of parameters, cells left out, readings (minutes).",
)
@click.option(
    "--samples",
    type=Count(100_000),
    default=None,
    metavar="N",
    help="Draw N sets of figures from the ranges of their sources: a band for each cell.",
)
@click.option(
    "--page",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    metavar="FILE",
    help="Write the report as Markdown, as in docs/fidelity.md.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(calibrate: bool, samples: int | None, page: Path | None, as_json: bool) -> None:
    """Compare the ten energy cells with the abstract, and say what they rest on.

    Sourced figures alone first, then the calibrated ones that ship; ablations, memory over error
    limits, time against energy, sensitivities, and chips that nothing was fitted to.

    \b
    Examples
      deepx validate
      deepx validate --calibrate --samples 200 --page docs/fidelity.md
      deepx validate --json | python -m json.tool
    """
    from experiments.fidelity import document
    from experiments.files import to_json
    from experiments.terminal import progress

    with progress("steps", _steps(calibrate, samples)) as step:
        result = document(step, calibrate=calibrate, samples=samples)
    if page is not None:
        _write(page, result)
    if as_json:
        click.echo(to_json(result))
    else:
        _show(result)


def _steps(calibrate: bool, samples: int | None) -> int:
    from experiments.fidelity import PARTS
    from experiments.validation import STEPS

    return PARTS + (STEPS if calibrate else 0) + (samples or 0)


def _write(page: Path, result: dict[str, Any]) -> None:
    from experiments.fidelity_page import markdown

    with writing(page, "--page"):
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(markdown(result), encoding="utf-8")


def _show(result: dict[str, Any]) -> None:
    from experiments.fidelity_tables import tables
    from experiments.terminal import output

    console = output()
    for made in tables(result):
        console.print(made)
