"""The cost law over arrays of cases: many conditions, one question otherwise, few plans.

Plans are compiled by `planners.compiling` as ever, from figures whose values are arrays with one
entry a case; what follows is `planners.prediction`, written for arrays: the radio is promoted,
waits, and has its tail in some cases and not in others. The best plan is chosen per case.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planners.compiling import Execution, Gang, compile_plan
from planners.error import predicted_error
from planners.fluid import finish
from planners.values import CLOUD, Conflict, Infeasible, Plan, Question
from socs import Cloud, Link, Soc
from socs.figures import Path, with_figures
from socs.law import Phase
from workloads.sourced import Sourced

Floats = NDArray[np.float64]
Amount = Any
"""A number, or an array of one a case."""


class ArrayLink(Link):
    """A link whose figures may be arrays."""

    def transfer_w(self, bytes_per_s: float, *, uplink: bool) -> float:
        """As of a link, per case."""
        per_byte = self.uplink_j_per_byte if uplink else self.downlink_j_per_byte
        watts = self.base_w.value + per_byte.value * bytes_per_s
        if self.power_cap_w is None:
            return watts
        clamped: Amount = np.minimum(watts, self.power_cap_w.value)
        return clamped  # type: ignore[no-any-return]

    def tail_j(self, elapsed_s: float) -> float:
        """As of a link, per case."""
        energy_j, left_s = 0.0, elapsed_s
        for phase in self.tail:
            spent_s: Amount = np.minimum(left_s, phase.duration_s.value)
            energy_j = energy_j + spent_s * phase.power_w.value
            left_s = left_s - spent_s
        return energy_j + left_s * self.idle_w.value


@dataclass(frozen=True, slots=True)
class Arrays:
    """What differs between the cases: figures by path, rates, and limits; one entry a case."""

    soc: Mapping[Path, Floats] = field(default_factory=dict)
    link: Mapping[Path, Floats] = field(default_factory=dict)
    cloud: Mapping[Path, Floats] = field(default_factory=dict)
    uplink_bytes_per_s: Floats | None = None
    """Believed rates, where they differ."""
    downlink_bytes_per_s: Floats | None = None
    limits: Mapping[str, Amount] = field(default_factory=dict)
    """Of deadline, energy, memory, error: before the question's own."""


def with_arrays(question: Question, arrays: Arrays) -> Question:
    """The question about all cases at once; only `compile_plan` understands it."""
    state = question.conditions
    link, cloud = state.link, state.cloud
    changes: dict[str, Any] = {}
    if link is not None:
        figures = dict(arrays.link)
        for side in ("uplink_bytes_per_s", "downlink_bytes_per_s"):
            rate = getattr(arrays, side)
            if rate is None and getattr(state, side) is not None:
                figures.pop((side,), None)  # the believed rate is what counts
            if rate is not None:
                figures[(side,)], changes[side] = rate, None
        changed = _figured(link, figures)
        link = ArrayLink.model_construct(
            **{name: getattr(changed, name) for name in type(link).model_fields}
        )
    if cloud is not None:
        cloud = _figured(cloud, arrays.cloud)
    return question.under(
        soc=_figured(question.soc, arrays.soc),
        conditions=replace(state, link=link, cloud=cloud, **changes),
    )


def _figured(spec: Any, values: Mapping[Path, Floats]) -> Any:
    assert isinstance(spec, Soc | Link | Cloud)
    made = {
        path: Sourced.model_construct(value=value, source="of each case", basis="assumed")  # type: ignore[arg-type]
        for path, value in values.items()
    }
    return with_figures(spec, made) if made else spec


@dataclass(frozen=True, slots=True)
class Costs:
    """One plan's costs, each a number or one a case."""

    latency_s: Amount
    energy_j: Amount
    planning_s: Amount
    planning_j: Amount
    window_s: Amount
    cloud_j: Amount
    peak_memory_bytes: float
    error: float


@dataclass(slots=True)
class _Clock:
    """Time and energy of all cases as the steps of one request follow each other."""

    question: Question
    now_s: Amount = 0.0
    loads_j: Amount = 0.0
    cloud_j: Amount = 0.0
    radio_end_s: Amount = None

    def gang(self, gang: Gang) -> None:
        """As `planners.prediction` does."""
        if any(phase.radio for lane in gang for phase in lane.phases):
            for phase in gang[0].phases:
                self._radio(phase)
            return
        longest: Amount = 0.0
        for lane, seconds in zip(gang, self._durations(gang), strict=True):
            for phase, duration_s in zip(lane.phases, seconds, strict=True):
                self._charge(phase, duration_s)
            longest = np.maximum(longest, sum(seconds))
        self.now_s = self.now_s + longest

    def _durations(self, gang: Gang) -> list[list[Amount]]:
        """Seconds of each phase of each lane."""
        bus = self.question.soc.memory.bandwidth_bytes_per_s.value
        flows = sum(any(np.any(phase.size_bytes) for phase in lane.phases) for lane in gang)
        if flows <= 1:
            return [
                [np.maximum(phase.seconds, phase.size_bytes / bus) for phase in lane.phases]
                for lane in gang
            ]
        lanes = [lane.phases for lane in gang]
        rates, case = np.unique(np.atleast_1d(bus), return_inverse=True)
        spans = [finish(lanes, float(rate)) for rate in rates]
        found = [
            [np.array([s[i][j][1] - s[i][j][0] for s in spans])[case] for j in range(len(lane))]
            for i, lane in enumerate(lanes)
        ]
        return found if np.ndim(bus) else [[d[0] for d in durations] for durations in found]

    def _charge(self, phase: Phase, duration_s: Amount) -> None:
        per_byte = self.question.soc.memory.energy_j_per_byte.value
        self.loads_j = self.loads_j + phase.size_bytes * per_byte
        for component, joules, watts in phase.loads:
            spent_j = joules + watts * duration_s
            if component == CLOUD:
                self.cloud_j = self.cloud_j + spent_j
            else:
                self.loads_j = self.loads_j + spent_j

    def _radio(self, phase: Phase) -> None:
        if phase.radio is None:
            self.now_s = self.now_s + phase.seconds
            return
        link = self.question.conditions.link
        assert link is not None
        promoted = np.logical_not(self._connected())
        self._settle(self.now_s)
        promotion_s = np.where(promoted, link.promotion_s.value, 0.0)
        self.now_s = self.now_s + promotion_s
        self.loads_j = self.loads_j + promotion_s * (link.promotion_w.value - link.idle_w.value)
        self._charge(phase, phase.seconds)
        self.now_s = self.now_s + phase.seconds
        self.radio_end_s = self.now_s

    def _connected(self) -> Amount:
        state = self.question.conditions
        assert state.link is not None
        if self.radio_end_s is not None:
            return self.now_s - self.radio_end_s < state.link.tail_s
        return np.logical_and(state.radio_state == "connected", self.now_s < state.link.tail_s)

    def _settle(self, until_s: Amount) -> None:
        link = self.question.conditions.link
        if link is None or self.radio_end_s is None:
            return
        elapsed_s: Amount = np.minimum(until_s - self.radio_end_s, link.tail_s)
        self.loads_j = self.loads_j + link.tail_j(elapsed_s) - link.idle_w.value * elapsed_s

    def window_s(self) -> Amount:
        """End of the energy window, with the tail charged up to it."""
        link, end_s = self.question.conditions.link, self.now_s
        if link is None or self.radio_end_s is None:
            return end_s
        if self.question.energy_window == "until_idle":
            end_s = np.maximum(end_s, self.radio_end_s + link.tail_s)
        self._settle(end_s)
        return end_s


def costs(plan: Plan, question: Question) -> Costs:
    """Costs of a plan for a question `with_arrays`; ValueError where its layers overlap."""
    execution = compile_plan(plan, question)
    if not execution.in_sequence:
        raise ValueError(f"{question.workload.name}: layers of this plan run at the same time")
    timed = _timed(execution, question)
    return replace(timed, error=predicted_error(plan.blocks, question.workload))


def _timed(execution: Execution, question: Question) -> Costs:
    clock = _Clock(question)
    active_w = sum(watts for _, watts in execution.active_w)
    for gang in execution.steps[0].gangs:
        clock.gang(gang)
    planning_s = clock.now_s
    planning_j = clock.loads_j + active_w * planning_s
    for step in execution.steps[1:]:
        for gang in step.gangs:
            clock.gang(gang)
    latency_s = clock.now_s
    window_s = clock.window_s()
    asleep_w = sum(watts for _, watts in execution.asleep_w)
    return Costs(
        latency_s=latency_s,
        energy_j=clock.loads_j + active_w * latency_s + asleep_w * (window_s - latency_s),
        planning_s=planning_s,
        planning_j=planning_j,
        window_s=window_s,
        cloud_j=clock.cloud_j,
        peak_memory_bytes=float(execution.peak_memory_bytes),
        error=0.0,
    )


@dataclass(frozen=True, slots=True)
class Batch:
    """The best plan of each case: its number, its costs by name, and why there is none."""

    chosen: NDArray[np.int64]
    values: Mapping[str, Floats]
    """By field of `Costs`; of cases without a plan as well."""
    infeasible: Mapping[int, str]
    """By case without a plan: the conflicts, in the planners' words."""


def best_of(plans: Sequence[Plan], question: Question, arrays: Arrays, count: int) -> Batch:
    """Per case the first of the best plans that keep all limits, under the question's objective."""
    asked = with_arrays(question, arrays)
    priced = [costs(plan, asked) for plan in plans]
    table = {
        name: np.array([np.broadcast_to(getattr(cost, name), count) for cost in priced])
        for name in Costs.__slots__
    }
    broken = _broken(table, question, arrays)
    kept = ~np.any([mask for _, _, _, mask in broken], axis=0)
    scores = np.where(kept, _scores(table, question), np.inf)
    chosen = np.argmin(scores, axis=0)
    column = np.arange(count)
    none = np.flatnonzero(~kept.any(axis=0))
    return Batch(
        chosen=chosen,
        values={name: found[chosen, column] for name, found in table.items()},
        infeasible={int(case): _conflicts(broken, int(case)) for case in none},
    )


def _scores(table: Mapping[str, Floats], question: Question) -> Floats:
    """The objective's value, planning aside."""
    energy_j = table["energy_j"] - table["planning_j"]
    latency_s = table["latency_s"] - table["planning_s"]
    objective = question.goals.objective
    if objective == "energy":
        return energy_j
    return latency_s if objective == "latency" else energy_j * latency_s


Rule = tuple[tuple[str, str], Floats, Floats, NDArray[np.bool_]]
"""Goal and unit, limits by case, values and broken by plan and case."""


def _broken(table: Mapping[str, Floats], question: Question, arrays: Arrays) -> list[Rule]:
    """As `planners.checking.broken_limits`, for plans and cases."""
    goals, count = question.goals, table["latency_s"].shape[1]
    rows = (
        ("deadline", "s", goals.deadline_s, "latency_s"),
        ("energy", "J", goals.energy_j, "energy_j"),
        ("memory", "bytes", question.memory_limit_bytes, "peak_memory_bytes"),
        ("error", "", question.error_limit, "error"),
    )
    found = []
    for goal, unit, own, name in rows:
        limit = arrays.limits.get(goal, own)
        if limit is not None:
            limits = np.broadcast_to(np.asarray(limit, dtype=np.float64), count)
            broken = table[name] > limits * (1.0 + 1e-12)
            found.append(((goal, unit), limits, table[name], broken))
    return found


def _conflicts(broken: Sequence[Rule], case: int) -> str:
    """The limits that the plan breaking the fewest breaks, each with the best of any plan."""
    counts = sum(mask[:, case].astype(int) for _, _, _, mask in broken)
    fewest = int(np.argmin(counts))
    conflicts = tuple(
        Conflict(goal, float(limits[case]), float(values[:, case].min()), unit)
        for (goal, unit), limits, values, mask in broken
        if mask[fewest, case]
    )
    return str(Infeasible(conflicts))
