"""`deepx import`: a trained model's file as a workload with its weights beside it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from experiments.faults import command_line, writing

if TYPE_CHECKING:
    from workloads import Workload


@click.command("import")
@click.argument("model", metavar="MODEL.onnx")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    metavar="DIR",
    help="Where NAME.yaml and NAME.npz go. Left out: nothing is written.",
)
@click.option("--name", default=None, metavar="NAME", help="By default the file's.")
@click.option("--output", default=None, metavar="NAME", help="Which of several outputs is wanted.")
@click.option(
    "--shape", default=None, metavar="C,H,W", help="A frame's shape, where the file leaves it open."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    model: str,
    out: Path | None,
    name: str | None,
    output: str | None,
    shape: str | None,
    as_json: bool,
) -> None:
    """Read a trained network from an ONNX file; say what it is, and write it as a workload.

    \b
    Examples
      deepx import mobile.onnx
      deepx import mobile.onnx --out models --shape 3,224,224
      deepx infer models/mobile.yaml --soc snapdragon_800 --planner deepx --verify
    """
    from experiments.files import to_json
    from workloads.onnx.importing import read_network
    from workloads.onnx.loading import named, workload_from

    path = Path(model)
    network = read_network(path, output=output, shape=_shape(shape))
    workload = workload_from(network, name or named(path), source=path.name)
    document = summary(workload) | {
        "opset": network.opset,
        "operators": network.operators,
        "file_input_shape": list(network.file_input),
        "file_output_shape": list(network.file_output),
    }
    if out is not None:
        document["files"] = [str(file) for file in _written(workload, out)]
    if as_json:
        click.echo(to_json(document))
    else:
        _show(document)


def _shape(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        sizes = tuple(int(size) for size in text.split(","))
    except ValueError:
        sizes = ()
    if not 1 <= len(sizes) <= 5 or min(sizes) < 1:
        raise command_line("--shape", f"is {text!r}, must be sizes of a frame such as 3,224,224")
    return sizes


def summary(workload: "Workload") -> dict[str, Any]:
    """What a workload is, as plain data."""
    kinds = sorted({layer.kind for stage in workload.stages for layer in stage.layers})
    return {
        "name": workload.name,
        "input_shape": list(workload.input_shape),
        "output_shape": list(workload.output_shape),
        "stages": len(workload.stages),
        "layer_kinds": kinds,
        "is_chain": workload.is_chain,
        "parameters": workload.parameters,
        "macs_per_frame": workload.macs,
        "content_hash": workload.content_hash,
    }


def _written(workload: "Workload", folder: Path) -> tuple[Path, Path]:
    """NAME.yaml and NAME.npz."""
    from workloads.storing import write_workload

    with writing(folder, "--out"):
        folder.mkdir(parents=True, exist_ok=True)
        return write_workload(workload, folder)


def _show(document: dict[str, Any]) -> None:
    from rich.table import Table

    from experiments.terminal import output

    table = Table("what", "value", title=document["name"])
    for key, value in document.items():
        if key != "name":
            text = f"{value:,}" if type(value) is int else str(value)
            table.add_row(key.replace("_", " "), text)
    output().print(table)
