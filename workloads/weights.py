"""Synthetic weights and inputs: seeded, with singular spectra like those of trained networks.

No trained AlexNet or CD-Seide is at hand; what these weights say about compaction is as good as
their spectra (`workloads/spectra/`), and results computed with them say that they are synthetic.

Two more traits of trained networks are drawn from a seeded sample of inputs, layer by layer:

- Activations keep their spread over inputs: sums are scaled to a fixed standard deviation and
  centred by the biases (data-dependent initialisation, Mishkin and Matas, 2016). Without it, deep
  random networks map all inputs to nearly one output, and every error looks like disaster.
- Weights look where the signal is: the singular directions that hold 90 % of a layer's mass span
  the directions that hold most of its inputs' energy. In trained networks the error of the scores
  is a quarter to a half of the root sum of squares of the layers' tails for that reason (CREPE
  compacted at 90, 80 and 70 % of its mass: 0.14, 0.22, 0.29; its small version 0.36 to 0.46).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from workloads.building import content_hash
from workloads.cache import load_or_build
from workloads.execution import (
    Scratch,
    block_values,
    recompose,
    stage_input,
    stage_operands,
)
from workloads.factors import leading_directions, partly, synthetic_factors
from workloads.graph import Workload
from workloads.inputs import make_inputs
from workloads.layer import Weights
from workloads.layers import planned_kind
from workloads.spectra import load_profile
from workloads.stages import Stage

Variant = Literal["spectral", "integer"]
Floats32 = NDArray[np.float32]

SAMPLE = {3: 96, 1: 1024}
"""Inputs that directions, scales and biases are set from, by dimensions of an input."""
_LEAD_MASS = 0.1
"""Mass beyond the leading directions of a layer."""
_SIGNAL_SHARE = 0.8
"""Share of the signal's energy that those directions see."""
_SAMPLE_SEED = 7_919
"""Apart from the seeds of inputs that errors are measured on."""
_SPREAD = {"sigmoid": 2.0, "local_response_norm": 50.0}
"""Standard deviation of a layer's sums by what follows it; 1 otherwise.

Sigmoids work into saturation as trained ones do; normalisation with alpha = 1e-4 wants sums of
some tens to have any effect."""
_RECTIFIER_SHIFT = 0.5
"""Mean of the sums before a rectifier, in standard deviations: most units are active."""


@dataclass(frozen=True, slots=True, eq=False)
class LayerWeights:
    """Weights of one planned layer and their factors: W_k = left[:, :, :k] @ right[:, :k]."""

    matrix: Floats32
    """(groups, rows, columns)."""
    bias: Floats32
    """(units,)."""
    left: Floats32
    """(groups, rows, largest rank)."""
    right: Floats32
    """(groups, largest rank, columns)."""


def make_weights(
    workload: Workload,
    *,
    seed: int = 0,
    variant: Variant = "spectral",
    cache: Path | None = None,
) -> dict[str, Weights]:
    """Weights of every planned layer, by its name: real ones where the workload has them.

    `integer` weights are whole numbers, so small that every sum of a network of convolutions,
    dense layers, rectifiers and max-pools on `integer` inputs is exact in fp32; normalisation and
    sigmoids leave the whole numbers. They have no factors, so nothing can be compacted. `cache` is
    a folder for the spectral ones (None: the user's cache folder).
    """
    if workload.weights is not None and variant == "spectral":
        return dict(workload.weights)
    if variant == "integer":
        count = _fan_in(len(workload.stages))
        return {
            stage.name: _integer(stage, count, np.random.default_rng([seed, index]))
            for index, stage in enumerate(workload.stages)
        }
    key = cache_key(workload, seed)
    arrays = load_or_build(key, lambda: _flat(_spectral(workload, seed)), cache)
    return {
        stage.name: LayerWeights(*(arrays[f"{stage.name}.{part}"] for part in _PARTS))
        for stage in workload.stages
    }


_PARTS = ("matrix", "bias", "left", "right")


def cache_key(workload: Workload, seed: int) -> str:
    """Of all that decides the weights: specification, spectrum profiles, seed; not the frames."""
    profiles = sorted(set(workload.spec.weights.spectra.values()))
    texts = "".join(load_profile(name).model_dump_json() for name in profiles)
    spectra = hashlib.sha256(texts.encode()).hexdigest()
    return f"{content_hash(workload.spec, 0)}-{spectra}-{seed}"


def _flat(weights: Mapping[str, LayerWeights]) -> dict[str, Floats32]:
    return {
        f"{name}.{part}": getattr(layer, part) for name, layer in weights.items() for part in _PARTS
    }


def _spectral(workload: Workload, seed: int) -> dict[str, LayerWeights]:
    """Layer by layer: draw, run the sample through, scale and centre.

    On one thread: how many there are decides how BLAS adds up, and so the last bits.
    """
    with threadpool_limits(limits=1, user_api="blas"):
        return _drawn(workload, seed)


def _drawn(workload: Workload, seed: int) -> dict[str, LayerWeights]:
    count = SAMPLE.get(len(workload.input_shape), 96)
    made = {"input": make_inputs(workload, count=count, seed=_SAMPLE_SEED)}
    scratch, weights = Scratch(), {}
    for index, stage in enumerate(workload.stages):
        rng = np.random.default_rng([seed, workload.spec.weights.seed, index])
        whole = stage_input(stage, made)
        weights[stage.name] = (
            _settled(stage, _draw(workload, stage, whole, rng), whole, scratch)
            if stage.weight.columns
            else _nothing(stage)
        )
        y = block_values(
            stage,
            whole,
            weights[stage.name],
            0,
            stage.units,
            scratch=scratch,
            operands=stage_operands(stage, made),
        )
        made[stage.name] = recompose(stage, [y])
    return weights


def _draw(workload: Workload, stage: Stage, x: Floats32, rng: np.random.Generator) -> LayerWeights:
    shape = stage.weight
    pairs = [
        synthetic_factors(values, shape.rows, shape.columns, _signal(stage, x, values, rng), rng)
        for values in workload.spectrum(stage.name)
    ]
    kept = stage.max_rank
    return LayerWeights(
        np.stack([left @ right for left, right in pairs]),
        np.zeros(stage.units, dtype=np.float32),
        np.stack([np.ascontiguousarray(left[:, :kept]) for left, _ in pairs]),
        np.stack([right[:kept] for _, right in pairs]),
    )


def _signal(
    stage: Stage, x: Floats32, singular: NDArray[np.float64], rng: np.random.Generator
) -> Floats32:
    """Directions that a dense layer's leading singular vectors span; none for a convolution."""
    if stage.kind != "dense":
        return np.zeros((0, stage.weight.columns), dtype=np.float32)
    beyond = 1.0 - np.cumsum(singular**2)
    lead = min(int(np.argmax(beyond <= _LEAD_MASS)) + 1, stage.weight.columns // 2)
    return partly(leading_directions(x.reshape(len(x), -1), lead), _SIGNAL_SHARE, rng)


def _settled(stage: Stage, drawn: LayerWeights, x: Floats32, scratch: Scratch) -> LayerWeights:
    """Scaled and biased so that sums over the sample are centred with the layer's spread."""
    planned = stage.layers[0]
    sums = planned_kind(planned.kind).values(
        planned.spec, x, drawn, 0, stage.units, None, "fp32", scratch
    )
    axes = (0, *range(2, sums.ndim))
    mean = sums.mean(axis=axes, dtype=np.float64)
    square = np.square(sums, dtype=np.float64).mean(axis=axes)
    spread = float(np.sqrt(np.mean(square - mean**2)))
    following = {layer.kind for layer in stage.layers[1:]}
    target = next((_SPREAD[kind] for kind in _SPREAD if kind in following), 1.0)
    scale = target / spread
    shift = _RECTIFIER_SHIFT * target if "relu" in following else 0.0
    bias = shift - scale * mean if stage.weight.has_bias else np.zeros(stage.units)
    return replace(
        drawn,
        matrix=drawn.matrix * np.float32(scale),
        left=drawn.left * np.float32(scale),
        bias=bias.astype(np.float32),
    )


def _fan_in(layers: int) -> int:
    """Weights a unit, such that no sum can reach 2^24 after that many layers.

    From inputs of at most 7, sums of c weights and a bias stay below 8 c^layers (c >= 2).
    """
    return next((count for count in (4, 3, 2) if 8 * count**layers < 2**24), 1)


def _nothing(stage: Stage) -> LayerWeights:
    """Of a stage without weights."""
    shape = stage.weight
    empty = np.zeros((shape.groups, shape.rows, 0), dtype=np.float32)
    none = np.zeros((shape.groups, 0, 0), dtype=np.float32)
    return LayerWeights(empty, np.zeros(stage.units, dtype=np.float32), empty, none)


def _integer(stage: Stage, count: int, rng: np.random.Generator) -> LayerWeights:
    """At most `count` weights of -1 or 1 a unit, biases of -1 to 1."""
    shape = stage.weight
    if not shape.columns:
        return _nothing(stage)
    matrix = np.zeros((shape.groups, shape.rows, shape.columns), dtype=np.float32)
    count = min(count, shape.columns)
    for group in matrix:
        chosen = np.argpartition(rng.random(group.shape), count - 1, axis=1)[:, :count]
        signs = rng.choice(np.array([-1.0, 1.0], dtype=np.float32), size=chosen.shape)
        np.put_along_axis(group, chosen, signs, axis=1)
    bias = rng.integers(-1, 2, size=stage.units).astype(np.float32)
    empty = np.zeros((shape.groups, shape.rows, 0), dtype=np.float32)
    nothing = np.zeros((shape.groups, 0, shape.columns), dtype=np.float32)
    return LayerWeights(matrix, bias, empty, nothing)


__all__ = ["LayerWeights", "Variant", "make_inputs", "make_weights"]
