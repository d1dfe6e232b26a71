"""DeepX's estimators: regressions of seconds and joules on a block's size, from profiling runs.

Lane et al. (IPSN 2016) estimate each layer type on each processor from regressions trained off-line
on microbenchmarks. Here the microbenchmarks are blocks of random width and rank of given layers,
timed by the device's law, perhaps with measurement noise:

    y = c0 + c1 MACs + c2 MACs of fused layers + c3 weight bytes + c4 activation bytes,  c >= 0

one fit for each processor, operating point, precision and kind of layer, compacted or not; y is
seconds, joules above the idle device (DRAM aside), or bytes over the bus. Least squares on
relative errors.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from planners.cost import Units
from socs import Runtime
from socs.law import Device, Phase
from workloads import Stage

Floats = NDArray[np.float64]
Key = tuple[str, float, str, str, bool]
"""Processor, frequency, precision, kind of planned layer, compacted or not."""


class NotProfiled(ValueError):
    """No profiled layer is of the kind that is asked for."""


@dataclass(slots=True, eq=False)
class Regression:
    """A cost model that knows blocks from profiling runs only; fits on first use, then keeps."""

    profiled: Sequence[Stage]
    """Layers of the microbenchmarks."""
    runs: int = 60
    """Blocks timed per fit."""
    noise: float = 0.0
    """Sigma of a lognormal error of each measurement."""
    seed: int = 0
    evaluations: int = 0
    _fits: dict[Key, Floats] = field(default_factory=dict)

    def block(
        self,
        device: Device,
        stage: Stage,
        first: Units,
        last: Units,
        processor: str,
        frequency_hz: float,
        precision: str,
        rank: Units | None,
        runtime: Runtime,
        *,
        counted: bool = True,
    ) -> tuple[Phase, ...]:
        """One phase: the estimated seconds, joules and bytes of a block, or of an array of them.

        Raises NotProfiled where no profiled layer is of that kind.
        """
        features = _features(stage, first, last, rank, precision)
        if counted:
            self.evaluations += features.shape[1]
        key = (processor, frequency_hz, precision, stage.kind, rank is not None)
        if key not in self._fits:
            self._fits[key] = self._fitted(key, device, runtime)
        seconds, joules, size_bytes = self._fits[key] @ features
        if np.ndim(first) == np.ndim(last) == 0 and (rank is None or np.ndim(rank) == 0):
            seconds, joules, size_bytes = map(float, (seconds[0], joules[0], size_bytes[0]))
        loads = ((processor, joules, 0.0),)
        return (Phase(processor, stage.name, seconds, size_bytes, loads),)

    def _fitted(self, key: Key, device: Device, runtime: Runtime) -> Floats:
        """(3, features): coefficients of seconds, joules and bytes."""
        from scipy.optimize import nnls

        processor, frequency_hz, precision, kind, compacted = key
        stages = [s for s in self.profiled if s.kind == kind and (s.max_rank or not compacted)]
        if not stages:
            raise NotProfiled(f"no profiled layer is of kind {kind}, needed for {processor}")
        rng = np.random.default_rng([self.seed, _stable(key)])
        features, measured = [], []
        for _ in range(self.runs):
            stage = stages[int(rng.integers(len(stages)))]
            last = int(rng.integers(1, stage.units + 1))
            rank = int(rng.integers(1, stage.max_rank + 1)) if compacted else None
            phases = device.block(stage, 0, last, processor, frequency_hz, precision, rank, runtime)
            features.append(_features(stage, 0, last, rank, precision)[:, 0])
            measured.append(_measured(phases, device) * np.exp(self.noise * rng.normal(size=3)))
        table, values = np.array(features), np.array(measured)
        rows = [nnls(table / y[:, None], np.ones(len(y)))[0] for y in np.maximum(values.T, 1e-30)]
        return np.array(rows)


def _stable(key: Key) -> int:
    """The same number for a key in every process."""
    return int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:8], "big")


def _measured(phases: Sequence[Phase], device: Device) -> Floats:
    """Seconds alone on the bus, joules above the idle device without DRAM, bytes."""
    bus = device.soc.memory.bandwidth_bytes_per_s.value
    seconds = joules = size_bytes = 0.0
    for phase in phases:
        alone_s = float(phase.alone_s(bus))
        seconds += alone_s
        size_bytes += float(phase.size_bytes)
        joules += sum(float(constant) + float(w) * alone_s for _, constant, w in phase.loads)
    return np.array([seconds, joules, size_bytes])


def _features(
    stage: Stage, first: Units, last: Units, rank: Units | None, precision: str
) -> Floats:
    """(5, blocks): 1, MACs, MACs of fused layers, weight bytes, activation bytes."""
    planned, *fused = stage.demands(first, last, rank, precision)
    moved = planned.input_bytes + planned.output_bytes
    for demand in fused:
        moved = moved + demand.input_bytes + demand.output_bytes
    work = sum((demand.macs for demand in fused), 0.0)
    parts = np.broadcast_arrays(1.0, planned.macs, work, planned.weight_bytes, moved)
    return np.array([np.atleast_1d(part) for part in parts], dtype=np.float64)
