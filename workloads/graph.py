"""A workload: a graph of layers, and the stages into which planned layers gather the rest."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workloads.demand import Amount, Units
from workloads.layer import Shape, Weights
from workloads.names import nearest_name
from workloads.real_weights import spectrum_of
from workloads.specs import WorkloadSpec
from workloads.stages import Layer, Stage
from workloads.wiring import LayerGraph

if TYPE_CHECKING:
    from workloads.sensitivity import ScoreErrors

__all__ = ["Layer", "Stage", "Wire", "Workload"]


@dataclass(frozen=True, slots=True)
class Wire:
    """How a tensor travels over a network."""

    name: str
    bytes_per_frame: int
    lossless: bool
    encode_bytes_per_s: float


@dataclass(frozen=True, eq=False)
class Workload:
    """A network and the number of frames of one inference. Equal when the content hash is."""

    name: str
    frames: int
    graph: LayerGraph
    """Layers by name, with `layer` and `stage` as node attributes; edges carry tensors."""
    stages: tuple[Stage, ...]
    """In an order in which every stage follows those that it reads."""
    input_wire: Wire
    output_wire: Wire
    error_limit: float
    layer_error_limit: float | None
    """Most that compaction may do to one layer at that limit: sqrt(tail energy); None: any."""
    error_gain: Mapping[str, float]
    """By planned layer kind."""
    quantisation_error: dict[str, float]
    content_hash: str
    """sha256 of the validated specification and the frames."""
    spec: WorkloadSpec = field(repr=False)
    weights: Mapping[str, Weights] | None = field(default=None, repr=False)
    """Real ones by stage; None: synthetic ones, made when asked for."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Workload) and self.content_hash == other.content_hash

    def __hash__(self) -> int:
        return hash(self.content_hash)

    @property
    def input_shape(self) -> Shape:
        """Shape of one frame of input."""
        return self.spec.input.shape

    @property
    def output_shape(self) -> Shape:
        """Shape of one frame of output."""
        return self.stages[-1].output_shape

    @cached_property
    def planned_layers(self) -> tuple[tuple[str, int], ...]:
        """(name, units) of the layers that a plan allocates."""
        return tuple((stage.name, stage.units) for stage in self.stages)

    @cached_property
    def is_chain(self) -> bool:
        """Whether each stage reads the one before, and only that."""
        before = ("input", *(stage.name for stage in self.stages))
        return all(stage.reads == (b,) for stage, b in zip(self.stages, before, strict=False))

    @cached_property
    def parameters(self) -> int:
        """Weights and biases, dense."""
        return sum(stage.weight.parameters for stage in self.stages)

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of the planned layers for one frame, dense."""
        return sum(stage.macs for stage in self.stages)

    def stage(self, name: str) -> Stage:
        """The stage of that planned layer; UnknownName otherwise."""
        found = self._by_name.get(name)
        if found is None:
            raise nearest_name(f"planned layer of {self.name}", name, self._by_name)
        return found

    @cached_property
    def _by_name(self) -> dict[str, Stage]:
        return {stage.name: stage for stage in self.stages}

    def spectrum(self, stage_name: str) -> NDArray[np.float64]:
        """(groups, min(rows, columns)): singular values, descending, squares sum to 1 a group.

        Of the weights; of the outputs over inputs where factors follow those.
        """
        found = self._spectra.get(stage_name)
        if found is None:
            found = self._spectra[stage_name] = self._draw_spectrum(stage_name)
        return found

    @cached_property
    def _spectra(self) -> dict[str, NDArray[np.float64]]:
        return {}

    @cached_property
    def _tails(self) -> dict[str, NDArray[np.float64]]:
        return {}

    def _draw_spectrum(self, stage_name: str) -> NDArray[np.float64]:
        from workloads.spectra import singular_values

        stage, weights = self.stage(stage_name), self.spec.weights
        real = None if self.weights is None else self.weights[stage_name]
        if real is not None:
            known = getattr(real, "spectrum", None)
            return spectrum_of(real.matrix) if known is None else known
        count = min(stage.weight.rows, stage.weight.columns)
        if not count:
            return np.zeros((stage.groups, 0))
        profile = weights.spectra.get(stage.name) or weights.spectra[stage.layers[0].kind]
        seed = weights.seed + self.stages.index(stage)
        drawn = np.asarray(singular_values(profile, stage.groups, count, seed), np.float64)
        drawn.flags.writeable = False
        return drawn

    @cached_property
    def score_errors(self) -> "ScoreErrors | None":
        """What compaction and precision of each layer do to the scores, measured; None: unknown.

        Known for real weights; the first call may take a minute, later ones read it from disk.
        """
        from workloads.sensitivity import score_errors

        return None if self.weights is None else score_errors(self)

    def tail_energy(self, stage_name: str, rank: Units | None) -> Amount:
        """Share of squared singular values beyond `rank`, mean over groups; 0 for None.

        Eckart-Young: the squared relative error of the best approximation of that rank.
        """
        if rank is None:
            return 0.0
        tails = self._tails.get(stage_name)
        if tails is None:
            tails = self._tails[stage_name] = tail_shares(self.spectrum(stage_name))
        found: Amount = tails[rank]
        return found


def tail_shares(spectrum: NDArray[np.float64]) -> NDArray[np.float64]:
    """(count + 1,): mean over groups of sum_{i > r} s_i^2 / sum s_i^2, for r = 0 .. count."""
    squares = spectrum**2
    tails = np.cumsum(squares[:, ::-1], axis=1)[:, ::-1] / squares.sum(axis=1, keepdims=True)
    return np.append(tails.mean(axis=0), 0.0)
