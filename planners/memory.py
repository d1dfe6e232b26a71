"""Memory that a plan needs on the device."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from planners.order import layer_order
from planners.values import CLOUD, Question, UnitBlock
from workloads import Stage, Workload


def weight_bytes(blocks: Iterable[UnitBlock], stage: Stage) -> float:
    """Weights of one layer as stored: one copy of the inner factor per precision and group.

    Blocks of one precision share their storage, so splitting a layer costs nothing here.
    """
    by_store: dict[tuple[str, int | None], tuple[int, int]] = {}
    for block in blocks:
        key = (block.precision, block.rank)
        low, high = by_store.get(key, (block.first_unit, block.first_unit))
        by_store[key] = (min(low, block.first_unit), max(high, block.last_unit))
    return sum(
        float(stage.weight_bytes(low, high, rank, precision))
        for (precision, rank), (low, high) in by_store.items()
    )


def model_bytes(blocks: Iterable[UnitBlock], question: Question) -> float:
    """Footprint of the model on the device at the plan's precisions and ranks."""
    total = 0.0
    grouped: dict[str, list[UnitBlock]] = {}
    for block in blocks:
        if block.processor != CLOUD:
            grouped.setdefault(block.layer, []).append(block)
    for layer, members in grouped.items():
        total += weight_bytes(members, question.workload.stage(layer))
    return total


def staging_bytes(blocks: Iterable[UnitBlock], question: Question) -> float:
    """Buffers for weights that hosts stage: all of them per request, the largest per call."""
    per_request, per_call = 0.0, 0.0
    for block in blocks:
        if block.processor == CLOUD:
            continue
        weights = question.hosts[block.processor].weights
        if weights.mode != "staged":
            continue
        stage = question.workload.stage(block.layer)
        size = float(
            stage.weight_bytes(block.first_unit, block.last_unit, block.rank, block.precision)
        )
        if weights.per == "request":
            per_request += size
        else:
            per_call = max(per_call, size)
    return per_request + per_call


def activation_bytes(blocks: Iterable[UnitBlock], question: Question) -> float:
    """Most that can be live at once on the device; the input image at the least.

    While a layer runs: its input, its output, and what others may still have to read: tensors of
    layers that need not come after it, with a reader that need not come before it (nothing on a
    chain). Layers that may run beside it hold their inputs converted as well.
    """
    workload = question.workload
    members: dict[str, list[UnitBlock]] = {}
    for block in blocks:
        members.setdefault(block.layer, []).append(block)
    local = {
        layer: held for layer, held in members.items() if all(b.processor != CLOUD for b in held)
    }
    made = {layer: _output_bytes(workload.stage(layer), held) for layer, held in local.items()}
    live = _live(question, members)
    most = float(workload.stages[0].input_bytes("fp32"))
    for layer, held in local.items():
        waiting, beside = live[layer]
        stage = workload.stage(layer)
        total = _input_bytes(stage, held) + made[layer]
        total += sum(made[name] for name in waiting if name in made)
        total += sum(
            _input_bytes(workload.stage(name), local[name]) for name in beside if name in local
        )
        most = max(most, total)
    return most


def _input_bytes(stage: Stage, blocks: Iterable[UnitBlock]) -> float:
    return max(float(stage.input_bytes(block.precision)) for block in blocks)


def _output_bytes(stage: Stage, blocks: Iterable[UnitBlock]) -> float:
    return sum(float(stage.output_bytes(b.first_unit, b.last_unit, b.precision)) for b in blocks)


Live = Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
"""By layer: others whose outputs may be live while it runs, and others that may run beside it."""


def _live(question: Question, blocks: Mapping[str, Iterable[UnitBlock]]) -> Live:
    """Of each layer, from the processors that all layers run on."""
    workload, specs = question.workload, question.soc.processors
    if workload.is_chain:
        return {stage.name: ((), ()) for stage in workload.stages}
    partners = tuple((name, spec.exclusive_with) for name, spec in specs.items())
    used = tuple(frozenset(b.processor for b in blocks[stage.name]) for stage in workload.stages)
    return _live_of(workload, partners, used)


@lru_cache(maxsize=4096)
def _live_of(
    workload: Workload,
    partners: tuple[tuple[str, str | None], ...],
    processors: tuple[frozenset[str], ...],
) -> Live:
    stages = workload.stages
    order = layer_order(stages, processors, dict(partners))
    readers: dict[str, list[int]] = {}
    for number, stage in enumerate(stages):
        for name in stage.reads:
            readers.setdefault(name, []).append(number)
    found = {}
    for number, stage in enumerate(stages):
        waiting = tuple(
            one.name
            for other, one in enumerate(stages)
            if other != number
            and not order.precedes(number, other)
            and (one.name not in stage.inputs)
            and any(
                not order.precedes(reader, number)
                and (reader != number or one.name in stage.operands)
                for reader in readers.get(one.name, ())
            )
        )
        found[stage.name] = (waiting, tuple(stages[n].name for n in order.together(number)))
    return found


def peak_memory_bytes(blocks: Iterable[UnitBlock], question: Question) -> float:
    """Weights as stored + live activations + staging buffers, on the device."""
    members = tuple(blocks)
    return (
        model_bytes(members, question)
        + staging_bytes(members, question)
        + activation_bytes(members, question)
    )


def block_memory_bytes(block: UnitBlock, stage: Stage) -> float:
    """What one block holds in its processor's own memory: weights, input and output."""
    return (
        float(stage.weight_bytes(block.first_unit, block.last_unit, block.rank, block.precision))
        + float(stage.input_bytes(block.precision))
        + float(stage.output_bytes(block.first_unit, block.last_unit, block.precision))
    )
