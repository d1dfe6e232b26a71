"""Cost models as data: regressions find the law, measurements replay it, hidden error misleads."""

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.cli import main
from experiments.estimation import estimation_error
from experiments.scenarios import scenario
from planners import FULL, Infeasible, load_planner, predict
from planners.cost import Roofline
from planners.estimates import NotProfiled, Regression
from planners.measured import COLUMNS, Measured, measured_csv, read_measured, signature
from planners.mistaken import Mistaken
from planners.search import score
from sim import run
from workloads.faults import SpecError

PAIRS = [
    (soc, model) for soc in ("tegra_k1", "snapdragon_800") for model in ("alexnet", "cd_seide")
]


def blocks_of(question, stage, cost, ranks, processor="cpu"):
    device, runtime = question.device(), question.runtime("native")
    clock = question.soc.processors[processor].frequencies_hz[-1]
    last = np.full(len(ranks), stage.units) if ranks is not None else np.array([stage.units])
    return cost.block(
        device, stage, np.zeros_like(last), last, processor, clock, "fp32", ranks, runtime
    )


def seconds(phases, question):
    bus = question.soc.memory.bandwidth_bytes_per_s.value
    return sum(phase.alone_s(bus) for phase in phases)


@pytest.mark.parametrize(("soc", "model"), PAIRS)
def test_regressions_on_profiling_runs_come_near_the_law(soc, model):
    question = scenario(soc, model)
    learned = Regression(question.workload.stages)
    for stage in question.workload.stages:
        ranks = np.array([stage.max_rank // 4, stage.max_rank // 2, stage.max_rank])
        for asked in (None, ranks):
            law = seconds(blocks_of(question, stage, Roofline(), asked), question)
            estimate = seconds(blocks_of(question, stage, learned, asked), question)
            np.testing.assert_allclose(estimate, law, rtol=0.5)


def test_regressions_repeat_and_count():
    question = scenario("snapdragon_800")
    first, again, other = (
        load_planner("deepx")(question.under(cost=Regression(question.workload.stages, seed=seed)))
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first.evaluations == load_planner("deepx")(question).evaluations
    assert first.predicted != other.predicted or first.blocks == other.blocks


def test_a_kind_that_was_not_profiled_is_named():
    question = scenario("tegra_k1", "cd_seide")
    profiled = scenario("tegra_k1", "alexnet").workload.stages[:5]
    with pytest.raises(NotProfiled, match="kind dense"):
        load_planner("deepx")(question.under(cost=Regression(profiled)))


def written(tmp_path, text):
    path = tmp_path / "measured.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("soc", "model"), PAIRS)
def test_the_laws_own_measurements_give_the_laws_plan(soc, model, tmp_path):
    question = scenario(soc, model)
    path = written(tmp_path, measured_csv(question))
    plan = load_planner("deepx")(question.under(cost=read_measured(path)))
    best = load_planner("deepx")(question)
    assert score(predict(plan, question), question) <= 1.01 * score(best.predicted, question)


def test_what_was_not_measured_is_not_planned(tmp_path):
    question = scenario("tegra_k1", "alexnet", network="none")
    header, *rows = measured_csv(question).splitlines()
    kept = [row for row in rows if ",gpu," not in row]
    cost = read_measured(written(tmp_path, "\n".join([header, *kept])))
    plan = load_planner("deepx")(question.under(cost=cost))
    assert all(block.processor != "gpu" for block in plan.blocks)
    nothing = Measured({})
    with pytest.raises(Infeasible):
        load_planner("deepx")(question.under(cost=nothing))


ROW = {
    "layer": "dense 3->4, 1 frames",
    "units": "4",
    "processor": "cpu",
    "frequency_hz": "1e9",
    "precision": "fp32",
    "rank": "",
    "seconds": "0.1",
    "joules": "0.2",
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seconds": "fast"}, ":2:7: seconds: is 'fast', must be a number greater than 0"),
        ({"seconds": "0"}, ":2:7: seconds: is '0'"),
        ({"joules": "-1"}, ":2:8: joules: is '-1'"),
        ({"joules": "inf"}, ":2:8: joules"),
        ({"rank": "2.5"}, ":2:6: rank: is '2.5', must be a whole number"),
        ({"units": "0"}, ":2:2: units"),
        ({"frequency_hz": ""}, ":2:4: frequency_hz"),
    ],
)
def test_wrong_measurements_are_faults_with_their_place(changes, said, tmp_path):
    text = "\n".join([",".join(COLUMNS), ",".join(f'"{v}"' for v in (ROW | changes).values())])
    path = written(tmp_path, text)
    with pytest.raises(SpecError) as caught:
        read_measured(path)
    assert str(path) + said in str(caught.value)
    words = ["plan", "alexnet", "--soc", "tegra_k1", "--planner", "deepx", "--cost", str(path)]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert said in result.output


def test_a_header_and_a_row_must_be_there_and_no_row_twice(tmp_path):
    row = ",".join(f'"{value}"' for value in ROW.values())
    for text, said in (
        ("", "layer: no such column"),
        (",".join(COLUMNS), "holds no measurement"),
        ("\n".join([",".join(COLUMNS), row, row]), "measured in line 2 too"),
    ):
        with pytest.raises(SpecError, match=said):
            read_measured(written(tmp_path, text))


@settings(max_examples=60)
@given(st.text(max_size=200) | st.text(alphabet='",\n\x00 0123456789.e-', max_size=80))
def test_no_text_ends_in_a_traceback(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("csv") / "any.csv"
    path.write_text(",".join(COLUMNS) + "\n" + text, encoding="utf-8", errors="replace")
    with suppress(SpecError):
        read_measured(path)


def test_signatures_tell_layers_apart_by_what_they_cost():
    alexnet, more = (scenario("tegra_k1", "alexnet", frames=frames).workload for frames in (1, 2))
    names = {signature(stage) for stage in alexnet.stages}
    assert len(names) == len(alexnet.stages)
    assert not names & {signature(stage) for stage in more.stages}
    seide = scenario("tegra_k1", "cd_seide").workload.stages
    assert signature(seide[1]) == signature(seide[2])


def test_hidden_error_scales_times_and_repeats():
    question = scenario("tegra_k1", "cd_seide")
    stage, wrong = question.workload.stages[1], Mistaken(0.5, seed=3)
    law = seconds(blocks_of(question, stage, Roofline(), None), question)
    off = seconds(blocks_of(question, stage, wrong, None), question)
    assert wrong.factor(stage.name, "cpu") == Mistaken(0.5, seed=3).factor(stage.name, "cpu")
    assert off != pytest.approx(law)
    none = load_planner("deepx")(question.under(cost=Mistaken(0.0)))
    assert none == load_planner("deepx")(question)
    with pytest.raises(ValueError, match="sigma"):
        Mistaken(-1.0)


def test_a_plan_made_on_wrong_beliefs_runs_in_truth():
    question = scenario("snapdragon_800", options=replace(FULL, ranks=()))
    believed = question.under(cost=Mistaken(0.5, seed=1))
    plan = load_planner("dad")(believed)
    outcome = run(plan, believed)
    assert outcome.energy_j == pytest.approx(predict(plan, question).energy_j, rel=1e-9)
    assert outcome.energy_j != pytest.approx(plan.predicted.energy_j)


def test_wrong_beliefs_never_pay_for_an_optimiser():
    rows = list(estimation_error(socs=["snapdragon_800"], models=["cd_seide"], seeds=[0]))
    mine = {row["belief"]: row for row in rows if row["planner"] == "deepx"}
    assert mine["law"]["regret"] == 1.0
    assert mine["law"]["believed_over_true"] == pytest.approx(1.0)
    assert all(row["regret"] >= 1.0 - 0.005 for row in mine.values())
    assert mine["hidden error 100 %"]["regret"] >= mine["hidden error 10 %"]["regret"]


def test_the_command_takes_a_cost_model():
    words = ["infer", "cd_seide", "--soc", "tegra_k1", "--planner", "deepx", "--cost"]
    assert CliRunner().invoke(main, [*words, "regression"]).exit_code == 0
    unknown = CliRunner().invoke(main, [*words, "regresion"])
    assert unknown.exit_code == 2
    assert "--cost" in unknown.output
    assert "regression" in unknown.output
    missing = CliRunner().invoke(main, [*words, "absent.csv"])
    assert missing.exit_code == 2
    assert "Traceback" not in missing.output
