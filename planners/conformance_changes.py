"""Questions made from others, whose answers must follow from theirs: renamed, and slowed down."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from planners.cost import Roofline
from planners.values import Conditions, Plan, Question
from socs import Cloud, Host, Link, Soc
from workloads import Workload
from workloads.building import build
from workloads.specs import WorkloadSpec

FACTOR = 2.0
"""A power of two, so that slowed figures are exact."""
_SLOWED = (
    ("_per_s", 1.0 / FACTOR),
    ("_hz", 1.0 / FACTOR),
    ("_s", FACTOR),
    ("_s_per_byte", FACTOR),
    ("_w_per_hz_v2", FACTOR),
    ("_j_per_byte", FACTOR),
)
"""By the unit that ends a name: rates and clocks halve, durations double, powers stay."""


def again(question: Question) -> Question:
    """The same question, with a fresh cost model and mappings of its own."""
    state = replace(question.conditions, busy=dict(question.conditions.busy))
    return question.under(cost=Roofline(), conditions=state, hosts=dict(question.hosts))


def new_names(question: Question) -> dict[str, str]:
    """By processor: another name, in the opposite alphabetical order."""
    names = sorted(question.soc.processors)
    return {name: f"unit_{len(names) - i}" for i, name in enumerate(names)}


def renamed(question: Question) -> Question:
    """The same question with processors of other names, in the same order."""
    names = new_names(question)
    soc = question.soc.model_dump(by_alias=True)
    for processor in soc["processors"].values():
        partner = processor["exclusive_with"]
        processor["exclusive_with"] = None if partner is None else names[partner]
    soc["processors"] = {names[name]: spec for name, spec in soc["processors"].items()}
    soc["prototype_processors"] = [names[name] for name in soc["prototype_processors"]]
    soc["runtime_processor"] = names[soc["runtime_processor"]]
    options, busy = question.options, question.conditions.busy
    if not isinstance(options.processors, str):
        options = replace(options, processors=tuple(names[name] for name in options.processors))
    return again(question).under(
        soc=Soc.model_validate(soc),
        hosts={names[name]: host for name, host in question.hosts.items()},
        options=options,
        conditions=replace(
            question.conditions, busy={names[name]: share for name, share in busy.items()}
        ),
    )


def with_names(plan: Plan, names: Mapping[str, str]) -> Plan:
    """A plan with its processors renamed."""
    blocks = tuple(
        replace(block, processor=names.get(block.processor, block.processor))
        for block in plan.blocks
    )
    return replace(plan, blocks=blocks)


def _factor(name: str) -> float:
    return next((factor for ending, factor in _SLOWED if name.endswith(ending)), 1.0)


def _times(value: Any, factor: float) -> Any:
    """A number, a figure with its bounds, or None, times a factor."""
    if isinstance(value, dict):
        scaled = ("value", "low", "high", "uncalibrated")
        return value | {key: _times(value[key], factor) for key in scaled if key in value}
    return None if value is None else value * factor


def _slowed(document: Any) -> Any:
    if isinstance(document, dict):
        return {
            name: _slowed(value) if _factor(name) == 1.0 else _times(value, _factor(name))
            for name, value in document.items()
        }
    if isinstance(document, list | tuple):
        return [_slowed(value) for value in document]
    return document


@lru_cache(maxsize=256)
def _slowed_workload(workload: Workload) -> Workload:
    spec = WorkloadSpec.model_validate(_slowed(workload.spec.model_dump()))
    return build(spec, frames=workload.frames)


def _slowed_conditions(state: Conditions) -> Conditions:
    up, down = state.uplink_bytes_per_s, state.downlink_bytes_per_s
    return replace(
        state,
        link=state.link and Link.model_validate(_slowed(state.link.model_dump(by_alias=True))),
        cloud=state.cloud and Cloud.model_validate(_slowed(state.cloud.model_dump(by_alias=True))),
        uplink_bytes_per_s=_times(up, 1.0 / FACTOR),
        downlink_bytes_per_s=_times(down, 1.0 / FACTOR),
    )


def slowed(question: Question) -> Question:
    """Every duration times FACTOR at unchanged powers, so every energy too; limits follow.

    Exact only under a runtime without durations of its own, such as `native`.
    """
    wanted = question.goals
    return again(question).under(
        workload=_slowed_workload(question.workload),
        soc=Soc.model_validate(_slowed(question.soc.model_dump(by_alias=True))),
        hosts={
            name: Host.model_validate(_slowed(host.model_dump(by_alias=True)))
            for name, host in question.hosts.items()
        },
        conditions=_slowed_conditions(question.conditions),
        goals=replace(
            wanted,
            deadline_s=_times(wanted.deadline_s, FACTOR),
            energy_j=_times(wanted.energy_j, FACTOR),
        ),
    )
