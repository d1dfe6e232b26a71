"""The relaxation of a branching graph's plans as a constraint programme, for OR-Tools CP-SAT.

One option a layer; a layer begins when what it reads is there and its processors are free, which
take layers in their order; it costs what `planners.relaxation` says at least. Whole numbers count
steps, rounded down, so that the solver's bound holds for the true costs.
"""

from collections.abc import Sequence
from math import floor, inf
from typing import TYPE_CHECKING, Any

from planners.order import Order, resources
from planners.relaxation import Choices, Ways
from planners.values import CLOUD, NotApplicable, Question

if TYPE_CHECKING:
    from ortools.sat.python.cp_model import CpModel, IntVar

_STEPS = 1_000_000_000
"""Steps of the best known cost; costs are rounded down to one."""
_MISSING = "exact plans of branching graphs need OR-Tools: pip install 'deepx-sim[exact]'"


class Relaxed:
    """Options, times and joules of one question; lives for one call of `planners.branching`."""

    def __init__(
        self,
        question: Question,
        layers: Sequence[Choices],
        scale: tuple[float, float],
        planning: tuple[float, float],
    ) -> None:
        try:
            from ortools.sat.python import cp_model
        except ImportError as error:
            raise NotApplicable(_MISSING) from error
        self.question, self.layers, self.ways = question, layers, Ways.of(question)
        self.latency = question.goals.objective == "latency"
        self.active_w = self.ways.active_w()
        # joules are counted in steps that the baseline draws in one step of seconds
        self.step_s = scale[0] / _STEPS if self.latency else scale[1] / self.active_w / _STEPS
        self.step_j = self.step_s * self.active_w
        self.cp: CpModel = cp_model.CpModel()
        self.horizon = self._horizon()
        self.end = self._time("end")
        self.on = [
            [self.cp.new_bool_var(f"{layer.stage.name} {row}") for row in range(len(layer.kind))]
            for layer in layers
        ]
        self.kind = [self._kinds(number) for number in range(len(layers))]
        self.begin = [self._time(f"begin {n}") for n in range(len(layers))]
        self.arrive = [self._time(f"arrive {n}") for n in range(len(layers))]
        self.start = [self._time(f"start {n}") for n in range(len(layers))]
        self.stop = [self._time(f"stop {n}") for n in range(len(layers))]
        self.terms: list[Any] = []
        """Joules above the active baseline, in steps."""
        self._own_costs()
        self._tensors()
        self._turns()
        self._area()
        self._wakes()
        self._cloud()
        self._limits(planning)
        self.cost = self.end if self.latency else self.end + sum(self.terms)
        self.cp.minimize(self.cost)

    def _horizon(self) -> int:
        """No plan that is of use lasts longer, by the slowest options of all layers."""
        slowest = sum(float(layer.seconds.max()) for layer in self.layers)
        return int(min(4.0 * slowest / self.step_s + _STEPS, 2**50))

    def _time(self, name: str) -> "IntVar":
        return self.cp.new_int_var(0, self.horizon, name)

    def _s(self, seconds: float) -> int:
        return floor(seconds / self.step_s * (1.0 - 1e-12))

    def _j(self, joules: float) -> int:
        return floor(joules / self.step_j * (1.0 - 1e-12))

    def _kinds(self, number: int) -> list["IntVar"]:
        """Of each class of a layer: whether one of its options is chosen."""
        layer = self.layers[number]
        found = [self.cp.new_bool_var(f"{layer.stage.name} of {k}") for k in layer.kinds]
        self.cp.add_exactly_one(self.on[number])
        for kind, var in enumerate(found):
            members = [v for v, k in zip(self.on[number], layer.kind, strict=True) if k == kind]
            self.cp.add(sum(members) == var)
        return found

    def _own_costs(self) -> None:
        for number, layer in enumerate(self.layers):
            own = [self._s(seconds) for seconds in layer.seconds]
            spent = sum(v * s for v, s in zip(self.on[number], own, strict=True))
            self.cp.add(self.stop[number] >= self.start[number] + spent)
            self.cp.add(self.start[number] >= self.arrive[number])
            self.cp.add(self.arrive[number] >= self.begin[number])
            self.terms += [
                v * self._j(joules) for v, joules in zip(self.on[number], layer.joules, strict=True)
            ]

    def _tensors(self) -> None:
        """Between makers and readers; the first to read a tensor pays for its moves."""
        numbers = {layer.stage.name: n for n, layer in enumerate(self.layers)}
        seen: set[str] = set()
        for number, layer in enumerate(self.layers):
            for name in layer.stage.reads:
                maker = numbers.get(name)
                self._edge(maker, number, first=name not in seen, name=name)
                seen.add(name)
        for number, layer in enumerate(self.layers):
            if layer.stage.name not in seen:
                self._delivered(number)

    def _edge(self, maker: int | None, reader: int, *, first: bool, name: str) -> None:
        made = None if maker is None else self.layers[maker]
        layer = self.layers[reader]
        ready = 0 if maker is None else self.stop[maker]
        if maker is not None:
            self.cp.add(self.begin[reader] >= ready)
        costs = self.ways.between(made, layer)
        converts = name in layer.stage.inputs
        pays = converts and name == layer.stage.inputs[0]
        for row in range(costs.move_s.shape[0]):
            for column, kind in enumerate(layer.kinds):
                both = [self.kind[reader][column]]
                both += [] if maker is None else [self.kind[maker][row]]
                move, convert = (
                    self._s(float(table[row, column])) for table in (costs.move_s, costs.convert_s)
                )
                local = not (kind.away or (made is not None and made.kinds[row].away))
                since = self.begin[reader] if first and local else ready
                if move:
                    self.cp.add(self.arrive[reader] >= since + move).only_enforce_if(*both)
                if convert and converts:
                    late = self.start[reader] >= self.arrive[reader] + convert
                    self.cp.add(late).only_enforce_if(*both)
                joules = first * float(costs.move_j[row, column])
                self._charge(both, joules + pays * float(costs.convert_j[row, column]))

    def _charge(self, both: Sequence["IntVar"], joules: float) -> None:
        """Joules where all of some choices are made."""
        steps = self._j(joules)
        if steps <= 0:
            return
        spent = self.cp.new_int_var(0, steps, "")
        self.cp.add(spent >= steps).only_enforce_if(*both)
        self.terms.append(spent)

    def _delivered(self, number: int) -> None:
        seconds, joules = self.ways.deliver_s(self.layers[number])
        for kind, var in enumerate(self.kind[number]):
            late = self.end >= self.stop[number] + self._s(float(seconds[kind]))
            self.cp.add(late).only_enforce_if(var)
            self.terms.append(var * self._j(float(joules[kind])))

    def _turns(self) -> None:
        """Each processor, and link and cloud together, takes its layers in their order."""
        specs = self.question.soc.processors
        partners = {name: spec.exclusive_with for name, spec in specs.items()}
        free: dict[str, Any] = {}
        for number, layer in enumerate(self.layers):
            users: dict[str, list[IntVar]] = {}
            for kind, var in zip(layer.kinds, self.kind[number], strict=True):
                for name in resources(kind.processors, partners):
                    users.setdefault(name, []).append(var)
            for name, held in users.items():
                after = self._time(f"{name} after {number}")
                if name in free:
                    self.cp.add(after >= free[name])
                for var in held:
                    self.cp.add(after >= self.stop[number]).only_enforce_if(var)
                    if name in free:
                        self.cp.add(self.begin[number] >= free[name]).only_enforce_if(var)
                free[name] = after

    def _area(self) -> None:
        """No processor works longer than the plan lasts: redundant, but it proves much."""
        specs = self.question.soc.processors
        partners = {name: spec.exclusive_with for name, spec in specs.items()}
        work: dict[str, list[Any]] = {}
        for number, layer in enumerate(self.layers):
            for var, kind, seconds in zip(self.on[number], layer.kind, layer.seconds, strict=True):
                for name in resources(layer.kinds[kind].processors, partners):
                    work.setdefault(name, []).append(var * self._s(seconds))
        for spent in work.values():
            self.cp.add(self.end >= sum(spent))

    def _users(self, number: int, processor: str) -> Any:
        return sum(
            var
            for kind, var in zip(self.layers[number].kinds, self.kind[number], strict=True)
            if processor in kind.processors
        )

    def _wakes(self) -> None:
        """A processor sleeps where neither a maker of what is read nor a layer beside used it."""
        order, numbers = Order(), dict[str, int]()
        for number, layer in enumerate(self.layers):
            makers = [numbers[name] for name in layer.stage.reads if name in numbers]
            order.add(makers)
            numbers[layer.stage.name] = number
            beside = [n for n in range(number) if not order.precedes(n, number)]
            for processor in self.question.soc.processors:
                seconds, joules = self.ways.wake(processor)
                if self._s(seconds) <= 0:
                    continue
                wakes = self.cp.new_bool_var(f"{processor} wakes for {number}")
                others = sum(self._users(n, processor) for n in {*makers, *beside})
                self.cp.add(wakes >= self._users(number, processor) - others)
                late = self.arrive[number] >= self.begin[number] + self._s(seconds)
                self.cp.add(late).only_enforce_if(wakes)
                self.terms.append(wakes * self._j(joules))

    def _cloud(self) -> None:
        """At most so many runs in the cloud along any path, and what any use of it costs."""
        away = [self._users(number, CLOUD) for number in range(len(self.layers))]
        if not any(kind.away for layer in self.layers for kind in layer.kinds):
            return
        used = self.cp.new_bool_var("cloud")
        runs, most = dict[str, Any](), self.question.options.remote_segments
        for number, layer in enumerate(self.layers):
            count = self.cp.new_int_var(0, most, f"runs {number}")
            self.cp.add(used >= away[number])
            for name in layer.stage.reads:
                before, was = runs.get(name, (0, 0))
                self.cp.add(count >= before)
                self.cp.add(count >= before + away[number] - was)
            runs[layer.stage.name] = count, away[number]
        seconds, joules = self.ways.away()
        self.cp.add(self.end >= self._s(seconds)).only_enforce_if(used)
        self.terms.append(used * max(0, self._j(joules)))

    def _limits(self, planning: tuple[float, float]) -> None:
        question, goals = self.question, self.question.goals
        if goals.deadline_s is not None:
            self.cp.add(self.end <= self._s((goals.deadline_s - planning[0]) * (1 + 1e-9)) + 1)
        if goals.energy_j is not None:
            most = self._j((goals.energy_j - planning[1]) * (1 + 1e-9)) + 1
            self.cp.add(self.end + sum(self.terms) <= most)
        self._share([layer.error2 for layer in self.layers], question.error_limit**2)
        stored = [layer.stored_bytes for layer in self.layers]
        for number, layer in enumerate(self.layers):
            held = [s if n != number else s + layer.live_bytes for n, s in enumerate(stored)]
            self._share(held, question.memory_limit_bytes)

    def _share(self, costs: Sequence[Any], limit: float) -> None:
        """Least costs of the options chosen, as shares of a limit, add up to no more than it."""
        if sum(float(column.max()) for column in costs) <= limit:
            return
        unit = max(limit, 1e-300) / _STEPS
        total = sum(
            var * floor(min(float(cost) / unit, 2.0 * _STEPS))
            for column, row in zip(costs, self.on, strict=True)
            for cost, var in zip(column, row, strict=True)
        )
        self.cp.add(total <= _STEPS)

    def forbid(self, rows: Sequence[int]) -> None:
        """Not these options of all layers again."""
        chosen = [self.on[number][row] for number, row in enumerate(rows)]
        self.cp.add(sum(chosen) <= len(chosen) - 1)

    def solve(self, work_s: float, *, below: float) -> tuple[tuple[int, ...] | None, float, float]:
        """An option a layer (None: nothing is left below), a bound, the work that it took."""
        from ortools.sat.python import cp_model

        unit = self.step_s if self.latency else self.step_j
        if below < inf:
            self.cp.add(self.cost <= int(below / unit) + 1)
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = 0
        solver.parameters.interleave_search = True
        solver.parameters.linearization_level = 2
        solver.parameters.max_deterministic_time = max(work_s, 1e-3)
        status = solver.solve(self.cp)
        spent_s = solver.response_proto.deterministic_time
        if status == cp_model.INFEASIBLE:
            return None, inf, spent_s
        bound = max(0.0, solver.best_objective_bound) * unit
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return None, bound, spent_s
        rows = tuple(
            next(row for row, var in enumerate(held) if solver.value(var)) for held in self.on
        )
        return rows, bound, spent_s
