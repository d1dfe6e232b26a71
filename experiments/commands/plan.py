"""`deepx plan`: the plan without running it."""

from typing import TYPE_CHECKING, Any

import click

from experiments.faults import AnswerIsNo, given
from experiments.requests import Request, request_options

if TYPE_CHECKING:
    from experiments.answers import Answer
    from experiments.explaining import Explanation
    from planners import Plan


@click.command("plan")
@request_options
@click.option("--planner", required=True, metavar="P", help="Who plans.")
@click.option("--explain", "explained", is_flag=True, help="What each layer's alternatives cost.")
@click.option("--pareto", "front", is_flag=True, help="The front between energy and latency too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(planner: str, explained: bool, front: bool, as_json: bool, **values: Any) -> None:
    """The plan for one inference of MODEL, without running it.

    With --explain also: what the whole plan would cost with each layer elsewhere, and for every
    processor that the plan leaves alone the reason in numbers. With --pareto also: the plans that
    no other of this planner's beats in both energy and latency.

    \b
    Examples
      deepx plan alexnet --soc tegra_k1 --planner deepx --explain
      deepx plan alexnet --soc tegra_k1 --planner deepx --json > plan.json
      deepx plan cd_seide --soc snapdragon_800 --planner deepx --pareto
    """
    from experiments.answers import OK, ask, plan_only_document
    from experiments.files import to_json
    from experiments.fronts import front_rows
    from planners import load_planner

    question = Request.of(values).question()
    with given("--planner"):
        load_planner(planner)
    answer = ask(question, planner)
    explanation = _explanation(answer) if explained and answer.status == OK else None
    plans = _front(answer) if front and answer.status == OK else None
    if as_json:
        document = plan_only_document(answer)
        if plans is not None:
            document["pareto"] = front_rows(plans)
        if explanation is not None:
            document["explanation"] = explanation.document()
        click.echo(to_json(document))
    elif answer.plan is not None:
        _show(answer, explanation, plans)
    if not answer.holds:
        raise AnswerIsNo(answer.complaint)


def _explanation(answer: "Answer") -> "Explanation":
    from experiments.explaining import explain

    assert answer.plan is not None
    return explain(answer.plan, answer.question)


def _front(answer: "Answer") -> "tuple[Plan, ...]":
    from experiments.fronts import STEPS, pareto
    from experiments.terminal import progress

    with progress("plans made", STEPS + 2) as step:
        return pareto(answer.question, answer.planner, step=step)


def _show(
    answer: "Answer", explanation: "Explanation | None", front: "tuple[Plan, ...] | None"
) -> None:
    from experiments.scenarios import describe
    from experiments.tables import (
        alternatives_table,
        explanation_lines,
        front_table,
        plan_table,
        result_table,
        scenario_lines,
    )
    from experiments.terminal import output

    console = output()
    assert answer.plan is not None
    for line in scenario_lines(describe(answer.question, planner=answer.planner)):
        console.print(line)
    console.print(result_table(answer))
    console.print(plan_table(answer.plan))
    if front is not None:
        console.print(front_table(front))
    if explanation is not None:
        console.print(alternatives_table(explanation))
        for line in explanation_lines(explanation):
            console.print(line)
