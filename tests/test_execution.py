"""Values of blocks and networks: splits are bitwise the whole, oracles agree, precisions hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import (
    TestWeights,
    conv_stages,
    image_networks,
    network,
    real_weights,
    splits,
    whole_inputs,
    whole_weights,
)
from numpy.typing import NDArray
from onnx_models import chain_model, dense_weights, onnx_session

from workloads import Stage, Workload, load_workload
from workloads.execution import Scratch, block_values, forward, recompose, stage_input, stored
from workloads.rounding import EXACT_COLUMNS, half, quantised

Floats = NDArray[np.float32]
SEEDS = st.integers(0, 2**32)
EXACT = 2**24


@st.composite
def stages(draw: st.DrawFn) -> Stage:
    if draw(st.booleans()):
        layers = [{"kind": "dense", "units": draw(st.integers(1, 12))}]
        layers += draw(st.sampled_from([[], [{"kind": "relu"}], [{"kind": "sigmoid"}]]))
        return network([draw(st.integers(1, 30))], *layers).stages[0]
    shape = [draw(st.integers(1, 6)), draw(st.integers(4, 9)), draw(st.integers(4, 9))]
    layers = draw(conv_stages(shape))
    layers += draw(st.sampled_from([[], [{"kind": "flatten"}, {"kind": "sigmoid"}]]))
    return network(shape, *layers).stages[0]


def in_blocks(
    stage: Stage, x: Floats, weights: TestWeights, blocks: list[tuple[int, int]], **how: object
) -> Floats:
    scratch = Scratch()
    parts = [
        block_values(stage, x, weights, a, b, scratch=scratch, **how)  # type: ignore[arg-type]
        for a, b in blocks
    ]
    return recompose(stage, parts)


@given(st.data(), SEEDS)
def test_blocks_of_a_stage_are_bitwise_the_whole(data: st.DataObject, seed: int) -> None:
    stage, random = data.draw(stages()), np.random.default_rng(seed)
    rank = data.draw(st.none() | st.integers(1, min(stage.weight.rows, stage.weight.columns)))
    frames = data.draw(st.integers(1, 3))
    weights = whole_weights(stage, random)
    x = whole_inputs((frames, *stage.input_shape), random)
    before = x.copy()
    whole = in_blocks(stage, x, weights, [(0, stage.units)], rank=rank)
    blocks = data.draw(splits(stage.units))
    assert np.array_equal(in_blocks(stage, x, weights, blocks, rank=rank), whole)
    assert np.array_equal(x, before)
    assert whole.shape == (frames, *stage.output_shape)


@given(st.data(), SEEDS)
def test_int8_blocks_are_bitwise_the_whole(data: st.DataObject, seed: int) -> None:
    stage, random = data.draw(stages()), np.random.default_rng(seed)
    rank = data.draw(st.none() | st.integers(1, min(stage.weight.rows, stage.weight.columns)))
    weights = real_weights(stage, random)
    x = random.standard_normal((2, *stage.input_shape), dtype=np.float32)
    how = {"rank": rank, "precision": "int8"}
    whole = in_blocks(stage, x, weights, [(0, stage.units)], **how)
    split = in_blocks(stage, x, weights, data.draw(splits(stage.units)), **how)
    assert np.array_equal(split, whole)
    single = np.concatenate(
        [in_blocks(stage, x[i : i + 1], weights, [(0, stage.units)], **how) for i in range(2)]
    )
    assert np.array_equal(single, whole)


@given(image_networks(), st.data(), SEEDS)
def test_a_network_in_blocks_is_bitwise_the_whole(
    net: Workload, data: st.DataObject, seed: int
) -> None:
    random = np.random.default_rng(seed)
    weights = {stage.name: whole_weights(stage, random) for stage in net.stages}
    x = whole_inputs((2, *net.input_shape), random)
    made: dict[str, Floats] = {"input": x}
    for stage in net.stages:
        blocks = data.draw(splits(stage.units))
        made[stage.name] = in_blocks(stage, stage_input(stage, made), weights[stage.name], blocks)
        assert np.abs(made[stage.name]).max(initial=0) < EXACT
    together = forward(net, weights, x)
    assert np.array_equal(made[net.stages[-1].name], together)
    one_by_one = [forward(net, weights, frame[None]) for frame in x]
    assert np.array_equal(np.concatenate(one_by_one), together)


def test_branches_are_concatenated() -> None:
    net = network(
        [4],
        {"name": "a", "kind": "dense", "units": 2},
        {"name": "b", "kind": "dense", "units": 3, "inputs": ["input"]},
        {"name": "c", "kind": "dense", "units": 2, "inputs": ["b", "input", "a"]},
    )
    random = np.random.default_rng(0)
    weights = {stage.name: whole_weights(stage, random) for stage in net.stages}
    x = whole_inputs((3, 4), random)

    def dense(name: str, v: Floats) -> Floats:
        return v @ weights[name].matrix[0].T + weights[name].bias

    expected = dense("c", np.concatenate([dense("b", x), x, dense("a", x)], axis=1))
    assert np.array_equal(forward(net, weights, x), expected)


def test_a_result_does_not_change_when_its_scratch_is_used_again() -> None:
    random, scratch = np.random.default_rng(0), Scratch()
    for layers in ([], [{"kind": "relu"}], [{"kind": "flatten"}]):
        stage = network([2, 5, 5], {"kind": "conv", "units": 3, "kernel": 3}, *layers).stages[0]
        weights = whole_weights(stage, random)
        x = whole_inputs((2, 2, 5, 5), random)
        y = block_values(stage, x, weights, 0, 3, scratch=scratch)
        kept = y.copy()
        block_values(stage, x + 1, weights, 0, 3, scratch=scratch)
        assert np.array_equal(y, kept)


# Ranks and precisions


@given(st.data(), SEEDS)
def test_a_rank_gives_the_product_of_its_factors(data: st.DataObject, seed: int) -> None:
    stage, random = data.draw(stages()), np.random.default_rng(seed)
    rank = data.draw(st.integers(1, min(stage.weight.rows, stage.weight.columns)))
    given_weights = whole_weights(stage, random)
    left, right = given_weights.left, given_weights.right
    product = left[:, :, :rank] @ right[:, :rank]
    dense = TestWeights(product, given_weights.bias, left, right)
    x = whole_inputs((2, *stage.input_shape), random)
    expected = in_blocks(stage, x, dense, [(0, stage.units)])
    found = in_blocks(stage, x, dense, data.draw(splits(stage.units)), rank=rank)
    assert np.array_equal(found, expected)


def wide(units: int = 20, columns: int = 3000) -> tuple[Stage, TestWeights, Floats]:
    """A dense layer with more columns than one exact sum of int8 products holds."""
    assert columns > EXACT_COLUMNS
    random = np.random.default_rng(7)
    stage = network([columns], {"kind": "dense", "units": units}).stages[0]
    x = random.standard_normal((3, columns), dtype=np.float32)
    return stage, real_weights(stage, random), x


def test_int8_sums_are_exact() -> None:
    stage, weights, x = wide()
    integers, scale = quantised(x)
    rows, row_scales = quantised(weights.matrix[0])
    sums = integers.astype(np.int64) @ rows.astype(np.int64).T
    expected = sums * scale.astype(np.float64) * row_scales[:, 0] + weights.bias
    found = block_values(stage, x, weights, 0, stage.units, precision="int8")
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_fp16_rounds_weights_inputs_and_outputs() -> None:
    stage, weights, x = wide()
    found = block_values(stage, x, weights, 0, stage.units, precision="fp16")
    exact = half(x).astype(np.float64) @ half(weights.matrix[0]).astype(np.float64).T
    np.testing.assert_allclose(found, exact + weights.bias, rtol=2e-3, atol=1e-4)
    assert np.array_equal(found, half(found))


@pytest.mark.parametrize("rank", [None, 15])
def test_precisions_err_as_expected(rank: int | None) -> None:
    stage, weights, x = wide()
    reference = block_values(stage, x, weights, 0, stage.units, rank=rank)
    for precision, low, high in (("fp16", 1e-5, 1e-3), ("int8", 1e-3, 3e-2)):
        y = block_values(stage, x, weights, 0, stage.units, rank=rank, precision=precision)
        error = np.linalg.norm(y - reference) / np.linalg.norm(reference)
        assert low < error < high


@given(SEEDS)
def test_stored_values_survive_storing(seed: int) -> None:
    x = np.random.default_rng(seed).standard_normal((3, 50), dtype=np.float32)
    assert stored(x, "fp32") is x
    for precision, limit in (("fp16", 1e-3), ("int8", 1e-2)):
        once = stored(x, precision)
        assert np.abs(once - x).max() <= limit * np.abs(x).max()
        np.testing.assert_allclose(stored(once, precision), once, rtol=1e-6)
    assert not stored(np.zeros((2, 3), np.float32), "int8").any()


# AlexNet as a whole


def test_alexnet_is_onnxruntimes() -> None:
    net, frames = load_workload("alexnet"), 2
    weights = dense_weights(net)
    random = np.random.default_rng(0)
    x = random.integers(-128, 128, (frames, *net.input_shape)).astype(np.float32)
    session = onnx_session(chain_model(net, weights, frames, outputs=("fc8", "prob")))
    scores, probabilities = session.run(None, {"input": x})
    found = forward(net, weights, x, until_softmax=True)
    assert np.linalg.norm(found - scores) / np.linalg.norm(scores) < 1e-5
    assert np.abs(found - scores).max() / np.abs(scores).max() < 1e-5
    together = forward(net, weights, x)
    np.testing.assert_allclose(together, probabilities, rtol=1e-2, atol=1e-6)
    assert np.array_equal(together.argmax(axis=1), probabilities.argmax(axis=1))
