"""Stream files: what they say, every fault at its place, never a traceback."""

import json

import pytest
import yaml
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from experiments.catalogue import entries
from experiments.cli import main
from experiments.streams.loading import load_stream
from experiments.streams.traces import read_trace
from workloads.faults import SpecError
from workloads.reader import first_kind

SMALL = """\
kind: stream
description: made up for tests
device: {soc: tegra_k1, network: wifi, options: paper}
apps:
  - name: camera
    model: alexnet
    planner: cpu_only
    deadline_s: 1.0
    arrivals: {poisson: {per_second: 0.5}}
requests: 20
"""
PUBLISHED = [e.path for e in entries("experiments") if first_kind(e.path) == "stream"]


def deepx(*arguments):
    return CliRunner().invoke(main, list(arguments))


def told(folder, text):
    path = folder / "s.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as error:
        load_stream(path)
    return [str(fault).removeprefix(f"{path}:") for fault in error.value.faults]


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_published_streams_are_right(path):
    stream = load_stream(path.stem)
    assert stream.spec.description
    result = deepx("check", str(path))
    assert result.exit_code == 0, result.output
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    schema = json.loads(deepx("schema", "stream").output)
    Draft202012Validator(schema).validate(found)


def test_a_small_one_is_right(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(SMALL)
    stream = load_stream(path)
    assert stream.spec.requests == 20
    assert [policy.title for policy in stream.spec.policies] == ["replan"]
    assert stream.questions["camera"].workload.name == "alexnet"


WRONG = [
    ("soc: tegra_k1", "soc: tegra_k2", "3:15: device.soc: ", "did you mean 'tegra_k1'"),
    ("network: wifi", "network: wify", "3:34: device.network: ", "did you mean 'wifi'"),
    ("planner: cpu_only", "planner: cpu_onli", "7:14: apps.0.planner: ", "cpu_only"),
    ("model: alexnet", "model: alexnat", "6:12: apps.0.model: ", "alexnet"),
    ("per_second: 0.5", "per_second: 0", "9:38: apps.0.arrivals.poisson.per_second: ", "greater"),
    ("{poisson: {per_second: 0.5}}", "{}", "9:", "must have exactly one of periodic, poisson"),
    ("requests: 20", "requests: 0", "10:11: requests: ", "must be at least 1"),
    ("requests: 20", "requests: 20\nduration_s: 5.0", "", "exactly one of requests, duration_s"),
    ("requests: 20", "requests: 20\nrequest: 3", "11:1: request: ", "did you mean"),
    (
        "requests: 20",
        "requests: 20\nload:\n  - {processor: npu, share: 0.5, on_off: {mean_on_s: 1.0, "
        "mean_off_s: 1.0}}",
        "12:17: load.0.processor: ",
        "processor of tegra_k1",
    ),
    (
        "requests: 20",
        "requests: 20\nfaults:\n  - {fault: processor_offline, processor: cpu, at: [{start_s: 1.0, "
        "stop_s: 2.0}]}",
        "12:43: faults.0.processor: ",
        "which runs the system",
    ),
    (
        "requests: 20",
        "requests: 20\nfaults:\n  - {fault: link_lost, at: [{start_s: 3.0, stop_s: 2.0}]}",
        "12:29: faults.0.at.0: ",
        "stop_s must be greater than start_s, 3",
    ),
    (
        "requests: 20",
        "requests: 20\nfaults:\n  - {fault: throttled, processor: cpu, at: [{start_s: 1.0, "
        "stop_s: 2.0}]}",
        "12:5: faults.0: ",
        "throttled must have cap_hz and processor",
    ),
    (
        "requests: 20",
        "requests: 20\npolicies:\n  - {policy: replan, assume: {offline: true}}",
        "12:5: policies.0: ",
        "must be static to have `assume`",
    ),
    (
        "requests: 20",
        "requests: 20\npolicies: [{policy: replan}, {policy: replan}]",
        "",
        "policies: replan is there twice",
    ),
    (
        "requests: 20",
        "requests: 20\nlink: {trace: {file: nowhere.csv}}",
        "nowhere.csv:1:1: file: cannot be read",
        "must be a readable CSV file",
    ),
]


@pytest.mark.parametrize(("right", "wrong", "place", "message"), WRONG)
def test_every_fault_has_its_place(tmp_path, right, wrong, place, message):
    assert right in SMALL
    lines = told(tmp_path, SMALL.replace(right, wrong))
    assert any(place in line and message in line for line in lines), lines
    result = deepx("check", str(tmp_path / "s.yaml"))
    assert result.exit_code == 2


def test_all_faults_at_once(tmp_path):
    text = SMALL.replace("tegra_k1", "tegra_k2").replace("cpu_only", "cpu_onli")
    assert len(told(tmp_path, text)) == 2


def test_a_link_that_moves_needs_a_network(tmp_path):
    walk = "{value: 0.5, basis: assumed, source: made up}"
    link = f"link: {{walk: {{median_share: {walk}, spread: {walk}, correlation_s: {walk}}}}}"
    lines = told(tmp_path, SMALL.replace("network: wifi", "network: none") + link + "\n")
    assert lines == ["11:1: link: moves, and there is no network"]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("time_s,share\n0,0.5\n1,1.5\n", 3, "share: is '1.5', must be less than 1"),
        ("time_s,share\n0,0.5\n0,0.5\n", 3, "time_s: is '0', must be greater than the row before"),
        ("time_s,share\n0,x\n", 2, "share: is 'x', must be a number, 0 or greater"),
        ("time_s,share\n0,nan\n", 2, "share: is 'nan', must be a number, 0 or greater"),
        ("time_s,share\n0\n", 2, "row: has 1 values, must have 2"),
        ("time,share\n0,0\n", 1, "has columns time, share, must have time_s, share"),
        ("", 1, "has columns nothing, must have time_s, share"),
        ("time_s,share\n", 1, "has no rows"),
    ],
)
def test_traces_tell_their_faults(tmp_path, text, line, message):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(SpecError) as error:
        read_trace(path, ("share",), below=1.0)
    assert str(error.value).startswith(f"{path}:{line}:1: ")
    assert message in str(error.value)


def test_traces_are_read(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("\ufefftime_s,share\n0,0.5\n\n2.5,0\n", encoding="utf-8")
    table = read_trace(path, ("share",), below=1.0)
    assert table.time_s == (0.0, 2.5)
    assert table.columns == {"share": (0.5, 0.0)}
