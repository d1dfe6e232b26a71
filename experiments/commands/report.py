"""`deepx report`: the page of a folder of results."""

from pathlib import Path

import click

from experiments.faults import writing


@click.command("report")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def command(folder: Path) -> None:
    """Write DIR/report.html, one self-contained page, from what `deepx reproduce` left in DIR.

    \b
    Example
      deepx report results/reproduce
    """
    from experiments.report import write_report

    with writing(folder, "DIR"):
        page = write_report(folder)
    click.echo(str(page))
