"""`deepx validate`: one document, tables that fit, a page."""

import json

import pytest
from click.testing import CliRunner

from experiments.cli import main


def ran(*words):
    result = CliRunner().invoke(main, ["validate", *words])
    assert result.exit_code == 0, result.output
    return result


def refuse(name):
    raise AssertionError(f"{name} is no JSON")


def test_json_holds_every_part_and_a_page_is_written(tmp_path):
    page = tmp_path / "deep" / "fidelity.md"
    result = ran("--json", "--samples", "2", "--page", str(page))
    found = json.loads(result.stdout, parse_constant=refuse)
    parts = {"printed", "sourced", "calibrated", "parameters", "ablations", "memory"}
    assert parts | {"sensitivity", "predictions", "coupling", "bands"} <= set(found)
    assert len(found["sourced"]["cells"]) == len(found["calibrated"]["cells"]) == 10
    by_name = {row["name"]: row for row in found["ablations"]}
    assert by_name["as it ships"]["cells"] == pytest.approx(found["calibrated"]["cells"])
    assert by_name["WiFi in place of LTE"]["cells"][0] < 1.0
    free = by_name["planning free"]["cells"]
    assert all(more > less for more, less in zip(free, found["calibrated"]["cells"], strict=True))
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# How far to believe the numbers\n")
    assert "## Uncertainty of each cell" in text
    assert "### By number of parameters" not in text
    swings = [row["swing"] for row in found["sensitivity"]]
    assert swings == sorted(swings, reverse=True)


def test_tables_fit_eighty_columns(monkeypatch):
    monkeypatch.setattr("experiments.fidelity.sensitivity", list)
    result = ran()
    assert max(map(len, result.stdout.splitlines())) <= 80
    for said in ("printed", "staging of weights", "tegra_x1", "cloud_only"):
        assert said in result.stdout


@pytest.mark.parametrize("words", [["--samples", "0"], ["--samples", "many"], ["--pages", "x"]])
def test_wrong_options_are_said(words):
    result = CliRunner().invoke(main, ["validate", *words])
    assert result.exit_code == 2
    assert "Traceback" not in result.output
