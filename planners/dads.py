"""DADS: the min cut of a graph of layers between the device and the cloud.

Hu, Bao, Wang, Liu, "Dynamic Adaptive DNN Surgery for Inference Acceleration on the Edge",
INFOCOM 2019, light workload (section IV, algorithm DSL): minimise the sum of what layers take on
their side and of the tensors that are sent up. A layer is a node between source (device) and
sink (cloud); cutting it from the sink costs its seconds on the device, from the source those in
the cloud. A tensor that several layers read gets a node of its own, so that it is sent once, and
arcs of infinite capacity against the direction of data keep anything from coming back.

The paper has one device processor: here each processor, frequency and precision is tried in turn.
It minimises delay and knows neither limits nor what the radio costs once, so its cuts compete with
every single processor, and with the cloud alone, under the question's objective and limits.
"""

from collections.abc import Mapping
from math import inf
from typing import TYPE_CHECKING, Any

from planners.candidates import (
    Blocks,
    Priced,
    best_plan,
    blocks_of,
    priced_layers,
    uniform,
)
from planners.listing import Task
from planners.options import Choice
from planners.scheduled import layer_graph
from planners.values import NotApplicable, Plan, Question
from socs.law import cloud_service
from workloads.demand import ITEM_BYTES

if TYPE_CHECKING:
    import networkx as nx

_DEVICE, _CLOUD = ("device",), ("cloud",)
"""Source and sink; no layer has such a name."""


def cut(
    graph: "nx.DiGraph[Any]",
    device_s: Mapping[Task, float],
    cloud_s: Mapping[Task, float],
    upload_s: Mapping[Task, float],
) -> set[Task]:
    """Tasks that stay on the device, so that the sum of all seconds is least.

    `upload_s[task]`: seconds to send up what a task makes, once, however many read it. What runs
    in the cloud is only read there. inf keeps a task off one side; ValueError for a task that
    both sides refuse.
    """
    import networkx as nx  # slow to import, and only needed here

    flow: nx.DiGraph[Any] = nx.DiGraph()
    flow.add_nodes_from((_DEVICE, _CLOUD))
    for task in graph.nodes:
        if device_s[task] == cloud_s[task] == inf:
            raise ValueError(f"task {task!r}: runs on neither side")
        _arc(flow, task, _CLOUD, device_s[task])
        _arc(flow, _DEVICE, task, cloud_s[task])
        heads = list(graph.successors(task))
        if heads:
            tensor = ("tensor", task)
            _arc(flow, task, tensor, upload_s[task])
            for head in heads:
                _arc(flow, tensor, head, inf)
                _arc(flow, head, task, inf)
    _, (near, _) = nx.minimum_cut(flow, _DEVICE, _CLOUD)
    return {task for task in graph.nodes if task in near}


def _arc(flow: "nx.DiGraph[Any]", tail: object, head: object, seconds: float) -> None:
    """An arc; without a capacity it is infinite to networkx."""
    if seconds == inf:
        flow.add_edge(tail, head)
    else:
        flow.add_edge(tail, head, capacity=seconds)


def _cuts(question: Question, priced: Priced) -> list[Blocks]:
    """The min cut of each local choice."""
    graph, state = layer_graph(question), question.conditions
    assert state.cloud is not None
    stages = {stage.name: stage for stage in question.workload.stages}
    cloud_s = {name: float(cloud_service(state.cloud, s).seconds) for name, s in stages.items()}
    wire = question.workload.input_wire
    encoded = float(wire.bytes_per_frame * question.workload.frames)
    found = []
    for choice, layers in priced.items():
        device_s, remote_s, upload_s = {}, {}, {}
        for task in graph.nodes:
            pinned = task not in stages  # the app gives the input and reads the answer
            device_s[task] = 0.0 if pinned else layers.get(task, inf)
            remote_s[task] = inf if task == "input" else 0.0 if pinned else cloud_s[task]
            size = stages[task].output_bytes(0, stages[task].units, "int8") if not pinned else 0
            sent = encoded if pinned else float(size) * ITEM_BYTES[choice.precision]
            upload_s[task] = sent / state.up_bytes_per_s
        near = cut(graph, device_s, remote_s, upload_s)
        where: dict[str, Choice] = {name: choice for name in stages if name in near}
        found.append(blocks_of(question, where))
    return found


def plan(question: Question) -> Plan:
    """The best min cut, or the best single processor where that is better.

    Raises NotApplicable without a cloud to cut to, Infeasible as others do.
    """
    if not question.conditions.has_cloud:
        raise NotApplicable("there is no link to a cloud: nothing to cut")
    if not question.options.remote_segments:
        raise NotApplicable(f"options {question.options.name!r} keep all layers local")
    priced, evaluations = priced_layers(question)
    alone = uniform(question, priced)
    candidates = [*_cuts(question, priced), blocks_of(question, {}), *alone]
    return best_plan(question, "dads", evaluations, candidates)
