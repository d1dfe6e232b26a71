"""`deepx compare`: several planners on one request."""

from typing import Any

import click

from experiments.faults import AnswerIsNo, given
from experiments.parameters import Names
from experiments.requests import Request, request_options


@click.command("compare")
@request_options
@click.option("--planners", required=True, type=Names(), metavar="A,B,C", help="Who plans.")
@click.option("--verify", is_flag=True, help="Carry real tensors and compare the outputs.")
@click.option("--json", "as_json", is_flag=True, help="Print a list of `infer` documents.")
def command(planners: tuple[str, ...], verify: bool, as_json: bool, **values: Any) -> None:
    """Plan and simulate one inference of MODEL by several planners.

    The answer is no when none of them has a plan, or a verification fails.

    \b
    Examples
      deepx compare alexnet --soc tegra_k1 --planners cpu_only,gpu_only,deepx
      deepx compare cd_seide --soc tegra_k1 --planners rlc,dad --network wifi
    """
    from experiments.answers import OK, ask, carry_out, infer_document
    from experiments.files import to_json
    from experiments.terminal import progress
    from planners import load_planner

    question = Request.of(values).question()
    for name in planners:
        with given("--planners"):
            load_planner(name)
    answers = []
    with progress("planners", len(planners)) as step:
        for name in planners:
            answers.append(carry_out(ask(question, name), verify=verify))
            step(name)
    if as_json:
        click.echo(to_json([infer_document(answer) for answer in answers]))
    else:
        _show(answers)
    failed = [answer for answer in answers if answer.status == OK and not answer.holds]
    if failed:
        raise AnswerIsNo("; ".join(answer.complaint for answer in failed))
    if all(answer.status != OK for answer in answers):
        reasons = "; ".join(answer.complaint for answer in answers) if as_json else "none of them"
        raise AnswerIsNo(f"no planner has a plan: {reasons}")


def _show(answers: list[Any]) -> None:
    from experiments.answers import OK
    from experiments.scenarios import describe
    from experiments.tables import compare_table, scenario_lines, verification_line
    from experiments.terminal import output

    console = output()
    for line in scenario_lines(describe(answers[0].question)):
        console.print(line)
    console.print(compare_table(answers))
    for answer in answers:
        if answer.status != OK:
            console.print(answer.complaint)
        elif answer.outcome.verification is not None:
            console.print(f"{answer.planner}: {verification_line(answer)}")
