"""The abstract's evaluation, on a reduced set: what is computed, scored and written."""

import ast
import csv
import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from experiments import abstract, evaluation, workers
from experiments.cli import main
from experiments.documents import read_reproduction
from experiments.evaluation import Case, all_cases, evaluate, in_order
from experiments.publishing import PARTIAL, prepare, publish
from experiments.scoring import by_case, document, factor_off, rms_log_error
from planners import planner_names
from workloads import load_workload

ROOT = Path(__file__).parent.parent
PLANNERS = ("cpu_only", "gpu_only", "cloud_only", "lpc_only", "dsp_only", "rlc", "deepx")
CASES = all_cases(models=("cd_seide",), socs=("tegra_k1",), planners=PLANNERS, spaces=("paper",))
KEYS = {
    "scenario": {"network", "energy_window", "weights", "version", "cases"},
    "cells": {"soc", "model", "versus", "paper", "sourced", "calibrated"},
    "memory": {"soc", "model", "paper", "simulated", "error_limit"},
    "coupling": {"rank_correlation", "over"},
    "readings": set(abstract.READINGS),
    "verification": {
        *("soc", "model", "planner", "relative_error", "error_bound", "within_bound"),
    },
    "planners": {
        *("soc", "model", "planner", "options", "status", "latency_s", "energy_j"),
        *(
            "planning_latency_s",
            "planning_energy_j",
            "peak_memory_bytes",
            "gap_to_exact",
            "certificate",
        ),
    },
}


@pytest.fixture(scope="module")
def findings():
    return list(evaluate(CASES, verified=("deepx",)))


@pytest.fixture(scope="module")
def result(findings):
    return document(by_case(findings))


def row_of(result, planner):
    return next(row for row in result["planners"] if row["planner"] == planner)


# the abstract's data


def test_cells_are_those_that_the_abstract_prints():
    """Section 3 of the abstract: 22.1x, 1.8x and 1.3x; 7.8x, 1.4x and 29.7x; and so on."""
    printed = [22.1, 1.8, 1.3, 7.8, 1.4, 29.7, 11.2, 2.1, 8.2, 2.8]
    assert [cell.paper for cell in abstract.CELLS] == printed
    assert abstract.MEMORY_GAIN == 2.5


def test_readings_swap_the_tegra_pairs_and_nothing_else():
    printed = abstract.reading("as_printed")
    swapped = abstract.reading("both_models_swapped")
    for model in ("alexnet", "cd_seide"):
        gpu, cpu = ("tegra_k1", model, "gpu"), ("tegra_k1", model, "cpu")
        assert (swapped[gpu], swapped[cpu]) == (printed[cpu], printed[gpu])
    assert abstract.reading("slip_2.97")["tegra_k1", "cd_seide", "cpu"] == 2.97
    for name, changes in abstract.READINGS.items():
        read = abstract.reading(name)
        assert {cell for cell in printed if read[cell] != printed[cell]} == set(changes)
        assert all(soc == "tegra_k1" and versus != "cloud" for soc, _, versus in changes)


def test_nothing_outside_experiments_reads_the_abstract():
    """Neither imports it nor writes its odd figures down."""
    for package in ("workloads", "socs", "planners", "sim"):
        for path in (ROOT / package).rglob("*"):
            if path.suffix not in {".py", ".yaml"}:
                continue
            text = path.read_text(encoding="utf-8")
            assert "experiments" not in imported(text) if path.suffix == ".py" else True, path
            assert not any(value in text.split() for value in ("22.1", "29.7", "11.2")), path


def imported(text):
    """First parts of all that a module imports, in functions too."""
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


# what is computed


def test_all_planners_are_evaluated_on_both_socs_models_and_option_sets():
    cases = all_cases()
    assert len(cases) == 8 * len(planner_names())
    assert len(set(cases)) == len(cases)
    assert {case.planner for case in cases} == set(planner_names())


def test_document_has_every_key(result):
    assert set(result) == {*KEYS, "parameters"}
    for name, keys in KEYS.items():
        rows = result[name] if isinstance(result[name], list) else [result[name]]
        assert rows
        assert all(keys <= set(row) for row in rows), name
    json.dumps(result, allow_nan=False)


def test_planner_rows_are_numbers_or_a_reason(result):
    for row in result["planners"]:
        numbers = [row[key] for key in ("latency_s", "energy_j", "peak_memory_bytes")]
        if row["status"] == "ok":
            assert all(value > 0 for value in numbers)
        else:
            assert numbers == [None] * 3
            assert row["status"].startswith(("infeasible: ", "not applicable: "))
    assert row_of(result, "dsp_only")["status"] == "not applicable: tegra_k1 has no dsp"


def test_cells_are_ratios_of_energies(result):
    own = row_of(result, "deepx")["energy_j"]
    for cell in result["cells"]:
        mine = (cell["soc"], cell["model"]) == ("tegra_k1", "cd_seide")
        base = row_of(result, f"{cell['versus']}_only")["energy_j"] if mine else None
        assert cell["calibrated"] == (base and base / own)
        assert (cell["calibrated"] is None) == (not mine)
        assert cell["sourced"] > 0


def test_memory_is_the_fp32_model_over_what_the_plan_stores(findings, result):
    [row] = result["memory"]
    workload = load_workload("cd_seide")
    plan = next(f.plan for f in findings if f.case.planner == "deepx")
    stored = sum(
        stage.weight_bytes(0, stage.units, block.rank, block.precision)
        for stage, block in zip(workload.stages, plan.blocks, strict=True)
    )
    assert row["simulated"] == pytest.approx(4 * workload.parameters / stored)


def test_coupling_ranks_local_schemes(result):
    """Six local schemes against deepx: slower ones take more energy here, in the same order."""
    rows = [row for row in result["planners"] if row["status"] == "ok"]
    local = [row for row in rows if row["planner"] not in ("deepx", "cloud_only")]
    by_time = sorted(local, key=lambda row: row["latency_s"])
    by_energy = sorted(local, key=lambda row: row["energy_j"])
    moved = sum((by_time.index(row) - by_energy.index(row)) ** 2 for row in local)
    count = len(local)
    expected = 1 - 6 * moved / (count * (count**2 - 1))
    assert result["coupling"]["rank_correlation"] == pytest.approx(expected)
    assert f"{count} points" in result["coupling"]["over"]


def test_errors_of_cells_are_logarithmic():
    rows = [
        {"soc": c.soc, "model": c.model, "versus": c.versus, "calibrated": 2.0 * c.paper}
        for c in abstract.CELLS
    ]
    assert rms_log_error(rows) == pytest.approx(math.log(2.0))
    assert "2.00" in factor_off(rms_log_error(rows))
    ratio = math.log(2.0 * 1.8 / 1.3), math.log(2.0 * 1.3 / 1.8)
    expected = math.sqrt((8 * math.log(2.0) ** 2 + ratio[0] ** 2 + ratio[1] ** 2) / 10)
    assert rms_log_error(rows, "alexnet_swapped") == pytest.approx(expected)
    assert rms_log_error([rows[0] | {"calibrated": None}, *rows[1:]]) is None


def test_verification_covers_the_plans_asked_for(result):
    [row] = result["verification"]
    assert row["planner"] == "deepx"
    assert row["within_bound"] is (row["relative_error"] <= row["error_bound"])


def test_calibrated_figures_are_listed(findings, result, monkeypatch):
    """What ships, and one figure of the link declared calibrated, at its upper bound."""
    shipped = {row["name"]: row for row in result["parameters"]}
    assert "runtime.deepx_2016.planning_s" in shipped
    assert all(row["low"] < row["value"] < row["high"] for row in shipped.values())
    assert not any(row["at_bound"] for row in shipped.values())
    question = evaluation.question_of("tegra_k1", "cd_seide", "paper")
    link = question.conditions.link
    fitted = link.base_w.model_copy(update={"basis": "calibrated", "low": 1.0, "high": 1.28804})
    changed = question.under(
        conditions=replace(question.conditions, link=link.model_copy(update={"base_w": fitted}))
    )
    monkeypatch.setattr("experiments.scoring.question_of", lambda *_: changed)
    found = {row["name"]: row for row in document(by_case(findings))["parameters"]}
    assert found.keys() - shipped.keys() == {"link.lte.base_w"}
    assert found["link.lte.base_w"]["at_bound"] is True


def test_results_are_the_same_whatever_the_workers(findings):
    cases = [case for case in CASES if case.planner in ("cpu_only", "deepx")]
    spread = in_order(evaluate(cases, verified=(), workers=2), cases)
    alone = [finding for finding in findings if finding.case in cases]
    for one, other in zip(spread, alone, strict=True):
        assert one.case == other.case
        assert one.plan == other.plan
        assert one.outcome == replace(other.outcome, verification=None)


def double(number):
    return 2 * number


def test_work_goes_on_without_processes(monkeypatch):
    def refuse(*_, **__):
        raise OSError("no more processes")

    monkeypatch.setattr(workers, "ProcessPoolExecutor", refuse)
    assert sorted(workers.spread(double, [1, 2, 3], workers=2)) == [2, 4, 6]


# what is written


def test_publish_writes_every_file_whole(findings, result, tmp_path):
    (tmp_path / PARTIAL).write_text("old", encoding="utf-8")
    prepare(tmp_path)
    publish(tmp_path, result, findings)
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    pair = "tegra_k1-cd_seide"
    kinds = ("energy_breakdown", "inference", "plan", "spectra", "trade_off")
    figures = ("energy_gains", *(f"{kind}_{pair}" for kind in kinds))
    assert names == {
        *("reproduce.json", "report.html", "planners.csv", "cells.csv", "verification.csv"),
        *("energy_breakdown.csv", f"timelines/{pair}.csv", f"timelines/{pair}.trace.json"),
        f"timelines/{pair}.power.csv",
        *(f"figures/{name}.{kind}" for name in figures for kind in ("png", "svg")),
    }
    written = json.loads((tmp_path / "reproduce.json").read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(result))
    assert read_reproduction(tmp_path / "reproduce.json").cells[0].paper == 22.1
    with (tmp_path / "planners.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["planner"] for row in rows] == list(PLANNERS)
    assert float(rows[0]["energy_j"]) == row_of(result, "cpu_only")["energy_j"]


def test_publishing_twice_gives_the_same_bytes(findings, result, tmp_path):
    for name in ("one", "two"):
        prepare(tmp_path / name)
        publish(tmp_path / name, result, findings)
    for path in (tmp_path / "one").rglob("*.*"):
        twin = tmp_path / "two" / path.relative_to(tmp_path / "one")
        assert path.read_bytes() == twin.read_bytes(), path.name


@pytest.fixture
def reduced(monkeypatch):
    """The command with a reduced set of cases, in this process."""
    monkeypatch.setattr("experiments.evaluation.all_cases", lambda: CASES)
    monkeypatch.setattr("experiments.workers.free_workers", lambda: 1)


def test_the_command_prints_and_writes(reduced, tmp_path):
    run = CliRunner().invoke(main, ["reproduce", "--out", str(tmp_path / "out")])
    assert run.exit_code == 0, run.output
    for said in ("abstract", "29.7", "Memory footprint", "On real tensors", "Sourced alone"):
        assert said in run.stdout
    assert max(map(len, run.stdout.splitlines())) <= 80
    assert "written to" in run.stderr
    assert run.stderr.rstrip().endswith(str(tmp_path / "out" / "report.html"))
    again = CliRunner().invoke(main, ["reproduce", "--out", str(tmp_path / "out"), "--json"])
    assert set(json.loads(again.stdout)) == {*KEYS, "parameters"}


def test_a_failed_verification_is_an_answer_that_is_no(reduced, tmp_path, monkeypatch):
    def failing(cases, **_):
        for finding in evaluate(cases, verified=("cpu_only",)):
            outcome = finding.outcome
            if outcome is not None and outcome.verification is not None:
                worse = replace(outcome.verification, relative_error=0.9, within_bound=False)
                finding = replace(finding, outcome=replace(outcome, verification=worse))
            yield finding

    monkeypatch.setattr("experiments.evaluation.evaluate", failing)
    run = CliRunner().invoke(main, ["reproduce", "--out", str(tmp_path), "--json"])
    assert run.exit_code == 1
    assert "verification failed: tegra_k1 cd_seide paper cpu_only" in run.stderr
    assert json.loads(run.stdout)["verification"][0]["within_bound"] is False


def test_interrupted_work_is_kept(reduced, tmp_path, monkeypatch):
    def interrupted(cases, **_):
        yield from evaluate(cases[:2], verified=())
        raise KeyboardInterrupt

    monkeypatch.setattr("experiments.evaluation.evaluate", interrupted)
    run = CliRunner().invoke(main, ["reproduce", "--out", str(tmp_path)])
    assert run.exit_code == 130
    assert f"2 of {len(CASES)} plans were finished" in run.stderr
    with (tmp_path / PARTIAL).open(encoding="utf-8", newline="") as stream:
        assert [row["planner"] for row in csv.DictReader(stream)] == ["cpu_only", "gpu_only"]
    assert not (tmp_path / "reproduce.json").exists()


def test_cases_are_told_by_soc_model_options_and_planner():
    assert Case("tegra_k1", "alexnet", "paper", "dad").label == "tegra_k1 alexnet paper dad"


@pytest.mark.slow
def test_the_whole_evaluation_holds(tmp_path):
    """Every plan of deepx, planning aside, takes at most the energy of every other planner's."""
    command = [sys.executable, "-m", "experiments", "reproduce", "--out", str(tmp_path), "--json"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert all(cell["sourced"] > 1 for cell in found["cells"])
    assert {(row["soc"], row["model"]) for row in found["memory"]} == {
        (soc, model) for soc in abstract.SOCS for model in abstract.MODELS
    }
    aside = {
        (r["soc"], r["model"], r["options"], r["planner"]): r["energy_j"] - r["planning_energy_j"]
        for r in found["planners"]
        if r["status"] == "ok"
    }
    for (*which, _planner), energy_j in aside.items():
        assert aside[(*which, "deepx")] <= energy_j * (1 + 1e-9)
