"""Notebooks: the .ipynb beside each source holds its cells, and what they print today."""

from pathlib import Path

import nbformat
import pytest

from experiments.executing import executed, read, texts

FOLDER = Path(__file__).parent.parent / "experiments" / "notebooks"
SOURCES = sorted(FOLDER.glob("*.py"))
QUICK = {"01_five_minute_tour", "03_your_own_chip_and_model"}


def named(paths):
    return [pytest.param(path, id=path.stem) for path in paths]


def cells(notebook):
    return [(cell["cell_type"], cell["source"]) for cell in notebook.cells]


def shipped(source):
    return nbformat.read(source.with_suffix(".ipynb"), as_version=4)


def test_there_are_notebooks():
    assert len(SOURCES) >= 4
    assert {path.stem for path in SOURCES} == {path.stem for path in FOLDER.glob("*.ipynb")}


@pytest.mark.parametrize("source", named(SOURCES))
def test_a_notebook_holds_the_cells_of_its_source(source):
    assert cells(shipped(source)) == cells(read(source)), "run: make notebooks"
    first, *_, last = [text for kind, text in cells(shipped(source)) if kind == "markdown"]
    assert "**Question.**" in first
    assert "**Answer.**" in last
    content = source.with_suffix(".ipynb").read_text(encoding="utf-8")
    assert "# %%" not in content  # the mark of a cell, were it read as text
    assert len(content) < 300_000
    assert str(FOLDER.parent.parent) not in content


def same(source):
    assert texts(executed(source)) == texts(shipped(source)), "run: make notebooks"


@pytest.mark.parametrize("source", named(path for path in SOURCES if path.stem in QUICK))
def test_a_quick_notebook_prints_what_it_printed(source):
    same(source)


@pytest.mark.slow
@pytest.mark.parametrize("source", named(path for path in SOURCES if path.stem not in QUICK))
def test_a_notebook_prints_what_it_printed(source):
    same(source)


@pytest.mark.slow
def test_notebooks_have_sound_types():
    mypy = pytest.importorskip("mypy.api", reason="needs the extra `lint`")
    report, faults, status = mypy.run(["--scripts-are-modules", *map(str, SOURCES)])
    assert status == 0, report + faults


def test_an_outdated_notebook_is_noticed(tmp_path):
    source = tmp_path / "sum.py"
    source.write_text("# %%\nprint(1 + 1)\n", encoding="utf-8")
    (first,) = texts(executed(source))
    source.write_text("# %%\nprint(1 + 2)\n", encoding="utf-8")
    (second,) = texts(executed(source))
    assert (first, second) == (["2\n"], ["3\n"])
