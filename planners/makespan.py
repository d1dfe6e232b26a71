"""The least makespan of a task graph on heterogeneous processors, with a proof.

An optional interval a task and processor, no overlap on a processor, data before use, solved by
OR-Tools CP-SAT (extra `exact`) with one worker, a fixed seed and a limit in deterministic time,
so that results do not depend on the machine. Two redundant rows make proofs possible at all: no
processor works longer than the makespan, and all of them together no longer than that times
their number (the area bound). HEFT's and PEFT's schedules are where the search starts.

CP-SAT counts in whole numbers. Seconds are rounded down to a step, so its bound holds for the
true seconds too; the schedule is laid out anew with the true ones, in the order found.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from math import floor, inf
from typing import TYPE_CHECKING, Any

from planners import heft, peft
from planners.listing import Communicate, Compute, Instance, Row
from planners.values import NotApplicable

if TYPE_CHECKING:
    import networkx as nx
    from ortools.sat.python.cp_model import CpModel, IntVar

_STEPS = 1_000_000_000
"""Steps of the first schedule's makespan, where costs are not whole numbers already."""
_WHOLE = (1.0, 10.0, 100.0, 1_000.0)
"""Steps a second that are tried first: with whole numbers nothing is rounded."""
_PROVED = 1e-6
"""Gap at which a schedule counts as optimal: more than rounding to steps can cost."""
_MISSING = "exact makespans need OR-Tools: pip install 'deepx-sim[exact]'"


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule and how far it is proved."""

    schedule: list[Row]
    """(task, processor, start_s, stop_s) by start."""
    value: float
    """Its makespan in seconds."""
    bound: float
    """No schedule is shorter."""
    status: str
    """"optimal" or "feasible"."""

    @property
    def gap(self) -> float:
        """Share of the value that the bound leaves open."""
        return max(0.0, 1.0 - self.bound / self.value) if self.value > 0.0 else 0.0


Key = tuple[Hashable, Hashable]


def makespan(
    graph: "nx.DiGraph[Any]",
    compute: Compute,
    communicate: Communicate,
    time_limit_s: float = 60.0,
) -> Schedule:
    """The shortest schedule found within a limit, and a bound on all; arguments as for HEFT.

    `time_limit_s` counts in CP-SAT's deterministic seconds, about those of one core. Raises
    ValueError for a cycle or costs that are missing, and NotApplicable without OR-Tools.
    """
    instance = Instance(graph, compute, communicate)
    instance.backwards()  # a cycle is told here
    if not instance.seconds:
        return Schedule([], 0.0, 0.0, "optimal")
    first = min(
        (method.schedule(graph, compute, communicate) for method in (heft, peft)), key=_length
    )
    if _length(first) == 0.0:
        return Schedule(first, 0.0, 0.0, "optimal")
    model = _Model(instance, first)
    order, bound = model.solve(time_limit_s)
    rows = [first] if order is None else [first, _laid_out(instance, order)]
    best = min(rows, key=_length)
    value = _length(best)
    bound = min(bound, value)
    status = "optimal" if value - bound <= _PROVED * value else "feasible"
    return Schedule(sorted(best, key=lambda row: (row[2], row[3])), value, bound, status)


def _length(rows: list[Row]) -> float:
    return max((stop_s for _, _, _, stop_s in rows), default=0.0)


def _laid_out(instance: Instance, order: list[tuple[Any, Any]]) -> list[Row]:
    """Each task as early as its inputs and its processor allow, in the order given."""
    free: dict[Any, float] = {}
    placed: dict[Any, Row] = {}
    for task, processor in order:
        start_s = free.get(processor, 0.0)
        for tail in instance.graph.predecessors(task):
            _, source, _, stop_s = placed[tail]
            start_s = max(start_s, stop_s + instance.transfer_s(tail, task, source, processor))
        stop_s = start_s + instance.seconds[task][processor]
        placed[task] = (task, processor, start_s, stop_s)
        free[processor] = stop_s
    return list(placed.values())


class _Model:
    """The constraint programme of one instance; lives for one call."""

    def __init__(self, instance: Instance, first: list[Row]) -> None:
        try:
            from ortools.sat.python import cp_model
        except ImportError as error:
            raise NotApplicable(_MISSING) from error
        self.instance, self.first = instance, first
        self.steps_per_s = _resolution(instance, _length(first))
        self.horizon = int(_length(first) * self.steps_per_s) + len(first) + 1
        self.cp: CpModel = cp_model.CpModel()
        self.end = self.cp.new_int_var(0, self.horizon, "makespan")
        self.start: dict[Any, IntVar] = {}
        self.stop: dict[Any, IntVar] = {}
        self.on: dict[Key, IntVar] = {}
        self._tasks()
        self._precedence()
        self._area()
        self._together()
        self._hint()
        self.cp.minimize(self.end)

    def _steps(self, seconds: float) -> int:
        """Rounded down; what is longer than the first schedule counts as just too long."""
        return floor(min(seconds * self.steps_per_s * (1.0 + 1e-12), self.horizon + 1.0))

    def _tasks(self) -> None:
        lanes: dict[Any, list[Any]] = {name: [] for name in self.instance.processors}
        for number, (task, row) in enumerate(self.instance.seconds.items()):
            start = self.cp.new_int_var(0, self.horizon, f"start {number}")
            stop = self.cp.new_int_var(0, self.horizon, f"stop {number}")
            self.start[task], self.stop[task] = start, stop
            for processor, seconds in row.items():
                on = self.cp.new_bool_var(f"{number} on {processor}")
                self.on[task, processor] = on
                length = self._steps(seconds)
                lanes[processor].append(
                    self.cp.new_optional_interval_var(start, length, stop, on, f"{number}")
                )
            self.cp.add_exactly_one([self.on[task, processor] for processor in row])
            self.cp.add(self.end >= stop)
        for intervals in lanes.values():
            self.cp.add_no_overlap(intervals)

    def _precedence(self) -> None:
        for tail, head in self.instance.graph.edges:
            start, stop = self.start[head], self.stop[tail]
            self.cp.add(start >= stop)
            for source in self.instance.seconds[tail]:
                for target in self.instance.seconds[head]:
                    away = self._steps(self.instance.transfer_s(tail, head, source, target))
                    if away:
                        both = (self.on[tail, source], self.on[head, target])
                        self.cp.add(start >= stop + away).only_enforce_if(*both)

    def _area(self) -> None:
        work = {
            name: sum(
                self._steps(row[name]) * self.on[task, name]
                for task, row in self.instance.seconds.items()
                if name in row
            )
            for name in self.instance.processors
        }
        for load in work.values():
            self.cp.add(self.end >= load)
        self.cp.add(len(work) * self.end >= sum(work.values()))

    def _together(self) -> None:
        """No more tasks at once than there are processors: redundant, but it proves much."""
        running = []
        for number, (task, row) in enumerate(self.instance.seconds.items()):
            lengths = sorted({self._steps(seconds) for seconds in row.values()})
            span = self.cp.new_int_var(lengths[0], lengths[-1], f"span {number}")
            running.append(
                self.cp.new_interval_var(self.start[task], span, self.stop[task], f"run {number}")
            )
        self.cp.add_cumulative(running, [1] * len(running), len(self.instance.processors))

    def _hint(self) -> None:
        for task, processor, start_s, _ in self.first:
            self.cp.add_hint(self.start[task], self._steps(start_s))
            for name in self.instance.seconds[task]:
                self.cp.add_hint(self.on[task, name], int(name == processor))

    def solve(self, time_limit_s: float) -> tuple[list[tuple[Any, Any]] | None, float]:
        """(task, processor) by start, None where nothing was found; a bound in seconds."""
        from ortools.sat.python import cp_model

        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = 0
        solver.parameters.interleave_search = True
        solver.parameters.max_deterministic_time = time_limit_s
        status = solver.solve(self.cp)
        bound = max(0.0, solver.best_objective_bound) / self.steps_per_s
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return None, 0.0 if bound == inf else bound
        ranks = self._ranks()
        order = sorted(self.start, key=lambda t: (solver.value(self.start[t]), ranks[t]))
        chosen = {task: name for (task, name), on in self.on.items() if solver.value(on)}
        return [(task, chosen[task]) for task in order], bound

    def _ranks(self) -> Mapping[Any, int]:
        """A topological order, for tasks that start together because one takes no time."""
        backwards = self.instance.backwards()
        return {task: -number for number, task in enumerate(backwards)}


def _resolution(instance: Instance, length_s: float) -> float:
    """Steps a second: few where all costs are whole numbers of them."""
    costs = [seconds for row in instance.seconds.values() for seconds in row.values()]
    for tail, head in instance.graph.edges:
        costs += [
            instance.transfer_s(tail, head, source, target)
            for source in instance.seconds[tail]
            for target in instance.seconds[head]
        ]
    for steps in _WHOLE:
        if length_s * steps < _STEPS and all((cost * steps).is_integer() for cost in costs):
            return steps
    return min(_STEPS / length_s, 1e300)
