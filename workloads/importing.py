"""Networks from elsewhere as workloads: what a file of weights does not say is assumed here.

Error limit, the guard of a layer and its gains are those of the networks shipped here, so that
models are compared at one measure; what a frame is on the wire is its values in fp32.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workloads.building import BuildError, build
from workloads.faults import Fault, SpecError
from workloads.graph import Workload
from workloads.layer import Shape, Weights
from workloads.layers import kind
from workloads.real_weights import RealWeights, digest_of
from workloads.specs import WorkloadSpec

_GAINS = {
    "conv": (1.8, "As alexnet"),
    "dense": (0.55, "As cd_seide"),
    "carry": (1.0, "It adds no error of its own but rounding"),
}


def workload_of(
    name: str,
    layers: Sequence[Mapping[str, Any]],
    weights: Mapping[str, RealWeights],
    input_shape: Shape,
    output_shape: Shape,
    *,
    source: str,
    description: str | None = None,
    frames: int | None = None,
    signal: str | None = None,
) -> Workload:
    """A workload of layers (fields as in YAML) with real weights; SpecError where it has faults.

    `signal` names what its input holds in use, where that is known.
    """
    document = document_of(
        name, layers, weights, input_shape, output_shape, source=source, description=description
    )
    try:
        document["input"]["signal"] = signal
        document["weights"]["factors"] = "weights" if signal is None else "outputs"
        spec = WorkloadSpec.model_validate(document)
        return build(spec, frames=frames, weights=complete(spec, weights))
    except BuildError as error:
        faults = [Fault(source, 1, 1, ".".join(map(str, p)), m) for p, m in error.problems]
        raise SpecError(faults) from None
    except ValueError as error:
        message = str(error).splitlines()
        raise SpecError([Fault(source, 1, 1, "graph", "; ".join(message)[:400])]) from None


def complete(spec: WorkloadSpec, weights: Mapping[str, RealWeights]) -> dict[str, Weights]:
    """Weights of all planned layers that have any."""
    return {
        layer.name: weights[layer.name]
        for layer in spec.layers
        if kind(layer.kind).PLANNED and layer.name in weights
    }


def document_of(
    name: str,
    layers: Sequence[Mapping[str, Any]],
    weights: Mapping[str, RealWeights],
    input_shape: Shape,
    output_shape: Shape,
    *,
    source: str,
    description: str | None = None,
) -> dict[str, Any]:
    """The workload's specification as plain data, as its YAML has it."""
    kinds = dict.fromkeys(layer["kind"] for layer in layers if kind(layer["kind"]).PLANNED)
    parameters = sum(own.matrix.size + own.bias.size for own in weights.values())
    told = description or f"{name}: {len(layers)} layers, {parameters:,} parameters as trained."
    return {
        "kind": "workload",
        "name": name,
        "description": told,
        "source": source,
        "input": {"shape": list(input_shape), "wire": _wire("input in fp32", input_shape)},
        "output": {"wire": _wire("output in fp32", output_shape)},
        "error_limit": _figure(0.35, "One limit for all models: as alexnet and cd_seide"),
        "layer_error_limit": _figure(0.3163, "As alexnet: 90 % of each layer's squared mass"),
        "error_gain": {found: _figure(*_GAINS[found]) for found in kinds},
        "quantisation_error": {
            "fp16": _figure(0.0012, "As cd_seide, the larger of the two networks' figures"),
            "int8": _figure(0.03, "As cd_seide, the larger of the two networks' figures"),
        },
        "weights": {"spectra": {}, "seed": 0, "sha256": digest_of(weights)},
        "layers": [dict(layer) for layer in layers],
    }


def _wire(name: str, shape: Shape) -> dict[str, Any]:
    return {
        "name": name,
        "bytes_per_frame": 4 * int(np.prod(shape)),
        "lossless": True,
        "encode_bytes_per_s": _figure(2e9, "Values are sent as they come: about a memcpy's rate"),
    }


def _figure(value: float, source: str) -> dict[str, Any]:
    return {"value": value, "source": source, "basis": "assumed"}
