"""The gallery: every kind of figure, with a command that makes it."""

import re
from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest

from experiments import abstract
from experiments.drawing import studies
from experiments.drawing.concept import DEVICE, FLOW, FLOWS, WIRES, concept
from experiments.drawing.gallery import exhibits
from experiments.publishing import drawings
from experiments.report import CAPTIONS
from experiments.style import COLOURS, figure_of

ROOT = Path(__file__).parent.parent
SHOWN = list(exhibits())


def test_names_are_those_of_files_and_unique():
    names = [shown.name for shown in SHOWN]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z_]+", name) for name in names)


def test_every_figure_of_the_page_is_in_the_gallery():
    made = {shown.name for shown in SHOWN if shown.command == "make reproduce"}
    assert made == set(CAPTIONS)


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: shown.name)
def test_commands_and_functions_exist(shown):
    target = shown.command.removeprefix("make ")
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    module, _, name = shown.function.rpartition(".")
    assert callable(getattr(import_module(module), name))
    if not shown.written.startswith("results/"):
        assert (ROOT / shown.written).exists()
        source = (ROOT / shown.written).with_suffix(".py").read_text(encoding="utf-8")
        assert f"{name}(" in source


def test_a_whole_evaluation_draws_sensitivities_and_replanning_a_part_does_not():
    rows = [
        {"soc": c.soc, "model": c.model, "versus": c.versus, "paper": c.paper}
        for c in abstract.CELLS
    ]
    cells = [row | {"sourced": row["paper"], "calibrated": row["paper"]} for row in rows]
    part = [*cells[:-1], cells[-1] | {"calibrated": None}]
    columns = ["soc", "model", "planner", "options", "component", "energy_j"]
    nothing = pd.DataFrame(columns=columns)
    found = [
        {name for name, _ in drawings({"cells": some, "planners": []}, nothing, [])}
        for some in (cells, part)
    ]
    assert found == [{"energy_gains", "sensitivity", "replanning"}, {"energy_gains"}]


def test_the_cloud_wins_later_with_a_hungrier_board_and_a_longer_way():
    axes = studies.crossover_map()
    lines = {line.get_label(): line.get_ydata() for line in axes.lines}
    frugal, hungry = lines["0.3"], lines["2"]
    assert (hungry > frugal).all()
    for rates in (frugal, hungry):
        assert (rates[1:] >= rates[:-1] * (1 - 1e-9)).all()


def test_replanning_is_between_static_plans_and_the_oracle():
    axes = studies.replanning_over_time(most_s=600.0)
    spent = {line.get_label().split(":")[0]: line.get_ydata()[-1] for line in axes.lines[::2]}
    assert set(spent) == set(studies.SCHEMES)
    assert spent["oracle"] <= spent["replan"] < spent["static at 0.4"]
    assert len(figure_of(axes).axes) == 2


def test_a_day_is_watched_from_a_full_battery_for_each_scheme():
    windows = studies.days(most_s=3600.0, window_s=900.0)
    left = windows.groupby("scheme")["charge"].last()
    assert windows.groupby("scheme").size().to_dict() == dict.fromkeys(left.index, 4)
    assert 1.0 > left["deepx"] > left["cpu_only"] > left["cloud_only"]


def test_words_of_the_concept_stay_within_their_boxes():
    from matplotlib.patches import FancyBboxPatch

    axes = concept()
    figure_of(axes).draw_without_rendering()
    rims = [p.get_window_extent() for p in axes.patches if isinstance(p, FancyBboxPatch)]
    words = {text.get_text(): text.get_window_extent() for text in axes.texts}
    for box in (*FLOW, *DEVICE):
        for word in (box.name, box.below):
            said = words[word]
            assert any(
                rim.x0 < said.x0 < said.x1 < rim.x1 and rim.y0 < said.y0 < said.y1 < rim.y1
                for rim in rims
            ), word


def test_arrows_of_the_concept_lead_between_its_boxes():
    names = {box.name for box in (*FLOW, *DEVICE)}
    assert {name for pair in (*FLOWS, *WIRES) for name in pair} == names - {"battery, case"}
    assert set(COLOURS) - {"board"} == {box.name for box in DEVICE} & set(COLOURS)
