"""List scheduling as a planner: tasks are whole planned layers, uncompacted, at highest frequency.

List scheduling minimises the makespan only, knows no limits and may lose to a single processor,
so its plans compete with every single-processor plan under the question's objective and limits.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from planners.candidates import Blocks, Priced, best_plan, blocks_of, priced_layers, uniform
from planners.checking import check
from planners.listing import Processor, Schedule, Task
from planners.moves import Mover
from planners.options import Choice
from planners.values import CLOUD, Plan, PlanError, Question
from socs.law import cloud_service
from workloads.demand import ITEM_BYTES

if TYPE_CHECKING:
    import networkx as nx

    Graph = nx.DiGraph[Any]

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
    alone = uniform(question, priced)
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
