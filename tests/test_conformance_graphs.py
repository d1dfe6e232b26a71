"""The kit for task graphs passes honest schedulers and cuts, and catches broken ones."""

from math import inf

import networkx as nx
import pytest

from planners import dads, exact, heft, peft
from planners.conformance_graphs import (
    PUBLISHED_S,
    GraphError,
    check_cut,
    check_schedule,
    flat,
    published,
)
from planners.listing import Instance, list_schedule


@pytest.mark.parametrize(("method", "name"), [(heft, "heft"), (peft, "peft")])
def test_list_schedulers_pass(method, name):
    check_schedule(method.schedule, published_s=PUBLISHED_S[name])


def test_the_exact_makespan_passes():
    def schedule(graph, compute, communicate):
        return exact.makespan(graph, compute, communicate, time_limit_s=5.0).schedule

    check_schedule(schedule, published_s=PUBLISHED_S["optimum"], max_examples=10)


def own_cost(graph, compute, communicate):
    """PEFT with a task's own cost in its table: a valid schedule, but not PEFT's."""
    instance = Instance(graph, compute, communicate)
    own = {}
    for task in instance.backwards():
        heads = list(instance.graph.successors(task))
        own[task] = {
            p: seconds
            + max((peft._step(instance, own, task, head, p) for head in heads), default=0.0)
            for p, seconds in instance.seconds[task].items()
        }
    rank = {task: sum(row.values()) / len(row) for task, row in own.items()}
    return list_schedule(instance, rank, lambda task, processor: own[task][processor])


def shifted(change):
    """HEFT's schedule with one row changed."""

    def schedule(graph, compute, communicate):
        rows = heft.schedule(graph, compute, communicate)
        return [*rows[:-1], change(rows[-1])]

    return schedule


BROKEN = {
    "PEFT with its own cost in its table": (own_cost, "published"),
    "starts before its data": (
        shifted(lambda r: (*r[:2], 0.0, r[3] - r[2])),
        "data come|two tasks",
    ),
    "takes no time": (shifted(lambda r: (*r[:3], r[2])), "must take"),
    "drops a task": (lambda *asked: heft.schedule(*asked)[:-1], "tasks"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_scheduler_is_caught(name):
    schedule, told = BROKEN[name]
    with pytest.raises(GraphError, match=told):
        check_schedule(schedule, published_s=PUBLISHED_S["peft" if "PEFT" in name else "heft"])


def test_the_min_cut_passes():
    check_cut(dads.cut)


def twice(graph, device_s, cloud_s, upload_s):
    """A min cut without a node for the tensor: it is counted once a reader."""
    flow = nx.DiGraph()
    flow.add_nodes_from(("near", "far"))
    for task in graph.nodes:
        for tail, head, seconds in ((task, "far", device_s[task]), ("near", task, cloud_s[task])):
            flow.add_edge(tail, head, **({} if seconds == inf else {"capacity": seconds}))
        for head in graph.successors(task):
            flow.add_edge(task, head, capacity=upload_s[task])
            flow.add_edge(head, task)
    return set(graph.nodes) & nx.minimum_cut(flow, "near", "far")[1][0]


BAD_CUTS = {
    "counts a shared tensor twice": twice,
    "keeps everything": lambda graph, *_: set(graph.nodes),
    "forgets the upload": lambda g, device, cloud, up: dads.cut(
        g, device, cloud, dict.fromkeys(up, 0.0)
    ),
}


@pytest.mark.parametrize("name", BAD_CUTS)
def test_a_broken_cut_is_caught(name):
    with pytest.raises(GraphError, match="the best"):
        check_cut(BAD_CUTS[name])


def test_the_published_graph_is_the_one_of_the_paper():
    graph, costs = published()
    assert (len(graph), graph.number_of_edges()) == (10, 15)
    assert flat(3.0, "p1", "p1") == 0.0
    assert sum(costs[1].values()) / 3 == 13.0
