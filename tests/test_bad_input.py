"""Whatever is typed or lies in a file: one clear line a fault, the right code, no traceback."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from profiles import examples

from experiments.cli import main
from experiments.files import replacing, to_json, write_text

ROOT = Path(__file__).parent.parent
ASKED = ["infer", "alexnet", "--soc", "tegra_k1", "--planner", "cpu_only"]


def deepx(*words):
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert "Traceback" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def one_fault(*words, code=2):
    """The one line that a command's fault is told in."""
    result = deepx(*words)
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


# the command line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["infr"], "did you mean 'infer'"),
        (["--nope"], "--nope: is no option"),
        (["infer"], "MODEL: is missing"),
        (["infer", "alexnet"], "--soc: is missing"),
        (["infer", "alexnet", "--soc"], "--soc: needs a value"),
        (["infer", "alexnet", "--soc", "tegra_k1"], "--planner: is missing"),
        (["plan", "alexnet", "--soc", "tegra_k1"], "--planner: is missing"),
        ([*ASKED, "--frams", "2"], "did you mean --frames"),
        ([*ASKED, "--json=3"], "--json: takes no value"),
        ([*ASKED, "more"], "unexpected extra argument"),
        ([*ASKED, "--frames", "0"], "--frames: is 0"),
        ([*ASKED, "--frames", "2.5"], "--frames: is 2.5"),
        ([*ASKED, "--frames", "9" * 400], "--frames: is 999"),
        ([*ASKED, "--deadline-ms", "-5"], "--deadline-ms: is -5"),
        ([*ASKED, "--deadline-ms", "soon"], "--deadline-ms: 'soon' is no number"),
        ([*ASKED, "--deadline-ms", "1e-330"], "--deadline-ms: is 1e-330"),
        ([*ASKED, "--energy-mj", "inf"], "--energy-mj: is inf"),
        ([*ASKED, "--memory-mb", "nan"], "--memory-mb: is nan"),
        ([*ASKED, "--max-error", "-0.1"], "--max-error: is -0.1"),
        ([*ASKED, "--uplink-mbps", "0"], "--uplink-mbps: is 0"),
        ([*ASKED, "--uplink-mbps", "1", "--network", "none"], "--uplink-mbps: a link rate needs"),
        ([*ASKED, "--network", "lt"], "did you mean 'lte'"),
        ([*ASKED, "--objective", "speed"], "must be one of energy, latency, edp"),
        ([*ASKED, "--options", "all"], "must be one of paper, full"),
        ([*ASKED, "--energy-window", "x"], "must be one of until_idle, until_output"),
        ([*ASKED, "--busy", "gpu"], "--busy: 'gpu' is not name=value"),
        ([*ASKED, "--busy", "gpu=high"], "--busy: gpu=high is no number"),
        ([*ASKED, "--busy", "gpu=1"], "--busy: gpu=1: must lie in [0, 1)"),
        ([*ASKED, "--busy", "gpu=0.1,gpu=0.2"], "--busy: gpu is given twice"),
        ([*ASKED, "--busy", "gpx=0.1"], "did you mean 'gpu'"),
        ([*ASKED, "--processors", "cpu,,gpu"], "--processors: 'cpu,,gpu' has an empty name"),
        ([*ASKED, "--processors", "dsp"], "--processors: no processor of tegra_k1 named 'dsp'"),
        ([*ASKED, "--host", "cpu=torch_gem"], "did you mean 'torch_gemv'"),
        ([*ASKED, "--host", "dsp=cudnn"], "--host: no processor of tegra_k1 named 'dsp'"),
        ([*ASKED, "--host", "cpu=cudnn"], "--host: host cudnn runs on gpu"),
        ([*ASKED, "--planner", "deep"], "did you mean 'deepx'"),
        (["compare", "alexnet", "--soc", "tegra_k1", "--planners", ","], "--planners: "),
        (["compare", "alexnet", "--soc", "tegra_k1", "--planners", "dad,dat"], "named 'dat'"),
        (["list", "soc"], "KIND: is 'soc'"),
        (["schema", "socs"], "KIND: is 'socs'"),
        (["show", "tegra_k"], "did you mean 'tegra_k1'"),
        (["check"], "FILE...: is missing"),
        (["infer", "a\nb\x1b[31m", *ASKED[2:]], r"no model named 'a\nb\x1b[31m'"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_faults_name_their_option(words, said):
    line = one_fault(*words)
    assert line.startswith("command line: ")
    assert said in line


VALUES = st.one_of(
    st.text(max_size=12),
    st.floats().map(str),
    st.integers().map(str),
    st.sampled_from(["", ",", "=", "cpu=", "cpu=0.5", "gpu=0.999999999999", "lte", "none", "wifi"]),
    st.sampled_from(["tegra_k1", "alexnet", "cpu,gpu", "energy", "full", "deepx", "--json", "-"]),
)
NAMES = [
    *("--network", "--objective", "--deadline-ms", "--energy-mj", "--memory-mb", "--max-error"),
    *("--frames", "--uplink-mbps", "--busy", "--processors", "--options", "--host"),
    *("--energy-window", "--plan", "--planner", "--soc"),
]


@settings(max_examples=examples(150, deep=3000), suppress_health_check=[HealthCheck.too_slow])
@example({"--deadline-ms": "1", "--max-error": "1.3407807929939245e+154"}, False)
@example({"--deadline-ms": "1", "--max-error": "1e300"}, True)
@given(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=3), st.booleans())
def test_no_value_makes_a_traceback(values, as_json):
    words = [*ASKED, *(word for pair in values.items() for word in pair)]
    result = deepx(*words, *["--json"] * as_json)
    assert result.exit_code in (0, 1, 2)
    if result.exit_code == 2:
        assert result.stdout == ""
    elif as_json and "--json" not in values.values():
        json.loads(result.stdout)
    if result.exit_code:
        assert result.stderr.strip()


# files


def test_all_faults_of_all_files_at_once(tmp_path):
    soc, host = tmp_path / "soc.yaml", tmp_path / "host.yaml"
    text = (ROOT / "socs/data/tegra_k1.yaml").read_text(encoding="utf-8")
    text = text.replace("cores: 4", "cores: 0").replace("default_host: cudnn", "default_host: cud")
    soc.write_text(text.replace("kind: gpu", "kind: tpu"), encoding="utf-8")
    host.write_text("kind: host\nname: x\nname: y\n", encoding="utf-8")
    good = ROOT / "socs/links/lte.yaml"
    result = deepx("check", soc, good, host)
    assert result.exit_code == 2
    assert result.stdout == f"{good}: ok, link\n"
    lines = result.stderr.splitlines()
    assert all(line.startswith((f"{soc}:", f"{host}:")) for line in lines)
    assert any("cores" in line for line in lines)
    assert any("processors.gpu.kind" in line for line in lines)
    assert sum(line.startswith(str(host)) for line in lines) > 1


def test_a_host_that_is_not_there_is_a_fault_of_the_soc(tmp_path):
    path = tmp_path / "soc.yaml"
    text = (ROOT / "socs/data/tegra_k1.yaml").read_text(encoding="utf-8")
    path.write_text(text.replace("default_host: cudnn", "default_host: cudn"), encoding="utf-8")
    line = one_fault("check", path)
    assert "processors.gpu.default_host" in line
    assert "did you mean 'cudnn'" in line


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"kind: sweeps\n", "kind: is 'sweeps', must be one of"),
        (b"name: x\n", "kind: is missing"),
        (b"\xff\xfe", "UTF-8"),
        (b"kind: [soc", ""),
        (b"- kind\n", "is a list"),
        (b"\x00", "U+0000"),
    ],
)
def test_check_of_what_is_no_specification(content, said, tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    line = one_fault("check", path)
    assert line.startswith(f"{path}:")
    assert said in line


def test_specifications_given_by_path_are_read_where_they_lie(tmp_path):
    path = tmp_path / "mine.yaml"
    text = (ROOT / "socs/data/tegra_k1.yaml").read_text(encoding="utf-8")
    path.write_text(text.replace("name: tegra_k1", "name: mine"), encoding="utf-8")
    words = ["infer", "alexnet", "--soc", path, "--planner", "cpu_only", "--json"]
    assert json.loads(deepx(*words).stdout)["soc"] == "mine"
    path.write_text(text.replace("cores: 4", "cores: four"), encoding="utf-8")
    assert one_fault(*words).startswith(f"{path}:")
    assert "no-such.yaml:1:1" in one_fault("infer", tmp_path / "no-such.yaml", *ASKED[2:])


# plans


@pytest.fixture(scope="module")
def made():
    return json.loads(deepx(*ASKED, "--json").stdout)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["plan"]["blocks"].pop(2), "conv3: units 0 to 384 not covered"),
        (lambda d: d["plan"]["blocks"].append(dict(d["plan"]["blocks"][0])), "covered twice"),
        (lambda d: d["plan"]["blocks"][1].update(last_unit=257), "beyond the layer's units"),
        (lambda d: d["plan"]["blocks"][1].update(layer="conv9"), "conv9: no such planned layer"),
        (lambda d: d["plan"]["blocks"][1].update(processor="dsp"), "no processor 'dsp'"),
        (lambda d: d["plan"]["blocks"][1].update(frequency_hz=1), "no operating point at 1 Hz"),
        (lambda d: d["plan"]["blocks"][1].update(precision="fp8"), "does not run this layer"),
        (lambda d: d["plan"]["blocks"][5].update(rank=10**9), "below break-even"),
        (lambda d: d["plan"]["blocks"][1].pop("layer"), "blocks[1]: layer is missing"),
        (lambda d: d["plan"]["blocks"][1].update(first_unit=True), "first_unit True"),
        (lambda d: d["plan"]["blocks"][1].update(frequency_hz=float("nan")), "must be finite"),
        (lambda d: d["plan"].update(evaluations=10**30), "evaluations"),
        (lambda d: d["plan"].update(runtime="deepx_2015"), "did you mean 'deepx_2016'"),
        (lambda d: d["plan"].update(runtime="../x.yaml"), "must be the name of a shipped runtime"),
        (lambda d: d.update(plan=None, status="infeasible: x"), "holds no plan: infeasible: x"),
        (lambda d: d.update(plan=3), "a plan is an object"),
    ],
)
def test_a_plan_that_breaks_a_rule_is_refused(made, change, said, tmp_path):
    document = json.loads(json.dumps(made))
    change(document)
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    line = one_fault("infer", "alexnet", "--soc", "tegra_k1", "--plan", path)
    assert line.startswith(f"{path}:1:1: plan: ")
    assert said in line


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", ":1:1: "),
        (b'{"blocks": [}', ":1:13: "),
        (b"\xff", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"3", "a plan is an object"),
    ],
)
def test_a_plan_file_that_is_none_is_refused(content, said, tmp_path):
    path = tmp_path / "plan.json"
    path.write_bytes(content)
    assert said in one_fault("infer", "alexnet", "--soc", "tegra_k1", "--plan", path)


LEAVES = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5)


@settings(max_examples=examples(60, deep=3000))
@given(
    where=st.lists(st.integers(0, 6), min_size=1, max_size=3),
    value=st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=2), max_leaves=3),
)
def test_no_change_of_a_plan_makes_a_traceback(made, where, value, tmp_path_factory):
    document = json.loads(json.dumps(made["plan"]))
    rows = document["blocks"]
    if len(where) == 1:
        document[sorted(document)[where[0] % len(document)]] = value
    elif len(where) == 2:
        rows[where[0]] = value
    else:
        row = rows[where[0]]
        row[sorted(row)[where[1] % len(row)]] = value
    path = tmp_path_factory.getbasetemp() / "changed.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    result = deepx("infer", "alexnet", "--soc", "tegra_k1", "--plan", path)
    assert result.exit_code in (0, 1, 2)


def test_a_plan_for_another_model_is_refused(made, tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(made), encoding="utf-8")
    line = one_fault("infer", "cd_seide", "--soc", "tegra_k1", "--plan", path)
    assert "conv1: no such planned layer" in line


# answers that are no


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([*ASKED, "--memory-mb", "9"], "infeasible: memory"),
        ([*ASKED, "--deadline-ms", "1"], "infeasible: deadline: asked 0.001 s, best possible"),
        ([*ASKED, "--energy-mj", "1"], "infeasible: energy"),
        ([*ASKED, "--frames", "100000"], "infeasible: memory"),
        ([*ASKED[:-1], "dsp_only"], "not applicable: tegra_k1 has no dsp"),
        ([*ASKED[:-1], "cloud_only", "--network", "none"], "not applicable: there is no link"),
    ],
)
def test_answers_that_are_no_say_why(words, said):
    assert said in one_fault(*words, code=1)


# what is written


@pytest.mark.parametrize("name", ["folder", "missing/trace.json", "file/trace.json"])
def test_unwritable_traces_are_told_before_any_work(name, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x", encoding="utf-8")
    line = one_fault(*ASKED, "--trace", tmp_path / name)
    assert line.startswith(f"command line: --trace: {tmp_path / name} cannot be written")


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_unwritable_folders_are_told_before_any_work(name, tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    start_s = time.monotonic()
    line = one_fault("reproduce", "--out", tmp_path / name)
    assert line.startswith("command line: --out: ")
    assert time.monotonic() - start_s < 5.0


def test_a_full_disk_is_one_line():
    if not Path("/dev/full").exists():
        pytest.skip("no device that is always full")
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        run = subprocess.run(
            [sys.executable, "-m", "experiments", "list"],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert run.returncode == 2
    assert len(run.stderr.splitlines()) == 1


def interrupted_writing(path):
    with replacing(path) as beside:
        beside.write_text("half", encoding="utf-8")
        raise KeyboardInterrupt


def test_files_are_whole_or_not_there(tmp_path):
    path = tmp_path / "result.json"
    write_text(path, "first")
    with pytest.raises(KeyboardInterrupt):
        interrupted_writing(path)
    assert path.read_text(encoding="utf-8") == "first"
    assert [p.name for p in tmp_path.iterdir()] == ["result.json"]
    link = tmp_path / "link.json"
    link.symlink_to(path)
    write_text(link, "second")
    assert link.is_symlink()
    assert path.read_text(encoding="utf-8") == "second"


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_documents_are_valid_json(value):
    text = to_json(value)
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert text.isascii()


@pytest.mark.parametrize("wait_s", [0.0, 2.0])
def test_ctrl_c_ends_everything_at_once(wait_s, tmp_path):
    """As a terminal sends it: to the whole group of processes."""
    out = tmp_path / "out"
    run = subprocess.Popen(
        [sys.executable, "-m", "experiments", "reproduce", "--out", str(out)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not out.exists() and run.poll() is None:
        time.sleep(0.02)
    time.sleep(wait_s)
    os.killpg(run.pid, signal.SIGINT)
    output, errors = run.communicate(timeout=60)
    assert run.returncode == 130, errors
    assert "Traceback" not in errors
    assert "interrupted" in errors
    assert output == ""
    assert not [path for path in out.rglob("*") if path.name.startswith(".")]
