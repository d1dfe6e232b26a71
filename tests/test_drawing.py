"""Figures of plans, ranks, trade-offs, gaps, sensitivities and replanning: what they show is so."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from networks import network
from PIL import Image

from experiments.drawing.concept import concept
from experiments.drawing.days import day_of_use
from experiments.drawing.gaps import LEAST_GAP, gap_and_time
from experiments.drawing.plans import plan_over_layers
from experiments.drawing.replanning import replanning
from experiments.drawing.spectra import spectra
from experiments.drawing.tables import (
    plan_frame,
    planning_frame,
    spectra_frames,
    trade_off_frame,
)
from experiments.drawing.tornado import tornado
from experiments.drawing.trade_offs import METRICS, memory_error_energy
from experiments.publishing import save_figure
from experiments.scenarios import scenario
from experiments.style import COLUMN_IN, colour, figure_of
from planners import Plan, UnitBlock, load_planner


@pytest.fixture(scope="module")
def question():
    return scenario("tegra_k1", "alexnet")


@pytest.fixture(scope="module")
def plan(question):
    return load_planner("deepx")(question)


@pytest.fixture(scope="module")
def branches():
    """A stem, two branches side by side, and their join."""
    conv = {"kind": "conv", "units": 4, "kernel": 1}
    return network(
        [3, 4, 4],
        {"name": "stem", **conv},
        {"name": "left", **conv, "inputs": ["stem"]},
        {"name": "right", **conv, "inputs": ["stem"]},
        {"name": "join", **conv, "inputs": ["left", "right"]},
    )


def boxes(axes):
    return [(p.get_x(), p.get_y(), p.get_width()) for p in axes.patches if p.get_width() > 0]


# a plan over its layers


def test_every_block_is_drawn_by_its_share_of_units(question, plan):
    table = plan_frame(plan, question.workload)
    axes = plan_over_layers(table)
    drawn = boxes(axes)
    assert len(drawn) == len(plan.blocks)
    assert sum(width for *_, width in drawn) == pytest.approx(len(question.workload.stages))
    for (left, _, width), block in zip(drawn, plan.blocks, strict=True):
        units = question.workload.stage(block.layer).units
        assert left == pytest.approx(block.first_unit / units)
        assert width == pytest.approx((block.last_unit - block.first_unit) / units)
    texts = " ".join(text.get_text() for text in axes.texts)
    for block in plan.blocks:
        assert block.rank is None or f"rank {block.rank}" in texts


def test_branches_stand_side_by_side_with_an_arrow_an_edge(branches):
    blocks = [UnitBlock(stage.name, 0, 4, "cpu", 1e9, "fp32") for stage in branches.stages]
    table = plan_frame(Plan("hand", tuple(blocks), None, 0, "native"), branches)
    assert dict(zip(table["layer"], table["place"], strict=True)) == {
        "stem": 0,
        "left": 1,
        "right": 1,
        "join": 2,
    }
    axes = plan_over_layers(table)
    places = dict(zip(table["layer"], boxes(axes), strict=True))
    (left, row, width), (right, other_row, _) = places["left"], places["right"]
    assert row == other_row
    assert left + width < right
    assert places["join"][2] == 1.0
    assert sum(text.arrowprops is not None for text in axes.texts if not text.get_text()) == 4


# ranks


def test_chosen_ranks_lie_on_the_spectra(question, plan):
    curves, ranks = spectra_frames(plan, question.workload)
    chosen = {block.layer: block.rank for block in plan.blocks if block.rank is not None}
    assert chosen
    marked = ranks[ranks["mark"] == "chosen"].set_index("layer")
    assert set(marked.index) == set(chosen)
    for layer, rank in chosen.items():
        values = question.workload.spectrum(layer)
        assert marked.loc[layer, "rank_share"] == pytest.approx(rank / values.shape[1])
        relative = values.mean(axis=0)[rank - 1] / values.mean(axis=0)[0]
        assert marked.loc[layer, "relative"] == pytest.approx(relative)
        even = question.workload.stage(layer).break_even_rank / values.shape[1]
        assert marked.loc[layer, "rank_share"] < even
    axes = spectra(curves, ranks)
    dots = [line for line in axes.lines if line.get_marker() == "o" and len(line.get_xdata())]
    assert sorted(dot.get_xdata()[0] for dot in dots) == pytest.approx(sorted(marked["rank_share"]))


def test_layers_of_one_spectrum_share_a_line():
    curve = {"rank_share": [0.5, 1.0], "relative": [1.0, 0.1]}
    other = {"rank_share": [0.5, 1.0], "relative": [1.0, 0.2]}
    parts = [("a", curve), ("b", other), ("c", curve)]
    curves = pd.concat([pd.DataFrame({"layer": name, **part}) for name, part in parts])
    ranks = pd.DataFrame(columns=["layer", "rank_share", "relative", "mark"])
    axes = spectra(curves, ranks)
    assert [line.get_label() for line in axes.lines] == ["a, c", "b"]


# memory, error, energy


def test_rims_are_on_plans_that_nothing_beats():
    random = np.random.default_rng(3)
    plans = pd.DataFrame(random.uniform(1, 2, (30, 3)), columns=METRICS)
    plans["planner"] = ["one", "other", "third"] * 10
    axes = memory_error_energy(plans)
    values = plans[list(METRICS)].to_numpy()
    for name, dots in zip(("one", "other", "third"), axes.collections, strict=False):
        part = values[plans["planner"] == name]
        np.testing.assert_allclose(dots.get_offsets(), part[:, :2] / [1e6, 1.0])
        for row, rim in zip(part, dots.get_edgecolors(), strict=True):
            beaten = any((other <= row).all() and (other < row).any() for other in values)
            assert (rim[:3].max() == 0) is not beaten


def test_trade_offs_keep_their_limits(question):
    table = trade_off_frame(question, planners=("deepx", "dad"), limits=(0.05, 0.2, 0.4))
    assert (table["error"] <= table["error_limit"]).all()
    deepx = table[table["planner"] == "deepx"].sort_values("error_limit")
    assert len(deepx) == 3
    assert deepx["energy_j"].is_monotonic_decreasing
    assert (table["planner"] == "dad").sum() == 1, "dad compacts nothing: its plans are the same"


# gaps and times


def test_gaps_and_times_stand_in_order_with_their_medians():
    rows = [("far", 0.5, 1e-3), ("far", 0.1, 3e-3), ("far", 0.2, 2e-3), ("best", 0.0, 1.0)]
    rows += [("unknown", np.nan, 0.1)]
    left = gap_and_time(pd.DataFrame(rows, columns=["planner", "gap", "planning_s"]))
    right = figure_of(left).axes[1]
    assert [label.get_text() for label in left.get_yticklabels()] == ["best", "far", "unknown"]
    assert median_lines(left) == pytest.approx([100 * LEAST_GAP, 20.0])
    assert median_lines(right) == pytest.approx([1e3, 2.0, 100.0])


def median_lines(axes):
    return [lines.get_segments()[0][0][0] for lines in axes.collections]


def test_planning_times_are_those_of_the_runs():
    ran = SimpleNamespace(outcome=SimpleNamespace(planning_latency_s=0.25))
    refused = SimpleNamespace(outcome=None)
    rows = [{"planner": "a", "gap_to_exact": None}, {"planner": "b", "gap_to_exact": 0.1}]
    table = planning_frame(rows, [ran, refused])
    assert table.to_dict("list")["planning_s"] == [0.25]
    assert table["gap"].isna().all()


# sensitivities


def test_the_widest_swing_stands_above():
    rows = [("soc.x.a.b", 0.9, 1.2), ("host.y.wide.c", 4.0, 0.5), ("link.z.tail.2.s", 1.0, 1.0)]
    table = pd.DataFrame(rows, columns=["figure", "at_low", "at_high"])
    axes = tornado(table, base=1.0, label="energy", most=2)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["y wide.c", "x a.b"]
    assert axes.yaxis_inverted()
    ends = [bar.get_x() + bar.get_width() for bar in axes.patches]
    assert ends == pytest.approx([4.0, 0.9, 0.5, 1.2])


# replanning


def test_replanning_shows_totals_failures_and_the_condition():
    times = [0.0, 1.0, 2.0]
    static = pd.DataFrame({"time_s": times, "scheme": "static", "energy_j": [1.0, np.nan, 3.0]})
    anew = pd.DataFrame({"time_s": times, "scheme": "replanned", "energy_j": [1.0, 2.0, 0.5]})
    table = pd.concat([anew, static]).assign(condition=[5.0, 1.0, 5.0] * 2)
    upper = replanning(table, condition_label="uplink")
    lower = figure_of(upper).axes[1]
    said = [text.get_text() for text in upper.get_legend().get_texts()]
    assert said == ["replanned: 3.5 in all", "static: 4 in all"]
    crosses = [list(line.get_xdata()) for line in upper.lines if line.get_marker() == "x"]
    assert crosses == [[], [1.0]]
    assert list(lower.lines[0].get_ydata()) == [5.0, 1.0, 5.0]
    assert upper.get_xlim() == lower.get_xlim()


def test_replanning_may_show_what_was_spent_so_far():
    table = pd.DataFrame({"time_s": [0.0, 1.0, 2.0], "scheme": "static", "condition": 1.0})
    upper = replanning(table.assign(energy_j=[1.0, 2.0, 0.5]), running=True)
    assert list(upper.lines[0].get_ydata()) == [1.0, 3.0, 3.5]


# all of them


def every_figure(question, plan):
    yield plan_over_layers(plan_frame(plan, question.workload))
    yield spectra(*spectra_frames(plan, question.workload))
    yield memory_error_energy(trade_off_frame(question, limits=(0.2, 0.4)))
    rows = [("deepx", 0.01, 1e-3), ("dad", 0.1, 2e-3)]
    yield gap_and_time(pd.DataFrame(rows, columns=["planner", "gap", "planning_s"]))
    swings = pd.DataFrame([("soc.x.a", 1.0, 2.0)], columns=["figure", "at_low", "at_high"])
    yield tornado(swings, base=1.5, label="energy")
    requests = {"time_s": [0.0, 1.0], "scheme": "static", "energy_j": 1.0, "condition": 2.0}
    yield replanning(pd.DataFrame(requests))
    window = {"scheme": ["deepx"], "time_s": 0.0, "charge": 0.5, "empty": False, "power_w": 1.0}
    yield day_of_use(pd.DataFrame(window))
    yield concept()


def test_figures_have_column_width_and_the_same_bytes_again(question, plan, tmp_path):
    for number, pair in enumerate(
        zip(every_figure(question, plan), every_figure(question, plan), strict=True)
    ):
        for name, axes in zip("ab", pair, strict=True):
            assert figure_of(axes).get_size_inches()[0] == COLUMN_IN
            save_figure(tmp_path / f"{name}{number}", axes)
        for kind in ("png", "svg"):
            one, other = (tmp_path / f"{name}{number}.{kind}" for name in "ab")
            assert one.read_bytes() == other.read_bytes(), one.name


def test_blocks_are_told_apart_without_colour(branches, tmp_path):
    """In grey: every box names its processor, in ink that stands out from its fill."""
    names = ("cpu", "gpu", "dsp", "lpc")
    pairs = zip(branches.stages, names, strict=True)
    blocks = [UnitBlock(stage.name, 0, 4, name, 1e9, "fp32") for stage, name in pairs]
    axes = plan_over_layers(plan_frame(Plan("hand", tuple(blocks), None, 0, "native"), branches))
    inside = {text.get_text().split(",")[0]: text.get_color() for text in axes.texts}
    for name in names:
        fill = luminance(colour(name))
        assert abs(fill - {"white": 1.0, "black": 0.0}[inside[name]]) > 0.35
    save_figure(tmp_path / "grey", axes)
    with Image.open(tmp_path / "grey.png") as image:
        assert image.width == round(200 * COLUMN_IN)


def luminance(text):
    red, green, blue = (int(text[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
