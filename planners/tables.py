"""Cost tables: every option of every layer priced at once, and the moves between layers.

A `StageTable` holds, per option, seconds and joules of its blocks (above the device's baseline),
stored bytes and squared error. A `Signature` is what the next layer needs to know of an option:
its placement and cut. `Moves` prices the way from each signature of a layer to each placement of
the next. All of it follows `planners.compiling`; what is approximated (bus contention among the
moves of one tensor) is corrected by predicting the finished plan.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planners.error import layer_error2
from planners.lanes import lane_durations
from planners.options import LayerOptions, Placement, layer_options
from planners.values import Question
from socs import Runtime
from socs.law import Device, Phase
from workloads import Stage

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class StageTable:
    """One layer's options, priced; arrays run over the options that the device can hold."""

    options: LayerOptions
    index: Ints
    """Which of `options` each row is."""
    seconds: Floats
    joules: Floats
    stored_bytes: Floats
    """Weights as stored, and the buffers of hosts that stage all weights of a request."""
    call_bytes: Floats
    """Largest buffer of hosts that stage a call's weights."""
    activation_bytes: Floats
    """Input and output, live together while the layer runs."""
    error2: Floats
    signature: Ints
    """Index into `signatures`."""
    signatures: tuple[tuple[int, int], ...]
    """(placement, cut)."""
    placement_index: Ints
    """Of each signature."""
    rank: Ints
    parts: Ints

    @property
    def placements(self) -> tuple[Placement, ...]:
        """Placements that the signatures index."""
        return self.options.placements

    def placement_of(self, signature: int) -> Placement:
        """Placement of a signature."""
        return self.options.placements[self.signatures[signature][0]]


def stage_table(question: Question, stage: Stage, runtime: Runtime) -> StageTable:
    """Price all local options of a layer; options that overflow a processor's own memory go."""
    choices, device = layer_options(question, stage), question.device()
    count = len(choices)
    seconds, joules = np.full(count, np.inf), np.full(count, np.inf)
    stored, called, live, error2 = (np.zeros(count) for _ in range(4))
    for index, placement in enumerate(choices.placements):
        for ranked in (False, True):
            rows = np.flatnonzero((choices.placement == index) & ((choices.rank > 0) == ranked))
            if not placement or not rows.size:
                continue
            cut, rank = choices.cut[rows], choices.rank[rows] if ranked else None
            parts = _parts(stage, placement, cut)
            lanes = _lanes(question, device, stage, parts, placement, rank, runtime)
            fits = _fits(question, stage, parts, placement, rank)
            time_s, energy_j = _gang(question, lanes, rows.size)
            seconds[rows], joules[rows] = np.where(fits, time_s, np.inf), energy_j
            stored[rows], called[rows] = _stored(question, stage, parts, placement, rank)
            live[rows] = _live(stage, parts, placement)
            error2[rows] = _error2(question, stage, parts, placement, rank)
    keep = np.flatnonzero(np.isfinite(seconds))
    pairs = list(zip(choices.placement[keep].tolist(), choices.cut[keep].tolist(), strict=True))
    signatures = tuple(dict.fromkeys(pairs))
    position = {pair: number for number, pair in enumerate(signatures)}
    parts_of = np.array([len(placement) for placement in choices.placements], dtype=np.int64)
    return StageTable(
        options=choices,
        index=keep,
        seconds=seconds[keep],
        joules=joules[keep],
        stored_bytes=stored[keep],
        call_bytes=called[keep],
        activation_bytes=live[keep],
        error2=error2[keep],
        signature=np.array([position[pair] for pair in pairs], dtype=np.int64),
        signatures=signatures,
        placement_index=np.array([placement for placement, _ in signatures], dtype=np.int64),
        rank=choices.rank[keep],
        parts=parts_of[choices.placement[keep]],
    )


Part = tuple[Ints, Ints]
"""First and last unit, per option."""


def _parts(stage: Stage, placement: Placement, cut: Ints) -> list[Part]:
    start, end = np.zeros_like(cut), np.full_like(cut, stage.units)
    return [(start, end)] if len(placement) == 1 else [(start, cut), (cut, end)]


def _lanes(
    question: Question,
    device: Device,
    stage: Stage,
    parts: Sequence[Part],
    placement: Placement,
    rank: Ints | None,
    runtime: Runtime,
) -> list[tuple[Phase, ...]]:
    return [
        question.cost.block(
            device,
            stage,
            first,
            last,
            choice.processor,
            choice.frequency_hz,
            choice.precision,
            rank,
            runtime,
        )
        for choice, (first, last) in zip(placement, parts, strict=True)
    ]


def _gang(
    question: Question, lanes: Sequence[tuple[Phase, ...]], count: int
) -> tuple[Floats, Floats]:
    """Seconds of the gang and joules above the baseline, DRAM traffic included."""
    memory = question.soc.memory
    durations = lane_durations(lanes, memory.bandwidth_bytes_per_s.value, count)
    joules = np.zeros(count)
    ends = np.zeros(count)
    for lane, lane_seconds in zip(lanes, durations, strict=True):
        ends = np.maximum(ends, sum(lane_seconds))
        for phase, duration_s in zip(lane, lane_seconds, strict=True):
            joules = joules + memory.energy_j_per_byte.value * phase.size_bytes
            for component, constant, watts in phase.loads:
                if component != "cloud":
                    joules = joules + constant + watts * duration_s
    return ends, joules


def _fits(
    question: Question,
    stage: Stage,
    parts: Sequence[Part],
    placement: Placement,
    rank: Ints | None,
) -> NDArray[np.bool_]:
    fits = np.ones(len(parts[0][0]), dtype=np.bool_)
    for choice, (first, last) in zip(placement, parts, strict=True):
        limit = question.soc.processors[choice.processor].block_memory_bytes
        if limit is not None:
            held = stage.weight_bytes(first, last, rank, choice.precision)
            held = held + stage.input_bytes(choice.precision)
            held = held + stage.output_bytes(first, last, choice.precision)
            fits &= np.asarray(held <= limit.value)
    return fits


def _stored(
    question: Question,
    stage: Stage,
    parts: Sequence[Part],
    placement: Placement,
    rank: Ints | None,
) -> tuple[Floats, Floats]:
    """Bytes for as long as the request lasts, and of one call (`planners.memory`).

    Stored weights (blocks of one precision share them) and buffers of weights staged per request;
    the largest buffer of weights staged per call.
    """
    total, called = np.zeros(len(parts[0][0])), np.zeros(len(parts[0][0]))
    for precision in {choice.precision for choice in placement}:
        members = [p for c, p in zip(placement, parts, strict=True) if c.precision == precision]
        first, last = members[0][0], members[-1][1]
        total = total + stage.weight_bytes(first, last, rank, precision)
    for choice, (first, last) in zip(placement, parts, strict=True):
        weights = question.hosts[choice.processor].weights
        if weights.mode == "staged":
            held = stage.weight_bytes(first, last, rank, choice.precision)
            if weights.per == "request":
                total = total + held
            else:
                called = np.maximum(called, held)
    return total, called


def _live(stage: Stage, parts: Sequence[Part], placement: Placement) -> Floats:
    total, widest = np.zeros(len(parts[0][0])), 0.0
    for choice, (first, last) in zip(placement, parts, strict=True):
        total = total + stage.output_bytes(first, last, choice.precision)
        widest = max(widest, float(stage.input_bytes(choice.precision)))
    return total + widest


def _error2(
    question: Question,
    stage: Stage,
    parts: Sequence[Part],
    placement: Placement,
    rank: Ints | None,
) -> Floats:
    total = np.zeros(len(parts[0][0]))
    for choice, (first, last) in zip(placement, parts, strict=True):
        share = (last - first) / stage.units
        total = total + share * layer_error2(question.workload, stage.name, rank, choice.precision)
    return total
