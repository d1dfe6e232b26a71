"""Layers that know their channels or read other stages: values, blocks, order, demands, faults."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import document, network, real_weights, splits
from numpy.typing import NDArray
from test_layers import assert_alike, onnx_values

from workloads.building import BuildError, build
from workloads.execution import Scratch, block_values, forward, recompose, stage_operands
from workloads.graph import Workload
from workloads.layers import combining_kind, kind
from workloads.specs import WorkloadSpec
from workloads.weights import make_weights

Floats = NDArray[np.float32]

CONV = {"kind": "conv", "units": 6, "kernel": 3, "padding": 1}


def residual(join: str, *, gate: bool = False) -> Workload:
    """Two convolutions of one input, joined after the second."""
    pool = [{"kind": "global_average_pool", "name": "gate"}] if gate else []
    layers: list[dict[str, Any]] = [
        {**CONV, "name": "first"},
        {**CONV, "name": "left", "inputs": ["first"]},
        {"kind": "relu", "name": "join_in", "inputs": ["left"]},
        {**CONV, "name": "right", "inputs": ["first"]},
        *pool,
        {"kind": join, "name": "join", "inputs": ["join_in", "gate" if gate else "right"]},
        {"kind": "relu", "name": "last", "inputs": ["join"]},
    ]
    spec = document([3, 6, 5], layers)
    return build(WorkloadSpec.model_validate(spec))


def weights_of(net: Workload, random: np.random.Generator) -> dict[str, Any]:
    return {stage.name: real_weights(stage, random) for stage in net.stages}


def test_operands_are_stages_and_come_before() -> None:
    net = residual("add")
    assert [stage.name for stage in net.stages] == ["first", "right", "left"]
    left = net.stage("left")
    assert (left.inputs, left.operands, left.reads) == (("first",), ("right",), ("first", "right"))
    assert not net.is_chain
    assert left.operand_bytes(1, 3, "fp16") == 2 * 30 * 2
    assert net.output_shape == (6, 6, 5)


@pytest.mark.parametrize(("join", "gate"), [("add", False), ("mul", False), ("mul", True)])
def test_joins_are_numpys(join: str, gate: bool) -> None:
    random = np.random.default_rng(3)
    net = residual(join, gate=gate)
    weights, x = weights_of(net, random), random.standard_normal((2, 3, 6, 5), dtype=np.float32)

    def convolved(name: str, image: Floats) -> Floats:
        own = weights[name]
        kernel = own.matrix.reshape(6, image.shape[1], 3, 3)
        return onnx_values("Conv", image, kernel, own.bias, pads=[1] * 4)

    first = convolved("first", x)
    left, right = np.maximum(convolved("left", first), 0), convolved("right", first)
    if gate:
        right = right.mean(axis=(2, 3), keepdims=True)
    expected = np.maximum(left + right if join == "add" else left * right, 0)
    assert_alike(forward(net, weights, x), expected)


@given(st.data())
def test_blocks_with_operands_make_the_whole(data: st.DataObject) -> None:
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    net = residual(data.draw(st.sampled_from(["add", "mul"])), gate=data.draw(st.booleans()))
    weights, x = weights_of(net, random), random.standard_normal((1, 3, 6, 5), dtype=np.float32)
    made: dict[str, Floats] = {"input": x}
    for stage in net.stages:
        whole, beside = made[stage.inputs[0]], stage_operands(stage, made)
        parts = [
            block_values(stage, whole, weights[stage.name], a, b, operands=beside)
            for a, b in data.draw(splits(6))
        ]
        made[stage.name] = recompose(stage, parts)
    assert_alike(made["left"], forward(net, weights, x))


def combined(layer: dict[str, Any], x: Floats, first: int = 0) -> Floats:
    found = combining_kind(layer["kind"])
    assert found is not None
    return found.combine(found.Spec(name="l", **layer), x.copy(), first, (), "fp32")


@pytest.mark.parametrize("slopes", [1, 7])
def test_prelu_is_onnxruntimes(slopes: int) -> None:
    random = np.random.default_rng(1)
    x, slope = random.standard_normal((2, 7, 4, 3), dtype=np.float32), random.random(slopes)
    slope = slope.astype(np.float32)
    layer = {"kind": "prelu", "slope": slope.tolist()}
    assert_alike(combined(layer, x), onnx_values("PRelu", x, slope.reshape(-1, 1, 1)))
    part = combined(layer, x[:, 2:5], 2)
    np.testing.assert_array_equal(part, combined(layer, x)[:, 2:5])


def test_scale_is_batch_normalisation() -> None:
    random = np.random.default_rng(1)
    x = random.standard_normal((2, 5, 4, 3), dtype=np.float32)
    scale, bias, mean, variance = random.random((4, 5)).astype(np.float32) + np.float32(0.1)
    gain = scale / np.sqrt(variance + 1e-5)
    layer = {"kind": "scale", "gain": gain.tolist(), "offset": (bias - gain * mean).tolist()}
    expected = onnx_values("BatchNormalization", x, scale, bias, mean, variance)
    assert_alike(combined(layer, x), expected)
    assert_alike(combined(layer, x[:, 1:3], 1), expected[:, 1:3])


@given(st.data())
def test_average_pool_is_onnxruntimes(data: st.DataObject) -> None:
    kernel = [data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))]
    pads = [data.draw(st.integers(0, size - 1)) for size in (*kernel, *kernel)]
    stride = [data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))]
    count = data.draw(st.booleans())
    x = np.random.default_rng(2).standard_normal((2, 3, 6, 5), dtype=np.float32)
    found = kind("average_pool")
    layer = {"kernel": kernel, "stride": stride, "padding": pads, "count_padding": count}
    y = found.values(found.Spec(kind="average_pool", name="p", **layer), x, 0, 3, "fp32", Scratch())  # type: ignore[attr-defined]
    expected = onnx_values(
        "AveragePool", x, kernel_shape=kernel, strides=stride, pads=pads, count_include_pad=count
    )
    assert_alike(y, expected)


@pytest.mark.parametrize(
    ("layer", "operator", "attributes"),
    [
        ({"kind": "leaky_relu", "slope": 0.2}, "LeakyRelu", {"alpha": 0.2}),
        ({"kind": "tanh"}, "Tanh", {}),
        ({"kind": "global_average_pool"}, "GlobalAveragePool", {}),
        ({"kind": "global_max_pool"}, "GlobalMaxPool", {}),
    ],
)
def test_fused_kinds_are_onnxruntimes(
    layer: dict[str, Any], operator: str, attributes: dict[str, Any]
) -> None:
    x = np.random.default_rng(2).standard_normal((2, 3, 6, 5), dtype=np.float32)
    found = kind(layer["kind"])
    y = found.values(found.Spec(name="l", **layer), x.copy(), 0, 3, "fp32", Scratch())  # type: ignore[attr-defined]
    assert_alike(y, onnx_values(operator, x, **attributes))


def test_dilated_and_uneven_convolution_is_onnxruntimes() -> None:
    random = np.random.default_rng(2)
    for dilation, pads in itertools.product([[1, 1], [2, 3]], [[0, 1, 2, 3], [3, 0, 0, 1]]):
        layer = {**CONV, "padding": pads, "dilation": dilation, "stride": [2, 1], "groups": 3}
        net = network([3, 9, 9], layer)
        stage, x = net.stages[0], random.standard_normal((2, 3, 9, 9), dtype=np.float32)
        own = real_weights(stage, random)
        expected = onnx_values(
            "Conv",
            x,
            own.matrix.reshape(6, 1, 3, 3),
            own.bias,
            pads=pads,
            dilations=dilation,
            strides=[2, 1],
            group=3,
        )
        assert_alike(block_values(stage, x, own, 0, 6), expected)


def test_carry_takes_what_no_block_can() -> None:
    pool = {"kind": "max_pool", "kernel": 2, "stride": 2}
    net = build(
        WorkloadSpec.model_validate(
            document([3, 6, 6], [{"kind": "carry"}, pool, CONV], error_gain=gains("carry", "conv"))
        )
    )
    weights = make_weights(net)
    x = np.random.default_rng(2).standard_normal((1, 3, 6, 6), dtype=np.float32)
    stage = net.stages[0]
    assert (stage.max_rank, stage.weight.parameters, stage.units) == (0, 0, 3)
    assert net.tail_energy(stage.name, None) == 0
    parts = [block_values(stage, x, weights[stage.name], a, b) for a, b in ((0, 1), (1, 3))]
    expected = onnx_values("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), expected)


def gains(*kinds: str) -> dict[str, Any]:
    return {name: {"value": 1.0, "source": "a test", "basis": "assumed"} for name in kinds}


@pytest.mark.parametrize(
    ("join", "complaint"),
    [
        ({"kind": "add", "inputs": ["left"]}, "reads 1 layers, must read 2"),
        ({"kind": "add", "inputs": ["left", "left"]}, "its operand too"),
        ({"kind": "add", "inputs": ["left", "small"]}, "operand of shape"),
        ({"kind": "add", "inputs": ["first", "left"]}, "must be its only reader"),
        ({"kind": "scale", "gain": [1.0, 2.0], "inputs": ["left"]}, "gain of 2 entries"),
    ],
)
def test_bad_joins_are_told(join: dict[str, Any], complaint: str) -> None:
    layers = [
        {**CONV, "name": "first"},
        {**CONV, "name": "left", "inputs": ["first"]},
        {**CONV, "name": "small", "units": 3, "inputs": ["first"]},
        {**join, "name": "join"},
        {**CONV, "name": "end", "inputs": ["join", "small"]},
    ]
    with pytest.raises(BuildError, match=complaint):
        build(WorkloadSpec.model_validate(document([3, 6, 5], layers)))
