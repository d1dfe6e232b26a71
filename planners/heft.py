"""HEFT: heterogeneous earliest finish time.

Topcuoglu, Hariri, Wu, "Performance-Effective and Low-Complexity Task Scheduling for Heterogeneous
Computing", IEEE TPDS 13(3), 2002: tasks by decreasing upward rank, each to the processor where
its earliest finish, gaps between placed tasks included, is least.
"""

from typing import TYPE_CHECKING, Any

from planners.listing import (
    Communicate,
    Compute,
    Instance,
    Row,
    Task,
    list_schedule,
)
from planners.scheduled import scheduled_plan
from planners.values import Plan, Question

if TYPE_CHECKING:
    import networkx as nx


def upward_ranks(instance: Instance) -> dict[Task, float]:
    """rank(i) = mean computation of i + max over successors j of (mean transfer i, j + rank(j))."""
    ranks: dict[Task, float] = {}
    for task in instance.backwards():
        ahead = (
            instance.mean_transfer_s[task, head] + ranks[head]
            for head in instance.graph.successors(task)
        )
        ranks[task] = instance.mean_s[task] + max(ahead, default=0.0)
    return ranks


def schedule(graph: "nx.DiGraph[Any]", compute: Compute, communicate: Communicate) -> list[Row]:
    """(task, processor, start_s, stop_s) in the order of placement.

    `graph`: tasks, edges with a `size`. `compute[task][processor]`: seconds; a processor that is
    missing cannot run the task. `communicate(size, from_processor, to_processor)`: seconds, asked
    only of different processors. ValueError for a cycle or costs that are missing or not finite.
    """
    instance = Instance(graph, compute, communicate)
    return list_schedule(instance, upward_ranks(instance), lambda task, processor: 0.0)


def plan(question: Question) -> Plan:
    """HEFT's schedule of the planned layers, or the best single processor where that is better."""
    return scheduled_plan(question, "heft", schedule)
