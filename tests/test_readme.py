"""What README.md tells people to type works as it stands."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from experiments.cli import main

PAGE = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
BLOCKS = [
    [line.split("#")[0].strip() for line in block.splitlines() if line.startswith("deepx ")]
    for block in re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL)
]


def test_there_are_commands():
    assert sum(map(len, BLOCKS)) >= 12


@pytest.mark.parametrize("block", [block for block in BLOCKS if block], ids=lambda b: b[0])
def test_commands_run(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for command in block:
        result = CliRunner().invoke(main, shlex.split(command)[1:])
        assert result.exit_code == 0, result.output


def test_python_runs(capsys):
    (source,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    exec(compile(source, "README.md", "exec"), {})
    assert "relative_error" in capsys.readouterr().out


def test_links_lead_somewhere():
    folder = Path(__file__).parent.parent
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", PAGE):
        assert (folder / target).exists(), target
