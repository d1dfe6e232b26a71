"""Hypothesis strategies: small random questions whose limits bind.

Devices of one to three processors, chains of two to four planned layers, a link or none, busy
processors, and limits between what the best single processor needs and what it would like.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, get_args

from hypothesis import strategies as st

from planners.checking import check
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
from socs import Cloud, Host, Link, Soc
from workloads import Workload
from workloads.building import build
from workloads.specs import WorkloadSpec

Document = dict[str, Any]
KINDS = ("cpu", "gpu", "dsp", "lpc")
_SPECTRA = {"dense": "dense", "conv": "convolution"}
_NAMED: Document = {"description": "drawn at random"}


def _figure(value: float) -> Document:
    return {"value": value, "source": "drawn at random", "basis": "assumed"}


def _one_of(draw: st.DrawFn, *values: Any) -> Any:
    return draw(st.sampled_from(values))


def _drawn(draw: st.DrawFn, *values: float) -> Document:
    return _figure(_one_of(draw, *values))


def _operating_points(draw: st.DrawFn) -> Document:
    top_hz, count = _one_of(draw, 1e8, 3e8, 1e9), draw(st.integers(1, 3))
    points = [
        {"frequency_hz": top_hz * (i + 1) / count, "voltage_v": 1.0 - 0.1 * (count - 1 - i)}
        for i in range(count)
    ]
    return {"points": points, "source": "drawn at random", "basis": "assumed"}


def _macs_per_cycle(draw: st.DrawFn, kind: str) -> Document:
    rates = {"fp32": 1.0, "fp16": 2.0, "int8": 4.0}
    more = draw(st.sets(st.sampled_from(("fp16", "int8"))))
    always = "int8" if kind == "dsp" else "fp32"
    names = [name for name in rates if name == always or name in more]
    share = _one_of(draw, 1.0, 3.0, 0.5)
    return {name: _figure(share * rates[name]) for name in names}


def _processor(draw: st.DrawFn, kind: str, partners: list[str]) -> Document:
    cores = draw(st.integers(1, 2))
    block_memory = _one_of(draw, None, None, None, 20_000.0, 200_000.0)
    return {
        "kind": kind,
        "cores": cores,
        "operating_points": _operating_points(draw),
        "macs_per_cycle": _macs_per_cycle(draw, kind),
        "leakage": {
            "reference_w": _drawn(draw, 0.1, 0.0, 0.3),
            "reference_v": _figure(1.0),
            "reference_c": _figure(50.0),
            "exponent": _figure(2.0),
            "doubling_c": _figure(20.0),
        },
        "dynamic_w_per_hz_v2": _drawn(draw, 1e-9, 4e-9, 0.2e-9),
        "thread_power_scale": [1.0, 1.8][:cores],
        "thread_power_source": "drawn at random",
        "stall_activity": _drawn(draw, 1.0, 0.3),
        "idle_w": _drawn(draw, 0.1, 0.3),
        "sleep_w": _drawn(draw, 0.0, 0.05),
        "wake_s": _drawn(draw, 0.0, 1e-4),
        "port_bytes_per_s": _drawn(draw, 1e9, 2e8),
        "buffers": _one_of(draw, "shared", "separate"),
        "coherent": draw(st.booleans()),
        "transfer_bytes_per_s": _drawn(draw, 1e9, 5e7),
        "block_memory_bytes": None if block_memory is None else _figure(block_memory),
        "exclusive_with": _one_of(draw, None, *partners) if partners else None,
        "default_host": "drawn",
    }


@st.composite
def socs(draw: st.DrawFn) -> Soc:
    """One to three processors; the first is a CPU, a last one may exclude another."""
    kinds = ("cpu", *draw(st.lists(st.sampled_from(KINDS[1:]), max_size=2, unique=True)))
    processors = {
        kind: _processor(draw, kind, list(kinds[:i]) if i == len(kinds) - 1 else [])
        for i, kind in enumerate(kinds)
    }
    prototype = draw(st.sets(st.sampled_from(kinds))) or set(kinds)
    memory = {
        "capacity_bytes": _figure(1e9),
        "reserved_bytes": _figure(0.0),
        "bandwidth_bytes_per_s": _drawn(draw, 1e9, 3e8),
        "energy_j_per_byte": _drawn(draw, 1e-10, 1e-9),
        "background_w": _drawn(draw, 0.1, 0.0),
    }
    return Soc.model_validate(
        {
            "kind": "soc",
            "name": "drawn",
            "processors": processors,
            "prototype_processors": sorted(prototype),
            "memory": memory,
            "storage": {
                "read_s_per_byte": _drawn(draw, 0.0, 1e-8),
                "read_w": _drawn(draw, 0.0, 0.2),
            },
            "board_w": _drawn(draw, 0.5, 0.0),
            "dvfs_switch_s": _drawn(draw, 0.0, 1e-4),
            "evaluation_s": _drawn(draw, 0.0, 1e-9, 1e-7),
            "runtime_processor": "cpu",
        }
        | _NAMED
    )


@st.composite
def hosts(draw: st.DrawFn) -> Host:
    """Code for every layer kind, perhaps without fp16; weights at hand or staged."""
    entry = {
        "compute_efficiency": _drawn(draw, 1.0, 0.4),
        "threads": draw(st.integers(1, 2)),
        "frames_per_call": _one_of(draw, None, _figure(1.0)),
    }
    weights: Document = {"mode": _one_of(draw, "resident", "resident", "staged")}
    if weights["mode"] != "resident":
        weights |= {"bytes_per_s": _figure(1e8), "power_w": _figure(0.5)}
        weights["per"] = _one_of(draw, "request", "call")
    precisions = ("fp32", "int8", "fp16") if draw(st.booleans()) else ("fp32", "int8")
    return Host.model_validate(
        {
            "kind": "host",
            "name": "drawn",
            "processor_kinds": KINDS,
            "layers": {"other": dict.fromkeys(precisions, entry)},
            "launch_s": _drawn(draw, 0.0, 1e-5),
            "call_s": _drawn(draw, 0.0, 1e-5),
            "weights": weights,
        }
        | _NAMED
    )


@st.composite
def links(draw: st.DrawFn) -> Link:
    """A radio link with a tail of one phase."""
    tail = {"state": "tail", "duration_s": _drawn(draw, 0.01, 1.0), "power_w": _figure(0.4)}
    return Link.model_validate(
        {
            "kind": "link",
            "name": "drawn",
            "uplink_bytes_per_s": _drawn(draw, 1e6, 1e7),
            "downlink_bytes_per_s": _drawn(draw, 4e6, 4e7),
            "round_trip_s": _drawn(draw, 0.001, 0.02),
            "promotion_s": _drawn(draw, 0.001, 0.2),
            "promotion_w": _figure(1.2),
            "base_w": _figure(1.0),
            "uplink_j_per_byte": _figure(2e-7),
            "downlink_j_per_byte": _figure(1e-7),
            "tail": [tail],
            "idle_w": _drawn(draw, 0.0, 0.01),
        }
        | _NAMED
    )


@st.composite
def clouds(draw: st.DrawFn) -> Cloud:
    """A server much faster than the device."""
    return Cloud.model_validate(
        {
            "kind": "cloud",
            "name": "drawn",
            "macs_per_s": _drawn(draw, 1e11, 1e12),
            "efficiency": {"other": _figure(1.0)},
            "memory_bytes_per_s": _figure(1e11),
            "launch_s": _figure(0.0),
            "overhead_s": _drawn(draw, 0.0, 1e-3),
            "busy_w": _figure(100.0),
            "memory_bytes": _figure(1e10),
        }
        | _NAMED
    )


@lru_cache(maxsize=1024)
def built(spec: str, frames: int) -> Workload:
    """The workload of a specification in JSON; one object each, so that spectra are read once."""
    return build(WorkloadSpec.model_validate_json(spec), frames=frames)


def _layers(draw: st.DrawFn) -> tuple[list[int], list[Document]]:
    """Shape of the input, and layers: dense ones, after convolutions where the input is images."""
    convolutions, count, rows = draw(st.integers(0, 2)), draw(st.integers(2, 4)), []
    for i in range(count):
        if i < convolutions:
            units = _one_of(draw, 8, 12, 32)
            rows.append({"name": f"conv{i}", "kind": "conv", "units": units, "kernel": 3})
            rows[-1]["padding"] = 1
        else:
            units = _one_of(draw, 24, 60, 7, 200)
            rows.append({"name": f"dense{i}", "kind": "dense", "units": units})
        if draw(st.booleans()):
            rows.append({"name": f"relu{i}", "kind": "relu"})
        if i == 0 and convolutions and draw(st.booleans()):
            rows.append({"name": "pool", "kind": "max_pool", "kernel": 2, "stride": 2})
        if i == convolutions - 1 and i < count - 1:
            rows.append({"name": "flat", "kind": "flatten"})
    return [4, 6, 6] if convolutions else [_one_of(draw, 40, 100)], rows


@st.composite
def workloads(draw: st.DrawFn) -> Workload:
    """A chain of two to four dense or convolution layers with what is fused into them."""
    shape, layers = _layers(draw)
    spectra = {row["kind"]: _SPECTRA[row["kind"]] for row in layers if row["kind"] in _SPECTRA}
    wire = {"lossless": True, "encode_bytes_per_s": _figure(1e8), "name": "drawn"}
    spec = WorkloadSpec.model_validate(
        {
            "kind": "workload",
            "name": "drawn",
            "source": "drawn at random",
            "input": {"shape": shape, "wire": wire | {"bytes_per_frame": 1000}},
            "output": {"wire": wire | {"bytes_per_frame": 400}},
            "error_limit": _figure(0.4),
            "error_gain": {kind: _figure(1.0) for kind in spectra},
            "quantisation_error": {"int8": _figure(0.02), "fp16": _figure(0.001)},
            "weights": {"spectra": spectra, "seed": 0},
            "layers": layers,
        }
        | _NAMED
    )
    return built(spec.model_dump_json(), draw(st.integers(1, 3)))


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
        temperature_c=_one_of(draw, 50.0, 30.0, 80.0),
        radio_state=_one_of(draw, "idle", "connected"),
    )


@st.composite
def search_spaces(draw: st.DrawFn) -> Options:
    """PAPER or FULL with few ranks and cuts; the cloud once or never; any runtime."""
    return replace(
        draw(st.sampled_from((PAPER, FULL))),
        ranks=_one_of(draw, (), (0.5,), (0.25, 0.75)),
        split_parts=draw(st.integers(2, 4)),
        remote_segments=draw(st.integers(0, 1)),
        runtime=_one_of(draw, "native", "deepx", "deepx_2016"),
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
    if not values or _one_of(draw, True, True, False):
        return None
    low = min(values)
    if _one_of(draw, False, True, False):
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
        error=_one_of(draw, None, 0.0, 0.03, 0.1, 0.3),
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
