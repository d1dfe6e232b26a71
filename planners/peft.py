"""PEFT: predict earliest finish time.

Arabnejad, Barbosa, "List Scheduling Algorithm for Heterogeneous Systems by an Optimistic Cost
Table", IEEE TPDS 25(3), 2014: an optimistic cost table looks ahead of each task without regard to
which processors will be free; its row means rank the tasks, and a task goes to the processor
where its earliest finish plus the table's entry is least.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from planners.listing import (
    Communicate,
    Compute,
    Instance,
    Processor,
    Row,
    Task,
    list_schedule,
)
from planners.scheduled import scheduled_plan
from planners.values import Plan, Question

if TYPE_CHECKING:
    import networkx as nx

Table = dict[Task, dict[Processor, float]]


def optimistic_costs(instance: Instance) -> Table:
    """Seconds from the end of a task on a processor to the end of all, at best.

    OCT(i, p) = max over successors j of min over processors q of
    OCT(j, q) + seconds(j, q) + (0 if p = q else mean transfer i, j). Exit tasks have 0; a task's
    own seconds are not in its row (with them, the published graph would give 76).
    """
    table: Table = {}
    for task in instance.backwards():
        heads = list(instance.graph.successors(task))
        table[task] = {
            processor: max((_step(instance, table, task, j, processor) for j in heads), default=0.0)
            for processor in instance.seconds[task]
        }
    return table


def _step(instance: Instance, table: Table, task: Task, head: Task, processor: Processor) -> float:
    away_s = instance.mean_transfer_s[task, head]
    return min(
        table[head][other] + seconds + (0.0 if other == processor else away_s)
        for other, seconds in instance.seconds[head].items()
    )


def _means(table: Table) -> Mapping[Task, float]:
    return {task: sum(row.values()) / len(row) for task, row in table.items()}


def schedule(graph: "nx.DiGraph[Any]", compute: Compute, communicate: Communicate) -> list[Row]:
    """(task, processor, start_s, stop_s) in the order of placement; arguments as for HEFT."""
    instance = Instance(graph, compute, communicate)
    table = optimistic_costs(instance)
    return list_schedule(instance, _means(table), lambda task, processor: table[task][processor])


def plan(question: Question) -> Plan:
    """PEFT's schedule of the planned layers, or the best single processor where that is better."""
    return scheduled_plan(question, "peft", schedule)
