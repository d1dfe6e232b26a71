"""What is still there of a request that was broken off."""

from typing import TYPE_CHECKING

from planners.values import CLOUD
from workloads import Stage

if TYPE_CHECKING:
    from sim.attempt import Attempt


def surviving_layers(attempt: "Attempt", offline: tuple[str, ...]) -> int:
    """Leading layers that are done and whose outputs, as far as needed, are on the device.

    What the server made and did not send is lost; so is what lies in the buffers of its own of a
    processor that is off. What was sent is still where it was sent from.
    """
    question, plan = attempt.draft.question, attempt.draft.plan
    stages, count = question.workload.stages, attempt.draft.first_layer
    while count < len(stages) and stages[count].name in attempt.done:
        count += 1
    holders: dict[str, set[str]] = {}
    for block in plan.blocks:
        holders.setdefault(block.layer, set()).add(block.processor)
    processors = question.soc.processors
    gone = {CLOUD, *(name for name in offline if processors[name].buffers == "separate")}
    while count > 0 and _is_lost(stages, count, holders, gone):
        count -= 1
    return count


def _is_lost(
    stages: tuple[Stage, ...], count: int, holders: dict[str, set[str]], gone: set[str]
) -> bool:
    """Whether a layer that those from `count` on (or the app) read lies where it is lost."""
    made = {stage.name for stage in stages[:count]}
    read = {name for stage in stages[count:] for name in stage.reads if name in made}
    if count == len(stages):
        read = {stages[-1].name}
    return any(holders[name] & gone for name in read)
