"""Hypothesis strategies: small random questions whose limits bind.

Devices of one to three processors (`conformance_devices`), chains of two to four planned layers
(`conformance_models`), a link or none, busy processors, and limits between what the best single
processor needs and what it would like.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import get_args

from hypothesis import strategies as st

from planners.checking import check
from planners.conformance_devices import clouds, hosts, links, socs
from planners.conformance_figures import one_of
from planners.conformance_models import workloads
from planners.options import allowed_processors
from planners.prediction import predict
from planners.search import score
from planners.values import (
    FULL,
    PAPER,
    Conditions,
    EnergyWindow,
    Goals,
    Objective,
    Options,
    Plan,
    PlanError,
    Prediction,
    Question,
    UnitBlock,
)
from socs import Soc


@st.composite
def conditions(draw: st.DrawFn, soc: Soc) -> Conditions:
    """Background load, a link and a server or none, believed rates, and the radio's state."""
    shares = st.sampled_from((0.0, 0.25, 0.5, 0.9))
    online, rates = draw(st.booleans()), st.sampled_from((None, 1e5, 3e7))
    return Conditions(
        link=draw(links()) if online else None,
        cloud=draw(clouds()) if online else None,
        uplink_bytes_per_s=draw(rates) if online else None,
        downlink_bytes_per_s=draw(rates) if online else None,
        busy=draw(st.dictionaries(st.sampled_from(tuple(soc.processors)), shares)),
        temperature_c=one_of(draw, 50.0, 30.0, 80.0),
        radio_state=one_of(draw, "idle", "connected"),
    )


@st.composite
def search_spaces(draw: st.DrawFn) -> Options:
    """PAPER or FULL with few ranks and cuts; the cloud once or never; any runtime."""
    return replace(
        draw(st.sampled_from((PAPER, FULL))),
        ranks=one_of(draw, (), (0.5,), (0.25, 0.75)),
        split_parts=draw(st.integers(2, 4)),
        remote_segments=draw(st.integers(0, 1)),
        runtime=one_of(draw, "native", "deepx", "deepx_2016"),
    )


def single_plans(question: Question, *, evaluations: int = 0) -> Iterator[tuple[Plan, Prediction]]:
    """Plans that planners may always choose: one processor, precision and clock throughout.

    Uncompacted, under the options' runtime, charged with `evaluations`; limits may be broken.
    """
    options, stages = question.options, question.workload.stages
    for name in allowed_processors(question):
        spec = question.soc.processors[name]
        clocks = spec.frequencies_hz if options.frequencies == "all" else spec.frequencies_hz[-1:]
        precisions: Mapping[str, tuple[str, ...]] | str = options.precisions
        listed = (
            tuple(spec.macs_per_cycle)
            if isinstance(precisions, str)
            else precisions.get(spec.kind, ())
        )
        for precision in listed:
            for clock_hz in clocks:
                blocks = tuple(
                    UnitBlock(stage.name, 0, stage.units, name, clock_hz, precision)
                    for stage in stages
                )
                plan = Plan(f"{name} alone", blocks, None, evaluations, options.runtime)
                try:
                    check(plan, question, goals=False)
                except PlanError:
                    continue
                yield plan, predict(plan, question)


def _limit(draw: st.DrawFn, values: list[float], unconstrained: float) -> float | None:
    """None, or between the least that a single processor needs and the unconstrained value.

    One in three is tighter than any single processor can keep.
    """
    if not values or one_of(draw, True, True, False):
        return None
    low = min(values)
    if one_of(draw, False, True, False):
        return low * draw(st.sampled_from((0.9, 0.6, 0.3)))
    return low + draw(st.sampled_from((0.5, 0.0, 0.1, 0.9, 1.0))) * (unconstrained - low)


@st.composite
def goals(draw: st.DrawFn, question: Question) -> Goals:
    """An objective, and limits that bind on the question without limits."""
    objective: Objective = draw(st.sampled_from(get_args(Objective)))
    free = question.under(goals=Goals(objective=objective, error=1e9))
    singles = [predicted for _, predicted in single_plans(free)]
    best = min(singles, key=lambda predicted: score(predicted, free), default=None)
    deadline_s = energy_j = memory_bytes = None
    if best is not None:
        deadline_s = _limit(draw, [one.latency_s for one in singles], best.latency_s)
        energy_j = _limit(draw, [one.energy_j for one in singles], best.energy_j)
        memory = [one.peak_memory_bytes for one in singles]
        memory_bytes = _limit(draw, memory, best.peak_memory_bytes)
    return Goals(
        objective=objective,
        deadline_s=deadline_s,
        energy_j=energy_j,
        memory_bytes=memory_bytes,
        error=one_of(draw, None, 0.0, 0.03, 0.1, 0.3),
    )


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """A small random question: device, network, conditions, options and binding limits."""
    soc, window = draw(socs()), draw(st.sampled_from(get_args(EnergyWindow)))
    question = Question(
        workload=draw(workloads()),
        soc=soc,
        hosts={name: draw(hosts()) for name in soc.processors},
        conditions=draw(conditions(soc)),
        options=draw(search_spaces()),
        energy_window=window,
    )
    return question.under(goals=draw(goals(question)))
