"""Factors that keep what a layer puts out, not what its weights are: the data-aware compaction.

Over a few unlabelled inputs, let C be the covariance of a layer's sums and U_k its k leading
eigenvectors. The best approximation of the sums by k directions is the projection

    W_k = U_k U_k^T W,    b_k = m - U_k U_k^T (m - b),    m the mean of the sums,

(principal components: Denton et al., 2014, and Zhang et al., 2015, section 3.1: y = M y + b). left
is U, right is U^T W: one stored factorisation serves every rank, its prefix, like the one of the
weights; b_k replaces the bias as long as the rank is in use.

With fewer inputs than a layer has units, the last directions would be noise. So C is mixed with a
hundredth of W W^T (its covariance for inputs without any structure), both of trace 1: where inputs
say nothing, weights decide.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from workloads.cache import Arrays, load_or_build
from workloads.execution import block_values, recompose, stage_input, stage_operands
from workloads.graph import Workload
from workloads.inputs import make_inputs
from workloads.layer import Floats, Weights, WeightShape
from workloads.layers import planned_kind
from workloads.real_weights import RealWeights
from workloads.scratch import Scratch
from workloads.specs import Factors
from workloads.stages import Stage

SHRINKAGE = 0.01
MOST_MACS = 4e11
FEWEST_INPUTS, MOST_INPUTS = 16, 512
BATCH = 8
_SEED = 15_485_863
"""Apart from the seeds of inputs that errors are measured on."""


@dataclass(frozen=True, eq=False)
class OutputAware:
    """Real weights of one planned layer whose factors follow its outputs; made when asked for."""

    matrix: Floats
    """(groups, rows, columns)."""
    bias: Floats
    """(units,)."""
    found: Callable[[], Arrays] = field(repr=False)
    """`vectors` (groups, rows, count), `shares` (groups, count), `mean` (units,)."""

    @cached_property
    def _kept(self) -> NDArray[np.float64]:
        groups, rows, columns = self.matrix.shape
        kept = WeightShape(groups, rows, columns, True).max_rank
        return self.found()["vectors"][:, :, :kept].astype(np.float64)

    @cached_property
    def left(self) -> Floats:
        """(groups, rows, largest rank): U, orthonormal columns."""
        return self._kept.astype(np.float32)

    @cached_property
    def right(self) -> Floats:
        """(groups, largest rank, columns): U^T W."""
        return (self._kept.transpose(0, 2, 1) @ self.matrix).astype(np.float32)

    @cached_property
    def spectrum(self) -> NDArray[np.float64]:
        """(groups, count): square roots of the outputs' variances, descending, squares sum to 1."""
        _, rows, columns = self.matrix.shape
        shares = self.found()["shares"][:, : min(rows, columns)].astype(np.float64)
        shares[:, 0] += shares.sum(axis=1) <= 0.0
        made: NDArray[np.float64] = np.sqrt(shares / shares.sum(axis=1, keepdims=True))
        return made

    def bias_at(self, rank: int) -> Floats:
        """(units,): m - U_k U_k^T (m - b)."""
        groups, rows, _ = self.matrix.shape
        mean = self.found()["mean"].astype(np.float64).reshape(groups, rows, 1)
        vectors = self._kept[:, :, :rank]
        apart = mean - self.bias.reshape(groups, rows, 1)
        corrected = mean - vectors @ (vectors.transpose(0, 2, 1) @ apart)
        return corrected.reshape(-1).astype(np.float32)


def output_aware(workload: Workload) -> dict[str, Weights]:
    """The workload's own weights, with factors that follow outputs; nothing is computed yet."""
    weights = workload.weights
    if weights is None:
        raise ValueError(f"{workload.name} has synthetic weights, must have real ones")
    kept: dict[str, Arrays] = {}

    def found(name: str) -> Arrays:
        if not kept:
            kept.update(_by_stage(_principal(workload, weights)))
        return kept[name]

    return {
        name: OutputAware(own.matrix, own.bias, lambda name=name: found(name))  # type: ignore[misc]
        if own.matrix.size
        else own
        for name, own in weights.items()
    }


def refactored(workload: Workload, factors: Factors) -> Workload:
    """The same network with factors that keep its weights, or its outputs on its signal.

    ValueError for synthetic weights, and for outputs where no signal is known.
    """
    from workloads.building import build

    if workload.weights is None:
        raise ValueError(f"{workload.name} has synthetic weights, must have real ones")
    spec = workload.spec
    told = spec.weights.model_copy(update={"factors": factors})
    plain = {
        name: RealWeights(own.matrix, own.bias)
        for name, own in workload.weights.items()
        if own.matrix.size
    }
    return build(spec.model_copy(update={"weights": told}), frames=workload.frames, weights=plain)


def _principal(workload: Workload, weights: Mapping[str, Weights]) -> Arrays:
    """`STAGE vectors`, `STAGE shares` and `STAGE mean`, from disk where they were made before."""
    from workloads.building import content_hash

    if workload.spec.weights.sha256 is None:
        return _made(workload, weights)
    method = (SHRINKAGE, MOST_MACS, FEWEST_INPUTS, MOST_INPUTS)
    key = f"principal outputs {method} {content_hash(workload.spec, 0)}"
    return load_or_build(key, lambda: _made(workload, weights))


def _by_stage(arrays: Arrays) -> dict[str, Arrays]:
    found: dict[str, Arrays] = {}
    for key, array in arrays.items():
        name, part = key.rsplit(" ", 1)
        found.setdefault(name, {})[part] = array
    return found


def _made(workload: Workload, weights: Mapping[str, Weights]) -> Arrays:
    count = int(np.clip(MOST_MACS / max(workload.macs, 1), FEWEST_INPUTS, MOST_INPUTS))
    inputs = make_inputs(workload, count=count, seed=_SEED)
    sums = {s.name: _Moments(s) for s in workload.stages if weights[s.name].matrix.size}
    scratch = Scratch()
    for at in range(0, count, BATCH):
        made: dict[str, Floats] = {"input": inputs[at : at + BATCH]}
        for stage in workload.stages:
            x, own = stage_input(stage, made), weights[stage.name]
            if stage.name in sums:
                sums[stage.name].add(x, own, scratch)
            beside = stage_operands(stage, made)
            y = block_values(stage, x, own, 0, stage.units, scratch=scratch, operands=beside)
            made[stage.name] = recompose(stage, [y])
    found: Arrays = {}
    for name, moments in sums.items():
        vectors, shares = moments.principal(weights[name].matrix)
        found[f"{name} vectors"], found[f"{name} shares"] = vectors, shares
        found[f"{name} mean"] = moments.mean.astype(np.float32)
    return found


class _Moments:
    """Mean and covariance of a planned layer's sums, over inputs and positions."""

    def __init__(self, stage: Stage) -> None:
        rows = stage.weight.rows
        self.stage, self.samples = stage, 0
        self.total = np.zeros(stage.units)
        self.square = np.zeros((stage.groups, rows, rows))

    def add(self, x: Floats, weights: Weights, scratch: Scratch) -> None:
        """The sums that this input makes."""
        stage, planned = self.stage, self.stage.layers[0]
        y = planned_kind(planned.kind).values(
            planned.spec, x, weights, 0, stage.units, None, "fp32", scratch
        )
        flat = np.moveaxis(y, 1, 0).reshape(stage.groups, stage.weight.rows, -1)
        self.samples += flat.shape[2]
        self.total += flat.sum(axis=2, dtype=np.float64).reshape(-1)
        self.square += flat @ flat.transpose(0, 2, 1)

    @property
    def mean(self) -> NDArray[np.float64]:
        """(units,)."""
        return self.total / self.samples

    def principal(self, matrices: Floats) -> tuple[Floats, Floats]:
        """(vectors (groups, rows, count), shares of variance (groups, count)), leading first."""
        groups, rows, columns = matrices.shape
        mean = self.mean.reshape(groups, rows, 1)
        covariance = self.square / self.samples - mean @ mean.transpose(0, 2, 1)
        wide = matrices.astype(np.float64)
        plain = wide @ wide.transpose(0, 2, 1)
        mixed = (1.0 - SHRINKAGE) * _of_trace_one(covariance) + SHRINKAGE * _of_trace_one(plain)
        shares, vectors = np.linalg.eigh(mixed)
        count = min(rows, columns)
        leading = np.maximum(shares[:, ::-1], 0.0)[:, :count]
        return (
            np.ascontiguousarray(vectors[:, :, ::-1][:, :, :count], np.float32),
            leading.astype(np.float32),
        )


def _of_trace_one(matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each over its trace; matrices of zeros as they are."""
    traces = np.trace(matrices, axis1=1, axis2=2)[:, None, None]
    return np.asarray(matrices / np.where(traces > 0.0, traces, 1.0))
