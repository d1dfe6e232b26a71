"""Imported ONNX models: outputs against onnxruntime, folding, stages, and what is refused."""

import time
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnx_models import onnx_session

from workloads.execution import forward
from workloads.faults import SpecError
from workloads.loading import load_workload
from workloads.onnx.faults import ModelError
from workloads.onnx.importing import Network, network_of
from workloads.onnx.loading import workload_from
from workloads.onnx.operators import operators
from workloads.weights import make_weights

Floats = NDArray[np.float32]


class Model:
    """A model under construction: nodes, constants, and the value at hand."""

    def __init__(self, shape: list[int], seed: int, opset: int = 17) -> None:
        self.random = np.random.default_rng(seed)
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.shape, self.opset = shape, opset
        self.now = "x"

    def constant(self, array: NDArray[Any]) -> str:
        name = f"k{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def real(self, *shape: int, scale: float = 1.0, shift: float = 0.0) -> str:
        drawn = self.random.standard_normal(shape) * scale + shift
        return self.constant(drawn.astype(np.float32))

    def positive(self, *shape: int) -> str:
        return self.constant((self.random.random(shape) + 0.2).astype(np.float32))

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], name, **attributes))
        return name

    def then(self, operator: str, *others: str, **attributes: Any) -> "Model":
        self.now = self.add(operator, self.now, *others, **attributes)
        return self

    def conv(self, channels: int, units: int, *kernel: int, group: int = 1, **more: Any) -> "Model":
        weight = self.real(units, channels // group, *kernel, scale=0.3)
        return self.then("Conv", weight, self.real(units), group=group, **more)

    def proto(self, frames: int | str = "N") -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "net",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [frames, *self.shape])],
            [helper.make_tensor_value_info(self.now, TensorProto.FLOAT, None)],
            self.constants,
        )
        ids = [helper.make_opsetid("", self.opset)]
        made = helper.make_model(graph, opset_imports=ids, ir_version=9)
        return onnx.shape_inference.infer_shapes(made)


def outputs(proto: onnx.ModelProto, network: Network, seed: int) -> tuple[Floats, Floats]:
    """(ours, onnxruntime's) on two frames of random input."""
    x = np.random.default_rng(seed).standard_normal((2, *network.file_input), dtype=np.float32)
    session = onnx_session(proto.SerializeToString())
    (expected,) = session.run(None, {session.get_inputs()[0].name: x})
    net = workload_from(network, "net", source="a test")
    return network.output_of(forward(net, make_weights(net), network.input_of(x))), expected


def assert_is_onnxruntimes(model: Model, seed: int = 0) -> Network:
    proto = model.proto()
    onnx.checker.check_model(proto)
    network = network_of(proto)
    found, expected = outputs(proto, network, seed)
    assert found.shape == expected.shape
    scale = float(np.abs(expected).max(initial=1e-30))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * scale)
    return network


WINDOWS = st.fixed_dictionaries(
    {
        "strides": st.lists(st.integers(1, 2), min_size=2, max_size=2),
        "pads": st.lists(st.integers(0, 1), min_size=4, max_size=4),
    }
)
AUTO = st.fixed_dictionaries(
    {
        "auto_pad": st.sampled_from(["SAME_UPPER", "SAME_LOWER", "VALID"]),
        "strides": st.lists(st.integers(1, 2), min_size=2, max_size=2),
    }
)


def activated(model: Model, draw: Any, channels: int) -> None:
    kind = draw(st.sampled_from(["Relu", "LeakyRelu", "PRelu", "Sigmoid", "Tanh", "Clip", "none"]))
    match kind:
        case "none":
            pass
        case "PRelu":
            model.then("PRelu", model.real(channels, 1, 1))
        case "Clip":
            limits = [model.constant(np.array(v, np.float32)) for v in (-0.5, 0.75)]
            model.then("Clip", *limits)
        case "LeakyRelu":
            model.then("LeakyRelu", alpha=0.2)
        case _:
            model.then(kind)


def normalised(model: Model, draw: Any, channels: int) -> None:
    kind = draw(st.sampled_from(["BatchNormalization", "LRN", "Mul", "Add", "Sub", "Div", "none"]))
    match kind:
        case "BatchNormalization":
            own = [model.real(channels) for _ in range(3)]
            model.then("BatchNormalization", *own, model.positive(channels))
        case "LRN":
            model.then("LRN", size=3, alpha=0.1)
        case "none":
            pass
        case _:
            model.then(kind, model.positive(1, channels, 1, 1))


@given(st.data())
@settings(max_examples=60)
def test_random_networks_are_onnxruntimes(data: st.DataObject) -> None:
    draw, channels = data.draw, 4
    model = Model(
        [channels, draw(st.integers(9, 12)), draw(st.integers(9, 12))], draw(st.integers(0, 99))
    )
    if draw(st.booleans()):
        model.then("MaxPool", kernel_shape=[2, 2], strides=[1, 1])
    for _ in range(draw(st.integers(1, 3))):
        group = draw(st.sampled_from([1, 2, 4]))
        window = draw(st.one_of(WINDOWS, AUTO))
        model.conv(
            channels, 4, *draw(st.sampled_from([(1, 1), (2, 1), (2, 2)])), group=group, **window
        )
        activated(model, draw, channels)
        normalised(model, draw, channels)
        before = model.now
        match draw(st.sampled_from(["add", "mul", "gate", "concat", "twice", "none"])):
            case "add" | "mul" as join:
                model.conv(channels, 4, 3, 3, pads=[1] * 4)
                model.now = model.add(join.title(), before, model.now)
            case "gate":
                gate = model.add("Sigmoid", model.add("GlobalAveragePool", before))
                model.now = model.add("Mul", before, gate)
            case "concat":
                model.then("Relu")
                model.now = model.add("Concat", before, model.now, axis=1)
                model.conv(2 * channels, 4, 1, 1)
            case "twice":
                model.now = model.add("Add", before, before)
    match draw(st.sampled_from(["flat", "mean", "max", "rows", "transposed", "image"])):
        case "flat":
            sizes = network_of(model.proto()).output_shape
            model.then("Flatten").then("MatMul", model.real(int(np.prod(sizes)), 5))
            model.then("Add", model.real(5)).then("Softmax", axis=1)
        case "mean":
            model.then("ReduceMean", axes=[2, 3], keepdims=0)
            model.then("Gemm", model.real(3, 4), model.real(3), transB=1, alpha=0.5, beta=2.0)
        case "max":
            model.then("GlobalMaxPool").conv(4, 3, 1, 1)
        case "rows":
            model.then("ReduceMax" if model.opset < 18 else "ReduceMean", axes=[2], keepdims=1)
            model.conv(4, 2, 1, 1)
        case "transposed":
            model.then("Transpose", perm=[0, 2, 3, 1]).then("MatMul", model.real(4, 3))
            model.then("Add", model.real(3))
    assert_is_onnxruntimes(model)


@pytest.mark.parametrize("ceil", [0, 1])
@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool"])
@given(st.data())
@settings(max_examples=25)
def test_pools_are_onnxruntimes(operator: str, ceil: int, data: st.DataObject) -> None:
    kernel = data.draw(st.lists(st.integers(1, 3), min_size=2, max_size=2))
    pads = [data.draw(st.integers(0, size - 1)) for size in (*kernel, *kernel)]
    strides = data.draw(st.lists(st.integers(1, 3), min_size=2, max_size=2))
    model = Model([2, 7, 6], 1).conv(2, 3, 1, 1)
    counts = {"count_include_pad": data.draw(st.integers(0, 1))} if operator[0] == "A" else {}
    model.then(operator, kernel_shape=kernel, pads=pads, strides=strides, ceil_mode=ceil, **counts)
    assert_is_onnxruntimes(model)


def test_flattened_after_a_transpose_permutes_columns() -> None:
    model = Model([3, 4, 5], 1).conv(3, 2, 2, 2).then("Transpose", perm=[0, 2, 3, 1])
    model.then("Reshape", model.constant(np.array([-1, 24], np.int64)))
    model.then("MatMul", model.real(24, 7))
    network = assert_is_onnxruntimes(model)
    assert [layer["kind"] for layer in network.layers] == ["conv", "flatten", "dense"]


def test_channels_last_input_becomes_channels_first() -> None:
    model = Model([6, 5, 3], 1).then("Transpose", perm=[0, 3, 1, 2]).conv(3, 4, 2, 2)
    network = assert_is_onnxruntimes(model.then("Transpose", perm=[0, 2, 3, 1]))
    assert (network.input_shape, network.file_output) == ((3, 6, 5), (5, 4, 4))


def test_one_dimensional_convolutions_are_images_of_height_one() -> None:
    model = Model([2, 30], 1).conv(2, 4, 5, strides=[2], pads=[1, 2]).then("Relu")
    model.then("MaxPool", kernel_shape=[3], strides=[2]).then("Flatten")
    network = assert_is_onnxruntimes(model.then("MatMul", model.real(28, 3)))
    assert network.input_shape == (2, 1, 30)


def test_padding_and_dilation() -> None:
    model = Model([2, 6, 6], 1).conv(2, 3, 1, 1)
    model.then("Pad", model.constant(np.array([0, 0, 1, 2, 0, 0, 0, 1])), mode="constant")
    model.conv(3, 2, 2, 2, dilations=[2, 3])
    assert_is_onnxruntimes(model)


@pytest.mark.parametrize("opset", range(9, onnx.defs.onnx_opset_version() + 1))
def test_every_opset(opset: int) -> None:
    model = Model([2, 6, 6], 1, opset).conv(2, 3, 2, 2)
    own = [model.real(3) for _ in range(3)]
    model.then("BatchNormalization", *own, model.positive(3)).then("Relu").then("Flatten")
    model.then("MatMul", model.real(75, 4)).then("Softmax", axis=1)
    proto = model.proto()
    network = network_of(proto)
    assert [layer["kind"] for layer in network.layers][:2] == ["conv", "relu"]
    if opset <= 23:
        found, expected = outputs(proto, network, 0)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_normalisation_folds_into_the_layer_before() -> None:
    model = Model([2, 6, 6], 1).conv(2, 3, 2, 2)
    model.then("BatchNormalization", *[model.real(3) for _ in range(3)], model.positive(3))
    assert [layer["kind"] for layer in assert_is_onnxruntimes(model).layers] == ["conv"]


def test_normalisation_after_a_rectifier_stays() -> None:
    model = Model([2, 6, 6], 1).conv(2, 3, 2, 2).then("Relu")
    model.then("BatchNormalization", *[model.real(3) for _ in range(3)], model.positive(3))
    kinds = [layer["kind"] for layer in assert_is_onnxruntimes(model).layers]
    assert kinds == ["conv", "relu", "scale"]


def test_a_file_is_a_workload_with_its_own_spectra(tmp_path: Path) -> None:
    model = Model([2, 6, 6], 1).conv(2, 3, 2, 2).then("Relu").then("Flatten")
    path = tmp_path / "my net.onnx"
    path.write_bytes(model.then("MatMul", model.real(75, 4)).proto().SerializeToString())
    net = load_workload(path, frames=3)
    assert (net.name, net.frames, net.input_shape, net.is_chain) == ("my_net", 3, (2, 6, 6), True)
    assert load_workload(str(path), frames=3) == net
    weights = make_weights(net)
    for stage in net.stages:
        expected = np.linalg.svd(weights[stage.name].matrix, compute_uv=False)
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        np.testing.assert_allclose(net.spectrum(stage.name), expected, atol=1e-6)
        own = weights[stage.name]
        rank = stage.max_rank
        u, s, v = np.linalg.svd(own.matrix[0])
        best = (u[:, :rank] * s[:rank]) @ v[:rank]
        np.testing.assert_allclose(own.left[0] @ own.right[0], best, atol=1e-5)


def broken(**changes: Any) -> onnx.ModelProto:
    proto = Model([2, 6, 6], 1).conv(2, 3, 2, 2).then("Relu").proto()
    for name, change in changes.items():
        if name == "operator":
            proto.graph.node[1].op_type = change
        if name == "weight":
            proto.graph.initializer[0].CopyFrom(numpy_helper.from_array(change, "k0"))
    return proto


def test_an_unsupported_operator_is_named_with_what_is() -> None:
    with pytest.raises(ModelError) as caught:
        network_of(broken(operator="Selu"))
    text = str(caught.value)
    assert text.startswith("node v1 (Selu): is not supported, must be one of Add, ")
    assert all(name in text for name in operators())


@pytest.mark.parametrize(
    ("weight", "complaint"),
    [
        (np.full((3, 2, 2, 2), np.nan, np.float32), "holds NaN or infinity"),
        (np.zeros((3, 5, 2, 2), np.float32), "weight of shape"),
        (np.zeros((3, 2, 9, 9), np.float32), "window of 9x9"),
        (np.zeros((4,), np.float32), "weight of shape"),
        (np.zeros((3, 2, 2, 2), np.complex64), "onnx type"),
    ],
)
def test_bad_weights_are_told(weight: NDArray[Any], complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(broken(weight=weight).SerializeToString())
    with pytest.raises(SpecError, match=complaint):
        load_workload(path)


def refused(path: Path, proto: onnx.ModelProto | bytes) -> str:
    path.write_bytes(proto if isinstance(proto, bytes) else proto.SerializeToString())
    with pytest.raises(SpecError) as caught:
        load_workload(path)
    assert str(caught.value).startswith(f"{path}:1:1: ")
    return str(caught.value)


def test_hostile_files_are_told(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    whole = broken().SerializeToString()
    assert refused(path, b"")
    assert refused(path, whole[: len(whole) // 2])
    assert refused(path, b"\xff" * 100)
    huge = broken()
    huge.graph.initializer[0].dims[0] = 2**40
    assert "declares" in refused(path, huge)
    lie = broken()
    lie.graph.initializer[0].dims[0] = 4
    assert "but holds 24" in refused(path, lie)
    cyclic = broken()
    cyclic.graph.node[0].input[0] = "v1"
    assert "onnx.checker" in refused(path, cyclic)
    wide = broken()
    wide.graph.input[0].type.tensor_type.shape.dim[3].dim_value = 2**40
    assert "values a frame" in refused(path, wide)
    with pytest.raises(SpecError, match="is missing"):
        load_workload(tmp_path / "none.onnx")


@pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "none.bin", ""])
def test_weights_outside_of_the_folder_are_not_read(tmp_path: Path, location: str) -> None:
    (tmp_path / "secret").write_bytes(b"\0" * 96)
    folder = tmp_path / "model"
    folder.mkdir()
    proto = broken()
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    assert "lies in" in refused(folder / "m.onnx", proto)


def test_weights_beside_the_file_are_read(tmp_path: Path) -> None:
    proto = broken()
    expected = network_of(proto)
    tensor = proto.graph.initializer[0]
    (tmp_path / "w.bin").write_bytes(b"1234" + tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "w.bin"), ("offset", "4"), ("length", "96")):
        tensor.external_data.add(key=key, value=value)
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    weights = make_weights(load_workload(tmp_path / "m.onnx"))
    np.testing.assert_array_equal(weights["v0"].matrix, expected.weights["v0"][0])


def mutated(data: st.DataObject, content: bytes) -> bytes:
    found = bytearray(content)
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(found) - 1))
        match data.draw(st.sampled_from(["set", "delete", "insert", "cut"])):
            case "set":
                found[at] = data.draw(st.integers(0, 255))
            case "delete":
                del found[at : at + data.draw(st.integers(1, 9))]
            case "insert":
                found[at:at] = data.draw(st.binary(min_size=1, max_size=9))
            case _:
                del found[max(at, 1) :]
        found = found or bytearray(b"\0")
    return bytes(found)


def seed_model() -> bytes:
    model = Model([2, 6, 6], 1).conv(2, 3, 2, 2)
    before = model.then("Relu").now
    model.conv(3, 3, 1, 1)
    model.now = model.add("Add", before, model.now)
    model.then("Reshape", model.constant(np.array([-1, 75], np.int64)))
    return model.then("MatMul", model.real(75, 4)).proto().SerializeToString()


MOST_SECONDS, MOST_BYTES = 5.0, 200_000_000
"""Of a file: processor time, which other processes do not lengthen, and memory at its peak."""


def check_mutation(data: st.DataObject, folder: Path) -> None:
    path = folder / "m.onnx"
    path.write_bytes(mutated(data, seed_model()))
    tracemalloc.start()
    began_s = time.process_time()
    try:
        with suppress(SpecError):
            load_workload(path)
        assert time.process_time() - began_s < MOST_SECONDS
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()


@given(st.data())
@settings(max_examples=100)
def test_mutated_files_never_fail_otherwise(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    check_mutation(data, tmp_path_factory.getbasetemp())


@pytest.mark.slow
@given(st.data())
@settings(max_examples=10_000)
def test_ten_thousand_mutated_files(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    check_mutation(data, tmp_path_factory.getbasetemp())
