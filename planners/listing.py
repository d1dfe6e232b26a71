"""List scheduling: the core that HEFT and PEFT share, and what makes a planner of it.

A heuristic ranks tasks and gives each (task, processor) an optimistic cost of all that follows.
Of the tasks whose predecessors are placed the highest rank goes next, to the processor where its
finish plus that cost is least, into the earliest gap that holds it (insertion).

As a planner: tasks are whole planned layers, uncompacted, at each processor's highest frequency.
List scheduling minimises the makespan only, knows no limits and may lose to a single processor,
so its plans compete with every single-processor plan under the question's objective and limits.
"""

from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from heapq import heapify, heappop, heappush
from math import frexp, inf, isfinite, ldexp, prod
from typing import TYPE_CHECKING, Any

from planners.checking import broken_limits, check
from planners.moves import Mover
from planners.options import Choice
from planners.prediction import predict
from planners.search import score
from planners.tables import stage_table
from planners.values import (
    CLOUD,
    Conflict,
    Infeasible,
    Plan,
    PlanError,
    Prediction,
    Question,
    UnitBlock,
)
from socs.law import cloud_service
from workloads.demand import ITEM_BYTES

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
Blocks = tuple[UnitBlock, ...]


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


Schedule = Callable[["Graph", Compute, Communicate], list[Row]]
Priced = dict[Choice, dict[str, float]]
"""By processor, frequency and precision: seconds of each layer that it can run."""


def priced_layers(question: Question) -> tuple[Priced, int]:
    """Every whole, uncompacted layer costed once by every local choice; evaluations spent."""
    before = question.cost.evaluations
    options = replace(question.options, ranks=(), max_parts=1, remote_segments=0)
    narrowed, runtime = question.under(options=options), question.runtime(options.runtime)
    priced: Priced = {}
    for stage in question.workload.stages:
        table = stage_table(narrowed, stage, runtime)
        for signature, seconds in zip(table.signature, table.seconds, strict=True):
            (choice,) = table.placement_of(int(signature))
            priced.setdefault(choice, {})[stage.name] = float(seconds)
    return priced, question.cost.evaluations - before


def blocks_of(question: Question, where: Mapping[str, Choice]) -> Blocks:
    """Whole layers at their choices; those without one in the cloud."""
    blocks = []
    for stage in question.workload.stages:
        at = where.get(stage.name)
        place = (
            (CLOUD, None, "fp32") if at is None else (at.processor, at.frequency_hz, at.precision)
        )
        blocks.append(UnitBlock(stage.name, 0, stage.units, *place))
    return tuple(blocks)


def best_plan(
    question: Question, planner: str, evaluations: int, candidates: Iterable[Blocks]
) -> Plan:
    """The candidate that is best of those that keep all limits, each predicted.

    The first of equals. Raises Infeasible with the limits that the candidate breaking the fewest
    breaks, each with the best that any candidate reaches.
    """
    runtime = question.options.runtime
    plans = [Plan(planner, c, None, evaluations, runtime) for c in dict.fromkeys(candidates)]
    plans = [replace(plan, predicted=predict(plan, question)) for plan in plans]
    seen = [(plan, plan.predicted) for plan in plans if plan.predicted is not None]
    kept = [(plan, p) for plan, p in seen if not broken_limits(p, question)]
    if kept:
        return min(kept, key=lambda pair: score(pair[1], question))[0]
    if not seen:
        raise Infeasible((), "no allowed processor runs all layers (precisions, block memory)")
    raise Infeasible(_conflicts([predicted for _, predicted in seen], question))


def _conflicts(seen: Sequence[Prediction], question: Question) -> tuple[Conflict, ...]:
    best = Prediction(
        latency_s=min(p.latency_s for p in seen),
        energy_j=min(p.energy_j for p in seen),
        peak_memory_bytes=min(p.peak_memory_bytes for p in seen),
        error=min(p.error for p in seen),
        planning_s=0.0,
        planning_j=0.0,
    )
    values = {
        "deadline": best.latency_s,
        "energy": best.energy_j,
        "memory": best.peak_memory_bytes,
        "error": best.error,
    }
    fewest = min((broken_limits(predicted, question) for predicted in seen), key=len)
    return tuple(replace(conflict, best=values[conflict.goal]) for conflict in fewest)


_APP = "app"
"""Where the input comes from and the output is read: the runtime's processor, never busy."""
_ANSWER = ("answer",)
"""Task that reads the output; no layer has this name."""


@dataclass(frozen=True, slots=True)
class _Transfers:
    """Seconds that `size` elements of a tensor take between processors, app and cloud."""

    question: Question
    mover: Mover
    choices: Mapping[str, Choice]

    def seconds(self, size: float, source: str, target: str) -> float:
        """One way, with no other load; the input and the answer in their wire encodings."""
        if target == CLOUD:
            return self._upload(size, source)
        if source == CLOUD:
            return self._download(size, target)
        return self._move(size, source, target)

    def _move(self, size: float, source: str, target: str) -> float:
        at = self.choices.get(source)
        home = self.question.soc.runtime_processor
        start, end = (home if name == _APP else name for name in (source, target))
        size_bytes = size * ITEM_BYTES["fp32" if at is None else at.precision]
        lanes = self.mover.moves(((start, size_bytes, "fp32"),), (end,))
        return sum(seconds for seconds, _ in lanes.values())

    def _upload(self, size: float, source: str) -> float:
        state, workload = self.question.conditions, self.question.workload
        assert state.link is not None and state.cloud is not None
        seconds = state.link.round_trip_s.value / 2 + state.cloud.overhead_s.value
        if state.radio_state == "idle":
            seconds += state.link.promotion_s.value
        if source == _APP:
            wire = workload.input_wire
            size_bytes = float(wire.bytes_per_frame * workload.frames)
            seconds += self.mover.encode(size_bytes, wire.encode_bytes_per_s)[0]
        else:
            size_bytes = size * ITEM_BYTES[self.choices[source].precision]
            seconds += self._move(size, source, _APP)
        return seconds + size_bytes / state.up_bytes_per_s

    def _download(self, size: float, target: str) -> float:
        state, workload = self.question.conditions, self.question.workload
        assert state.link is not None
        size_bytes = size * ITEM_BYTES["fp32"]
        if target == _APP:
            size_bytes = float(workload.output_wire.bytes_per_frame * workload.frames)
        seconds = state.link.round_trip_s.value / 2 + size_bytes / state.down_bytes_per_s
        return seconds + self._move(size, _APP, target)


def layer_graph(question: Question) -> "Graph":
    """Planned layers with the app before and after them; sizes in elements of all frames."""
    import networkx as nx  # slow to import, and only needed here

    graph: Graph = nx.DiGraph()
    stages = question.workload.stages
    elements = {stage.name: float(stage.output_bytes(0, stage.units, "int8")) for stage in stages}
    elements["input"] = float(prod(question.workload.input_shape) * question.workload.frames)
    for stage in stages:
        for name in stage.reads:
            graph.add_edge(name, stage.name, size=elements[name])
    for stage in stages:
        if not graph.out_degree(stage.name):
            graph.add_edge(stage.name, _ANSWER, size=elements[stage.name])
    return graph


def _teams(question: Question, priced: Priced) -> Iterator[dict[str, Choice]]:
    """One choice per processor at its highest frequency: the fastest, then the most exact.

    A choice that runs more layers comes before one that runs fewer.
    """
    processors, errors = question.soc.processors, question.workload.quantisation_error
    by_name: dict[str, list[Choice]] = {}
    for choice in priced:
        if choice.frequency_hz == processors[choice.processor].frequencies_hz[-1]:
            by_name.setdefault(choice.processor, []).append(choice)

    def fast(choice: Choice) -> tuple[float, ...]:
        return -len(priced[choice]), sum(priced[choice].values())

    def true(choice: Choice) -> tuple[float, ...]:
        return errors.get(choice.precision, 0.0), *fast(choice)

    for preference in (fast, true):
        yield {name: min(choices, key=preference) for name, choices in by_name.items()}


def _schedules(question: Question, priced: Priced, schedule: Schedule) -> Iterator[Blocks]:
    """What list scheduling answers for each team, with the cloud and without."""
    graph, mover = layer_graph(question), Mover(question, question.device())
    may_leave = question.options.remote_segments > 0 and question.conditions.has_cloud
    for team in _teams(question, priced):
        transfers = _Transfers(question, mover, team)
        for cloud in (True, False) if may_leave else (False,):
            compute = _compute(question, priced, team, cloud=cloud)
            if all(compute.values()):
                rows = schedule(graph, compute, transfers.seconds)
                where = {task: team[name] for task, name, _, _ in rows if name in team}
                yield blocks_of(question, where)


def _compute(
    question: Question, priced: Priced, team: Mapping[str, Choice], *, cloud: bool
) -> dict[Task, dict[Processor, float]]:
    """Seconds of each layer on each of the team that can run it, and in the cloud."""
    compute: dict[Task, dict[Processor, float]] = {"input": {_APP: 0.0}, _ANSWER: {_APP: 0.0}}
    for stage in question.workload.stages:
        row = {
            name: priced[choice][stage.name]
            for name, choice in team.items()
            if stage.name in priced[choice]
        }
        if cloud:
            server = question.conditions.cloud
            assert server is not None
            row[CLOUD] = float(cloud_service(server, stage).seconds)
        compute[stage.name] = row
    return compute


def scheduled_plan(question: Question, planner: str, schedule: Schedule) -> Plan:
    """The best of the schedules that keep the device's rules and of all single processors."""
    priced, evaluations = priced_layers(question)
    stages = question.workload.stages
    alone = [
        blocks_of(question, {stage.name: choice for stage in stages})
        for choice, layers in priced.items()
        if len(layers) == len(stages)
    ]
    lists = [
        blocks for blocks in _schedules(question, priced, schedule) if _legal(blocks, question)
    ]
    return best_plan(question, planner, evaluations, [*lists, *alone])


def _legal(blocks: Blocks, question: Question) -> bool:
    """Whether a schedule keeps the rules it knows nothing of, such as one run in the cloud."""
    try:
        check(Plan("schedule", blocks, None, 0, question.options.runtime), question, goals=False)
    except PlanError:
        return False
    return True
