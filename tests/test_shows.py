"""What the evaluation promises, through the command line as a user has it."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from experiments.cli import main

ROOT = Path(__file__).parent.parent
PAIRS = [
    (soc, model) for soc in ("tegra_k1", "snapdragon_800") for model in ("alexnet", "cd_seide")
]
INFER_KEYS = {
    "scenario",
    "soc",
    "model",
    "planner",
    "latency_s",
    "energy_j",
    "peak_memory_bytes",
    "energy_breakdown_j",
    "cloud_energy_j",
    "planning",
    "predicted",
    "plan",
    "verification",
    "timeline",
}


def deepx(*words, code=0):
    """Run the command line; (document or text, standard error)."""
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return json.loads(result.stdout) if "--json" in words else result.stdout, result.stderr


def infer(soc, model, *more):
    return deepx("infer", model, "--soc", soc, *more, "--json")[0]


def covered(document):
    """Units of each layer that the plan's blocks cover, and how many times at most."""
    units = {}
    for block in document["plan"]["blocks"]:
        for unit in range(block["first_unit"], block["last_unit"]):
            key = (block["layer"], unit)
            units[key] = units.get(key, 0) + 1
    return units


@pytest.mark.parametrize("options", ["paper", "full"])
@pytest.mark.parametrize(("soc", "model"), PAIRS)
def test_one_inference_planned_by_deepx(soc, model, options):
    document = infer(
        soc, model, "--planner", "deepx", "--network", "lte", "--options", options, "--verify"
    )
    assert set(document) >= INFER_KEYS
    units = covered(document)
    assert set(units.values()) == {1}
    expected = {"alexnet": 96 + 256 + 384 + 384 + 256 + 4096 + 4096 + 1000, "cd_seide": 23640}
    assert len(units) == expected[model]
    assert document["verification"]["within_bound"]
    assert document["verification"]["relative_error"] <= 0.35
    total = sum(document["energy_breakdown_j"].values())
    assert total == pytest.approx(document["energy_j"], rel=1e-9)
    for key in ("latency_s", "energy_j", "peak_memory_bytes"):
        assert document["predicted"][key] == pytest.approx(document[key], rel=1e-9)
    assert_no_gap(document)


def assert_no_gap(document):
    """The union of the timeline's intervals holds all of [0, latency]."""
    end = 0.0
    for row in sorted(document["timeline"], key=lambda row: row["start_s"]):
        assert row["start_s"] <= end + 1e-12
        end = max(end, row["stop_s"])
    assert end >= document["latency_s"] * (1 - 1e-12)


def test_a_plan_replays_to_the_same_numbers(tmp_path):
    first = infer("tegra_k1", "cd_seide", "--planner", "deepx")
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(first), encoding="utf-8")
    again = infer("tegra_k1", "cd_seide", "--plan", path)
    for key in ("latency_s", "energy_j", "peak_memory_bytes", "energy_breakdown_j", "timeline"):
        assert again[key] == first[key]


def test_explain_says_why_a_processor_is_not_used():
    text, _ = deepx("plan", "cd_seide", "--soc", "tegra_k1", "--planner", "deepx", "--explain")
    assert "not used: lpc" in text
    assert "not used: cloud" in text
    paper, _ = deepx(
        "plan", "alexnet", "--soc", "snapdragon_800", "--planner", "deepx", "--explain"
    )
    assert "not used: gpu" in paper


def test_compare_is_a_list_of_infer_documents():
    rows, _ = deepx(
        "compare", "alexnet", "--soc", "tegra_k1", "--planners", "cpu_only,deepx", "--json"
    )
    assert [row["planner"] for row in rows] == ["cpu_only", "deepx"]
    assert all(set(row) >= INFER_KEYS for row in rows)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["infer", "alexnt", "--soc", "tegra_k1", "--planner", "deepx"], 2, "'alexnet'"),
        (["infer", "alexnet", "--soc", "tegra", "--planner", "deepx"], 2, "tegra_k1"),
        (["infer", "alexnet", "--soc", "tegra_k1", "--planner", "depx"], 2, "'deepx'"),
        (["infer", "alexnet", "--soc", "tegra_k1", "--planner", "dsp_only"], 1, "no dsp"),
        (
            ["infer", "alexnet", "--soc", "tegra_k1", "--planner", "deepx", "--deadline-ms", "1"],
            1,
            "deadline",
        ),
        (
            ["infer", "alexnet", "--soc", "tegra_k1", "--planner", "cpu_only", "--memory-mb", "9"],
            1,
            "memory",
        ),
        (
            ["infer", "alexnet", "--soc", "tegra_k1", "--planner", "deepx", "--busy", "cpu=1"],
            2,
            "--busy",
        ),
        (
            ["infer", "alexnet", "--soc", "tegra_k1", "--planner", "deepx", "--max-error", "nan"],
            2,
            "--max-error",
        ),
        (["reproduce", "--out", "/proc/none"], 2, "--out"),
        (["show", "tegra_k2"], 2, "tegra_k1"),
        (["check", "no_such_file.yaml"], 2, "no_such_file.yaml:1:1"),
    ],
)
def test_wrong_input_is_one_clear_line(words, code, said):
    _, errors = deepx(*words, code=code)
    assert said in errors
    assert len(errors.strip().splitlines()) == 1


def test_a_plan_that_leaves_a_layer_out_is_refused(tmp_path):
    first = infer("tegra_k1", "alexnet", "--planner", "cpu_only")
    first["plan"]["blocks"] = first["plan"]["blocks"][1:]
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(first), encoding="utf-8")
    _, errors = deepx("infer", "alexnet", "--soc", "tegra_k1", "--plan", path, code=2)
    assert "conv1" in errors
    assert "not covered" in errors


def test_every_shipped_yaml_passes_check():
    files = [
        path
        for folder in ("socs", "workloads", "experiments")
        for path in sorted((ROOT / folder).rglob("*.yaml"))
    ]
    deepx("check", *files)


@pytest.mark.slow
def test_reproduce_has_every_key_and_file(tmp_path):
    document, _ = deepx("reproduce", "--out", tmp_path / "out", "--json")
    assert set(document) >= {
        "scenario",
        "cells",
        "memory",
        "coupling",
        "readings",
        "parameters",
        "verification",
        "planners",
    }
    assert len(document["cells"]) == 10
    assert all(row["within_bound"] for row in document["verification"])
    own = {"soc", "model", "options"}
    rows = {
        tuple(row[key] for key in ("soc", "model", "options", "planner")): row
        for row in document["planners"]
    }
    for (soc, model, options, _), row in rows.items():
        best = rows[soc, model, options, "deepx"]
        if row["status"] == "ok":
            aside = row["energy_j"] - row["planning_energy_j"]
            assert best["energy_j"] - best["planning_energy_j"] <= aside * (1 + 1e-9)
    assert own <= set(document["planners"][0])
    assert (tmp_path / "out/report.html").stat().st_size > 10_000
    assert not list((tmp_path / "out").rglob("*.part"))


def test_the_abstracts_data_stay_in_experiments():
    for package in ("workloads", "socs", "planners", "sim"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom):
                    names = [node.module or ""]
                assert not any(name.split(".")[0] == "experiments" for name in names), path


def test_interrupting_says_so_and_exits_130(tmp_path):
    code = (
        "import os, signal, threading; from experiments.cli import main; "
        "threading.Timer(4, lambda: os.kill(os.getpid(), signal.SIGINT)).start(); main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "reproduce", "--out", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr
    assert "interrupted" in done.stderr
    assert not list((tmp_path / "out").rglob("*.part"))
