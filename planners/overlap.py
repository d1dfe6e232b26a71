"""Steps that overlap, timed: lanes of all steps under way share the memory bus max-min fairly.

From one phase's end to the next, in closed form between them; without an engine or its queues.
"""

from collections.abc import Sequence
from math import inf
from typing import Protocol

from planners.compiling import Lane, Step
from planners.fluid import max_min
from socs.law import Phase


class Charges(Protocol):
    """Who keeps the account, and knows the radio's state."""

    def begins(self, phase: Phase, now_s: float) -> float:
        """Seconds that a phase without bytes takes from now on."""

    def ends(self, phase: Phase, duration_s: float, now_s: float) -> None:
        """A phase has ended after so many seconds of its own."""


class _Run:
    """A lane under way."""

    __slots__ = ("at", "begun_s", "cap", "lane", "left", "step")

    def __init__(self, step: int, lane: Lane, now_s: float, charges: Charges) -> None:
        self.step, self.lane, self.at = step, lane, -1
        self.next(now_s, charges)

    def next(self, now_s: float, charges: Charges) -> bool:
        """Go on to the next phase; False where there is none."""
        self.at += 1
        if self.at == len(self.lane.phases):
            return False
        phase = self.lane.phases[self.at]
        self.begun_s = now_s
        if phase.size_bytes > 0:
            self.left = float(phase.size_bytes)
            self.cap = self.left / float(phase.seconds) if phase.seconds > 0 else inf
        else:
            self.left, self.cap = charges.begins(phase, now_s), 0.0
        return True

    def end(self, now_s: float, charges: Charges) -> None:
        """Account for the phase under way."""
        phase = self.lane.phases[self.at]
        own_s = now_s - self.begun_s if self.cap else float(phase.seconds)
        charges.ends(phase, own_s, now_s)


class _Progress:
    """Steps under way, those still waiting, and their gangs."""

    def __init__(self, steps: Sequence[Step], charges: Charges) -> None:
        self.steps, self.charges = steps, charges
        self.waiting = [len(step.after) for step in steps]
        self.followers: list[list[int]] = [[] for _ in steps]
        for number, step in enumerate(steps):
            for before in step.after:
                self.followers[before].append(number)
        self.gang = [-1] * len(steps)
        self.lanes = [0] * len(steps)
        self.runs: list[_Run] = []

    def go_on(self, number: int, now_s: float) -> None:
        """Begin the next gang of a step, or what waited for its end."""
        ready = [number]
        for step in ready:
            self.gang[step] += 1
            gangs = self.steps[step].gangs
            if self.gang[step] == len(gangs):
                for follower in self.followers[step]:
                    self.waiting[follower] -= 1
                    if not self.waiting[follower]:
                        ready.append(follower)
                continue
            lanes = [lane for lane in gangs[self.gang[step]] if lane.phases]
            self.lanes[step] = len(lanes)
            self.runs += [_Run(step, lane, now_s, self.charges) for lane in lanes]
            if not lanes:
                ready.append(step)

    def end_phase(self, run: _Run, now_s: float) -> None:
        """A phase has ended: the lane goes on, or makes way."""
        run.end(now_s, self.charges)
        if run.next(now_s, self.charges):
            return
        self.runs.remove(run)
        self.lanes[run.step] -= 1
        if not self.lanes[run.step]:
            self.go_on(run.step, now_s)


def play(steps: Sequence[Step], charges: Charges, now_s: float, bus_bytes_per_s: float) -> float:
    """Time all steps from the end of the first, `now_s`; when the last one has ended."""
    progress = _Progress(steps, charges)
    progress.gang[0] = len(steps[0].gangs) - 1
    progress.go_on(0, now_s)
    while progress.runs:
        runs = progress.runs
        flows = [run for run in runs if run.cap]
        rates = max_min([run.cap for run in flows], bus_bytes_per_s)
        speed = {id(run): rate for run, rate in zip(flows, rates, strict=True)}
        ends = [run.left / speed.get(id(run), 1.0) for run in runs]
        step_s = min(ends)
        now_s += step_s
        ended = []
        for run, end_s in zip(runs, ends, strict=True):
            if end_s <= step_s * (1.0 + 1e-15):
                ended.append(run)
            else:
                run.left -= speed.get(id(run), 1.0) * step_s
        for run in ended:
            progress.end_phase(run, now_s)
    return now_s
