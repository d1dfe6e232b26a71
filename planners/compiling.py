"""From a plan to what the device does: steps of gangs of lanes of phases.

Prediction and engine carry out the same compiled execution, each with its own clock and its own
computation of bus sharing; that is the one cost law with two users.

A step is one planned layer, or the way of a tensor down from the cloud. It begins when all steps
`after` which it comes have ended (`planners.order`): on a chain, a barrier per layer. Its gangs
follow each other: move inputs (while processors wake or change frequency), convert precision,
compute. The lanes of a gang start together; the next gang starts when all have ended.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from planners.memory import peak_memory_bytes
from planners.values import CLOUD, Conditions, Plan, Question, UnitBlock
from planners.whereabouts import Clocks, Whereabouts
from socs import Runtime
from socs.law import Device, Phase, cloud_service
from workloads import Stage


@dataclass(frozen=True, slots=True)
class Lane:
    """Phases in sequence; `block` where they carry out a unit-block."""

    phases: tuple[Phase, ...]
    block: UnitBlock | None = None


Gang = tuple[Lane, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One planned layer, planning, a download or the delivery at the end: gangs in sequence."""

    name: str
    gangs: tuple[Gang, ...]
    processors: tuple[str, ...]
    """Held for the whole step, released at its end."""
    after: tuple[int, ...] = ()
    """Numbers of the steps that must have ended; of those, the ones that no other implies."""


@dataclass(frozen=True, slots=True)
class Execution:
    """All that happens for one request, ready to be timed."""

    steps: tuple[Step, ...]
    """steps[0] is planning; the last delivers the output to the device's memory."""
    active_w: tuple[tuple[str, float], ...]
    """Baseline per component from arrival until the output is there."""
    asleep_w: tuple[tuple[str, float], ...]
    """Baseline per component from then to the end of the energy window."""
    peak_memory_bytes: float

    @property
    def in_sequence(self) -> bool:
        """Whether each step comes right after the one before it, as on every chain."""
        return all(step.after == (number,) for number, step in enumerate(self.steps[1:]))


def baseline_w(
    question: Question, conditions: Conditions, *, active: bool
) -> tuple[tuple[str, float], ...]:
    """Power per component that the device draws whatever a request's phases add.

    Active: the runtime's processor is awake and idle; all others sleep. Otherwise all sleep.
    """
    soc = question.soc
    watts = [("board", soc.board_w.value), ("dram", soc.memory.background_w.value)]
    for name, processor in soc.processors.items():
        idle = active and name == soc.runtime_processor
        watts.append((name, (processor.idle_w if idle else processor.sleep_w).value))
    if conditions.link is not None:
        watts.append(("radio", conditions.link.idle_w.value))
    return tuple(watts)


def compile_plan(plan: Plan, question: Question, conditions: Conditions | None = None) -> Execution:
    """Lay a plan out under conditions (default: those the question believes)."""
    state = conditions or question.conditions
    layout = _Layout(plan, question, state)
    return Execution(
        steps=tuple(layout.steps()),
        active_w=baseline_w(question, state, active=True),
        asleep_w=baseline_w(question, state, active=False),
        peak_memory_bytes=peak_memory_bytes(plan.blocks, question),
    )


class _Layout:
    """Lays out one plan; lives for one call of `compile_plan`."""

    def __init__(self, plan: Plan, question: Question, conditions: Conditions) -> None:
        self.plan, self.question, self.conditions = plan, question, conditions
        self.device: Device = question.device(conditions)
        self.runtime: Runtime = question.runtime(plan.runtime)
        self.runtime_processor = question.soc.runtime_processor
        self.home: Clocks = {self.runtime_processor: self._top_hz(self.runtime_processor)}
        self.trace = Whereabouts(question)
        first = question.workload.stages[0]
        self.trace.parts["input"] = [(self.runtime_processor, first.input_bytes("fp32"), "fp32")]
        self.blocks: dict[str, list[UnitBlock]] = {}
        for block in plan.blocks:
            self.blocks.setdefault(block.layer, []).append(block)

    def steps(self) -> Iterable[Step]:
        """Planning, one step a planned layer with its downloads before it, delivery."""
        self.trace.begin((), (self.runtime_processor,), self.home, ("input",))
        yield self._planning()
        for stage in self.question.workload.stages:
            blocks = sorted(self.blocks[stage.name], key=lambda block: block.first_unit)
            if blocks[0].processor == CLOUD:
                yield self._remote(stage)
            else:
                yield from self._downloads(stage)
                yield self._local(stage, blocks)
        yield self._delivery()

    def _step(self, name: str, gangs: Iterable[Gang], processors: tuple[str, ...] = ()) -> Step:
        return Step(name, tuple(gang for gang in gangs if gang), processors, self.trace.after)

    def _planning(self) -> Step:
        evaluation_s = self.question.soc.evaluation_s.value
        counted = self.plan.evaluations * evaluation_s if self.runtime.counts_evaluations else 0.0
        phase = self.device.runtime_work("planning", self.runtime.planning_s.value + counted)
        gangs = ((Lane((phase,)),),) if phase.seconds > 0 else ()
        return self._step("planning", gangs, (self.runtime_processor,))

    def _local(self, stage: Stage, blocks: list[UnitBlock]) -> Step:
        clocks = {block.processor: block.frequency_hz or 0.0 for block in blocks}
        self.trace.begin(stage.reads, clocks, clocks, (stage.name,))
        gangs = [self._arrive(stage, clocks), self._convert(stage, blocks)]
        gangs.append(tuple(self._compute(stage, block) for block in blocks))
        self.trace.parts[stage.name] = [
            (
                block.processor,
                float(stage.output_bytes(block.first_unit, block.last_unit, block.precision)),
                block.precision,
            )
            for block in blocks
        ]
        return self._step(stage.name, gangs, tuple(sorted(clocks)))

    def _arrive(self, stage: Stage, clocks: dict[str, float]) -> Gang:
        """Inputs move to where they are read while processors wake or change frequency."""
        lanes: dict[str, list[Phase]] = {}
        for name in stage.reads:
            for source, phases in self._moves(name, clocks):
                lanes.setdefault(source, []).extend(phases)
        for processor, frequency_hz in clocks.items():
            lanes.setdefault(processor, []).extend(self._ready(processor, frequency_hz))
        return tuple(Lane(tuple(phases)) for phases in lanes.values() if phases)

    def _ready(self, processor: str, frequency_hz: float) -> tuple[Phase, ...]:
        clocks = self.trace.awake
        if processor not in clocks and not self._always_awake(processor):
            return (self.device.wake(processor),) if self._wakes(processor) else ()
        if clocks.get(processor, self._top_hz(processor)) == frequency_hz:
            return ()
        return (self.device.switch(processor),) if self.question.soc.dvfs_switch_s.value else ()

    def _wakes(self, processor: str) -> bool:
        return self.question.soc.processors[processor].wake_s.value > 0

    def _top_hz(self, processor: str) -> float:
        return self.question.soc.processors[processor].frequencies_hz[-1]

    def _always_awake(self, processor: str) -> bool:
        """The runtime's processor sleeps only while an exclusive partner (companion core) runs."""
        if processor != self.runtime_processor:
            return False
        processors = self.question.soc.processors
        return all(
            processors[other].exclusive_with != processor
            for other in self.trace.awake
            if other in processors
        )

    def _moves(
        self, name: str, consumers: Iterable[str]
    ) -> Iterable[tuple[str, tuple[Phase, ...]]]:
        """Legs of each part of a tensor to the consumers that cannot see it yet."""
        for source, size_bytes, _ in self.trace.parts[name]:
            for target in consumers:
                if not self.trace.sees(target, name, source):
                    yield source, self.device.move(source, target, size_bytes, f"move {name}")
                    self.trace.move(target, name, source)

    def _convert(self, stage: Stage, blocks: list[UnitBlock]) -> Gang:
        """Element-wise passes over inputs of another precision than the block's.

        Operands of fused layers are converted where these read them, in their own pass.
        """
        lanes = []
        for block in blocks:
            others = {
                precision
                for name in stage.inputs
                for _, _, precision in self.trace.parts[name]
                if precision != block.precision
            }
            phases = tuple(
                self.device.convert(
                    stage, block.processor, block.frequency_hz or 0.0, other, block.precision
                )
                for other in sorted(others)
            )
            if phases:
                lanes.append(Lane(phases))
        return tuple(lanes)

    def _compute(self, stage: Stage, block: UnitBlock) -> Lane:
        assert block.frequency_hz is not None
        phases = self.question.cost.block(
            self.device,
            stage,
            block.first_unit,
            block.last_unit,
            block.processor,
            block.frequency_hz,
            block.precision,
            block.rank,
            self.runtime,
            counted=False,
        )
        label = f"{block.layer}[{block.first_unit}:{block.last_unit}]"
        return Lane(
            tuple(
                p.labelled(label if p.label == stage.name else f"{p.label} {label}") for p in phases
            ),
            block,
        )

    def _remote(self, stage: Stage) -> Step:
        """A layer in the cloud: upload what is not there yet, then the server's time."""
        cloud, trace = self.conditions.cloud, self.trace
        assert cloud is not None
        missing = [name for name in stage.reads if name not in trace.in_cloud]
        trace.begin(missing, (CLOUD,), self.home, (stage.name,))
        gangs: list[Gang] = []
        for name in missing:
            gangs.extend(self._upload(name))
            overhead = Phase(CLOUD, "service overhead", cloud.overhead_s.value, 0.0, ())
            gangs.append((Lane((overhead,)),))
        gangs.append((Lane((cloud_service(cloud, stage),), self.blocks[stage.name][0]),))
        trace.in_cloud.update((*missing, stage.name))
        trace.parts[stage.name] = [
            (CLOUD, float(stage.output_bytes(0, stage.units, "fp32")), "fp32")
        ]
        return self._step(stage.name, gangs)

    def _upload(self, name: str) -> Iterable[Gang]:
        link, workload = self.conditions.link, self.question.workload
        assert link is not None
        collect: dict[str, list[Phase]] = {}
        for source, phases in self._moves(name, (self.runtime_processor,)):
            collect.setdefault(source, []).extend(phases)
        yield tuple(Lane(tuple(phases)) for phases in collect.values() if phases)
        if name == "input":
            wire = workload.input_wire
            size_bytes = float(wire.bytes_per_frame * workload.frames)
            seconds = size_bytes / wire.encode_bytes_per_s
            yield (Lane((self.device.runtime_work("encode input", seconds, 2.0 * size_bytes),)),)
        else:
            size_bytes = sum(part[1] for part in self.trace.parts[name])
        yield (Lane((self._transfer(f"upload {name}", size_bytes, uplink=True), self._hop())),)

    def _transfer(self, label: str, size_bytes: float, *, uplink: bool) -> Phase:
        state, link = self.conditions, self.conditions.link
        assert link is not None
        rate = state.up_bytes_per_s if uplink else state.down_bytes_per_s
        watts = link.transfer_w(rate, uplink=uplink) - link.idle_w.value
        loads = (("radio", 0.0, watts),)
        direction = "uplink" if uplink else "downlink"
        return Phase("radio", label, size_bytes / rate, 0.0, loads, direction)  # type: ignore[arg-type]

    def _hop(self) -> Phase:
        assert self.conditions.link is not None
        return Phase("radio", "round trip", self.conditions.link.round_trip_s.value / 2, 0.0, ())

    def _downloads(self, stage: Stage) -> Iterable[Step]:
        """Steps that bring a local layer what was made in the cloud, once for all its readers."""
        for name in stage.reads:
            holder, size_bytes, _ = self.trace.parts[name][0]
            if holder == CLOUD:
                self.trace.begin((name,), (CLOUD,), self.home, (name,))
                yield self._step(f"download {name}", [self._download(name, size_bytes)])

    def _download(self, name: str, size_bytes: float) -> Gang:
        self.trace.parts[name] = [(self.runtime_processor, size_bytes, "fp32")]
        return (Lane((self._hop(), self._transfer(f"download {name}", size_bytes, uplink=False))),)

    def _delivery(self) -> Step:
        """The output reaches the device's memory, where the app reads it."""
        workload, parts = self.question.workload, self.trace.parts
        read = {name for stage in workload.stages for name in stage.reads}
        outputs = [stage.name for stage in workload.stages if stage.name not in read]
        away = any(parts[name][0][0] == CLOUD for name in outputs)
        self.trace.begin(outputs, (CLOUD,) if away else (), self.home)
        gangs: list[Gang] = []
        for name in outputs:
            if parts[name][0][0] == CLOUD:
                size_bytes = float(workload.output_wire.bytes_per_frame * workload.frames)
                gangs.append(self._download(name, size_bytes))
            else:
                lanes: dict[str, list[Phase]] = {}
                for source, phases in self._moves(name, (self.runtime_processor,)):
                    lanes.setdefault(source, []).extend(phases)
                gangs.append(tuple(Lane(tuple(p)) for p in lanes.values() if p))
        return self._step("output", gangs)
