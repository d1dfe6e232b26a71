"""Carrying plans out: what happens when the device does what the plan says."""

import hashlib
from dataclasses import replace
from math import exp, fsum

import numpy as np
from simpy import Environment

from planners.checking import check
from planners.compiling import Execution, Lane, Step, compile_plan
from planners.cost import Roofline
from planners.values import CLOUD, Conditions, Plan, Question
from sim.device import Device
from sim.meter import Meter
from sim.outcome import Outcome, RunFailed
from sim.program import HiddenFactor, Program, prepare
from sim.request import Request, Watcher
from sim.spaces import Tensors

HiddenError = float | HiddenFactor
"""Sigma of a lognormal factor on every (layer, processor), or a function that gives the factor."""


def run(
    plan: Plan,
    question: Question,
    *,
    truth: Conditions | None = None,
    hidden_error: HiddenError | None = None,
    seed: int = 0,
    verify: bool = False,
    record: bool = True,
) -> Outcome:
    """Carry out one request of a plan from t = 0 on a device of its own.

    `truth`: conditions as they really are, where the question only has what the device believes.
    `hidden_error`: what blocks' compute phases really take, relative to the law.
    `verify`: blocks carry real tensors; the outcome then holds their deviation.
    Raises PlanError for a plan that breaks a rule, RunFailed where reality does not allow it.
    """
    check(plan, question)
    execution = compile_truly(plan, question, truth)
    conditions = truth or question.conditions
    tensors = Tensors.of(plan, question, seed=seed) if verify else None
    outcome = carry_out(
        execution,
        question,
        conditions,
        factor=hidden_factor(hidden_error, seed),
        record=record,
        watchers=(tensors,) if tensors else (),
    )
    return outcome if tensors is None else replace(outcome, verification=tensors.deviation())


def compile_truly(plan: Plan, question: Question, truth: Conditions | None = None) -> Execution:
    """The plan laid out by the device's own law under the true conditions.

    Raises RunFailed where there is no link that the plan needs, or too little memory.
    """
    conditions = truth or question.conditions
    if any(block.processor == CLOUD for block in plan.blocks) and not conditions.has_cloud:
        raise RunFailed("the plan uses the cloud and there is no link to it")
    execution = compile_plan(plan, question.under(cost=Roofline()), conditions)
    memory, free = question.soc.memory, conditions.free_memory_bytes
    if free is None:
        free = memory.capacity_bytes.value - memory.reserved_bytes.value
    if execution.peak_memory_bytes > free:
        needed = float(execution.peak_memory_bytes)
        raise RunFailed(f"out of memory: {needed:.0f} bytes needed, {free:.0f} free")
    return execution


def carry_out(
    execution: Execution,
    question: Question,
    conditions: Conditions,
    *,
    factor: HiddenFactor | None = None,
    record: bool = True,
    watchers: tuple[Watcher, ...] = (),
) -> Outcome:
    """Run one request of a compiled execution."""
    program = prepare(execution, question, factor)
    env = Environment(initial_time=0.0)
    device = Device(env, question, conditions, record=record)
    planning = _Planning(device.meter, env)
    request = Request(0, program, device, lambda: None, (planning, *watchers))
    request.begin()
    env.run()
    window_s = device.close(program)
    return _outcome(program, device, planning, window_s)


def _outcome(program: Program, device: Device, planning: "_Planning", window_s: float) -> Outcome:
    breakdown = dict(device.meter.joules)
    cloud_j = breakdown.pop(CLOUD, 0.0)
    asleep_w = dict(program.asleep_w)
    base_w = fsum(watts for _, watts in program.active_w)
    return Outcome(
        latency_s=device.output_s,
        energy_j=fsum(breakdown.values()),
        energy_breakdown_j=breakdown,
        cloud_energy_j=cloud_j,
        planning_latency_s=planning.stop_s,
        planning_energy_j=planning.loads_j + base_w * planning.stop_s,
        peak_memory_bytes=program.peak_memory_bytes,
        window_s=window_s,
        timeline=device.timeline.intervals(),
        baseline_w=tuple((name, watts, asleep_w[name]) for name, watts in program.active_w),
    )


class _Planning:
    """Notes when the first step ended and what had been charged by then."""

    def __init__(self, meter: Meter, env: Environment) -> None:
        self._meter, self._env, self._noted = meter, env, False
        self.stop_s = self.loads_j = 0.0

    def lane_begins(self, step: Step, lane: Lane) -> None:
        """Of no interest."""

    def lane_ends(self, step: Step, lane: Lane) -> None:
        """Of no interest."""

    def step_ends(self, step: Step) -> None:
        """Note the first time."""
        if not self._noted:
            self._noted = True
            self.stop_s, self.loads_j = self._env.now, self._meter.device_j


def hidden_factor(error: HiddenError | None, seed: int) -> HiddenFactor | None:
    """The factor of each (layer, processor): given, or exp(sigma z) with z normal.

    z depends on the seed and the two names alone.
    """
    if error is None or callable(error):
        return error
    if not 0.0 <= error < float("inf"):
        raise ValueError(f"hidden_error {error}: sigma must be finite and 0 or greater")
    sigma = float(error)

    def factor(layer: str, processor: str) -> float:
        digest = hashlib.sha256(f"{layer}\n{processor}".encode()).digest()
        generator = np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])
        return exp(sigma * float(generator.standard_normal()))

    return factor
