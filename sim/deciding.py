"""How plans are made for requests: once before all of them, for each on beliefs, by an oracle.

Planning one request takes milliseconds of this computer, so plans are kept by what they were made
for. A planner is a function of its question: a kept plan is the plan that it would make again, and
the device pays for its evaluations each time where the policy plans each time.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from math import ceil, exp, floor, log
from typing import Literal

from planners.checking import check
from planners.discovery import load_planner
from planners.options import allowed_processors
from planners.values import (
    Goals,
    Infeasible,
    NotApplicable,
    Plan,
    PlanError,
    PlanFunction,
    Question,
)
from sim.drafts import Draft, believed_conditions, capped_question, scaled
from sim.jobs import App, Job, NoPlan
from sim.recovery import joined_plan, rest_question
from sim.surroundings import Surroundings

Policy = Literal["static", "replan", "replan_on_change", "oracle"]
Seen = tuple[Surroundings, bool]
"""What a plan is made for: surroundings, and whether the radio is awake."""
MOST_DRAFTS = 1024
"""Drafts kept; the longest unused goes first."""
LOCAL_PLANNERS = ("dad", "heft", "cpu_only")
"""Plan what is left, the first that can, where the app's own planner cannot without the cloud."""


def coarse(state: Surroundings, step: float) -> Surroundings:
    """Beliefs rounded to the safe side: load up to the next `step`, rates down by less than that.

    Rates lie on the grid exp(k step), shares on k step, below 1. A step of 0 changes nothing.
    """
    if step <= 0.0:
        return state
    most = (ceil(1.0 / step) - 1) * step

    def share(value: float) -> float:
        return value if value == 0.0 else max(value, min(ceil(value / step - 1e-9) * step, most))

    def rate(value: float | None) -> float | None:
        return None if value is None else exp(floor(log(value) / step + 1e-9) * step)

    speed = state.server_speed
    return replace(
        state,
        busy=tuple((name, share(value)) for name, value in state.busy),
        bus_taken=share(state.bus_taken),
        up_bytes_per_s=rate(state.up_bytes_per_s),
        down_bytes_per_s=rate(state.down_bytes_per_s),
        server_speed=speed if speed in (0.0, 1.0) else min(1.0, rate(speed) or 0.0),
    )


def planning_question(question: Question, state: Surroundings, goals: Goals) -> Question:
    """What a planner is asked under surroundings: caps, bus, processors that are on, conditions."""
    asked = capped_question(question, state.caps_hz).under(goals=goals)
    if state.bus_taken > 0.0:
        memory = asked.soc.memory
        left = scaled(memory.bandwidth_bytes_per_s, 1.0 - state.bus_taken)
        memory = memory.model_copy(update={"bandwidth_bytes_per_s": left})
        asked = asked.under(soc=asked.soc.model_copy(update={"memory": memory}))
    if state.offline:
        names = tuple(n for n in allowed_processors(asked) if n not in state.offline)
        if not names:
            raise NoPlan("all processors that plans may use are off")
        asked = asked.under(options=replace(asked.options, processors=names))
    return asked.under(conditions=believed_conditions(question, state))


def best_plan(planner: PlanFunction, question: Question) -> Plan:
    """The planner's plan; where goals are out of reach, its fastest one. Raises NoPlan."""
    relaxed = Goals(
        objective="latency", memory_bytes=question.goals.memory_bytes, error=question.goals.error
    )
    try:
        try:
            return planner(question)
        except Infeasible:
            return planner(question.under(goals=relaxed))
    except (Infeasible, NotApplicable) as error:
        raise NoPlan(str(error)) from None


@dataclass(slots=True)
class Kept:
    """Drafts by what they were made for; refusals too."""

    _found: OrderedDict[Hashable, Draft | NoPlan] = field(default_factory=OrderedDict)

    def get(self, key: Hashable) -> Draft | None:
        """The draft; None where there is none; raises the refusal kept."""
        found = self._found.get(key)
        if found is None:
            return None
        self._found.move_to_end(key)
        if isinstance(found, NoPlan):
            raise NoPlan(*found.args)
        return found

    def put(self, key: Hashable, made: Draft | NoPlan) -> None:
        """Keep it; the longest unused goes."""
        self._found[key] = made
        if len(self._found) > MOST_DRAFTS:
            self._found.popitem(last=False)


@dataclass(slots=True, eq=False)
class Planning:
    """Plans of one planner under one policy (see `draft`)."""

    planner: PlanFunction
    policy: Policy = "replan"
    assumed: Surroundings | None = None
    """What the static plan is made for; None: the truth as the first request finds it."""
    step: float = 0.05
    """How coarse beliefs are; 0: exact."""
    _kept: Kept = field(default_factory=Kept)
    _last: dict[App, Hashable] = field(default_factory=dict)

    def draft(
        self, app: App, believed: Surroundings, truth: Surroundings, *, connected: bool = False
    ) -> Draft:
        """`static`: one plan made beforehand. `replan`: anew for each request on its beliefs.

        `replan_on_change`: planned, and paid for, only where the beliefs differ from those of the
        app's last request. `oracle`: for the truth of now, and planning costs it nothing.
        """
        if self.policy == "static":
            if self.assumed is None:
                self.assumed = truth
            return self._made(app, (self.assumed, False), planned=False)
        if self.policy == "oracle":
            return self._made(app, (truth, connected), planned=False)
        seen = (coarse(believed, self.step), connected)
        unchanged = self.policy == "replan_on_change" and self._last.get(app) == seen
        self._last[app] = seen
        return self._made(app, seen, planned=not unchanged)

    def _made(self, app: App, seen: Seen, *, planned: bool) -> Draft:
        found = self._kept.get((app, seen, planned))
        if found is not None:
            return found
        other = self._kept.get((app, seen, not planned))
        plan = self._plan(app, seen) if other is None else other.plan
        made = Draft(plan, app.question, planned=planned)
        self._kept.put((app, seen, planned), made)
        return made

    def _plan(self, app: App, seen: Seen) -> Plan:
        state, connected = seen
        goals = app.question.goals
        if goals.deadline_s is None and app.deadline_s is not None:
            goals = replace(goals, deadline_s=app.deadline_s)
        try:
            asked = planning_question(app.question, state, goals)
            radio: Literal["idle", "connected"] = "connected" if connected else "idle"
            conditions = replace(asked.conditions, radio_state=radio)
            return best_plan(self.planner, asked.under(conditions=conditions))
        except NoPlan as error:
            for planned in (True, False):
                self._kept.put((app, seen, planned), error)
            raise

    def recover(self, job: Job, state: Surroundings, goals: Goals) -> Draft:
        """The layers left, replanned on the device alone for the state of now."""
        before = job.draft
        assert before is not None
        local = replace(
            coarse(state, self.step), up_bytes_per_s=None, down_bytes_per_s=None, server_speed=1.0
        )
        if goals.deadline_s is not None:  # a tenth less at most, so that plans can be kept
            goals = replace(goals, deadline_s=exp(floor(log(goals.deadline_s) * 10) / 10))
        key = (before, job.layers_done, local, goals.deadline_s)
        found = self._kept.get(key)
        if found is None:
            try:
                found = self._replanned(before, job.layers_done, local, goals)
            except NoPlan as error:
                self._kept.put(key, error)
                raise
            self._kept.put(key, found)
        return found

    def _replanned(self, before: Draft, done: int, local: Surroundings, goals: Goals) -> Draft:
        question = before.question
        stages = question.workload.stages
        if done == len(stages):
            return Draft(before.plan, question, planned=False, first_layer=done)
        if not question.workload.is_chain:
            done = 0
        asked = planning_question(question, local, goals)
        if done:
            asked = rest_question(asked, before.plan, done, goals)
        after = self._local_plan(asked, local)
        plan = joined_plan(before.plan, after, question, done)
        return Draft(plan, question, planned=True, first_layer=done)

    def _local_plan(self, asked: Question, local: Surroundings) -> Plan:
        """The planner's plan, or that of the first planner that can serve without the cloud."""
        planners = (self.planner, *(load_planner(name) for name in LOCAL_PLANNERS))
        refusals = []
        for planner in planners:
            try:
                return _serving(best_plan(planner, asked), asked, local)
            except (NoPlan, PlanError) as error:
                refusals.append(error)
        raise NoPlan(str(refusals[1]))


def _serving(plan: Plan, question: Question, state: Surroundings) -> Plan:
    """The plan, where it keeps to what there is; PlanError otherwise."""
    for block in plan.blocks:
        if block.processor in state.offline:
            raise PlanError(f"{block.layer}: {block.processor} is off")
    goals = question.goals  # an answer that is late or dear is better than none
    needs = Goals(memory_bytes=goals.memory_bytes, error=goals.error)
    check(plan, question.under(goals=needs))
    return plan
