"""`deepx schema`: JSON Schema of our YAML files."""

import click

from experiments.faults import command_line


@click.command("schema")
@click.argument("kind", metavar="KIND")
def command(kind: str) -> None:
    """JSON Schema of files whose first line is `kind: KIND`, for editors.

    \b
    Example
      deepx schema soc > soc.schema.json
    """
    from experiments.files import to_json
    from experiments.kinds import model_of, readable_kinds

    model = model_of(kind)
    if model is None:
        raise command_line("KIND", f"is {kind!r}, must be one of {', '.join(readable_kinds())}")
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    click.echo(to_json(schema | model.model_json_schema(by_alias=True)))
