"""Who reads whom among a workload's layers, and whether blocks can be made of it."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from workloads.documents import FieldPath
from workloads.layer import LayerSpec
from workloads.layers import kind, operand_count, weightless
from workloads.names import nearest, nearest_name
from workloads.specs import WorkloadSpec
from workloads.spectra import profile_names

if TYPE_CHECKING:
    import networkx as nx

LayerGraph: TypeAlias = "nx.DiGraph[str]"

INPUT = "input"
"""What layers call the network's own input."""

Report: TypeAlias = Callable[[FieldPath, str], None]
"""Takes a field and what is wrong with it."""


def inputs_of(layers: Sequence[LayerSpec], index: int) -> tuple[str, ...]:
    """Names of what a layer reads."""
    inputs = layers[index].inputs
    if inputs is not None:
        return inputs
    return (layers[index - 1].name if index else INPUT,)


def wired(spec: WorkloadSpec, report: Report) -> "LayerGraph | None":
    """Layer names in topological order, edges from producer to reader; None where names fail."""
    import networkx as nx  # a third of this package's import time, and only needed here

    layers = spec.layers
    position = _positions(layers, report)
    graph: LayerGraph = nx.DiGraph()
    graph.add_nodes_from(position)
    for index, layer in enumerate(layers):
        for slot, name in enumerate(inputs_of(layers, index)):
            if name in position:
                graph.add_edge(name, layer.name)
            elif name != INPUT:
                report(("layers", index, "inputs", slot), _unknown(name, [INPUT, *position]))
    if len(position) < len(layers) or not _is_acyclic(graph, position, report):
        return None
    ordered: LayerGraph = nx.DiGraph()
    names = nx.lexicographical_topological_sort(graph, position.__getitem__)
    ordered.add_nodes_from(names)
    ordered.add_edges_from(graph.edges)
    return ordered


def _positions(layers: Sequence[LayerSpec], report: Report) -> dict[str, int]:
    position: dict[str, int] = {}
    for index, layer in enumerate(layers):
        path = ("layers", index, "name")
        if layer.name == INPUT:
            report(path, f"is {INPUT!r}, the network's own input, must be another name")
        elif layer.name in position:
            earlier = f"layer {position[layer.name]}"
            report(path, f"is {layer.name!r}, the name of {earlier} too, must be unique")
        else:
            position[layer.name] = index
    return position


def _unknown(name: str, known: Sequence[str]) -> str:
    close = nearest(name, known)
    hint = f"did you mean {close[0]!r}?" if close else f"there is {', '.join(known)}"
    return f"is {name!r}, but no layer has that name; {hint}"


def _is_acyclic(graph: LayerGraph, position: dict[str, int], report: Report) -> bool:
    import networkx as nx

    for members in nx.strongly_connected_components(graph):
        start = min(members, key=position.__getitem__)
        if len(members) > 1 or graph.has_edge(start, start):
            loop = [tail for tail, _ in nx.find_cycle(graph, start)]
            report(
                ("layers", position[start], "inputs"),
                f"closes the cycle {' -> '.join([*loop, loop[0]])}; "
                "a layer must not read what depends on it",
            )
    return nx.is_directed_acyclic_graph(graph)


def check_blocks(spec: WorkloadSpec, graph: LayerGraph, report: Report) -> None:
    """Whether each layer can run in unit-blocks, and one layer is the output."""
    for index, layer in enumerate(spec.layers):
        if not kind(layer.kind).PLANNED:
            operands = operand_count(layer.kind)
            problem = _not_fusible(graph, inputs_of(spec.layers, index), operands)
            if problem:
                report(("layers", index), f"{layer.name} {problem}")
    known = (INPUT, *graph)
    if not all(name in known for layer in spec.layers for name in layer.inputs or ()):
        return  # whoever should read a layer may have misspelt its name
    ends = [index for index, layer in enumerate(spec.layers) if not graph.out_degree(layer.name)]
    for index in ends[:-1]:
        report(
            ("layers", index),
            f"{spec.layers[index].name} is read by no layer, must be read by one: "
            f"the output is {spec.layers[ends[-1]].name}",
        )


def _not_fusible(graph: LayerGraph, inputs: Sequence[str], operands: int) -> str | None:
    """Why a layer cannot run within its producer's unit-blocks; None where it can."""
    if operands and len(inputs) != 1 + operands:
        return f"reads {len(inputs)} layers, must read {1 + operands}: its producer and an operand"
    if operands and inputs[0] in inputs[1:]:
        return "reads its producer as its operand too, must read another layer"
    if len(inputs) > 1 + operands:
        return "reads several layers, must read one: only planned layers (conv, dense) concatenate"
    if inputs[0] == INPUT:
        return "reads the network's input, must follow a planned layer, whose unit-blocks it joins"
    if inputs[0] in graph and graph.out_degree(inputs[0]) > 1:
        others = sorted(graph.successors(inputs[0]))
        return (
            f"reads {inputs[0]!r}, which {len(others)} layers read ({', '.join(others)}), "
            "must be its only reader, since it is computed within its unit-blocks"
        )
    return None


def check_spectra(spec: WorkloadSpec, report: Report) -> None:
    """Whether each planned layer has a spectrum, and each spectrum a planned layer."""
    planned = [layer for layer in spec.layers if kind(layer.kind).PLANNED]
    profiles, path = spec.weights.spectra, ("weights", "spectra")
    if spec.weights.sha256 is not None and not profiles:
        return  # real weights have spectra of their own
    usable = _names(planned)
    for key in profiles:
        if key not in usable:
            right = f"must be one of {', '.join(usable)}"
            report((*path, key), f"{key!r} is no planned layer or kind of this workload, {right}")
    for key, profile in profiles.items():
        if profile not in profile_names():
            unknown = nearest_name("spectrum profile", profile, profile_names())
            report((*path, key), f"{unknown}, must be one of {', '.join(profile_names())}")
    for layer in planned:
        if weightless(layer.kind):
            continue
        if layer.name not in profiles and layer.kind not in profiles:
            report(path, f"has nothing for {layer.name}, must have {layer.name} or {layer.kind}")


def check_gains(spec: WorkloadSpec, report: Report) -> None:
    """Whether each kind of planned layer has an error gain, and each gain such a kind."""
    kinds = dict.fromkeys(layer.kind for layer in spec.layers if kind(layer.kind).PLANNED)
    for key in spec.error_gain:
        if key not in kinds:
            right = f"must be one of {', '.join(kinds)}"
            report(("error_gain", key), f"{key!r} is no planned kind of this workload, {right}")
    for key in kinds:
        if key not in spec.error_gain:
            report(("error_gain",), f"has nothing for {key}, must have {', '.join(kinds)}")


def _names(planned: Iterable[LayerSpec]) -> tuple[str, ...]:
    layers = tuple(planned)
    kinds = dict.fromkeys(layer.kind for layer in layers)
    return (*kinds, *(layer.name for layer in layers))
