"""What holds of the repository as a whole: imports, start-up cost, no trace of a machine."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("experiments", "sim", "planners", "socs", "workloads")
GENERATED = {".git", ".venv", ".hypothesis", "__pycache__", "results", "build", "dist"}
GENERATED |= {".mypy_cache", ".ruff_cache", ".pytest_cache", ".import_linter_cache"}
TEXT = {".cfg", ".css", ".html", ".ini", ".ipynb", ".js", ".json", ".lock", ".md", ".py", ".sh"}
TEXT |= {".svg", ".toml", ".txt", ".typed", ".yaml", ".yml", ".csv", ""}

HOME = "|".join(("home", "Users", "root", "work", "mnt", "media", "tmp", "workspace"))
MACHINE_PATH = re.compile(rf"(?<![\w.~$}})/-])/(?:{HOME})/[\w.]|\b[A-Z]:\\\\?Users\b|file:///\w")
REGISTRY = re.compile(
    r"https?://(?:[\w.-]*@)?(?:pypi|test\.pypi|files\.pythonhosted|registry\.npmjs|conda\.anaconda)\b"
    r"|https?://[\w.:@-]+/(?:simple|pypi|artifactory|nexus|repository)\b"
    r"|(?:extra-)?index-url|find-links|trusted-host"
)


def files() -> list[Path]:
    """Text files of the repository: what git knows or would add; without git, what is not made."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    if listed.returncode:
        paths = [path for path in ROOT.rglob("*") if not GENERATED & set(path.parts)]
    return [path for path in paths if path.is_file() and path.suffix in TEXT]


def test_repository_is_found() -> None:
    assert {ROOT / "pyproject.toml", ROOT / "Makefile", Path(__file__)} <= set(files())


@pytest.mark.parametrize("pattern", [MACHINE_PATH, REGISTRY], ids=["machine path", "registry"])
def test_no_file_names_a_machine_or_a_registry(pattern: re.Pattern[str]) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in files()
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (MACHINE_PATH, 'open("/home/me/x")'),
        (MACHINE_PATH, "cache: /root/.cache"),
        (MACHINE_PATH, "#!/home/bin/python"),
        (MACHINE_PATH, "C:\\Users\\me"),
        (REGISTRY, "https://pypi.org/simple"),
        (REGISTRY, "http://mirror:3141/simple/"),
        (REGISTRY, "--index-url=x"),
    ],
    ids=lambda value: value if isinstance(value, str) else "catches",
)
def test_patterns_catch(pattern: re.Pattern[str], text: str) -> None:
    assert pattern.search(text)


def test_import_contract_holds() -> None:
    run = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "3 kept, 0 broken" in run.stdout


def test_import_contract_covers_all_packages() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages == set(PACKAGES)
    assert settings["tool"]["importlinter"]["root_packages"] == list(PACKAGES)
    assert settings["tool"]["importlinter"]["contracts"][0]["layers"] == list(PACKAGES)
    wheel = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert set(wheel) == set(settings["tool"]["mypy"]["packages"]) == set(PACKAGES)


def imported(*arguments: str) -> set[str]:
    """Top-level names of all modules that a fresh interpreter imports for a command."""
    run = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={key: value for key, value in os.environ.items() if not key.startswith("COV")},
    )
    assert run.returncode == 0, run.stderr
    lines = (line for line in run.stderr.splitlines() if line.startswith("import time:"))
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


def test_help_does_not_wait_for_heavy_imports() -> None:
    modules = imported("-m", "experiments", "--help")
    assert "experiments" in modules
    assert not modules & {"pandas", "seaborn", "matplotlib", "scipy", "simpy", "onnx"}


@pytest.mark.parametrize("package", ["workloads", "socs", "planners"])
def test_packages_load_without_tables_and_figures(package: str) -> None:
    modules = imported("-c", f"import {package}")
    assert package in modules
    assert not modules & {"pandas", "seaborn", "matplotlib", "simpy"}


def test_constraints_name_versions_only() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+(?: ; .+)?", line)] == []
