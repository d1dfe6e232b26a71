"""List scheduling: the core that HEFT and PEFT share.

A heuristic ranks tasks and gives each (task, processor) an optimistic cost of all that follows.
Of the tasks whose predecessors are placed the highest rank goes next, to the processor where its
finish plus that cost is least, into the earliest gap that holds it (insertion).
"""

from bisect import insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from heapq import heapify, heappop, heappush
from math import frexp, inf, isfinite, ldexp
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import networkx as nx

    Graph = nx.DiGraph[Any]

Task = Any
"""Whatever the caller names tasks by: a hashable. Likewise processors."""
Processor = Any
Row = tuple[Task, Processor, float, float]
"""(task, processor, start_s, stop_s)."""
Compute = Mapping[Any, Mapping[Any, float] | Sequence[float]]
Communicate = Callable[[float, Any, Any], float]
Schedule = Callable[["Graph", Compute, Communicate], list[Row]]


def level(value: float) -> float:
    """`value` without the last bits, where sums in another order differ: a tie is then a tie.

    Keeps 40 bits, so scaling by a power of two scales the level exactly.
    """
    mantissa, exponent = frexp(value)
    return ldexp(round(ldexp(mantissa, 40)), exponent - 40)


class Instance:
    """A task graph with costs, as the papers' tables need it.

    `compute[task]` holds seconds by processor: of those that can run the task, at least one.
    ValueError for a task without costs, a negative or infinite cost, or an edge without `size`.
    """

    def __init__(self, graph: "Graph", compute: Compute, communicate: Communicate) -> None:
        self.graph, self.communicate = graph, communicate
        self.seconds = {task: _costs(task, compute) for task in graph.nodes}
        self.processors = tuple(dict.fromkeys(p for row in self.seconds.values() for p in row))
        self.mean_s = {task: _mean(row.values()) for task, row in self.seconds.items()}
        for tail, head, data in graph.edges(data=True):
            if "size" not in data:
                raise ValueError(f"edge {tail!r} to {head!r}: has no size")

    def transfer_s(self, tail: Task, head: Task, source: Processor, target: Processor) -> float:
        """Seconds from one task to the next; none on the same processor."""
        if source == target:
            return 0.0
        return float(self.communicate(self.graph.edges[tail, head]["size"], source, target))

    @cached_property
    def mean_transfer_s(self) -> dict[tuple[Task, Task], float]:
        """By edge: mean over the pairs of different processors that can run its two tasks."""
        return {
            (tail, head): _mean(
                self.transfer_s(tail, head, source, target)
                for source in self.seconds[tail]
                for target in self.seconds[head]
                if source != target
            )
            for tail, head in self.graph.edges
        }

    def backwards(self) -> list[Task]:
        """Tasks, each after all its successors; ValueError where the graph has a cycle."""
        waiting = {task: self.graph.out_degree(task) for task in self.graph.nodes}
        order = [task for task, count in waiting.items() if not count]
        for task in order:
            for tail in self.graph.predecessors(task):
                waiting[tail] -= 1
                if not waiting[tail]:
                    order.append(tail)
        if len(order) < len(waiting):
            raise ValueError("the task graph has a cycle")
        return order


def _costs(task: Task, compute: Compute) -> dict[Processor, float]:
    try:
        given = compute[task]
    except (KeyError, IndexError):
        raise ValueError(f"task {task!r}: has no computation costs") from None
    pairs = given.items() if isinstance(given, Mapping) else enumerate(given)
    row = {processor: float(seconds) for processor, seconds in pairs}
    if not row or not all(isfinite(seconds) and seconds >= 0.0 for seconds in row.values()):
        raise ValueError(f"task {task!r}: computation costs {row} must be finite, not negative")
    return row


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed) if listed else 0.0


def list_schedule(
    instance: Instance,
    rank: Mapping[Task, float],
    ahead: Callable[[Task, Processor], float],
) -> list[Row]:
    """Tasks by rank, each where its finish plus the cost `ahead` of it is least.

    Ties go to the costlier task and to the processor that computes it faster, then to the one
    that computes all tasks faster; only then do names, and the order of processors, decide.
    """
    lanes: dict[Processor, list[tuple[float, float]]] = {p: [] for p in instance.processors}
    total_s = {p: _mean(row.get(p, inf) for row in instance.seconds.values()) for p in lanes}
    placed: dict[Task, Row] = {}
    waiting = {task: instance.graph.in_degree(task) for task in instance.graph.nodes}
    keys = {
        task: (-level(rank[task]), -level(instance.mean_s[task]), str(task), number)
        for number, task in enumerate(waiting)
    }
    ready = [(keys[task], task) for task, count in waiting.items() if not count]
    heapify(ready)
    while ready:
        _, task = heappop(ready)
        rows = [_earliest(instance, task, p, placed, lanes[p]) for p in instance.seconds[task]]
        row = min(
            rows,
            key=lambda r: (
                level(r[3] + ahead(r[0], r[1])),
                instance.seconds[r[0]][r[1]],
                total_s[r[1]],
            ),
        )
        placed[task] = row
        insort(lanes[row[1]], row[2:])
        for head in instance.graph.successors(task):
            waiting[head] -= 1
            if not waiting[head]:
                heappush(ready, (keys[head], head))
    return list(placed.values())


def _earliest(
    instance: Instance,
    task: Task,
    processor: Processor,
    placed: Mapping[Task, Row],
    lane: Sequence[tuple[float, float]],
) -> Row:
    """The earliest gap of a processor that holds a task once its inputs are there."""
    start_s = 0.0
    for tail in instance.graph.predecessors(task):
        _, source, _, stop_s = placed[tail]
        start_s = max(start_s, stop_s + instance.transfer_s(tail, task, source, processor))
    seconds = instance.seconds[task][processor]
    for taken_s, free_s in lane:
        if start_s + seconds <= taken_s:
            break
        start_s = max(start_s, free_s)
    return task, processor, start_s, start_s + seconds
