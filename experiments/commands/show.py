"""`deepx show`: one thing, every figure with its source."""

import click

from experiments.catalogue import Entry, find
from experiments.faults import given


@click.command("show")
@click.argument("name", metavar="NAME")
def command(name: str) -> None:
    """A SoC, host, link, model, planner, sweep, runtime or cloud with every figure and source.

    \b
    Examples
      deepx show tegra_k1
      deepx show lte
      deepx show deepx
    """
    with given("NAME"):
        found = find(name)
    for number, entry in enumerate(found):
        if number:
            click.echo()
        _show(entry)


def _show(entry: Entry) -> None:
    from pydantic import BaseModel

    from experiments.showing import (
        describe_planner,
        figure_lines,
        layers_table,
        paragraphs,
        plain_lines,
    )
    from experiments.terminal import output
    from socs import load_cloud, load_host, load_link, load_runtime, load_soc
    from workloads import load_workload

    console = output()
    console.print(f"{entry.kind.removesuffix('s')} {entry.name}", style="bold")
    if entry.kind == "planners":
        console.print(describe_planner(entry))
        return
    console.print(paragraphs(entry.description))
    assert entry.path is not None
    if entry.kind == "experiments":
        console.print(entry.path.read_text(encoding="utf-8").rstrip())
        return
    spec: BaseModel
    if entry.kind == "models":
        workload = load_workload(entry.path)
        console.print(layers_table(workload))
        spec = workload.spec
    else:
        loaders = {
            "socs": load_soc,
            "hosts": load_host,
            "links": load_link,
            "runtimes": load_runtime,
            "clouds": load_cloud,
        }
        spec = loaders[entry.kind](entry.path)
    for line in plain_lines(spec):
        console.print(line)
    for line in figure_lines(spec):
        console.print(line)
