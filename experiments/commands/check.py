"""`deepx check`: validate YAML files."""

from pathlib import Path

import click

from experiments.faults import InputFault


@click.command("check")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
def command(files: tuple[str, ...]) -> None:
    """Validate any of our YAML files, by the `kind:` that each begins with.

    Every fault of every file is told in one line: file:line:column: field: what is wrong, what
    would be right.

    \b
    Example
      deepx check socs/data/*.yaml my_soc.yaml
    """
    from experiments.kinds import check_file
    from workloads.faults import SpecError

    lines: list[str] = []
    for name in files:
        try:
            click.echo(f"{name}: ok, {check_file(Path(name))}")
        except SpecError as error:
            lines += str(error).splitlines()
    if lines:
        raise InputFault(*lines)
