"""`deepx stream`: a request stream on a living device."""

from typing import Any

import click

from experiments.faults import AnswerIsNo, given


@click.command("stream")
@click.argument("file", metavar="FILE")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(file: str, as_json: bool) -> None:
    """Let requests come in on a device whose conditions move, and see what becomes of them.

    FILE is a stream's YAML, or the name of a shipped one. Each policy meets the same requests in
    the same world; with replications, all figures have confidence intervals. The answer is no where
    no request was answered at all.

    \b
    Examples
      deepx stream experiments/configs/day_of_use.yaml --json
      deepx check my_stream.yaml && deepx stream my_stream.yaml
    """
    from experiments.files import to_json
    from experiments.streams.document import stream_document
    from experiments.streams.loading import load_stream
    from experiments.streams.running import run_stream_file, steps_of
    from experiments.sweeps.meter import metered

    with given("FILE"):
        stream = load_stream(file)
    with metered(stream.name, steps_of(stream)) as told:
        runs = run_stream_file(stream, told)
    document = stream_document(stream, runs)
    if as_json:
        click.echo(to_json(document))
    else:
        from experiments.streams.showing import show_stream

        show_stream(document)
    _answered(document)


def _answered(document: dict[str, Any]) -> None:
    """The answer is no where requests failed and none was answered under any policy."""
    counts = [found["requests"] for found in document["policies"].values()]
    reasons = dict.fromkeys(reason for count in counts for reason in count["reasons"])
    if reasons and not any(count["done"] + count["late"] for count in counts):
        raise AnswerIsNo(f"no request was answered: {'; '.join(reasons)}")
