"""A planner of another package, found through its entry point and held by the same kit."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = '''
"""Everything where it runs alone with the least energy: another package's planner."""

from planners.candidates import best_plan, blocks_of, priced_layers


def plan(question):
    priced, evaluations = priced_layers(question)
    names = [stage.name for stage in question.workload.stages]
    alone = [
        blocks_of(question, dict.fromkeys(names, choice))
        for choice, layers in priced.items()
        if len(layers) == len(names)
    ]
    return best_plan(question, "thrifty", evaluations, alone)
'''
BROKEN = MODULE.replace("dict.fromkeys(names, choice)", "dict.fromkeys(names[1:], choice)")


def install(folder: Path, text: str) -> dict[str, str]:
    """As pip would: the module, and beside it what its distribution says of itself."""
    (folder / "thrifty_planner.py").write_text(text)
    about = folder / "thrifty_planner-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: thrifty-planner\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[deepx.planners]\nthrifty = thrifty_planner:plan\n")
    return os.environ | {"PYTHONPATH": str(folder)}


def run(environment, *arguments):
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def environment(tmp_path):
    return install(tmp_path, MODULE)


def test_it_is_listed_and_used_like_ours(environment):
    listed = run(environment, "-m", "experiments", "list", "planners", "--json")
    assert "thrifty" in [row["name"] for row in json.loads(listed.stdout)]
    asked = ("infer", "alexnet", "--soc", "tegra_k1", "--planner", "thrifty", "--json")
    answer = json.loads(run(environment, "-m", "experiments", *asked).stdout)
    assert answer["planner"] == "thrifty"
    assert len({block["processor"] for block in answer["plan"]["blocks"]}) == 1


CHECK = "from planners import check_planner; check_planner('thrifty', max_examples=30)"


def test_the_kit_passes_it_by_name(environment):
    done = run(environment, "-c", CHECK)
    assert done.returncode == 0, done.stderr


def test_the_kit_catches_it_when_it_is_broken(tmp_path):
    """One that sends every first layer to a cloud that may not be there."""
    done = run(install(tmp_path, BROKEN), "-c", CHECK)
    assert done.returncode == 1
    assert "ConformanceError" in done.stderr
