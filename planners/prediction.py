"""What a plan costs by the planner's own cost model: the execution timed without an engine."""

from dataclasses import dataclass, replace

from planners.compiling import Execution, Gang, compile_plan
from planners.error import predicted_error
from planners.fluid import finish
from planners.overlap import play
from planners.values import Conditions, Plan, Prediction, Question
from socs.law import Phase


@dataclass(slots=True)
class _Clock:
    """Time and energy as the phases of one request follow each other."""

    question: Question
    conditions: Conditions
    now_s: float = 0.0
    loads_j: float = 0.0
    radio_end_s: float | None = None
    """When this request last used the radio."""

    def gang(self, gang: Gang) -> None:
        """Time one gang; radio phases come alone in theirs and see to the radio's state."""
        memory = self.question.soc.memory
        if any(phase.radio for lane in gang for phase in lane.phases):
            for phase in gang[0].phases:
                self.now_s += self.begins(phase, self.now_s)
                self.ends(phase, float(phase.seconds), self.now_s)
            return
        spans = finish([lane.phases for lane in gang], memory.bandwidth_bytes_per_s.value)
        for lane, lane_spans in zip(gang, spans, strict=True):
            for phase, (start_s, stop_s) in zip(lane.phases, lane_spans, strict=True):
                self.ends(phase, stop_s - start_s, self.now_s)
        self.now_s += max(lane_spans[-1][1] for lane_spans in spans if lane_spans)

    def begins(self, phase: Phase, now_s: float) -> float:
        """Seconds that a phase without bytes takes from now on, the radio's promotion included."""
        link = self.conditions.link
        if phase.radio is None or link is None:
            return float(phase.seconds)
        self._settle(now_s)
        promotion_s = 0.0 if self._connected(now_s) else link.promotion_s.value
        self.loads_j += promotion_s * (link.promotion_w.value - link.idle_w.value)
        return promotion_s + float(phase.seconds)

    def ends(self, phase: Phase, duration_s: float, now_s: float) -> None:
        """Charge a phase that took so long; `duration_s` of a transfer without its promotion."""
        self._charge(phase, duration_s)
        if phase.radio is not None:
            self.radio_end_s = now_s

    def _charge(self, phase: Phase, duration_s: float) -> None:
        self.loads_j += float(phase.size_bytes) * self.question.soc.memory.energy_j_per_byte.value
        for component, joules, watts in phase.loads:
            if component != "cloud":
                self.loads_j += float(joules) + float(watts) * duration_s

    def _connected(self, now_s: float) -> bool:
        link = self.conditions.link
        assert link is not None
        if self.radio_end_s is not None:
            return now_s - self.radio_end_s < link.tail_s
        return self.conditions.radio_state == "connected" and now_s < link.tail_s

    def _settle(self, until_s: float) -> None:
        """Charge the tail since this request's last use of the radio."""
        link = self.conditions.link
        if link is None or self.radio_end_s is None:
            return
        elapsed_s = min(until_s - self.radio_end_s, link.tail_s)
        self.loads_j += link.tail_j(elapsed_s) - link.idle_w.value * elapsed_s

    def window_s(self) -> float:
        """End of the energy window, with the tail charged up to it."""
        link, end_s = self.conditions.link, self.now_s
        if link is None or self.radio_end_s is None:
            return end_s
        if self.question.energy_window == "until_idle":
            end_s = max(end_s, self.radio_end_s + link.tail_s)
        self._settle(end_s)
        return end_s


def time_execution(
    execution: Execution, question: Question, conditions: Conditions | None = None
) -> Prediction:
    """Latency and energy of a compiled execution; error is left at 0."""
    clock = _Clock(question, conditions or question.conditions)
    active_w = sum(watts for _, watts in execution.active_w)
    for gang in execution.steps[0].gangs:
        clock.gang(gang)
    planning_s = clock.now_s
    planning_j = clock.loads_j + active_w * planning_s
    if execution.in_sequence:
        for gang in (gang for step in execution.steps[1:] for gang in step.gangs):
            clock.gang(gang)
    else:
        bus_bytes_per_s = question.soc.memory.bandwidth_bytes_per_s.value
        clock.now_s = play(execution.steps, clock, clock.now_s, bus_bytes_per_s)
    latency_s = clock.now_s
    window_s = clock.window_s()
    asleep_w = sum(watts for _, watts in execution.asleep_w)
    energy_j = clock.loads_j + active_w * latency_s + asleep_w * (window_s - latency_s)
    return Prediction(
        latency_s=latency_s,
        energy_j=energy_j,
        peak_memory_bytes=execution.peak_memory_bytes,
        error=0.0,
        planning_s=planning_s,
        planning_j=planning_j,
    )


def predict(plan: Plan, question: Question) -> Prediction:
    """Latency, energy, peak memory and error of a plan under the believed conditions."""
    timed = time_execution(compile_plan(plan, question), question)
    return replace(timed, error=predicted_error(plan.blocks, question.workload))
