"""From a validated specification to a workload; all that does not fit together is told at once."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from workloads.documents import FieldPath
from workloads.graph import Wire, Workload
from workloads.layer import Shape, ShapeError, Weights
from workloads.layers import combining_kind, kind, operand_count
from workloads.real_weights import RealWeights
from workloads.specs import WireSpec, WorkloadSpec
from workloads.stages import Layer, Stage
from workloads.wiring import (
    INPUT,
    LayerGraph,
    Report,
    check_blocks,
    check_gains,
    check_spectra,
    inputs_of,
    wired,
)


class BuildError(ValueError):
    """A specification whose parts do not fit together."""

    def __init__(self, problems: Sequence[tuple[FieldPath, str]]) -> None:
        super().__init__("; ".join(message for _, message in problems))
        self.problems = tuple(problems)
        """Fields and what is wrong with them."""


def build(
    spec: WorkloadSpec,
    *,
    frames: int | None = None,
    weights: Mapping[str, Weights] | None = None,
) -> Workload:
    """The workload of a specification; BuildError with everything that does not fit.

    `weights` are real ones of planned layers; None: synthetic ones are drawn when asked for.
    """
    problems: list[tuple[FieldPath, str]] = []

    def report(path: FieldPath, message: str) -> None:
        problems.append((path, message))

    _check_levels(spec, report)
    _check_signal(spec, report)
    check_spectra(spec, report)
    check_gains(spec, report)
    graph = wired(spec, report)
    layers: dict[str, Layer] = {}
    if graph is not None:
        check_blocks(spec, graph, report)
        layers = _layers(spec, graph, report)
    if graph is None or problems:
        raise BuildError(problems)
    made = _workload(spec, graph, layers, spec.frames if frames is None else frames)
    if weights is None:
        return made
    _check_weights(spec, made, weights, report)
    if problems:
        raise BuildError(problems)
    own = replace(made, weights=_with_empty(made, weights))
    if spec.weights.factors == "weights":
        return own
    from workloads.output_aware import output_aware

    return replace(own, weights=output_aware(own))


def _check_weights(
    spec: WorkloadSpec, workload: Workload, weights: Mapping[str, Weights], report: Report
) -> None:
    """Whether real weights have the layers' shapes."""
    index_of = {layer.name: index for index, layer in enumerate(spec.layers)}
    for stage in workload.stages:
        shape, own = stage.weight, weights.get(stage.name)
        wanted = (shape.groups, shape.rows, shape.columns)
        if own is None and shape.columns:
            report(("layers", index_of[stage.name]), "has no weights among the real ones")
        elif own is not None and (own.matrix.shape != wanted or own.bias.shape != (shape.units,)):
            report(
                ("layers", index_of[stage.name]),
                f"has weights of shape {list(own.matrix.shape)}, must be {list(wanted)}",
            )


def _with_empty(workload: Workload, weights: Mapping[str, Weights]) -> dict[str, Weights]:
    """Weights of all stages, also of those that have none."""
    return {
        stage.name: weights.get(stage.name)
        or RealWeights(
            np.zeros((stage.groups, stage.weight.rows, 0), np.float32),
            np.zeros(stage.units, np.float32),
        )
        for stage in workload.stages
    }


def content_hash(spec: WorkloadSpec, frames: int) -> str:
    """sha256 of the canonical JSON of a specification and a number of frames."""
    content = {"frames_per_inference": frames, "spec": spec.model_dump(mode="json")}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _check_levels(spec: WorkloadSpec, report: Report) -> None:
    levels = spec.input.levels
    if levels is None:
        return
    path = ("input", "levels")
    if levels.low > levels.high:
        report((*path, "low"), f"is {levels.low}, must not exceed high, {levels.high}")
    if len(levels.mean) not in (1, spec.input.shape[0]):
        report(
            (*path, "mean"),
            f"has {len(levels.mean)} entries, must have one, or one for each of the "
            f"{spec.input.shape[0]} channels",
        )


def _check_signal(spec: WorkloadSpec, report: Report) -> None:
    if spec.weights.factors == "outputs" and (
        spec.input.signal is None or spec.weights.sha256 is None
    ):
        right = "must be weights unless these are real and the input's signal is known"
        report(("weights", "factors"), f"is outputs, {right}")
    if spec.input.signal is None:
        return
    from workloads.signals import make_signal

    try:
        make_signal(spec.input.signal, spec.input.shape, 1, 0)
    except ValueError as error:
        report(("input", "signal"), f"cannot be made: {error}")


def _layers(spec: WorkloadSpec, graph: LayerGraph, report: Report) -> dict[str, Layer]:
    """Layers with their shapes, in topological order; those behind a fault are left out."""
    index_of = {layer.name: index for index, layer in enumerate(spec.layers)}
    shapes: dict[str, Shape] = {INPUT: spec.input.shape}
    found: dict[str, Layer] = {}
    for name in graph:
        index = index_of[name]
        layer, inputs = spec.layers[index], inputs_of(spec.layers, index)
        own = len(inputs) - operand_count(layer.kind)
        if own < 1 or not all(source in shapes for source in inputs):
            continue
        try:
            before = _concatenated([shapes[source] for source in inputs[:own]])
            beside = tuple(shapes[source] for source in inputs[own:])
            combining = combining_kind(layer.kind)
            if combining is not None:
                combining.check_operands(layer, before, beside)
            shapes[name] = kind(layer.kind).output_shape(layer, before)
        except ShapeError as error:
            report(("layers", index), f"{name} has {error}")
        else:
            found[name] = Layer(name, layer.kind, layer, before, shapes[name], beside)
    return found


def _concatenated(shapes: Sequence[Shape]) -> Shape:
    first = shapes[0]
    for other in shapes[1:]:
        if other[1:] != first[1:]:
            raise ShapeError(
                f"inputs of shapes {list(first)} and {list(other)}, must differ in channels only"
            )
    return (sum(shape[0] for shape in shapes), *first[1:])


def _workload(
    spec: WorkloadSpec, graph: LayerGraph, layers: Mapping[str, Layer], frames: int
) -> Workload:
    guard = spec.layer_error_limit
    return Workload(
        name=spec.name,
        frames=frames,
        graph=graph,
        stages=_stages(spec, graph, layers, frames),
        input_wire=_wire(spec.input.wire),
        output_wire=_wire(spec.output.wire),
        error_limit=spec.error_limit.value,
        layer_error_limit=None if guard is None else guard.value,
        error_gain={key: figure.value for key, figure in spec.error_gain.items()},
        quantisation_error={key: figure.value for key, figure in spec.quantisation_error.items()},
        content_hash=content_hash(spec, frames),
        spec=spec,
    )


def _stages(
    spec: WorkloadSpec, graph: LayerGraph, layers: Mapping[str, Layer], frames: int
) -> tuple[Stage, ...]:
    """Planned layers with what is fused into each; marks the graph's nodes with both."""
    inputs = {layer.name: inputs_of(spec.layers, at) for at, layer in enumerate(spec.layers)}
    stage_of, members = {INPUT: INPUT}, dict[str, list[Layer]]()
    for name in graph:
        owner = name if kind(layers[name].kind).PLANNED else stage_of[inputs[name][0]]
        stage_of[name] = owner
        members.setdefault(owner, []).append(layers[name])
        graph.nodes[name].update(layer=layers[name], stage=owner)

    def owners(names: Iterable[str]) -> tuple[str, ...]:
        return tuple(stage_of[name] for name in names)

    found = [
        Stage(
            tuple(group),
            owners(inputs[name]),
            frames,
            owners(other for layer in group[1:] for other in inputs[layer.name][1:]),
        )
        for name, group in members.items()
    ]
    return _ordered(found)


def _ordered(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """Each stage after those that it reads, operands too; otherwise in the order given."""
    import networkx as nx

    position = {stage.name: at for at, stage in enumerate(stages)}
    graph: LayerGraph = nx.DiGraph()
    graph.add_nodes_from(position)
    graph.add_edges_from(
        (read, stage.name) for stage in stages for read in stage.reads if read != INPUT
    )
    names = nx.lexicographical_topological_sort(graph, position.__getitem__)
    return tuple(stages[position[name]] for name in names)


def _wire(spec: WireSpec) -> Wire:
    return Wire(spec.name, spec.bytes_per_frame, spec.lossless, spec.encode_bytes_per_s.value)
