"""The independent checker: whether a plan keeps every rule, whatever planner made it."""

from collections.abc import Iterable

from planners.memory import block_memory_bytes
from planners.prediction import predict
from planners.values import CLOUD, Conflict, Plan, PlanError, Prediction, Question, UnitBlock
from workloads import Stage


def check(plan: Plan, question: Question, *, goals: bool = True) -> None:
    """Raise PlanError, naming layer and rule, unless the plan can be carried out.

    With `goals`, also the question's limits (memory, error, deadline, energy) must be kept.
    """
    stages = {stage.name: stage for stage in question.workload.stages}
    by_layer: dict[str, list[UnitBlock]] = {name: [] for name in stages}
    for block in plan.blocks:
        if block.layer not in stages:
            raise PlanError(f"{block.layer}: no such planned layer; there are {', '.join(stages)}")
        by_layer[block.layer].append(block)
    for name, blocks in by_layer.items():
        _check_cover(stages[name], blocks)
        for block in blocks:
            _check_block(block, stages[name], question)
        _check_together(name, blocks, question)
    _check_segments(plan, question)
    if goals:
        for block in plan.blocks:
            _check_guard(block, question)
        conflicts = broken_limits(predict(plan, question), question)
        if conflicts:
            raise PlanError("; ".join(str(conflict) for conflict in conflicts))


def _check_cover(stage: Stage, blocks: Iterable[UnitBlock]) -> None:
    expected = 0
    for block in sorted(blocks, key=lambda block: block.first_unit):
        if block.last_unit <= block.first_unit:
            raise PlanError(
                f"{stage.name}: block [{block.first_unit}, {block.last_unit}) holds no unit"
            )
        if block.first_unit != expected:
            rule = "covered twice" if block.first_unit < expected else "not covered"
            low, high = sorted((block.first_unit, expected))
            raise PlanError(f"{stage.name}: units {low} to {high} {rule}")
        expected = block.last_unit
    if expected != stage.units:
        low, high = sorted((expected, stage.units))
        rule = "not covered" if expected < stage.units else "beyond the layer's units"
        raise PlanError(f"{stage.name}: units {low} to {high} {rule}")


def _check_block(block: UnitBlock, stage: Stage, question: Question) -> None:
    name, where = block.processor, f"{stage.name}[{block.first_unit}:{block.last_unit}]"
    if name == CLOUD:
        if not question.conditions.has_cloud:
            raise PlanError(f"{where}: the cloud is out of reach: there is no link")
        if block.rank is not None or block.frequency_hz is not None or block.precision != "fp32":
            raise PlanError(f"{where}: the cloud runs uncompacted fp32, without a frequency")
        return
    processors = question.soc.processors
    if name not in processors:
        raise PlanError(f"{where}: no processor {name!r}; there are {', '.join(processors)}, cloud")
    spec = processors[name]
    if block.frequency_hz not in spec.frequencies_hz:
        raise PlanError(f"{where}: {name} has no operating point at {block.frequency_hz} Hz")
    if not question.device().supports(stage, name, block.precision):
        raise PlanError(f"{where}: {name} does not run this layer in {block.precision}")
    if block.rank is not None and not 1 <= block.rank <= stage.max_rank:
        raise PlanError(
            f"{where}: rank {block.rank} must lie in [1, {stage.max_rank}] to be below break-even"
        )
    limit = spec.block_memory_bytes
    if limit is not None and block_memory_bytes(block, stage) > limit.value:
        held = block_memory_bytes(block, stage)
        raise PlanError(f"{where}: {held:.0f} bytes do not fit {name}'s {limit.value:.0f}")


def _check_guard(block: UnitBlock, question: Question) -> None:
    where = f"{block.layer}[{block.first_unit}:{block.last_unit}]"
    if block.rank is None:
        return
    own = float(question.workload.tail_energy(block.layer, block.rank)) ** 0.5
    if own > question.layer_error_limit * (1.0 + 1e-12):
        raise PlanError(
            f"{where}: rank {block.rank} costs the layer a relative error of {own:.3g}, "
            f"beyond its limit of {question.layer_error_limit:.3g}"
        )


def _check_together(layer: str, blocks: list[UnitBlock], question: Question) -> None:
    names = [block.processor for block in blocks]
    if len({block.rank for block in blocks}) > 1:
        raise PlanError(f"{layer}: blocks of one layer must share one rank")
    if CLOUD in names and len(blocks) > 1:
        raise PlanError(f"{layer}: a layer goes to the cloud whole")
    if len(set(names)) < len(names):
        raise PlanError(f"{layer}: two blocks on one processor")
    for name in names:
        partner = question.soc.processors[name].exclusive_with if name != CLOUD else None
        if partner in names:
            raise PlanError(f"{layer}: {name} and {partner} cannot be on together")


def _check_segments(plan: Plan, question: Question) -> None:
    """Runs of layers in the cloud along any path through the model."""
    remote = {block.layer: block.processor == CLOUD for block in plan.blocks}
    runs = {"input": 0}
    for stage in question.workload.stages:
        away = remote[stage.name]
        runs[stage.name] = max(
            runs[name] + (away and not remote.get(name, False)) for name in stage.reads
        )
    segments, allowed = max(runs.values()), question.options.remote_segments
    if segments > allowed:
        raise PlanError(f"{segments} runs of layers in the cloud; at most {allowed}")


def broken_limits(predicted: Prediction, question: Question) -> tuple[Conflict, ...]:
    """Limits that a prediction breaks, each with what it needs."""
    goals, conflicts = question.goals, []
    rows = (
        ("deadline", goals.deadline_s, predicted.latency_s, "s"),
        ("energy", goals.energy_j, predicted.energy_j, "J"),
        ("memory", question.memory_limit_bytes, predicted.peak_memory_bytes, "bytes"),
        ("error", question.error_limit, predicted.error, ""),
    )
    for goal, limit, value, unit in rows:
        if limit is not None and value > limit * (1.0 + 1e-12):
            conflicts.append(Conflict(goal, limit, value, unit))
    return tuple(conflicts)
