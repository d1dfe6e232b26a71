"""Memory that a plan needs on the device."""

from collections.abc import Iterable
from functools import lru_cache

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
    """Most that is live at once on the device; the input image at the least.

    While a layer runs: its input, its output, and what was made before and is still to be read
    by its fused layers or by later ones (nothing on a chain).
    """
    workload = question.workload
    local: dict[str, list[UnitBlock]] = {}
    for block in blocks:
        if block.processor != CLOUD:
            local.setdefault(block.layer, []).append(block)
    made = {
        layer: sum(
            float(workload.stage(layer).output_bytes(b.first_unit, b.last_unit, b.precision))
            for b in members
        )
        for layer, members in local.items()
    }
    most = float(workload.stages[0].input_bytes("fp32"))
    for layer, members in local.items():
        stage = workload.stage(layer)
        waiting = sum(made[name] for name in _waiting(workload, layer) if name in made)
        output = sum(
            float(stage.output_bytes(b.first_unit, b.last_unit, b.precision)) for b in members
        )
        widest = max(float(stage.input_bytes(b.precision)) for b in members)
        most = max(most, widest + output + waiting)
    return most


@lru_cache(maxsize=4096)
def _waiting(workload: Workload, layer: str) -> tuple[str, ...]:
    """Layers made before one, not its input, that it or a later one still reads."""
    position = next(n for n, stage in enumerate(workload.stages) if stage.name == layer)
    stage = workload.stages[position]
    later = {name for other in workload.stages[position + 1 :] for name in other.reads}
    still = (later | set(stage.operands)) - set(stage.inputs)
    return tuple(one.name for one in workload.stages[:position] if one.name in still)


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
