"""Small networks for tests: specifications, weights and whole-number tensors."""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from workloads.building import build
from workloads.graph import Workload
from workloads.specs import WorkloadSpec
from workloads.stages import Stage

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class TestWeights:
    __test__ = False

    matrix: Floats
    bias: Floats
    left: Floats
    right: Floats


def figure(value: float) -> dict[str, Any]:
    return {"value": value, "source": "a test", "basis": "assumed"}


def wire() -> dict[str, Any]:
    return {
        "name": "w",
        "bytes_per_frame": 10,
        "lossless": True,
        "encode_bytes_per_s": figure(1e9),
    }


def document(
    shape: list[int], layers: list[dict[str, Any]], *, frames: int = 1, **others: Any
) -> dict[str, Any]:
    kinds = {layer["kind"] for layer in layers} & {"conv", "dense"}
    named = [{"name": f"{layer['kind']}{at}", **layer} for at, layer in enumerate(layers)]
    return {
        "kind": "workload",
        "name": "net",
        "description": "a test",
        "source": "a test",
        "frames": frames,
        "input": {"shape": shape, "wire": wire()},
        "output": {"wire": wire()},
        "error_limit": figure(0.4),
        "error_gain": {kind: figure(1.0) for kind in kinds},
        "quantisation_error": {"int8": figure(0.01)},
        "weights": {"spectra": dict.fromkeys(kinds, "convolution"), "seed": 0},
        "layers": named,
        **others,
    }


def network(shape: list[int], *layers: dict[str, Any], frames: int = 1) -> Workload:
    return build(WorkloadSpec.model_validate(document(shape, list(layers), frames=frames)))


def whole_weights(stage: Stage, random: np.random.Generator, limit: int = 1) -> TestWeights:
    """Whole numbers in [-limit, limit]; the factors' product is another matrix."""

    def draw(*shape: int) -> Floats:
        return random.integers(-limit, limit, shape, endpoint=True).astype(np.float32)

    groups, rows, columns = stage.groups, stage.weight.rows, stage.weight.columns
    rank = min(rows, columns)
    left, right = draw(groups, rows, rank), draw(groups, rank, columns)
    return TestWeights(draw(groups, rows, columns), draw(stage.units), left, right)


def real_weights(stage: Stage, random: np.random.Generator) -> TestWeights:
    """Normally distributed, scaled to keep the variance; full-rank factors of the same matrix."""
    groups, rows, columns = stage.groups, stage.weight.rows, stage.weight.columns
    matrix = random.standard_normal((groups, rows, columns), dtype=np.float32)
    matrix *= np.float32((2 / columns) ** 0.5)
    bias = random.standard_normal(stage.units, dtype=np.float32)
    u, s, v = np.linalg.svd(matrix, full_matrices=False)
    return TestWeights(matrix, bias, u * s[:, None], v)


def whole_inputs(shape: tuple[int, ...], random: np.random.Generator, limit: int = 3) -> Floats:
    return random.integers(-limit, limit, shape, endpoint=True).astype(np.float32)


@st.composite
def convolutions(draw: st.DrawFn, channels: int, height: int, width: int) -> dict[str, Any]:
    groups = draw(st.sampled_from([g for g in (1, 2, 3) if channels % g == 0]))
    padding = [draw(st.integers(0, 2)), draw(st.integers(0, 2))]
    kernel = [
        draw(st.integers(1, min(4, height + 2 * padding[0]))),
        draw(st.integers(1, min(4, width + 2 * padding[1]))),
    ]
    return {
        "kind": "conv",
        "units": groups * draw(st.integers(1, 4)),
        "kernel": kernel,
        "stride": [draw(st.integers(1, 3)), draw(st.integers(1, 3))],
        "padding": padding,
        "groups": groups,
        "bias": draw(st.booleans()),
    }


@st.composite
def pools(draw: st.DrawFn, height: int, width: int) -> dict[str, Any]:
    kernel = [draw(st.integers(1, min(3, height))), draw(st.integers(1, min(3, width)))]
    return {
        "kind": "max_pool",
        "kernel": kernel,
        "stride": [draw(st.integers(1, 3)), draw(st.integers(1, 3))],
        "padding": [draw(st.integers(0, min(1, size - 1))) for size in kernel],
    }


def norm(size: int) -> dict[str, Any]:
    return {"kind": "local_response_norm", "size": size, "alpha": 0.5, "beta": 0.75, "k": 1.0}


def image_after(layer: dict[str, Any], shape: list[int]) -> list[int]:
    sizes = [
        (extent + 2 * pad - kernel) // stride + 1
        for extent, pad, kernel, stride in zip(
            shape[1:], layer["padding"], layer["kernel"], layer["stride"], strict=True
        )
    ]
    return [layer.get("units", shape[0]), *sizes]


@st.composite
def conv_stages(draw: st.DrawFn, shape: list[int], *, norms: bool = True) -> list[dict[str, Any]]:
    """A convolution and what may be fused into it, on an input of that shape."""
    layer = draw(convolutions(*shape))
    found, after = [layer], image_after(layer, shape)
    if draw(st.booleans()):
        found.append({"kind": "relu"})
    if norms and draw(st.booleans()):
        found.append(norm(draw(st.sampled_from([1, 3, 5]))))
    if draw(st.booleans()):
        found.append(draw(pools(*after[1:])))
        if norms and draw(st.booleans()):
            found.append(norm(3))
    return found


def shape_after(layers: list[dict[str, Any]], shape: list[int]) -> list[int]:
    for layer in layers:
        if layer["kind"] in ("conv", "max_pool"):
            shape = image_after(layer, shape)
    return shape


@st.composite
def image_networks(draw: st.DrawFn) -> Workload:
    """One or two convolutional stages and a dense one, without layers that leave whole numbers."""
    shape = [draw(st.integers(1, 6)), draw(st.integers(4, 9)), draw(st.integers(4, 9))]
    layers, now = [], shape
    for _ in range(draw(st.integers(1, 2))):
        more = draw(conv_stages(now, norms=False))
        layers, now = layers + more, shape_after(more, now)
    layers += [{"kind": "flatten"}, {"kind": "dense", "units": draw(st.integers(1, 8))}]
    layers += draw(st.sampled_from([[], [{"kind": "relu"}], [{"kind": "dropout"}]]))
    return network(shape, *layers)


@st.composite
def splits(draw: st.DrawFn, units: int) -> list[tuple[int, int]]:
    """Blocks that cover all units once, in order."""
    cuts = draw(st.sets(st.integers(1, units - 1), max_size=3)) if units > 1 else set()
    edges = [0, *sorted(cuts), units]
    return list(itertools.pairwise(edges))
