"""`deepx infer`: one request, planned, simulated, and verified on request."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from experiments.faults import AnswerIsNo, command_line, given, writing
from experiments.requests import Request, request_options

if TYPE_CHECKING:
    from experiments.answers import Answer


@click.command("infer")
@request_options
@click.option("--planner", metavar="P", help="Who plans: see `deepx list planners`.")
@click.option("--plan", "plan_file", metavar="FILE", help="Replay a plan made elsewhere.")
@click.option("--verify", is_flag=True, help="Carry real tensors and compare the output.")
@click.option("--trace", metavar="FILE", help="Write the timeline as a Chrome/Perfetto trace.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    planner: str | None,
    plan_file: str | None,
    verify: bool,
    trace: str | None,
    as_json: bool,
    **values: Any,
) -> None:
    """One inference of MODEL (a name, or a YAML file), from arrival to the end of its window.

    \b
    Examples
      deepx infer alexnet --soc tegra_k1 --planner deepx --verify
      deepx infer cd_seide --soc snapdragon_800 --planner deepx --busy cpu=0.5
      deepx infer alexnet --soc tegra_k1 --planner dad --deadline-ms 150 --json
      deepx infer alexnet --soc tegra_k1 --plan result.json
    """
    from experiments.files import to_json

    answer = _answer(Request.of(values), planner, plan_file, trace, verify)
    if trace is not None and answer.outcome is not None:
        _write_trace(Path(trace), answer)
    if as_json:
        from experiments.answers import infer_document

        click.echo(to_json(infer_document(answer)))
    elif answer.outcome is not None:
        _show(answer)
    if not answer.holds:
        raise AnswerIsNo(answer.complaint)


def _answer(
    request: Request, planner: str | None, plan_file: str | None, trace: str | None, verify: bool
) -> "Answer":
    if planner is None and plan_file is None:
        raise command_line("--planner", "is missing; `deepx list planners` names them")
    question = request.question()
    if trace is not None:
        from experiments.files import probe_file

        with writing(Path(trace), "--trace"):
            probe_file(Path(trace))
    from experiments.answers import ask, carry_out, replay
    from planners import load_planner

    if planner is not None:
        with given("--planner"):
            load_planner(planner)
    if plan_file is not None:
        from experiments.replays import read_plan_file

        answer = replay(question, read_plan_file(Path(plan_file), question, planner))
    else:
        assert planner is not None
        answer = ask(question, planner)
    if not verify:
        return carry_out(answer)
    from experiments.terminal import working

    with working("verifying on real tensors (weights are made once and kept)"):
        return carry_out(answer, verify=True)


def _write_trace(path: Path, answer: "Answer") -> None:
    from experiments.files import write_json
    from experiments.tracing import chrome_trace

    assert answer.outcome is not None and answer.plan is not None
    with writing(path, "--trace"):
        write_json(path, chrome_trace(answer.outcome, answer.plan, answer.question))


def _show(answer: "Answer") -> None:
    from experiments.answers import infer_document
    from experiments.tables import (
        breakdown_table,
        plan_table,
        result_table,
        scenario_lines,
        verification_line,
    )
    from experiments.terminal import output

    console = output()
    for line in scenario_lines(infer_document(answer)["scenario"]):
        console.print(line)
    assert answer.plan is not None and answer.outcome is not None
    console.print(result_table(answer))
    console.print(plan_table(answer.plan))
    console.print(breakdown_table(answer))
    if answer.outcome.cloud_energy_j:
        console.print(f"beside it, the server spent {answer.outcome.cloud_energy_j:.3g} J")
    if answer.outcome.verification is not None:
        console.print(verification_line(answer))
