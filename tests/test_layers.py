"""Layer kinds: values against onnxruntime, shapes, demands against what values really do."""

import itertools
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import conv_stages, network, norm, pools, real_weights, splits
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from workloads import Stage
from workloads.execution import Scratch, block_values, recompose
from workloads.layer import FusedKind, PlannedKind
from workloads.layers import (
    average_pool,
    carry,
    clip,
    conv,
    dense,
    dropout,
    flatten,
    global_average_pool,
    global_max_pool,
    kind,
    kind_names,
    leaky_relu,
    local_response_norm,
    max_pool,
    pad,
    relu,
    sigmoid,
    softmax,
    tanh,
)

Floats = NDArray[np.float32]

PLANNED: tuple[PlannedKind, ...] = (carry, conv, dense)
FUSED: tuple[FusedKind, ...] = (
    average_pool,
    clip,
    dropout,
    flatten,
    global_average_pool,
    global_max_pool,
    leaky_relu,
    local_response_norm,
    max_pool,
    pad,
    relu,
    sigmoid,
    softmax,
    tanh,
)
COMBINING = ("add", "mul", "prelu", "scale")


def test_the_file_is_the_registry() -> None:
    modules = [*PLANNED, *FUSED]
    names = sorted(m.__name__.split(".")[-1] for m in modules if isinstance(m, ModuleType))
    assert kind_names() == tuple(sorted([*names, *COMBINING]))
    assert all((name in ("carry", "conv", "dense")) == kind(name).PLANNED for name in names)


def onnx_values(
    operator: str, x: Floats, *parameters: Floats, **attributes: Any
) -> NDArray[np.float32]:
    names = [f"p{index}" for index in range(len(parameters))]
    graph = helper.make_graph(
        [helper.make_node(operator, ["x", *names], ["y"], **attributes)],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(p, name) for p, name in zip(parameters, names, strict=True)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    found: NDArray[np.float32] = session.run(None, {"x": x})[0]
    return found


def assert_alike(found: Floats, expected: Floats) -> None:
    scale = np.abs(expected).max(initial=1e-30)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * float(scale))


def both(pair: list[int]) -> list[int]:
    return [*pair, *pair]


@given(st.data(), st.integers(0, 2**32))
@settings(max_examples=30)
def test_convolution_is_onnxruntimes(data: st.DataObject, seed: int) -> None:
    random = np.random.default_rng(seed)
    shape = data.draw(st.tuples(st.integers(1, 6), st.integers(3, 12), st.integers(3, 12)))
    layers = data.draw(conv_stages(list(shape)))[:1]
    stage = network(list(shape), *layers).stages[0]
    weights = real_weights(stage, random)
    x = random.standard_normal((2, *shape), dtype=np.float32)
    spec = layers[0]
    channels = shape[0] // spec["groups"]
    expected = onnx_values(
        "Conv",
        x,
        weights.matrix.reshape(spec["units"], channels, *spec["kernel"]),
        weights.bias,
        strides=spec["stride"],
        pads=both(spec["padding"]),
        group=spec["groups"],
    )
    assert_alike(block_values(stage, x, weights, 0, stage.units), expected)


@pytest.mark.parametrize("frames", [1, 7])
def test_dense_is_onnxruntimes(frames: int) -> None:
    random = np.random.default_rng(1)
    stage = network([300], {"kind": "dense", "units": 50}).stages[0]
    weights = real_weights(stage, random)
    x = random.standard_normal((frames, 300), dtype=np.float32)
    expected = onnx_values("Gemm", x, weights.matrix[0], weights.bias, transB=1)
    assert_alike(block_values(stage, x, weights, 0, 50), expected)


def fused(layer: dict[str, Any], x: Floats) -> Floats:
    found = kind(layer["kind"])
    spec = found.Spec.model_validate({"name": "a", **layer})
    values: Callable[..., Floats] = found.values  # type: ignore[attr-defined]
    return values(spec, x.copy(), 0, x.shape[1], "fp32", Scratch())


@given(st.data(), st.integers(0, 2**32))
@settings(max_examples=30)
def test_max_pool_is_onnxruntimes(data: st.DataObject, seed: int) -> None:
    height, width = data.draw(st.tuples(st.integers(1, 12), st.integers(1, 12)))
    layer = data.draw(pools(height, width))
    x = np.random.default_rng(seed).standard_normal((2, 3, height, width), dtype=np.float32)
    expected = onnx_values(
        "MaxPool",
        x,
        kernel_shape=layer["kernel"],
        strides=layer["stride"],
        pads=both(layer["padding"]),
    )
    np.testing.assert_array_equal(fused(layer, x), expected)


@pytest.mark.parametrize("size", [1, 3, 5, 7, 11])
@pytest.mark.parametrize("beta", [0.5, 0.75, 1.0])
def test_normalisation_is_onnxruntimes(size: int, beta: float) -> None:
    x = np.random.default_rng(size).standard_normal((2, 9, 5, 4), dtype=np.float32) * 20
    expected = onnx_values("LRN", x, size=size, alpha=0.3, beta=beta, bias=2.0)
    layer = {"kind": "local_response_norm", "size": size, "alpha": 0.3, "beta": beta, "k": 2.0}
    assert_alike(fused(layer, x), expected)


def test_normalisation_in_parts_is_the_same_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).standard_normal((2, 30, 7, 7), dtype=np.float32)
    at_once = fused(norm(5), x)
    monkeypatch.setattr(local_response_norm, "_CACHED_VALUES", 1)
    np.testing.assert_array_equal(fused(norm(5), x), at_once)


@pytest.mark.parametrize(
    ("name", "operator", "attributes"),
    [
        ("relu", "Relu", {}),
        ("sigmoid", "Sigmoid", {}),
        ("softmax", "Softmax", {"axis": 1}),
        ("dropout", "Dropout", {}),
        ("flatten", "Flatten", {}),
    ],
)
def test_other_kinds_are_onnxruntimes(name: str, operator: str, attributes: dict[str, Any]) -> None:
    x = np.random.default_rng(3).standard_normal((2, 40, 3, 5), dtype=np.float32) * 10
    assert_alike(fused({"kind": name}, x), onnx_values(operator, x, **attributes))


@pytest.mark.parametrize("name", ["sigmoid", "softmax"])
def test_extreme_scores_stay_finite(name: str) -> None:
    x = np.array([[-1e4, 0.0, 1e4]], np.float32)
    y = fused({"kind": name}, x)
    assert np.isfinite(y).all()
    assert y[0, 2] == 1.0


class Counter:
    """Counts multiply-accumulates of every matrix product."""

    def __init__(self, product: Callable[..., Any]) -> None:
        self.macs, self._product = 0, product

    def __call__(self, a: Floats, b: Floats, **others: Any) -> Any:
        self.macs += a.shape[-2] * a.shape[-1] * b.shape[-1]
        return self._product(a, b, **others)


@given(st.data(), st.integers(0, 2**32))
def test_demand_is_what_values_do(data: st.DataObject, seed: int) -> None:
    frames = data.draw(st.integers(1, 3))
    shape = list(data.draw(st.tuples(st.integers(1, 6), st.integers(4, 9), st.integers(4, 9))))
    stage = network(shape, *data.draw(conv_stages(shape)), frames=frames).stages[0]
    first, last = data.draw(st.sampled_from(data.draw(splits(stage.units))))
    limit = min(stage.weight.rows, stage.weight.columns)
    rank = data.draw(st.none() | st.integers(1, limit))
    random = np.random.default_rng(seed)
    x = random.standard_normal((frames, *shape), dtype=np.float32)
    with pytest.MonkeyPatch.context() as patch:
        counter = Counter(np.matmul)
        patch.setattr(np, "matmul", counter)
        y = block_values(stage, x, real_weights(stage, random), first, last, rank=rank)
    demands = stage.demands(first, last, rank, "fp32")
    assert demands[0].macs == counter.macs
    assert stage.output_bytes(first, last, "fp32") == y.nbytes == demands[-1].output_bytes
    assert demands[0].kernels == (1 if rank is None else 2)
    for before, after in itertools.pairwise(demands):
        assert before.output_bytes == after.input_bytes


@given(st.data())
def test_demands_of_arrays_are_those_of_each_entry(data: st.DataObject) -> None:
    shape = [6, 9, 9]
    stage = network(shape, *data.draw(conv_stages(shape)), frames=2).stages[0]
    blocks = [block for _ in range(3) for block in data.draw(splits(stage.units))]
    first, last = (np.array(edge) for edge in zip(*blocks, strict=True))
    ranks = np.array([data.draw(st.integers(1, 9)) for _ in blocks])
    for rank in (None, ranks):
        together = stage.demands(first, last, rank, "int8")
        stored = stage.weight_bytes(first, last, rank, "int8")
        for index, (a, b) in enumerate(blocks):
            alone_rank = None if rank is None else int(rank[index])
            alone = stage.demands(a, b, alone_rank, "int8")
            assert np.broadcast_to(stored, len(blocks))[index] == stage.weight_bytes(
                a, b, alone_rank, "int8"
            )
            for one, many in zip(alone, together, strict=True):
                for what in ("macs", "weight_bytes", "input_bytes", "output_bytes"):
                    entry = np.broadcast_to(getattr(many, what), len(blocks))[index]
                    assert entry == getattr(one, what), what


def conv2() -> Stage:
    """256 units in two groups, 48 channels of 27 x 27 each, halo 2: AlexNet's."""
    layers = [
        {"kind": "conv", "units": 256, "kernel": 5, "padding": 2, "groups": 2},
        {"kind": "relu"},
        norm(5),
        {"kind": "max_pool", "kernel": 3, "stride": 2},
    ]
    return network([96, 27, 27], *layers).stages[0]


def test_demands_by_hand() -> None:
    dense_demand, rectifier, normaliser, pool = conv2().demands(0, 128, None, "fp32")
    assert dense_demand.macs == 130 * 1200 * 729  # two more units, which are of the other group
    assert dense_demand.weight_bytes == 4 * 130 * 1200 + 4 * 130
    assert dense_demand.input_bytes == 4 * 96 * 729
    assert dense_demand.output_bytes == 4 * 130 * 729
    assert rectifier.macs == 130 * 729
    assert (normaliser.macs, normaliser.input_bytes) == (5 * 128 * 729, 4 * 130 * 729)
    assert (pool.macs, pool.output_bytes) == (9 * 128 * 169, 4 * 128 * 169)
    ranked = conv2().demands(0, 100, 40, "int8")[0]
    assert ranked.macs == (40 * 1200 + 102 * 40) * 729
    assert ranked.weight_bytes == 40 * 1200 + 102 * 40 + 4 * 102
    assert ranked.input_bytes == 48 * 729


def test_free_layers_ask_for_nothing() -> None:
    layers = [{"kind": "conv", "units": 2, "kernel": 1}, {"kind": "dropout"}, {"kind": "flatten"}]
    stage = network([2, 3, 3], *layers).stages[0]
    assert [demand.kind for demand in stage.demands(0, 2, None, "fp32")] == ["conv"]


def test_softmax_waits_for_all_units() -> None:
    random = np.random.default_rng(0)
    stage = network([20], {"kind": "dense", "units": 10}, {"kind": "softmax"}).stages[0]
    weights = real_weights(stage, random)
    x = random.standard_normal((3, 20), dtype=np.float32)
    parts = [block_values(stage, x, weights, a, b) for a, b in ((0, 4), (4, 10))]
    y = recompose(stage, parts)
    np.testing.assert_allclose(y.sum(axis=1), 1.0, rtol=1e-6)
    whole = recompose(stage, [block_values(stage, x, weights, 0, 10)])
    np.testing.assert_allclose(y, whole, rtol=1e-5)
