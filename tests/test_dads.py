"""DADS: its min cut is what trying all cuts finds, tensors counted once; and as a planner."""

from dataclasses import replace
from itertools import product
from math import inf

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planners import PAPER, Goals, NotApplicable, check, dads, load_planner, predict
from planners.checking import broken_limits
from planners.conformance import check_planner
from tests.profiles import examples
from tests.test_planners import PAIRS, question
from tests.tiny_device import tiny_question, workload


def cost(graph, near, device_s, cloud_s, upload_s, *, twice=False):
    """Sum of all seconds of a cut; inf where something would have to come back."""
    total = sum(device_s[t] if t in near else cloud_s[t] for t in graph.nodes)
    for task in graph.nodes:
        heads = list(graph.successors(task))
        if task not in near and any(head in near for head in heads):
            return inf
        away = [head for head in heads if head not in near]
        if task in near and away:
            total += upload_s[task] * (len(away) if twice else 1)
    return total


def least(graph, *costs, **how):
    tasks = list(graph.nodes)
    sides = product((True, False), repeat=len(tasks))
    return min(
        cost(graph, {t for t, near in zip(tasks, side, strict=True) if near}, *costs, **how)
        for side in sides
    )


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 7))
    graph = nx.DiGraph()
    graph.add_nodes_from(range(count))
    graph.add_edges_from(
        (i, j) for j in range(count) for i in range(j) if draw(st.integers(0, 2)) == 0
    )
    seconds = st.integers(0, 20).map(float)
    costs = [{task: draw(seconds) for task in graph.nodes} for _ in range(3)]
    costs[1][0] = inf  # where the input is
    return graph, *costs


@settings(max_examples=examples(150, deep=3000))
@given(graphs())
def test_no_cut_is_better(drawn):
    graph, *costs = drawn
    assert cost(graph, dads.cut(graph, *costs), *costs) == least(graph, *costs)


def test_a_shared_tensor_counted_twice_is_another_cut():
    """The known implementation error: two readers in the cloud, one upload."""
    graph = nx.DiGraph([("in", "a"), ("in", "b")])
    device_s = {"in": 0.0, "a": 4.0, "b": 4.0}
    cloud_s = {"in": inf, "a": 0.0, "b": 0.0}
    upload_s = {"in": 5.0, "a": 0.0, "b": 0.0}
    assert dads.cut(graph, device_s, cloud_s, upload_s) == {"in"}
    assert least(graph, device_s, cloud_s, upload_s) == 5.0
    assert least(graph, device_s, cloud_s, upload_s, twice=True) == 8.0


def test_a_task_that_nothing_runs_is_told():
    graph = nx.DiGraph([("in", "a")])
    with pytest.raises(ValueError, match="neither side"):
        dads.cut(graph, {"in": 0.0, "a": inf}, {"in": inf, "a": inf}, {"in": 0.0, "a": 0.0})


@pytest.mark.parametrize("link", ["lte", "wifi"])
@pytest.mark.parametrize(("soc", "model"), PAIRS)
def test_on_a_chain_it_is_no_better_than_the_best_single_cut(soc, model, link):
    """Neurosurgeon tries every cut of a chain with its true cost, fixed costs included."""
    asked = question(soc, model, link=link, goals=Goals(objective="latency"))
    ours, best = load_planner("dads")(asked), load_planner("neurosurgeon")(asked)
    check(ours, asked)
    assert ours.predicted.latency_s >= best.predicted.latency_s * (1 - 1e-12)


def fork(online=True, **fields):
    layers = [
        {"name": "stem", "kind": "dense", "units": 400},
        {"name": "left", "kind": "dense", "units": 300, "inputs": ["stem"]},
        {"name": "right", "kind": "dense", "units": 200, "inputs": ["stem"]},
        {"name": "end", "kind": "dense", "units": 20, "inputs": ["left", "right"]},
    ]
    net = workload("fork", [600], layers)
    return tiny_question(workload=net, online=online, **fields)


def test_branches_are_cut_and_the_plan_holds():
    asked = fork(goals=Goals(objective="latency"))
    found = load_planner("dads")(asked)
    check(found, asked)
    assert not broken_limits(predict(found, asked), asked)


def test_needs_a_cloud():
    with pytest.raises(NotApplicable, match="no link"):
        load_planner("dads")(fork(online=False))
    with pytest.raises(NotApplicable, match="local"):
        load_planner("dads")(question(options=replace(PAPER, remote_segments=0)))


@pytest.mark.slow
def test_keeps_all_properties():
    check_planner("dads", max_examples=examples(100, deep=1000), seed=3)
