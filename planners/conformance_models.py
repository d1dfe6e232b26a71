"""Hypothesis strategies: small chains of layers."""

from functools import lru_cache

from hypothesis import strategies as st

from planners.conformance_figures import NAMED, Document, figure, one_of
from workloads import Workload
from workloads.building import build
from workloads.specs import WorkloadSpec

_SPECTRA = {"dense": "dense", "conv": "convolution"}


@lru_cache(maxsize=1024)
def built(spec: str, frames: int) -> Workload:
    """The workload of a specification in JSON; one object each, so that spectra are read once."""
    return build(WorkloadSpec.model_validate_json(spec), frames=frames)


def _layers(draw: st.DrawFn) -> tuple[list[int], list[Document]]:
    """Shape of the input, and layers: dense ones, after convolutions where the input is images."""
    convolutions, count, rows = draw(st.integers(0, 2)), draw(st.integers(2, 4)), []
    for i in range(count):
        if i < convolutions:
            units = one_of(draw, 8, 12, 32)
            rows.append({"name": f"conv{i}", "kind": "conv", "units": units, "kernel": 3})
            rows[-1]["padding"] = 1
        else:
            units = one_of(draw, 24, 60, 7, 200)
            rows.append({"name": f"dense{i}", "kind": "dense", "units": units})
        if draw(st.booleans()):
            rows.append({"name": f"relu{i}", "kind": "relu"})
        if i == 0 and convolutions and draw(st.booleans()):
            rows.append({"name": "pool", "kind": "max_pool", "kernel": 2, "stride": 2})
        if i == convolutions - 1 and i < count - 1:
            rows.append({"name": "flat", "kind": "flatten"})
    return [4, 6, 6] if convolutions else [one_of(draw, 40, 100)], rows


@st.composite
def workloads(draw: st.DrawFn) -> Workload:
    """A chain of two to four dense or convolution layers with what is fused into them."""
    shape, layers = _layers(draw)
    spectra = {row["kind"]: _SPECTRA[row["kind"]] for row in layers if row["kind"] in _SPECTRA}
    wire = {"lossless": True, "encode_bytes_per_s": figure(1e8), "name": "drawn"}
    spec = WorkloadSpec.model_validate(
        {
            "kind": "workload",
            "name": "drawn",
            "source": "drawn at random",
            "input": {"shape": shape, "wire": wire | {"bytes_per_frame": 1000}},
            "output": {"wire": wire | {"bytes_per_frame": 400}},
            "error_limit": figure(0.4),
            "error_gain": {kind: figure(1.0) for kind in spectra},
            "quantisation_error": {"int8": figure(0.02), "fp16": figure(0.001)},
            "weights": {"spectra": spectra, "seed": 0},
            "layers": layers,
        }
        | NAMED
    )
    return built(spec.model_dump_json(), draw(st.integers(1, 3)))
