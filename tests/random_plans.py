"""Hypothesis strategies: questions over the shipped devices, and plans that keep every rule."""

from dataclasses import replace
from functools import cache

from hypothesis import strategies as st

from planners import FULL, Conditions, Goals, Plan, Question, UnitBlock
from planners.memory import block_memory_bytes
from socs import (
    cloud_names,
    host_names,
    link_names,
    load_cloud,
    load_host,
    load_link,
    load_soc,
    soc_names,
)
from workloads import load_workload

ANYTHING = Goals(error=1e9)
MODELS = (("alexnet", 1), ("alexnet", 3), ("cd_seide", 1), ("cd_seide", 100))
MANY_SEGMENTS = replace(FULL, remote_segments=9)


@cache
def hosts_for(kind):
    hosts = [load_host(name) for name in host_names()]
    return [host for host in hosts if kind in host.processor_kinds]


@st.composite
def conditions(draw, soc, *, online=None):
    busy = draw(st.dictionaries(st.sampled_from(sorted(soc.processors)), st.floats(0.0, 0.95)))
    online = draw(st.booleans()) if online is None else online
    rates = st.none() | st.floats(1e3, 1e8)
    return Conditions(
        link=load_link(draw(st.sampled_from(link_names()))) if online else None,
        cloud=load_cloud(draw(st.sampled_from(cloud_names()))) if online else None,
        uplink_bytes_per_s=draw(rates),
        downlink_bytes_per_s=draw(rates),
        busy=busy,
        free_memory_bytes=1e12,
        temperature_c=draw(st.floats(20.0, 90.0)),
        radio_state=draw(st.sampled_from(("idle", "connected"))),
    )


@st.composite
def questions(draw, *, online=None):
    soc = load_soc(draw(st.sampled_from(soc_names())))
    model, frames = draw(st.sampled_from(MODELS))
    hosts = {
        name: draw(st.sampled_from(hosts_for(processor.kind)))
        for name, processor in soc.processors.items()
    }
    return Question(
        workload=load_workload(model, frames=frames),
        soc=soc,
        conditions=draw(conditions(soc, online=online)),
        goals=ANYTHING,
        options=MANY_SEGMENTS,
        hosts=hosts,
        energy_window=draw(st.sampled_from(("until_idle", "until_output"))),
    )


def whole_blocks(question, stage):
    """The layer whole, on each processor and at each precision that can hold and run it."""
    device, found = question.device(), []
    for name, processor in question.soc.processors.items():
        for precision in processor.macs_per_cycle:
            block = UnitBlock(stage.name, 0, stage.units, name, None, precision)
            limit = processor.block_memory_bytes
            fits = limit is None or block_memory_bytes(block, stage) <= limit.value
            if fits and device.supports(stage, name, precision):
                found.append(block)
    return found


@st.composite
def local_blocks(draw, question, stage, *, ranks=True):
    """One layer on one processor or cut between several."""
    processors, chosen = question.soc.processors, []
    choices = draw(st.permutations(whole_blocks(question, stage)))
    parts = draw(st.integers(1, 3))
    for block in choices:
        names = [other.processor for other in chosen]
        spec = processors[block.processor]
        excluded = spec.exclusive_with in names or any(
            processors[name].exclusive_with == block.processor for name in names
        )
        if len(chosen) < parts and block.processor not in names and not excluded:
            chosen.append(block)
    cuts = draw(
        st.lists(
            st.integers(1, stage.units - 1),
            min_size=len(chosen) - 1,
            max_size=len(chosen) - 1,
            unique=True,
        )
    )
    edges = [0, *sorted(cuts), stage.units]
    rank = draw(st.none() | st.integers(1, stage.max_rank)) if ranks and stage.max_rank else None
    return [
        replace(
            block,
            first_unit=first,
            last_unit=last,
            frequency_hz=draw(st.sampled_from(processors[block.processor].frequencies_hz)),
            rank=rank,
        )
        for block, first, last in zip(chosen, edges, edges[1:], strict=False)
    ]


@st.composite
def plans(draw, question, *, ranks=True):
    """Any plan that keeps every rule: splits, precisions, clocks, ranks, runs in the cloud."""
    blocks = []
    for stage in question.workload.stages:
        if question.conditions.has_cloud and draw(st.booleans()):
            blocks.append(UnitBlock(stage.name, 0, stage.units, "cloud", None, "fp32"))
        else:
            blocks += draw(local_blocks(question, stage, ranks=ranks))
    runtime = draw(st.sampled_from(("native", "deepx", "deepx_2016")))
    return Plan("at random", tuple(blocks), None, draw(st.integers(0, 10**6)), runtime)
