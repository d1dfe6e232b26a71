"""Plans ready to be carried out under surroundings that change while they run.

A draft's program is compiled by the one cost law under the surroundings of the moment. When these
change, what is under way keeps the share of its work that is done, and the rest is priced as the
law prices it now: the activity of the same name in the program of the new surroundings. Link rates
and the server's speed do not enter: radio and server stretch bytes and seconds themselves.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace

from planners.compiling import Execution, Step, compile_plan
from planners.cost import Roofline
from planners.memory import peak_memory_bytes
from planners.values import Conditions, Plan, Question, UnitBlock
from sim.program import Program, Wait, prepare
from sim.rest import Rest
from sim.surroundings import Shares, Surroundings
from socs import Soc
from socs.specs import OperatingPoints
from workloads.sourced import Sourced

Key = tuple[tuple[str, str], ...]
Place = tuple[int, tuple[Key, int]]
"""Step, and there: resource and label of each activity, and which of several so named."""

MOST_PROGRAMS = 1024
"""Programs kept; the longest unused goes first."""


@dataclass(frozen=True, eq=False, slots=True)
class Draft:
    """A plan to carry out, from the first planned layer or a later one on."""

    plan: Plan
    question: Question
    """With link and server as they are at best; its conditions otherwise do not matter."""
    planned: bool = True
    """Whether planning is part of the request (not where the plan was made beforehand)."""
    first_layer: int = 0
    """Layers before it are done: their outputs lie where their blocks made them."""


@dataclass(frozen=True, slots=True, eq=False)
class Priced:
    """A draft's program under some surroundings, each wait to be found by its place."""

    program: Program
    waits: dict[Place, Wait]
    places: dict[int, Place]
    """By identity of the wait."""

    @classmethod
    def of(cls, program: Program) -> "Priced":
        """Name every wait of a program."""
        waits: dict[Place, Wait] = {}
        places: dict[int, Place] = {}
        for number, step in enumerate(program.steps):
            seen: dict[Key, int] = {}
            for wait in (w for gang in step.gangs for lane in gang for w in lane.waits):
                key = tuple((a.resource, a.label) for a in wait.activities)
                seen[key] = seen.get(key, 0) + 1
                place = (number, (key, seen[key]))
                waits[place], places[id(wait)] = wait, place
        return cls(program, waits, places)


class Pricer:
    """Programs of drafts under surroundings, kept while they are used."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Draft, tuple[Shares, Shares, float]], Priced] = OrderedDict()

    def priced(self, draft: Draft, surroundings: Surroundings) -> Priced:
        """The draft's program as the law has it under these surroundings."""
        key = (draft, surroundings.law)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = _compile(draft, surroundings)
            if len(self._kept) > MOST_PROGRAMS:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return found


def _compile(draft: Draft, surroundings: Surroundings) -> Priced:
    busy, clocks_hz, temperature_c = surroundings.law
    caps = dict(clocks_hz)
    question = capped_question(draft.question.under(cost=Roofline()), clocks_hz)
    plan = replace(
        draft.plan, blocks=tuple(_capped(b, question.soc, caps) for b in draft.plan.blocks)
    )
    state = replace(
        draft.question.conditions,
        busy=dict(busy),
        temperature_c=temperature_c,
    )
    execution = compile_plan(plan, question, state)
    if draft.first_layer:
        peak_bytes = _rest_bytes(draft)
        execution = replace(execution, peak_memory_bytes=peak_bytes)
    return Priced.of(prepare(_left(execution, draft), question))


def _rest_bytes(draft: Draft) -> float:
    """Peak memory of the layers left to do: weights of those that are done may go."""
    question, first = draft.question, draft.first_layer
    stages = question.workload.stages
    if first == len(stages):
        return float(stages[-1].output_bytes(0, stages[-1].units, "fp32"))
    left = {stage.name for stage in stages[first:]}
    blocks = [block for block in draft.plan.blocks if block.layer in left]
    rest = question.under(workload=Rest.of(question.workload, first))
    return float(peak_memory_bytes(blocks, rest))


def _left(execution: Execution, draft: Draft) -> Execution:
    """The steps that the draft still has to do, numbered anew."""
    planning, layers = execution.steps[0], list(execution.steps[1:])
    if not draft.planned:
        planning = Step(planning.name, (), planning.processors)
    done = [stage.name for stage in draft.question.workload.stages[: draft.first_layer]]
    gone = 1 + max((n for n, step in enumerate(layers) if step.name in done), default=-1)
    left = (
        replace(step, after=tuple(max(0, before - gone) for before in step.after))
        for step in layers[gone:]
    )
    return replace(execution, steps=(planning, *left))


def _capped(block: UnitBlock, soc: Soc, caps: dict[str, float]) -> UnitBlock:
    cap = caps.get(block.processor)
    if cap is None or block.frequency_hz is None or block.frequency_hz <= cap:
        return block
    return replace(block, frequency_hz=soc.processors[block.processor].frequencies_hz[-1])


def capped_question(question: Question, caps_hz: Shares) -> Question:
    """The question about a SoC whose capped processors have no clocks beyond their caps."""
    return question if not caps_hz else question.under(soc=capped_soc(question.soc, caps_hz))


def capped_soc(soc: Soc, caps_hz: Shares) -> Soc:
    """The SoC without operating points beyond the caps; the lowest one always stays."""
    processors = dict(soc.processors)
    for name, cap in caps_hz:
        table = processors[name].operating_points
        points = tuple(p for p in table.points if p.frequency_hz <= cap) or table.points[:1]
        fewer = OperatingPoints(points=points, source=table.source, basis=table.basis)
        processors[name] = processors[name].model_copy(update={"operating_points": fewer})
    return soc.model_copy(update={"processors": processors})


def believed_conditions(question: Question, state: Surroundings) -> Conditions:
    """What a planner is told of surroundings: link rates, a slower server, load, heat, memory."""
    best = question.conditions
    online = best.has_cloud and state.up_bytes_per_s is not None and state.server_speed > 0.0
    cloud = best.cloud
    if cloud is not None and state.server_speed not in (0.0, 1.0):
        speed = state.server_speed
        cloud = cloud.model_copy(
            update={
                "macs_per_s": scaled(cloud.macs_per_s, speed),
                "memory_bytes_per_s": scaled(cloud.memory_bytes_per_s, speed),
                "launch_s": scaled(cloud.launch_s, 1.0 / speed),
            }
        )
    return replace(
        best,
        link=best.link if online else None,
        cloud=cloud if online else None,
        uplink_bytes_per_s=state.up_bytes_per_s if online else None,
        downlink_bytes_per_s=state.down_bytes_per_s if online else None,
        busy=dict(state.busy),
        free_memory_bytes=state.free_memory_bytes,
        temperature_c=state.temperature_c,
    )


def scaled(figure: Sourced, factor: float) -> Sourced:
    """A figure times a factor, without the range that its source gave."""
    return Sourced(value=figure.value * factor, source=figure.source, basis="derived")
