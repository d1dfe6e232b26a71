"""The walkthroughs of CONTRIBUTING.md do what they say."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from experiments import load_results
from planners import Goals, Question, check
from planners.conformance import ConformanceError
from socs import load_soc
from workloads import load_workload
from workloads.scratch import Scratch

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def blocks(heading, language):
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, flags=re.DOTALL)


def module(source, name, folder):
    path = folder / f"{name}.py"
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def copied(folder, *packages):
    """A copy of packages, so that no other test sees what is added to them."""
    for package in packages:
        shutil.copytree(ROOT / package, folder / package)
    return folder


def ran(words, folder):
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_add_a_soc(tmp_path):
    copied(tmp_path, "workloads", "socs", "planners", "sim", "experiments")
    (part,) = blocks("Add a SoC", "yaml")
    document = yaml.safe_load((ROOT / "socs/data/tegra_k1.yaml").read_text(encoding="utf-8"))
    document |= yaml.safe_load(part) | {"name": "my_soc"}
    text = yaml.safe_dump(document, sort_keys=False)
    (tmp_path / "socs/data/my_soc.yaml").write_text(text, encoding="utf-8")
    (commands,) = blocks("Add a SoC", "sh")
    printed = [
        ran(["-m", "experiments", *line.split("#")[0].split()[1:]], tmp_path)
        for line in commands.splitlines()
    ]
    assert "board_w = 1.2 W" in printed[1]


def test_add_a_planner(tmp_path):
    (source, *_) = blocks("Add a planner", "python")
    planner = module(source, "my_planner", tmp_path).plan
    asked = Question(
        workload=load_workload("alexnet"), soc=load_soc("tegra_k1"), goals=Goals(deadline_s=1.0)
    )
    plan = planner(asked)
    check(plan, asked)
    assert {block.processor for block in plan.blocks} == {"cpu"}


def test_the_planner_of_the_page_is_checked_as_the_page_says(tmp_path, monkeypatch):
    (planner, source) = blocks("Add a planner", "python")
    monkeypatch.setitem(sys.modules, "my_planner", module(planner, "my_planner", tmp_path))
    exec(compile(source, "CONTRIBUTING.md", "exec"), {})


def test_checking_bites_where_the_planner_of_the_page_is_broken(tmp_path, monkeypatch):
    (planner, source) = blocks("Add a planner", "python")
    spoilt = planner.replace('only(question, "cpu")', 'replace(only(question, "cpu"), blocks=())')
    assert spoilt != planner
    made = module(f"from dataclasses import replace\n{spoilt}", "my_planner", tmp_path)
    monkeypatch.setitem(sys.modules, "my_planner", made)
    with pytest.raises(ConformanceError):
        exec(compile(source, "CONTRIBUTING.md", "exec"), {})


def test_add_a_layer_kind(tmp_path):
    (source,) = blocks("Add a layer kind", "python")
    kind = module(source, "clipped_relu", tmp_path)
    spec = kind.Spec(kind="clipped_relu", name="clip", limit=2.0)
    assert kind.output_shape(spec, (4, 5, 5)) == (4, 5, 5)
    demand = kind.demand(spec, (4, 5, 5), 4, 4, 3, 4)
    assert demand.macs == 4 * 25 * 3
    x = np.array([[-1.0, 1.0, 5.0]], dtype=np.float32)
    np.testing.assert_array_equal(kind.values(spec, x, 0, 3, "fp32", Scratch()), [[0.0, 1.0, 2.0]])


def test_a_layer_kind_exists_once_its_file_does(tmp_path):
    copied(tmp_path, "workloads")
    (source,) = blocks("Add a layer kind", "python")
    (tmp_path / "workloads/layers/clipped_relu.py").write_text(source, encoding="utf-8")
    alexnet = (ROOT / "workloads/data/alexnet.yaml").read_text(encoding="utf-8")
    (tmp_path / "clipped.yaml").write_text(
        alexnet.replace("kind: relu", "kind: clipped_relu"), encoding="utf-8"
    )
    code = (
        "from workloads import load_workload; "
        "print(sum(layer.kind == 'clipped_relu' for stage in "
        "load_workload('clipped.yaml').stages for layer in stage.layers))"
    )
    assert ran(["-c", code], tmp_path).strip() == "7"


def test_add_a_sweep(tmp_path):
    (source,) = blocks("Add an experiment", "yaml")
    (tmp_path / "uplink.yaml").write_text(source, encoding="utf-8")
    words = ["-m", "experiments", "sweep", "run", "uplink.yaml", "--out", "found", "--workers", "1"]
    ran(words, tmp_path)
    frame = load_results(tmp_path / "found")
    assert set(frame["planner"]) == {"cpu_only", "cloud_only"}
    assert len(frame) > 150
    assert (frame["energy_j"] > 0).all()


@pytest.mark.filterwarnings("default")
def test_add_an_experiment():
    (source,) = blocks("Add an experiment", "python")
    names = {}
    exec(compile(source, "CONTRIBUTING.md", "exec"), names)
    table = names["table"]
    assert set(table.columns) == {"uplink_mbps", "planner", "latency_s", "energy_j"}
    best = table.pivot_table(index="uplink_mbps", columns="planner", values="latency_s")
    # where the cloud is fast DeepX pays no more than its own planning for having asked
    assert (best["deepx"] <= best["cloud_only"] + 0.2).all()
