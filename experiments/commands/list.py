"""`deepx list`: what there is."""

import click

from experiments.catalogue import LISTED, entries
from experiments.faults import command_line


@click.command("list")
@click.argument("kind", metavar="[" + "|".join(LISTED) + "]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(kind: str | None, as_json: bool) -> None:
    """What there is, by kind; without one, everything.

    A file in the right folder is its own registration: see CONTRIBUTING.md.

    \b
    Examples
      deepx list
      deepx list planners --json
    """
    if kind is not None and kind not in LISTED:
        raise command_line("KIND", f"is {kind!r}, must be one of {', '.join(LISTED)}")
    kinds = LISTED if kind is None else (kind,)
    found = {
        name: [{"name": e.name, "description": e.description} for e in entries(name)]
        for name in kinds
    }
    if as_json:
        import json

        click.echo(json.dumps(found if kind is None else found[kind], indent=2))
        return
    for name in kinds:
        click.echo(name)
        longest = max((len(row["name"]) for row in found[name]), default=0)
        for row in found[name]:
            click.echo(_line(f"{row['name']:<{max(16, longest)}}", row["description"]))
        if not found[name]:
            click.echo("  (none)")


def _line(name: str, description: str, width: int = 80) -> str:
    """Name and the beginning of the description, in one line."""
    line = f"  {name} {description}"
    return line if len(line) <= width else line[: width - 3].rstrip() + "..."
