"""Accuracy as a goal: a measured curve turns it into an error limit; no curve, a clear no."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from test_score_errors import NET, speaker

from experiments.cli import main
from experiments.scenarios import scenario
from workloads import accuracy
from workloads.accuracy import AccuracyCurve, UnknownAccuracy, accuracy_curve
from workloads.faults import SpecError
from workloads.storing import write_workload

POINTS = {0.1: 0.99, 0.2: 0.97, 0.3: 0.98, 0.5: 0.9}


def document(**others: object) -> dict[str, object]:
    return {
        "kind": "accuracy",
        "network": "speaker",
        "sha256": NET.spec.weights.sha256,
        "task": "saying anything",
        "source": "a test",
        "basis": "measured",
        "uncompacted": 0.995,
        "points": [{"error_limit": limit, "accuracy": share} for limit, share in POINTS.items()],
        **others,
    }


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "accuracies"
    folder.mkdir()
    (folder / "speaker.yaml").write_text(yaml.safe_dump(document()))
    monkeypatch.setattr(accuracy, "FOLDER", folder)
    accuracy.accuracy_curves.cache_clear()
    yield folder
    accuracy.accuracy_curves.cache_clear()


@pytest.mark.parametrize(
    ("least", "limit"),
    [(0.5, 0.5), (0.95, 0.3), (0.975, 0.1), (0.98, 0.1), (0.99, 0.1), (0.992, 0.0)],
)
def test_no_limit_below_it_misses_the_accuracy(least: float, limit: float) -> None:
    curve = AccuracyCurve.model_validate(document())
    assert curve.error_limit(least) == limit


def test_more_than_the_network_itself_reaches_is_told() -> None:
    curve = AccuracyCurve.model_validate(document())
    with pytest.raises(UnknownAccuracy, match=r"must be at most 0\.995, that of speaker"):
        curve.error_limit(0.999)


def test_it_becomes_the_error_limit_unless_that_is_tighter(known: Path) -> None:
    def limit(**goals: float) -> float:
        return scenario("tegra_k1", NET, **goals).error_limit  # type: ignore[arg-type]

    assert limit() == 0.35
    assert limit(min_accuracy=0.99) == 0.1
    assert limit(min_accuracy=0.5) == 0.35
    assert limit(min_accuracy=0.5, max_error=0.6) == 0.5
    assert limit(min_accuracy=0.95, max_error=0.05) == 0.05


def test_another_networks_accuracy_is_not_known(known: Path) -> None:
    with pytest.raises(UnknownAccuracy, match="must be one of speaker; --max-error"):
        accuracy_curve(speaker(loud=2.0))


def test_curves_that_do_not_rise_are_refused(known: Path) -> None:
    twice = [{"error_limit": 0.2, "accuracy": share} for share in (0.9, 0.8)]
    (known / "speaker.yaml").write_text(yaml.safe_dump(document(points=twice)))
    with pytest.raises(SpecError, match="rise strictly"):
        accuracy_curve(NET)


def test_the_command_line_asks_for_it(known: Path, tmp_path: Path) -> None:
    described, _ = write_workload(NET, tmp_path)
    asked = ["plan", str(described), "--soc", "snapdragon_800", "--planner", "deepx", "--json"]
    result = CliRunner().invoke(main, [*asked, "--min-accuracy", "0.99"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["scenario"]["error_limit"] == 0.1
    assert found["predicted"]["error"] <= 0.1
    for value, complaint in (("0.999", "must be at most 0.995"), ("x", "must be a number")):
        result = CliRunner().invoke(main, [*asked, "--min-accuracy", value])
        assert result.exit_code == 2
        assert f"--min-accuracy: {complaint}" in result.output or complaint in result.output


def test_of_other_models_it_says_what_to_use(known: Path) -> None:
    asked = ["plan", "alexnet", "--soc", "tegra_k1", "--planner", "deepx"]
    result = CliRunner().invoke(main, [*asked, "--min-accuracy", "0.9"])
    assert result.exit_code == 2
    assert "--min-accuracy: no accuracy of alexnet was measured" in result.output


def test_curves_shipped_here_are_read() -> None:
    for curve in accuracy.accuracy_curves():
        assert curve.error_limit(0.0) == curve.points[-1].error_limit
