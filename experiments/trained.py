"""What compaction does to really trained networks: the pitch of synthetic tones, by CREPE.

Tones of known pitch need no data set: a sum of harmonics with falling amplitudes, in noise. A
frame counts as right where the pitch found lies within 50 cents of the true one (raw pitch
accuracy, Kim et al. 2018, section 3.2).

Two ways to compact, from the same weights:

- without data: the best approximation of the weights (Eckart-Young);
- with data: the best approximation of a layer's outputs over a few unlabelled inputs. With C the
  covariance of its outputs there and U its leading eigenvectors, W_k = U U^T W, and the part of
  the mean output that is dropped returns through the bias: b_k = b + (1 - U U^T)(mean - b).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from workloads import Stage, Workload
from workloads.execution import (
    Scratch,
    block_values,
    forward,
    recompose,
    stage_input,
    stage_operands,
)
from workloads.layer import Floats, Weights
from workloads.weights import LayerWeights, make_weights

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Method = Literal["weights", "outputs"]

_RATE = 16_000
_SAMPLES = 1024
_CENTS_PER_BIN = 20.0
_FIRST_BIN_CENTS = 1997.3794084376191
"""Pitch of CREPE's first bin in cents above 10 Hz (torchcrepe 0.0.24, convert.py)."""


@dataclass(frozen=True, slots=True, eq=False)
class Tones:
    """Frames of sound and their pitch."""

    frames: Floats
    """(count, 1, 1, 1024): each of mean 0 and variance 1."""
    cents: NDArray[np.float64]
    """Above 10 Hz."""


def make_tones(count: int, *, seed: int = 0, noise: float = 0.1) -> Tones:
    """Harmonic tones from 80 Hz to 1 kHz; `noise` is relative to the tone's own power."""
    rng = np.random.default_rng([seed, 2])
    hertz = 80.0 * (1000.0 / 80.0) ** rng.random(count)
    time_s = np.arange(_SAMPLES) / _RATE
    wave = np.zeros((count, _SAMPLES))
    for harmonic in range(1, 9):
        phase = rng.random((count, 1)) * 2 * np.pi
        loud = rng.uniform(0.5, 1.0, (count, 1)) / harmonic
        wave += loud * np.sin(2 * np.pi * harmonic * hertz[:, None] * time_s + phase)
    power = wave.std(axis=1, keepdims=True)
    wave += np.sqrt(noise) * power * rng.standard_normal(wave.shape)
    wave -= wave.mean(axis=1, keepdims=True)
    wave /= wave.std(axis=1, keepdims=True)
    frames = wave.astype(np.float32).reshape(count, 1, 1, _SAMPLES)
    return Tones(frames, 1200.0 * np.log2(hertz / 10.0))


def pitch_cents(bins: Floats) -> NDArray[np.float64]:
    """Cents above 10 Hz: the mean of the nine bins around the largest, weighted (ibid., eq. 2)."""
    best = bins.argmax(axis=1)
    around = np.clip(best[:, None] + np.arange(-4, 5), 0, bins.shape[1] - 1)
    weight = np.take_along_axis(bins.astype(np.float64), around, axis=1)
    cents = _FIRST_BIN_CENTS + _CENTS_PER_BIN * around
    return np.asarray((weight * cents).sum(axis=1) / weight.sum(axis=1))


def pitch_accuracy(bins: Floats, cents: NDArray[np.float64], *, within: float = 50.0) -> float:
    """Share of frames whose pitch is found within so many cents."""
    return float(np.mean(np.abs(pitch_cents(bins) - cents) <= within))


def ranks_keeping(workload: Workload, mass: float) -> dict[str, int | None]:
    """Smallest rank of each layer that keeps a share of its squared mass; None: saves nothing."""
    found: dict[str, int | None] = {}
    for stage in workload.stages:
        fit = (r for r in range(1, stage.max_rank + 1) if _tail(workload, stage, r) <= 1.0 - mass)
        found[stage.name] = next(fit, None)
    return found


def _tail(workload: Workload, stage: Stage, rank: int) -> float:
    return float(workload.tail_energy(stage.name, rank))


def compacted(
    workload: Workload,
    ranks: Mapping[str, int | None],
    *,
    method: Method,
    samples: Floats | None = None,
) -> dict[str, Weights]:
    """Weights with each layer at its rank, multiplied out; `samples` for method `outputs`."""
    weights = make_weights(workload)
    made: dict[str, Floats] = {} if samples is None else {"input": samples}
    found: dict[str, Weights] = {}
    for stage in workload.stages:
        own, rank = weights[stage.name], ranks[stage.name]
        found[stage.name] = own if rank is None else _by_weights(own, rank)
        if method == "outputs":
            if samples is None:
                raise ValueError("method outputs needs samples of the input")
            x = stage_input(stage, made)
            if rank is not None:
                found[stage.name] = _by_outputs(stage, own, x, rank)
            parts = block_values(
                stage, x, own, 0, stage.units, operands=stage_operands(stage, made)
            )
            made[stage.name] = recompose(stage, [parts])
    return found


def _by_weights(own: Weights, rank: int) -> LayerWeights:
    matrix = own.left[:, :, :rank] @ own.right[:, :rank]
    return LayerWeights(matrix, own.bias, own.left, own.right)


def _by_outputs(stage: Stage, own: Weights, x: Floats, rank: int) -> LayerWeights:
    """Projected onto the leading eigenvectors of the outputs' covariance, group by group."""
    bare = replace(stage, layers=stage.layers[:1], operands=())
    y = block_values(bare, x, own, 0, stage.units, scratch=Scratch())
    sums = np.moveaxis(y, 1, -1).reshape(-1, stage.units).astype(np.float64)
    rows = stage.weight.rows
    matrix, bias = own.matrix.astype(np.float64), own.bias.astype(np.float64)
    for group in range(stage.groups):
        units = slice(group * rows, (group + 1) * rows)
        mean = sums[:, units].mean(axis=0)
        centred = sums[:, units] - mean
        _, vectors = np.linalg.eigh(centred.T @ centred)
        kept = vectors[:, ::-1][:, :rank]
        dropped = mean - bias[units]
        bias[units] += dropped - kept @ (kept.T @ dropped)
        matrix[group] = kept @ (kept.T @ matrix[group])
    return LayerWeights(matrix.astype(np.float32), bias.astype(np.float32), own.left, own.right)


def stored_bytes(workload: Workload, ranks: Mapping[str, int | None], precision: str) -> float:
    """Weights as stored, all layers whole."""
    return sum(
        float(stage.weight_bytes(0, stage.units, ranks[stage.name], precision))
        for stage in workload.stages
    )


def pitch_curve(
    name: str = "crepe_tiny",
    *,
    masses: Sequence[float] = (1.0, 0.99, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5),
    count: int = 200,
    calibration: int = 256,
    seed: int = 0,
) -> "pd.DataFrame":
    """A row for each share of mass kept and method: accuracy, measured and estimated error, bytes.

    Columns: method, mass, accuracy, agreement (share of frames whose best bin is the uncompacted
    network's), relative_error (of the scores, over inputs' spread), estimated_error (RLC's),
    weight_bytes. mass 1.0 is the uncompacted network. `calibration` inputs must outnumber the ranks
    of a dense layer: with 24 of them its leading directions are noise. UnknownName where no package
    has the network.
    """
    import pandas as pd

    from workloads import load_workload

    workload = load_workload(name)
    tones = make_tones(count, seed=seed)
    samples = make_tones(calibration, seed=seed + 1).frames
    whole = forward(workload, make_weights(workload), tones.frames)
    rows = []
    for method in ("weights", "outputs"):
        for mass in masses:
            ranks = (
                dict.fromkeys((s.name for s in workload.stages), None)
                if mass >= 1.0
                else ranks_keeping(workload, mass)
            )
            own = compacted(workload, ranks, method=method, samples=samples)
            bins = forward(workload, own, tones.frames)
            rows.append(
                {
                    "method": method,
                    "mass": mass,
                    "accuracy": pitch_accuracy(bins, tones.cents),
                    "agreement": float(np.mean(bins.argmax(axis=1) == whole.argmax(axis=1))),
                    "relative_error": _relative(bins, whole),
                    "estimated_error": _estimated(workload, ranks),
                    "weight_bytes": stored_bytes(workload, ranks, "fp32"),
                }
            )
    return pd.DataFrame(rows)


def _relative(found: Floats, reference: Floats) -> float:
    """Root mean square difference over the reference's spread over inputs."""
    spread = float(np.sqrt(np.mean((reference - reference.mean(axis=0)) ** 2)))
    return float(np.sqrt(np.mean((found - reference) ** 2))) / spread


def _estimated(workload: Workload, ranks: Mapping[str, int | None]) -> float:
    from planners.error import layer_error2

    return float(
        np.sqrt(sum(float(layer_error2(workload, n, rank, "fp32")) for n, rank in ranks.items()))
    )


def accuracy_figure(curve: "pd.DataFrame", axes: "Axes") -> "Axes":
    """Accuracy against the memory of weights, a line for each method."""
    for method, rows in curve.groupby("method", sort=True):
        megabytes = rows["weight_bytes"] / 1e6
        axes.plot(megabytes, rows["accuracy"], marker="o", label=f"by {method}")
    axes.set_xlabel("weights (MB)")
    axes.set_ylabel("frames within 50 cents (share)")
    axes.set_ylim(0.0, 1.02)
    axes.legend(title="compacted")
    return axes


def calibration_figure(curve: "pd.DataFrame", axes: "Axes") -> "Axes":
    """Measured against estimated error; points above the diagonal are not covered."""
    for method, rows in curve.groupby("method", sort=True):
        axes.plot(rows["estimated_error"], rows["relative_error"], "o", label=f"by {method}")
    most = float(max(curve["estimated_error"].max(), curve["relative_error"].max(), 1e-9))
    axes.plot([0.0, most], [0.0, most], color="0.6", linewidth=1.0)
    axes.set_xlabel("estimated error of the scores")
    axes.set_ylabel("measured error of the scores")
    axes.legend(title="compacted")
    return axes
