"""Pages of the documentation that follow from what there is: planners, files, figures.

What is added to a folder stands on its page without anybody writing it down.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.amounts import joules, ratio, seconds
from experiments.answers import Answer, ask
from experiments.catalogue import FOLDERS, LISTED, Entry, entries
from experiments.scenarios import scenario

if TYPE_CHECKING:
    from planners import Question

KINDS = (*(kind for kind in LISTED if kind != "planners"), "runtimes", "clouds")
HEADINGS = {
    "socs": "Chips",
    "hosts": "Hosts: code on processors",
    "links": "Links",
    "models": "Models",
    "experiments": "Experiments",
    "runtimes": "Runtimes: what carries plans out",
    "clouds": "Servers",
}
COLUMNS = ("question", "energy", "latency", "error", "options", "planning")


def examples(branching: Path) -> dict[str, "Question"]:
    """By name: what the handbook asks every planner (docs/planners.md says it in words).

    branching: the file of a model that branches.
    """
    seide = scenario("snapdragon_800", "cd_seide", options="full", network="none")
    return {
        "AlexNet": scenario("tegra_k1", "alexnet"),
        "all options": scenario("tegra_k1", "alexnet", options="full"),
        "speech": scenario("snapdragon_800", "cd_seide", options="full"),
        "hurry": scenario(
            "snapdragon_800", "cd_seide", options="full", network="wifi", objective="latency"
        ),
        "25 MB": seide.under(goals=replace(seide.goals, memory_bytes=25e6)),
        "branches": scenario("tegra_k1", str(branching), options="full"),
    }


def planners_page(texts: Path, asked: Mapping[str, "Question"]) -> str:
    """A section a planner: its docstring, what `texts` says of it, what it answers."""
    return "\n".join(
        line for entry in entries("planners") for line in _planner(entry, texts, asked)
    )


def _planner(entry: Entry, texts: Path, asked: Mapping[str, "Question"]) -> Iterator[str]:
    yield f"## {entry.name}\n"
    if entry.path is None:
        yield f"{plain(entry.description)}\n"
    else:
        yield "```{eval-rst}"
        yield f".. automodule:: planners.{entry.name}\n   :no-members:"
        yield "```\n"
    text = texts / f"{entry.name}.md"
    if text.exists():
        yield text.read_text(encoding="utf-8")
    answers = {name: ask(question, entry.name) for name, question in asked.items()}
    rows = [(name, *_figures(answer)) for name, answer in answers.items() if answer.plan]
    if rows:
        yield table(COLUMNS, rows, left=1)
    yield from (f"- {name}: {plain(a.status)}" for name, a in answers.items() if not a.plan)
    yield ""


def _figures(answer: Answer) -> tuple[str, ...]:
    """Energy, latency, error, options costed and planning of a plan."""
    assert answer.plan is not None and answer.plan.predicted is not None
    found = answer.plan.predicted
    return (
        joules(found.energy_j),
        seconds(found.latency_s),
        ratio(found.error),
        f"{answer.plan.evaluations:,}",
        seconds(found.planning_s),
    )


def shipped_page() -> str:
    """A table a kind of file: name and description of each."""
    parts = []
    for kind in KINDS:
        package, folder = FOLDERS[kind]
        rows = [(f"`{entry.name}`", plain(entry.description)) for entry in entries(kind)]
        parts += [f"## {HEADINGS[kind]}\n", f"Files of `{package}/{folder}/`.\n"]
        parts.append(table(("name", "what it is"), rows))
    parts += ["## Trained models that installed packages bring\n", *_trained()]
    return "\n".join(parts)


def _trained() -> Iterator[str]:
    from workloads.loading import trained_names

    yield ", ".join(f"`{name}`" for name in sorted(trained_names())) or "None is installed."


def gallery_page(folder: str) -> str:
    """A section a figure: the drawing in `folder`, what it shows, the command that makes it."""
    from experiments.drawing.gallery import exhibits

    parts = []
    for shown in exhibits():
        parts += [
            f"## {shown.title}\n",
            "````{container} drawn",
            f"```{{image}} {folder}/{shown.name}.svg\n:alt: {shown.caption}\n:width: 100%\n```",
            "````\n",
            f"{shown.caption}\n",
            f"`{shown.command}` makes it, as `{shown.written}`; drawn by "
            f"{{py:func}}`{shown.function}`.\n",
        ]
    return "\n".join(parts)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 2) -> str:
    """A Markdown table; all but the first columns are set to the right."""
    rule = ["---" if number < left else "---:" for number in range(len(columns))]
    lines = [columns, rule, *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def plain(text: str) -> str:
    """Text whose signs mean nothing to Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", text)
