"""What schedulers and cuts of plain task graphs must keep: `check_schedule`, `check_cut`.

For people who write their own list scheduler or min cut. A plan made by a wrong one may keep every
rule of a plan and still not be what its name says; the published graph and brute force tell.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise, product
from math import inf, isclose
from random import Random
from typing import TYPE_CHECKING, Any

from planners.listing import Row

if TYPE_CHECKING:
    import networkx as nx

    Graph = nx.DiGraph[Any]

PUBLISHED_S = {"heft": 80.0, "peft": 85.0, "optimum": 73.0}
"""Makespans of the published graph: Topcuoglu 2002 (HEFT), Arabnejad 2014 (PEFT), least."""
_SECONDS = (
    (14, 16, 9),
    (13, 19, 18),
    (11, 13, 19),
    (13, 8, 17),
    (12, 13, 10),
    (13, 16, 9),
    (7, 15, 11),
    (5, 11, 14),
    (18, 12, 20),
    (21, 7, 16),
)
_EDGES = (
    *((1, 2, 18), (1, 3, 12), (1, 4, 9), (1, 5, 11), (1, 6, 14), (2, 8, 19), (2, 9, 16)),
    *((3, 7, 23), (4, 8, 27), (4, 9, 23), (5, 9, 13), (6, 8, 15), (7, 10, 17), (8, 10, 11)),
    (9, 10, 13),
)

Compute = dict[int, dict[str, float]]
Scheduler = Callable[..., Iterable[Row]]
Cut = Callable[..., set[Any]]


class GraphError(AssertionError):
    """A scheduler or cut that breaks a rule; the message says which, and on what graph."""


def published() -> "tuple[Graph, Compute]":
    """Ten tasks on three processors: Topcuoglu, Hariri, Wu, IEEE TPDS 13(3), 2002, figure 2."""
    costs = {
        task: {f"p{n}": float(seconds) for n, seconds in enumerate(row, start=1)}
        for task, row in enumerate(_SECONDS, start=1)
    }
    return _graph(costs, _EDGES), costs


def flat(size: float, source: object, target: object) -> float:
    """Transfers cost their size between any two processors."""
    return 0.0 if source == target else float(size)


def check_schedule(
    schedule: Scheduler, *, published_s: float | None = None, max_examples: int = 100, seed: int = 0
) -> None:
    """Raise GraphError unless every schedule is valid; `published_s`: the published graph's.

    `schedule(graph, compute, communicate)` as `planners.heft.schedule`. Valid: each task once, on
    one processor for its seconds there, none of a processor's at once, data before use.
    """
    graph, costs = published()
    rows = list(schedule(graph, costs, flat))
    _check_rows(rows, graph, costs)
    length_s = max(row[3] for row in rows)
    if published_s is not None and not isclose(length_s, published_s, rel_tol=1e-9):
        raise GraphError(f"makespan {length_s:g} of the published graph, must be {published_s:g}")
    generator = Random(seed)
    for _ in range(max_examples):
        graph, costs = _drawn(generator, generator.randint(1, 12))
        _check_rows(list(schedule(graph, costs, flat)), graph, costs)


def check_cut(cut: Cut, *, max_examples: int = 100, seed: int = 0) -> None:
    """Raise GraphError unless each cut costs what the best of all does.

    `cut(graph, device_s, cloud_s, upload_s)` as `planners.dads.cut`: tasks that stay on the device.
    A tensor that several tasks in the cloud read is sent, and counted, once.
    """
    generator = Random(seed)
    for _ in range(max_examples):
        graph, _ = _drawn(generator, generator.randint(1, 7))
        device_s, cloud_s, upload_s = (
            {task: float(generator.randint(0, 20)) for task in graph.nodes} for _ in range(3)
        )
        cloud_s[0] = inf  # where the input is
        found = _cost(
            graph, set(cut(graph, device_s, cloud_s, upload_s)), device_s, cloud_s, upload_s
        )
        tasks = list(graph.nodes)
        best = min(
            _cost(
                graph,
                {t for t, near in zip(tasks, side, strict=True) if near},
                device_s,
                cloud_s,
                upload_s,
            )
            for side in product((True, False), repeat=len(tasks))
        )
        if not isclose(found, best, rel_tol=1e-9, abs_tol=1e-12):
            raise GraphError(
                f"a cut costs {found:g}, the best {best:g}: edges {list(graph.edges)}, "
                f"device {device_s}, cloud {cloud_s}, upload {upload_s}"
            )


def _graph(costs: Compute, edges: Iterable[tuple[int, int, float]]) -> "Graph":
    import networkx as nx  # slow to import, and only needed here

    graph: Graph = nx.DiGraph()
    graph.add_nodes_from(costs)
    for tail, head, size in edges:
        graph.add_edge(tail, head, size=float(size))
    return graph


def _drawn(generator: Random, tasks: int) -> "tuple[Graph, Compute]":
    costs = {t: {p: float(generator.randint(1, 30)) for p in "abc"} for t in range(tasks)}
    pairs = [(i, j) for j in range(tasks) for i in range(j) if generator.random() < 0.35]
    return _graph(costs, [(i, j, float(generator.randint(0, 30))) for i, j in pairs]), costs


def _check_rows(rows: list[Row], graph: "Graph", costs: Compute) -> None:
    placed = {row[0]: row for row in rows}
    if len(placed) < len(rows) or set(placed) != set(graph.nodes):
        raise GraphError(f"tasks {sorted(row[0] for row in rows)} of {sorted(graph.nodes)}")
    for task, processor, start_s, stop_s in rows:
        if start_s < 0.0 or not isclose(stop_s - start_s, costs[task][processor], rel_tol=1e-9):
            raise GraphError(
                f"task {task} runs from {start_s:g} to {stop_s:g} on {processor}, "
                f"must take {costs[task][processor]:g} there"
            )
    for tail, head, edge in graph.edges(data=True):
        ready_s = placed[tail][3] + flat(edge["size"], placed[tail][1], placed[head][1])
        if placed[head][2] < ready_s * (1.0 - 1e-12):
            raise GraphError(f"task {head} starts at {placed[head][2]:g}, data come at {ready_s:g}")
    for processor in {row[1] for row in rows}:
        spans = sorted(row[2:] for row in rows if row[1] == processor)
        for (_, stop_s), (start_s, _) in pairwise(spans):
            if start_s < stop_s * (1.0 - 1e-12):
                raise GraphError(f"{processor} runs two tasks at {start_s:g}")


def _cost(
    graph: "Graph",
    near: set[Any],
    device_s: Mapping[Any, float],
    cloud_s: Mapping[Any, float],
    upload_s: Mapping[Any, float],
) -> float:
    """Seconds of a cut; inf where something would have to come back."""
    total = sum(device_s[t] if t in near else cloud_s[t] for t in graph.nodes)
    for task in graph.nodes:
        heads = list(graph.successors(task))
        if task not in near and any(head in near for head in heads):
            return inf
        if task in near and any(head not in near for head in heads):
            total += upload_s[task]
    return total
