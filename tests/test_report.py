"""Figures and the page: what is drawn is what the tables say, and nothing comes from outside."""

import json
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from experiments import abstract, figures
from experiments.answers import ask, carry_out
from experiments.cli import main
from experiments.documents import Reproduction
from experiments.drawing.interactive import timelines
from experiments.drawing.recorded import Run, recorded
from experiments.frames import timeline_frame, traffic_frame
from experiments.report import figures_in, render, svg_element
from experiments.scenarios import scenario
from experiments.style import COLOURS, colour, figure_of

HOSTILE = '<script>alert("x")</script>&amp;'


@pytest.fixture(scope="module")
def outcome():
    return carry_out(ask(scenario("snapdragon_800", "alexnet"), "dad")).outcome


@pytest.fixture
def cells():
    names = ["soc", "model", "versus", "paper", "sourced", "calibrated"]
    rows = [
        (c.soc, c.model, c.versus, c.paper, 4.0 * c.paper, 1.5 * c.paper) for c in abstract.CELLS
    ]
    return pd.DataFrame(rows, columns=names)


def bars(axes):
    return [patch for patch in axes.patches if patch.get_height() and patch.get_width()]


# figures


def test_energy_gains_shows_each_cell_and_what_is_printed(cells):
    axes = figures.energy_gains(cells)
    heights = sorted(bar.get_height() for bar in axes.patches if bar.get_height() > 0)
    assert heights[-10:] == pytest.approx(sorted(cells["calibrated"]))
    before = [line.get_ydata()[0] for line in axes.lines if line.get_marker() == "o"]
    assert sorted(before) == pytest.approx(sorted(cells["sourced"]))
    marks = [line.get_segments()[0][0][1] for line in axes.collections]
    assert sorted(marks) == pytest.approx(sorted(cells["paper"]))
    assert axes.get_yscale() == "log"
    figure_of(axes).canvas.draw()
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    named = ["cloud only", "gpu only", "cpu only", "printed in the abstract", "before calibration"]
    assert sorted(legend) == sorted(named)


def test_marks_stand_on_the_bars_they_belong_to(cells):
    axes = figures.energy_gains(cells)
    spans = {
        round(bar.get_height(), 9): (bar.get_x(), bar.get_x() + bar.get_width())
        for bar in axes.patches
        if bar.get_height() > 0
    }
    for line in axes.collections:
        (left, paper), (right, _) = line.get_segments()[0]
        start, stop = spans[round(1.5 * paper, 9)]
        assert start <= left < right <= stop


def test_energy_breakdown_adds_up(outcome):
    parts = outcome.energy_breakdown_j
    rows = [("dad", name, energy_j) for name, energy_j in parts.items()]
    rows += [("cloud_only", name, 100 * energy_j) for name, energy_j in parts.items()]
    rows += [("rlc", name, energy_j) for name, energy_j in parts.items()]
    table = pd.DataFrame(rows, columns=["planner", "component", "energy_j"])
    axes = figures.energy_breakdown(table)
    widths = {}
    for bar in axes.patches:
        row = round(bar.get_y() + bar.get_height() / 2)
        widths[row] = widths.get(row, 0.0) + bar.get_width()
    assert widths[0] == widths[2] == pytest.approx(outcome.energy_j, rel=0.01)
    assert widths[1] < 2 * outcome.energy_j
    texts = [text.get_text() for text in axes.texts]
    assert "not to scale" in texts[1]
    assert "not to scale" not in texts[0] + texts[2]


def test_gantt_shows_every_activity_in_its_place(outcome):
    table = timeline_frame(outcome)
    assert len(table) == len(outcome.timeline)
    axes = figures.gantt(table)
    drawn = sorted(bar.get_paths()[0].get_extents().x0 for bar in axes.collections)
    assert drawn == pytest.approx(sorted(1e3 * table["start_s"]))
    assert axes.get_xlim() == (0, pytest.approx(1e3 * outcome.latency_s))
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert set(names) == {interval.resource for interval in outcome.timeline}


def test_rows_of_a_resource_do_not_overlap(outcome):
    for _, part in timeline_frame(outcome).groupby(["resource", "row"]):
        starts = part.sort_values("start_s")
        assert (starts["start_s"].to_numpy()[1:] >= starts["stop_s"].to_numpy()[:-1] - 1e-12).all()


def test_bus_traffic_stays_within_the_run(outcome):
    table = traffic_frame(outcome)
    assert table["share"].between(0, 1).all()
    assert table["share"].max() == 1
    assert (table["stop_s"] > table["start_s"]).all()
    assert table["stop_s"].max() <= outcome.latency_s * (1 + 1e-12)


def test_the_area_under_power_is_energy(outcome):
    axes = figures.power(outcome.power())
    area_j = 0.0
    for layer in axes.collections:
        points = layer.get_paths()[0].vertices
        x, y = points[:, 0], points[:, 1]
        area_j += abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2e3
    assert area_j == pytest.approx(outcome.energy_j, rel=0.02)


def test_inference_shares_one_time_axis(outcome):
    table = pd.concat([timeline_frame(outcome), traffic_frame(outcome)])
    upper = figures.inference(table, outcome.power())
    upper_axes, lower = figure_of(upper).axes
    assert upper_axes is upper
    assert upper.get_xlim() == lower.get_xlim()
    assert [label.get_text() for label in upper.get_yticklabels()][-1] == "dram"


def test_colours_are_apart_for_the_colour_blind():
    """Lightness alone tells neighbours of the stack apart from the board's grey."""
    light = {name: luminance(value) for name, value in COLOURS.items()}
    assert len(set(COLOURS.values())) == len(COLOURS)
    assert all(light["board"] > other for name, other in light.items() if name != "board")
    assert colour("npu") not in COLOURS.values()


def luminance(text):
    red, green, blue = (int(text[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# the page


def small(**changes):
    document = {
        "scenario": {
            "network": "lte",
            "energy_window": "until_idle",
            "version": "1",
            "weights": HOSTILE,
        },
        "cells": [
            {
                "soc": HOSTILE,
                "model": "m",
                "versus": "cpu",
                "paper": 2.0,
                "sourced": None,
                "calibrated": None,
            }
        ],
        "memory": [
            {
                "soc": "s",
                "model": "m",
                "paper": 2.5,
                "simulated": None,
                "compaction": None,
                "error_limit": 0.4,
            }
        ],
        "coupling": {"rank_correlation": None, "over": HOSTILE},
        "readings": {"as_printed": {"rms_log_error": None}},
        "parameters": [
            {
                "name": "x",
                "value": 1.0,
                "low": 0.0,
                "high": 1.0,
                "basis": "calibrated",
                "source": HOSTILE,
                "at_bound": True,
            }
        ],
        "verification": [
            {
                "soc": "s",
                "model": "m",
                "planner": HOSTILE,
                "options": "paper",
                "relative_error": None,
                "error_bound": 0.4,
                "within_bound": False,
            }
        ],
        "planners": [
            {
                "soc": "s",
                "model": "m",
                "planner": HOSTILE,
                "options": "paper",
                "status": f"infeasible: {HOSTILE}",
                "latency_s": None,
                "energy_j": None,
                "planning_latency_s": None,
                "planning_energy_j": None,
                "peak_memory_bytes": None,
            }
        ],
    }
    return document | changes


class Page(HTMLParser):
    """Tags balance; ids, references and outside addresses are collected."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.ids, self.references, self.outside = [], [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            self.ids += [value] if name == "id" else []
            self.references += [value[1:]] if name.endswith("href") and value[:1] == "#" else []
            if name in ("src", "href", "xlink:href") and not value.startswith("#"):
                self.outside.append(value)
        if tag not in {"meta", "br", "link", "img"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def folder(cells, tmp_path):
    from experiments.publishing import save_figure

    (tmp_path / "figures").mkdir()
    save_figure(tmp_path / "figures/energy_gains", figures.energy_gains(cells))
    save_figure(tmp_path / "figures/energy_breakdown_a-b", figures.energy_gains(cells))
    (tmp_path / "reproduce.json").write_text(json.dumps(small()), encoding="utf-8")
    return tmp_path


def test_the_page_is_one_sound_file(folder):
    run = CliRunner().invoke(main, ["report", str(folder)])
    assert run.exit_code == 0, run.output
    text = (folder / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.tags.count("svg") == 2
    assert len(set(page.ids)) == len(page.ids)
    assert set(page.references) <= set(page.ids)
    assert page.outside == []
    assert "http:" not in text
    assert "https:" not in text
    assert "prefers-color-scheme: dark" in text


def test_names_are_escaped():
    page = Page(text := render(Reproduction.model_validate(small()), []))
    assert "script" not in page.tags
    assert HOSTILE not in text


def test_drawings_bring_no_scripts_and_no_addresses():
    text = (
        '<?xml version="1.0"?><!DOCTYPE svg><svg xmlns="http://www.w3.org/2000/svg"><metadata>'
        'http://x</metadata><script>bad()</script><g id="a"/><use href="#a"/>'
        '<g clip-path="url(#a)"/></svg>'
    )
    assert svg_element(text, "n-") == (
        '<svg><g id="n-a"/><use href="#n-a"/><g clip-path="url(#n-a)"/></svg>'
    )


def test_captions_name_the_pair(folder):
    captions = [drawing.caption for drawing in figures_in(folder, [("a", "b")])]
    assert captions[0].startswith("Energy of the baselines")
    assert "a, b" in captions[1]


# the timeline to zoom


@pytest.fixture
def run(outcome):
    activities = pd.concat([timeline_frame(outcome), traffic_frame(outcome)], ignore_index=True)
    return Run(HOSTILE, activities.assign(details="fp32, dense"), outcome.power())


def test_a_timeline_brings_its_library_and_no_markup(run):
    text = render(Reproduction.model_validate(small()), [], [run])
    page = Page(text)
    assert page.tags.count("script") == 3
    assert HOSTILE not in text
    assert 1e6 < len(text) < 5e6


def test_the_same_runs_give_the_same_document(run):
    first, again = (timelines([run, run], "here") for _ in range(2))
    assert first == again
    assert first["target_id"] == "here"


def test_bars_of_a_timeline_lie_where_the_activities_do(run):
    [bars] = found(timelines([run], "here"), "name", "activities_0")
    columns = dict(found(bars, "type", "map")[0]["entries"])
    table = run.activities
    assert columns["label"] == list(table["label"])
    assert columns["left"] == pytest.approx(1e3 * table["start_s"])
    assert columns["right"] == pytest.approx(1e3 * table["stop_s"])
    energies = table["power_w"] * (table["stop_s"] - table["start_s"])
    assert columns["energy_mj"] == pytest.approx(1e3 * energies)
    for (lane, offset), height in zip(columns["lane"], columns["height"], strict=True):
        assert lane in set(table["resource"])
        assert -0.5 < offset - height / 2 < offset + height / 2 < 0.5


def found(document, key, value):
    """Objects of a JSON document that have a key of that value."""
    parts = document.values() if isinstance(document, dict) else document
    own = [document] if isinstance(document, dict) and document.get(key) == value else []
    nested = [part for part in parts if isinstance(part, dict | list)]
    return own + [one for part in nested for one in found(part, key, value)]


def test_runs_are_read_back_as_they_were_written(run, tmp_path):
    from experiments.publishing import write_table

    activities = run.activities.assign(label="NA")
    write_table(tmp_path / "a-b.csv", activities)
    write_table(tmp_path / "a-b.power.csv", run.watts)
    [read] = recorded(tmp_path, {"a-b": "A, B", "gone-b": "gone"})
    assert read.title == "A, B"
    pd.testing.assert_frame_equal(read.activities, activities, check_dtype=False)
    pd.testing.assert_frame_equal(read.watts, run.watts, check_dtype=False)


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "resource\n", "\x00", '"', "time_s,\n1,2,3"])
def test_a_spoilt_timeline_is_refused(content, folder):
    (folder / "timelines").mkdir()
    for name in ("s-m.csv", "s-m.power.csv"):
        (folder / "timelines" / name).write_text(content, encoding="utf-8")
    run = CliRunner().invoke(main, ["report", str(folder)])
    assert run.exit_code == 2, run.output
    assert "Traceback" not in run.output
    assert "s-m.csv:1:1: table: " in run.stderr


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({}, "cells"),
        ([], "file: "),
        (small(cells=[{"soc": 1}]), "cells.0.soc"),
        (small(planners=None), "planners"),
    ],
)
def test_a_folder_that_reproduce_did_not_write_is_refused(document, said, tmp_path):
    (tmp_path / "reproduce.json").write_text(json.dumps(document), encoding="utf-8")
    run = CliRunner().invoke(main, ["report", str(tmp_path)])
    assert run.exit_code == 2
    assert "Traceback" not in run.output
    assert said in run.stderr
    assert all(line.startswith(str(tmp_path)) for line in run.stderr.splitlines())
    assert not (tmp_path / "report.html").exists()
