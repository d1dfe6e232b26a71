"""Sweep files: what they say, every fault of one at its place, and never a traceback."""

import random
import string
from itertools import product

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from experiments import load_sweep
from experiments.catalogue import entries
from experiments.cli import main
from experiments.sweeps.building import build_case
from experiments.sweeps.filters import FilterError, parse_filter
from experiments.sweeps.space import Space, axis_paths
from experiments.sweeps.spec import SweepSpec
from workloads.faults import SpecError
from workloads.reader import first_kind

WHOLE = """\
kind: sweep
description: made up for tests
base:
  soc: tegra_k1
  model: alexnet
  goals.error: 0.3
axes:
  - grid:
      planner: [cpu_only, gpu_only, cloud_only]
      conditions.uplink_bytes_per_s: {low: 1.0e+3, high: 1.0e+6, count: 4, spacing: log}
  - zip:
      soc.board_w: [0.5, 1.0]
      conditions.radio_state: [idle, connected]
  - random:
      count: 5
      seed: 3
      fields:
        soc.memory.energy_j_per_byte: {distribution: loguniform, low: 1.0e-11, high: 1.0e-9}
        goals.deadline_s: {distribution: normal, mean: 20.0, deviation: 0.5}
        goals.objective: {distribution: choice, values: [energy, latency, edp]}
  - sobol:
      count: 8
      fields:
        conditions.busy.cpu: {low: 0.0, high: 0.9}
        host.cpu.call_s: {low: 0.0, high: 0.001}
when:
  - planner != 'gpu_only' or conditions.uplink_bytes_per_s > 5.0e+3
  - 0.1 <= conditions.busy.cpu < 0.8
replications: 2
seed: 9
metrics: [latency_s, energy_j]
"""


def spec_of(text):
    return SweepSpec.model_validate(yaml.safe_load(text))


def faults(folder, text):
    path = folder / "s.yaml"
    path.write_text(text)
    with pytest.raises(SpecError) as caught:
        load_sweep(path)
    return [str(fault).removeprefix(f"{path}:") for fault in caught.value.faults]


def test_cases_are_the_product_of_the_blocks(tmp_path):
    (tmp_path / "s.yaml").write_text(WHOLE)
    space = load_sweep(tmp_path / "s.yaml").space
    assert len(space) == 3 * 4 * 2 * 5 * 8 * 2
    columns = space.columns(np.arange(len(space)))
    assert list(columns) == list(axis_paths(space.spec))
    rates = np.unique(columns["conditions.uplink_bytes_per_s"])
    assert rates == pytest.approx([1e3, 1e4, 1e5, 1e6], rel=1e-12)
    pairs = set(zip(columns["soc.board_w"], columns["conditions.radio_state"], strict=True))
    assert pairs == {(0.5, "idle"), (1.0, "connected")}
    expected = list(product(["cpu_only", "gpu_only", "cloud_only"], rates))
    seen = list(
        dict.fromkeys(zip(columns["planner"], columns[axis_paths(space.spec)[1]], strict=True))
    )
    assert seen == expected
    kept = space.cases(0, len(space))
    assert space.count() == len(kept) < len(space)
    gone = np.setdiff1d(np.arange(len(space)), kept)
    slow_gpu = (columns["planner"] == "gpu_only") & (columns[axis_paths(space.spec)[1]] <= 5e3)
    busy = columns["conditions.busy.cpu"]
    assert set(gone) == set(np.flatnonzero(slow_gpu | (busy < 0.1) | (busy >= 0.8)))


@given(st.integers(0, 100), st.integers(1, 40))
def test_any_window_of_cases_is_that_of_the_whole(start, count):
    space = Space.of(spec_of(WHOLE))
    whole = space.columns(np.arange(len(space)))
    numbers = np.arange(start * 19, min(start * 19 + count, len(space)))
    for path, column in space.columns(numbers).items():
        assert column.tolist() == whole[path][numbers].tolist()


def test_draws_follow_their_distributions():
    text = WHOLE.replace("count: 5", "count: 20000").replace("replications: 2", "replications: 1")
    space = Space.of(spec_of(text))
    inner = 8
    columns = space.columns(np.arange(20_000) * inner)
    energy = np.log10(columns["soc.memory.energy_j_per_byte"])
    assert (energy.min(), energy.max()) == pytest.approx((-11, -9), abs=0.01)
    assert energy.mean() == pytest.approx(-10, abs=0.02)
    deadline = columns["goals.deadline_s"]
    assert (deadline.mean(), deadline.std()) == pytest.approx((20.0, 0.5), abs=0.02)
    shares = np.unique(columns["goals.objective"], return_counts=True)[1] / 20_000
    assert shares == pytest.approx([1 / 3] * 3, abs=0.02)
    other = Space.of(spec_of(text.replace("seed: 3", "seed: 4"))).columns(np.arange(8))
    assert other["goals.deadline_s"][0] != deadline[0]


def test_sobol_points_are_scipys():
    from scipy.stats import qmc

    points = qmc.Sobol(2, scramble=True, rng=np.random.default_rng(0)).random_base2(3)
    columns = Space.of(spec_of(WHOLE)).columns(np.arange(16)[::2])
    assert columns["conditions.busy.cpu"] == pytest.approx(0.9 * points[:, 0], rel=1e-12)
    assert columns["host.cpu.call_s"] == pytest.approx(0.001 * points[:, 1], rel=1e-12)


def test_a_billion_cases_are_never_listed():
    axes = [{"grid": {"soc.board_w": {"low": 0.5, "high": 1.0, "count": 10**9}}}]
    spec = SweepSpec.model_validate({"kind": "sweep", "description": "x", "axes": axes})
    space = Space.of(spec)
    assert space.count() == 10**9
    assert space.columns(np.array([10**9 - 1]))["soc.board_w"] == [1.0]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("soc.board_w:", "soc.bord_w:", "12:7: axes.1.zip.soc.bord_w: no field named"),
        ("goals.error: 0.3", "goals.eror: 0.3", "6:3: base.goals.eror: no field named"),
        ("[cpu_only,", "[cpu_onyl,", "9:17: axes.0.grid.planner.0: no planner named 'cpu_onyl'"),
        ("goals.error: 0.3", "goals.error: -0.3", "6:16: base.goals.error: error -0.3"),
        ("[0.5, 1.0]", "[0.5, -1.0]", "12:26: axes.1.zip.soc.board_w.1: is -1.0"),
        ("[0.5, 1.0]", "[0.5]", "zip needs equally many"),
        ("count: 8", "count: 9", "must be a power of 2"),
        ("planner != 'gpu_only'", "planer != 'gpu_only'", "27:5: when.0: no axis named 'planer'"),
        ("planner != 'gpu_only'", "__import__('os')", "when.0: has"),
        ("seed: 9", "sed: 9", "is no key that is known here"),
        ("  soc: tegra_k1", "  soc: tegra", "4:8: base.soc: no soc named 'tegra'"),
        ("host.cpu.call_s", "host.gpuu.call_s", "axes.3.sobol.fields.host.gpuu.call_s"),
        ("low: 0.0, high: 0.001", "low: -1.0, high: 0.001", "must be 0 or greater"),
        ("conditions.radio_state:", "goals.error_: ", "no field named 'goals.error_'"),
    ],
)
def test_a_fault_has_its_place_and_what_would_be_right(tmp_path, before, after, said):
    assert before in WHOLE
    found = faults(tmp_path, WHOLE.replace(before, after, 1))
    assert any(said in fault for fault in found), found


def test_all_faults_of_a_file_are_told_at_once(tmp_path):
    text = WHOLE.replace("soc.board_w", "soc.bord_w").replace("goals.error: 0.3", "goals.eror: 1")
    found = faults(tmp_path, text.replace("replications: 2", "replications: 0"))
    assert len(found) == 1  # a file of the wrong shape is told its shape first
    found = faults(tmp_path, text)
    assert len(found) == 2
    assert all("did you mean" in fault for fault in found)


def test_an_axis_may_not_be_given_twice(tmp_path):
    text = WHOLE.replace("conditions.radio_state: [idle, connected]", "planner: [dad, rlc]")
    assert any("varied twice" in fault for fault in faults(tmp_path, text))


COLUMNS = {
    "a.b": np.array([0.0, 1.0, 2.0, 3.0]),
    "name": np.array(["x", "y", "x", "z"], dtype=object),
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b < 2", [1, 1, 0, 0]),
        ("0 < a.b <= 2", [0, 1, 1, 0]),
        ("name == 'x' and not a.b == 0", [0, 0, 1, 0]),
        ("name in ('x', 'z') or a.b == 1", [1, 1, 1, 1]),
        ("name not in ['x']", [0, 1, 0, 1]),
        ("a.b * 2 - 1 >= 3", [0, 0, 1, 1]),
        ("-a.b > -1", [1, 0, 0, 0]),
    ],
)
def test_conditions_say_what_they_say(text, expected):
    assert parse_filter(text, COLUMNS).mask(COLUMNS).tolist() == [bool(x) for x in expected]


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "a.b.__class__",
        "a.b ** 9",
        "(lambda: 1)() == 1",
        "[x for x in name] == 1",
        "a.b",
        "1",
        "",
        "a.b <",
        "name is 'x'",
        "f'{name}' == 'x'",
        "a.b if name else 1",
        "a.b == 1 == (name := 'x')",
        "(" * 300 + "a.b == 1" + ")" * 300,
        "not " * 200 + "a.b == 1",
        "a.b == " + "1" * 5000,
    ],
)
def test_nothing_else_is_a_condition(text):
    with pytest.raises(FilterError):
        parse_filter(text, COLUMNS)


def test_comparing_text_with_numbers_is_told(tmp_path):
    assert any("when" in fault for fault in faults(tmp_path, WHOLE.replace("> 5.0e+3", "> 'much'")))


def test_values_by_path_reach_the_question():
    case = build_case(
        {
            "soc": "tegra_k1",
            "planner": "cpu_only",
            "soc.board_w": 1.5,
            "soc.processors.gpu.cores": 1,
            "soc.processors.gpu.thread_power_scale.0": 1.0,
            "host.cpu.call_s": 1e-3,
            "link.tail.0.duration_s": 0.7,
            "cloud.overhead_s": 0.5,
            "workload.error_limit": 0.2,
            "runtime.planning_s": 0.25,
            "clock_limit_hz.cpu": 1.5e9,
            "conditions.busy.gpu": 0.5,
            "truth.busy.gpu": 0.75,
            "truth.hidden_error": 0.1,
            "options.max_parts": 1,
            "goals.objective": "edp",
        }
    )
    question = case.question
    assert question.soc.board_w.value == 1.5
    assert question.hosts["cpu"].call_s.value == 1e-3
    assert question.conditions.link.tail[0].duration_s.value == 0.7
    assert question.conditions.cloud.overhead_s.value == 0.5
    assert question.workload.error_limit == 0.2
    assert question.runtime(question.options.runtime).planning_s.value == 0.25
    assert question.soc.processors["cpu"].frequencies_hz[-1] == 1.428e9
    assert question.conditions.busy == {"gpu": 0.5}
    assert case.truth.busy == {"gpu": 0.75}
    assert case.hidden_error == 0.1
    assert question.options.max_parts == 1
    assert question.goals.objective == "edp"


SWEEPS = [e.name for e in entries("experiments") if first_kind(e.path) == "sweep"]


@pytest.mark.parametrize("name", SWEEPS)
def test_published_sweeps_are_right(name):
    sweep = load_sweep(name)
    assert sweep.space.count() >= 14
    assert sweep.spec.description
    if name == "bandwidth_error":
        assert sweep.space.count() >= 200
    if name == "million":
        assert sweep.space.count() >= 1_000_000


def test_schema_and_check_know_sweeps(tmp_path):
    import json

    import jsonschema

    said = CliRunner().invoke(main, ["schema", "sweep"])
    schema = json.loads(said.stdout)
    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(WHOLE))
    path = tmp_path / "case.yaml"
    path.write_text("kind: scenario\ndescription: one\nbase: {soc: tegra_k1, goals.eror: 1}\n")
    said = CliRunner().invoke(main, ["check", str(path)])
    assert said.exit_code == 2
    assert f"{path}:3:" in said.stderr
    assert "did you mean 'goals.error'" in said.stderr


ODD = (
    *("null", "nan", "-1", "0", "1e400", "[]", "{}", "true", "'x'", "~", "!!binary x", "&a *a"),
    *("12345678901234567890123", "0x1F", "cpu_only", "2.5", "[1, [2]]", "{low: 1}", "\u2028"),
)


def mutated(text, chance):
    """A sweep file with a few things changed, as users and disks change them."""
    lines = text.splitlines()
    for _ in range(chance.randint(1, 3)):
        number = chance.randrange(len(lines))
        line = lines[number]
        kind = chance.randrange(8)
        if kind == 0:
            lines.pop(number)
            lines = lines or [""]
        elif kind == 1:
            lines.insert(number, chance.choice(lines))
        elif kind == 2 and ":" in line:
            lines[number] = line.partition(":")[0] + ": " + chance.choice(ODD)
        elif kind == 3 and line:
            spot = chance.randrange(len(line))
            lines[number] = line[:spot] + chance.choice(string.printable) + line[spot + 1 :]
        elif kind == 4:
            lines[number] = "  " + line
        elif kind == 5:
            lines[number] = line.replace(chance.choice(".:,[]{}-"), "")
        elif kind == 6:
            words = line.split(" ")
            words[chance.randrange(len(words))] = chance.choice(ODD)
            lines[number] = " ".join(words)
        else:
            other = chance.randrange(len(lines))
            lines[number], lines[other] = lines[other], lines[number]
    return "\n".join(lines)


def no_traceback(folder, count, seed):
    chance, refused = random.Random(seed), 0
    texts = [entry.path.read_text() for entry in entries("experiments")]
    for number in range(count):
        path = folder / "s.yaml"
        path.write_bytes(mutated(chance.choice([WHOLE, *texts]), chance).encode())
        result = CliRunner().invoke(main, ["check", str(path)])
        told = (number, path.read_text(), result.output)
        assert result.exit_code in (0, 2), told
        assert result.exception is None or isinstance(result.exception, SystemExit), told
        if result.exit_code == 2:
            refused += 1
            assert result.stderr.startswith(f"{path}:"), told
    assert refused > count // 4


def test_mutated_files_are_refused_in_words(tmp_path):
    no_traceback(tmp_path, 200, 1)


@pytest.mark.slow
def test_five_thousand_mutated_files_are_refused_in_words(tmp_path):
    no_traceback(tmp_path, 5000, 2)
