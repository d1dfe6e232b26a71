"""The command line as a user has it: forms, exit codes, and what each option does to a plan."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from experiments import describe, scenario
from experiments.catalogue import KINDS, LISTED, entries
from experiments.cli import COMMANDS, main
from experiments.kinds import readable_kinds
from planners import Plan, UnitBlock, planner_names, predict

ROOT = Path(__file__).parent.parent
HEAVY = {"pandas", "matplotlib", "seaborn", "scipy", "simpy", "onnx"}


def no_constant(name):
    raise AssertionError(f"{name} is no JSON")


def deepx(*words, code=0):
    """(standard output, or the document where it is JSON; standard error)."""
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    if "--json" not in words:
        return result.stdout, result.stderr
    return json.loads(result.stdout, parse_constant=no_constant), result.stderr


def infer(*more, model="alexnet", soc="tegra_k1", planner="deepx"):
    return deepx("infer", model, "--soc", soc, "--planner", planner, *more, "--json")[0]


def units_on(document, processor):
    blocks = document["plan"]["blocks"]
    return sum(b["last_unit"] - b["first_unit"] for b in blocks if b["processor"] == processor)


# what there is


@pytest.mark.parametrize("name", COMMANDS)
def test_help_teaches_by_example(name):
    text, _ = deepx(name, "--help")
    assert "Example" in text
    assert f"deepx {name}" in text
    assert max(map(len, text.splitlines())) <= 80


def test_without_a_command_help_is_shown():
    text, _ = deepx()
    assert all(name in text for name in COMMANDS)


@pytest.mark.parametrize("words", [["--help"], ["list"], ["infer", "--help"], ["--version"]])
def test_light_commands_import_nothing_heavy(words):
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "experiments", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line for line in run.stderr.splitlines() if line.startswith("import time:")]
    modules = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
    assert "click" in modules
    assert not modules & HEAVY


def test_list_names_everything_that_loads():
    found, _ = deepx("list", "--json")
    assert list(found) == list(LISTED)
    assert [row["name"] for row in found["planners"]] == list(planner_names())
    assert {"tegra_k1", "snapdragon_800"} <= {row["name"] for row in found["socs"]}
    assert {"alexnet", "cd_seide"} <= {row["name"] for row in found["models"]}
    assert all(row["description"] for rows in found.values() for row in rows)
    alone, _ = deepx("list", "socs", "--json")
    assert alone == found["socs"]
    assert "tegra_k1" in deepx("list")[0]


@pytest.mark.parametrize(
    "entry", [e for kind in KINDS for e in entries(kind)], ids=lambda e: f"{e.kind}-{e.name}"
)
def test_show_gives_every_source(entry):
    text, _ = deepx("show", entry.name)
    assert max(map(len, text.splitlines())) <= 80
    if entry.path is None or entry.path.suffix != ".yaml":
        return
    squeezed = "".join(text.split())
    for source in sources(yaml.safe_load(entry.path.read_text(encoding="utf-8"))):
        assert "".join(source.split()) in squeezed


def sources(node):
    if isinstance(node, dict):
        if "value" in node and "source" in node:
            yield node["source"]
        for child in node.values():
            yield from sources(child)
    elif isinstance(node, list):
        for child in node:
            yield from sources(child)


@pytest.mark.parametrize("kind", readable_kinds())
def test_schema_accepts_shipped_files(kind):
    schema = json.loads(deepx("schema", kind)[0])
    jsonschema.Draft202012Validator.check_schema(schema)
    files = [*(ROOT / "socs").rglob("*.yaml"), *(ROOT / "workloads").rglob("*.yaml")]
    files += (ROOT / "experiments").rglob("*.yaml")
    documents = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in files]
    documents.append({"kind": "scenario", "description": "one", "base": {"soc": "tegra_k1"}})
    mine = [document for document in documents if document["kind"] == kind]
    assert mine
    for document in mine:
        jsonschema.validate(document, schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document | {"no_such_key": 1}, schema)


# one request


def test_python_and_command_line_ask_the_same_question():
    asked = infer("--network", "wifi", "--busy", "cpu=0.25", "--deadline-ms", "900")["scenario"]
    built = scenario("tegra_k1", "alexnet", network="wifi", busy={"cpu": 0.25}, deadline_s=0.9)
    assert asked == json.loads(json.dumps(describe(built, planner="deepx")))


def test_scenario_is_resolved():
    document = infer("--options", "full", soc="snapdragon_800", model="cd_seide")["scenario"]
    assert document["frames"] == 100
    assert document["options"]["processors"] == ["cpu", "dsp", "gpu"]
    assert document["options"]["precisions"]["dsp"] == ["int8"]
    assert document["hosts"]["dsp"] == "hexagon_fixed"
    assert (document["network"], document["energy_window"]) == ("lte", "until_idle")
    assert document["uplink_bytes_per_s"] > 0
    assert document["wire"]["input"]["encoding"]
    assert "synthetic" in document["weights"]


@pytest.mark.parametrize("document_of", ["infer", "plan", "bare"])
def test_plans_replay_from_any_document(document_of, tmp_path):
    first = infer(model="cd_seide")
    if document_of == "plan":
        made, _ = deepx("plan", "cd_seide", "--soc", "tegra_k1", "--planner", "deepx", "--json")
        assert set(made) >= {"scenario", "planning", "predicted", "plan"}
        assert made["predicted"] == first["predicted"]
    else:
        made = first["plan"] if document_of == "bare" else first
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(made), encoding="utf-8")
    again, _ = deepx("infer", "cd_seide", "--soc", "tegra_k1", "--plan", path, "--json")
    keys = ("latency_s", "energy_j", "planning", "predicted", "planner", "plan", "timeline")
    assert {key: again[key] for key in keys} == {key: first[key] for key in keys}


def test_a_replayed_plan_may_break_a_limit(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(infer(planner="cpu_only")), encoding="utf-8")
    words = ["infer", "alexnet", "--soc", "tegra_k1", "--plan", path, "--deadline-ms", "10"]
    document, errors = deepx(*words, "--json", code=1)
    assert document["status"].startswith("infeasible: deadline")
    assert document["energy_j"] is None
    assert "deadline" in errors


def test_answer_no_is_still_one_document():
    document, errors = deepx(
        "infer", "alexnet", "--soc", "tegra_k1", "--planner", "dsp_only", "--json", code=1
    )
    assert document["status"] == "not applicable: tegra_k1 has no dsp"
    assert document["plan"] is None
    assert len(errors.splitlines()) == 1


def test_compare_says_who_could_not():
    words = ("compare", "alexnet", "--soc", "snapdragon_800", "--planners")
    rows, _ = deepx(*words, "cpu_only,gpu_only,rlc", "--json")
    assert [row["status"].partition(":")[0] for row in rows] == ["ok", "not applicable", "ok"]
    text, _ = deepx(*words, "cpu_only,gpu_only")
    assert "gpu_only: not applicable" in text
    deepx(*words, "gpu_only,lpc_only", code=1)


@pytest.mark.parametrize(
    "words",
    [
        ["infer", "cd_seide", "--soc", "tegra_k1", "--planner", "deepx", "--busy", "gpu=0.5"],
        ["plan", "alexnet", "--soc", "snapdragon_800", "--planner", "deepx", "--explain"],
        ["plan", "alexnet", "--soc", "tegra_k1", "--planner", "dad", "--options", "full"],
        ["compare", "alexnet", "--soc", "snapdragon_800", "--planners", ",".join(planner_names())],
    ],
    ids=lambda words: words[0],
)
def test_tables_fit_80_columns_without_colour(words):
    text, _ = deepx(*words)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_json_has_standard_output_to_itself():
    command = ["infer", "cd_seide", "--soc", "tegra_k1", "--planner", "cpu_only", "--json"]
    run = subprocess.run(
        [sys.executable, "-m", "experiments", *command, "--verify"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"NO_COLOR": "1"},
    )
    assert json.loads(run.stdout)["verification"]["relative_error"] == 0.0
    assert "verifying" in run.stderr


# what options do to a plan


def test_a_busy_processor_is_used_less():
    free, busy = infer(soc="snapdragon_800"), infer("--busy", "dsp=0.9", soc="snapdragon_800")
    assert units_on(busy, "dsp") < units_on(free, "dsp")
    assert busy["energy_j"] > free["energy_j"]


def test_a_fast_uplink_draws_layers_to_the_cloud_and_a_slow_one_none():
    """Over WiFi: LTE's promotion and tail outweigh any rate."""
    asked = {"model": "cd_seide", "soc": "snapdragon_800"}
    fast = infer("--uplink-mbps", "200", "--network", "wifi", **asked)
    slow = infer("--uplink-mbps", "0.02", "--network", "wifi", **asked)
    assert units_on(fast, "cloud") > 0
    assert units_on(slow, "cloud") == 0
    assert fast["energy_j"] < slow["energy_j"]


def test_a_deadline_is_kept_at_a_price():
    free = infer(model="cd_seide", soc="snapdragon_800")
    deadline_ms = 700 * free["latency_s"]
    hurried = infer("--deadline-ms", deadline_ms, model="cd_seide", soc="snapdragon_800")
    assert hurried["latency_s"] <= deadline_ms * 1e-3
    assert hurried["energy_j"] >= free["energy_j"]
    assert hurried["plan"]["blocks"] != free["plan"]["blocks"]


def test_an_error_limit_bounds_compaction():
    exact, tight, usual = infer("--max-error", "0"), infer("--max-error", "0.05"), infer()
    assert {block["rank"] for block in exact["plan"]["blocks"]} == {None}
    assert exact["predicted"]["error"] == 0.0
    assert tight["predicted"]["error"] <= 0.05 < usual["predicted"]["error"]
    aside = [d["energy_j"] - d["planning"]["energy_j"] for d in (usual, tight, exact)]
    assert aside == sorted(aside)


def test_other_options_reach_the_question():
    document = infer(
        *("--frames", "7", "--network", "none", "--processors", "cpu,lpc"),
        *("--host", "cpu=openblas_caffe", "--energy-window", "until_output"),
        *("--memory-mb", "900", "--energy-mj", "90000", "--objective", "edp"),
        model="cd_seide",
    )["scenario"]
    assert document["frames"] == 7
    assert (document["network"], document["cloud"]) == ("none", None)
    assert document["options"]["processors"] == ["cpu", "lpc"]
    assert document["hosts"]["cpu"] == "openblas_caffe"
    assert document["energy_window"] == "until_output"
    goals = document["goals"]
    assert (goals["memory_bytes"], goals["energy_j"]) == (9e8, pytest.approx(90.0))
    assert goals["objective"] == "edp"


# why


@pytest.mark.parametrize("options", ["paper", "full"])
@pytest.mark.parametrize("soc", ["tegra_k1", "snapdragon_800"])
def test_no_alternative_beats_the_plan_of_deepx(soc, options):
    words = ("plan", "alexnet", "--soc", soc, "--planner", "deepx", "--options", options)
    document, _ = deepx(*words, "--explain", "--json")
    explanation = document["explanation"]
    used = {block["processor"] for block in document["plan"]["blocks"]}
    for layer in explanation["layers"]:
        assert layer["alternatives"]
        for other in layer["alternatives"]:
            assert other["breaks"] or other["change"] >= -1e-9
    processors = {*scenario(soc).soc.processors, "cloud"}
    assert {rest["processor"] for rest in explanation["unused"]} == processors - used
    assert all(
        any(c.isdigit() for c in r["reason"]) or "not among" in r["reason"]
        for r in explanation["unused"]
    )


def test_an_alternative_costs_what_the_changed_plan_is_predicted_to():
    words = ("plan", "cd_seide", "--soc", "tegra_k1", "--planner", "deepx")
    document, _ = deepx(*words, "--explain", "--json")
    question = scenario("tegra_k1", "cd_seide")
    blocks = [UnitBlock(**block) for block in document["plan"]["blocks"]]
    for layer in document["explanation"]["layers"][::3]:
        for other in layer["alternatives"]:
            changed = [block for block in blocks if block.layer != layer["layer"]]
            changed += [UnitBlock(**block) for block in other["blocks"]]
            plan = Plan("x", tuple(changed), None, 0, document["plan"]["runtime"])
            expected = predict(plan, question).plan_energy_j
            assert other["cost"] == pytest.approx(expected, rel=1e-9)


def test_reasons_why_a_processor_rests():
    document, _ = deepx(
        *("plan", "alexnet", "--soc", "tegra_k1", "--planner", "cpu_only"),
        *("--processors", "cpu,gpu", "--network", "none", "--explain", "--json"),
    )
    reasons = {row["processor"]: row["reason"] for row in document["explanation"]["unused"]}
    assert "not among" in reasons["lpc"]
    assert "not considered by cpu_only" in reasons["gpu"]
    assert reasons["cloud"] == "there is no network"
