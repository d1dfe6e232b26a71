"""Figures by path: replaced one by one, and taken back to what they were before a fit."""

import pytest
from pydantic import ValidationError

from experiments.scenarios import before_fits, scenario
from planners import load_planner
from socs import load_host, load_runtime, load_soc, soc_names
from socs.figures import figures, sourced_only, with_figures
from workloads.names import UnknownName
from workloads.sourced import Sourced


def test_a_figure_is_replaced_and_nothing_else():
    soc = load_soc("tegra_k1")
    path = ("processors", "gpu", "port_bytes_per_s")
    before = dict(figures(soc))
    changed = with_figures(soc, {path: before[path].model_copy(update={"value": 1.0})})
    after = dict(figures(changed))
    assert after[path].value == 1.0
    assert {name for name in before if before[name] != after[name]} == {path}
    assert dict(figures(soc)) == before


def test_an_unknown_figure_names_the_nearest():
    soc = load_soc("tegra_k1")
    with pytest.raises(UnknownName, match="board_w"):
        with_figures(soc, {("bord_w",): soc.board_w})


@pytest.mark.parametrize("name", soc_names())
def test_sourced_only_has_nothing_calibrated(name):
    for spec in (load_soc(name), load_host("cudnn"), load_runtime("deepx_2016")):
        assert all(f.basis != "calibrated" for _, f in figures(sourced_only(spec)))


def test_what_was_never_fitted_stays_as_it_is():
    host = load_host("torch_gemv")
    assert sourced_only(host) is host


FITTED = {"value": 2.0, "source": "a fit", "basis": "calibrated", "low": 1.0, "high": 3.0}
BEFORE = {"value": 1.0, "source": "a book", "basis": "assumed", "low": 1.0, "high": 3.0}


@pytest.mark.parametrize(
    ("figure", "complaint"),
    [
        (FITTED, "needs uncalibrated"),
        (FITTED | {"low": None, "uncalibrated": BEFORE}, "needs low and high"),
        (BEFORE | {"uncalibrated": BEFORE}, "only a calibrated figure"),
        (FITTED | {"uncalibrated": FITTED | {"uncalibrated": BEFORE}}, "another basis"),
    ],
)
def test_a_calibrated_figure_says_its_range_and_what_it_was(figure, complaint):
    with pytest.raises(ValidationError, match=complaint):
        Sourced.model_validate(figure)
    assert Sourced.model_validate(FITTED | {"uncalibrated": BEFORE}).uncalibrated.value == 1.0


def test_questions_are_asked_before_fits_on_request():
    now, before = scenario("snapdragon_800"), scenario("snapdragon_800", figures="sourced")
    assert now.soc.storage.read_s_per_byte.value > 0
    assert before.soc.storage.read_s_per_byte.value == 0
    assert before.runtime("deepx_2016").planning_s.basis == "assumed"
    assert before_fits(before) == before
    cheaper = load_planner("deepx")(before).predicted
    assert cheaper.energy_j < load_planner("deepx")(now).predicted.energy_j


def test_four_chips_and_adding_two_took_no_code():
    assert soc_names() == ("exynos_5800", "snapdragon_800", "tegra_k1", "tegra_x1")
    for name in ("exynos_5800", "tegra_x1"):
        assert all(figure.basis != "calibrated" for _, figure in figures(load_soc(name)))
