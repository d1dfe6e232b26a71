"""Hypothesis strategies: small devices, hosts, links and servers."""

from hypothesis import strategies as st

from planners.conformance_figures import NAMED, Document, drawn, figure, one_of
from socs import Cloud, Host, Link, Soc

KINDS = ("cpu", "gpu", "dsp", "lpc")


def _operating_points(draw: st.DrawFn) -> Document:
    top_hz, count = one_of(draw, 1e8, 3e8, 1e9), draw(st.integers(1, 3))
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
    share = one_of(draw, 1.0, 3.0, 0.5)
    return {name: figure(share * rates[name]) for name in names}


def _processor(draw: st.DrawFn, kind: str, partners: list[str]) -> Document:
    cores = draw(st.integers(1, 2))
    block_memory = one_of(draw, None, None, None, 20_000.0, 200_000.0)
    return {
        "kind": kind,
        "cores": cores,
        "operating_points": _operating_points(draw),
        "macs_per_cycle": _macs_per_cycle(draw, kind),
        "leakage": {
            "reference_w": drawn(draw, 0.1, 0.0, 0.3),
            "reference_v": figure(1.0),
            "reference_c": figure(50.0),
            "exponent": figure(2.0),
            "doubling_c": figure(20.0),
        },
        "dynamic_w_per_hz_v2": drawn(draw, 1e-9, 4e-9, 0.2e-9),
        "thread_power_scale": [1.0, 1.8][:cores],
        "thread_power_source": "drawn at random",
        "stall_activity": drawn(draw, 1.0, 0.3),
        "idle_w": drawn(draw, 0.1, 0.3),
        "sleep_w": drawn(draw, 0.0, 0.05),
        "wake_s": drawn(draw, 0.0, 1e-4),
        "port_bytes_per_s": drawn(draw, 1e9, 2e8),
        "buffers": one_of(draw, "shared", "separate"),
        "coherent": draw(st.booleans()),
        "transfer_bytes_per_s": drawn(draw, 1e9, 5e7),
        "block_memory_bytes": None if block_memory is None else figure(block_memory),
        "exclusive_with": one_of(draw, None, *partners) if partners else None,
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
        "capacity_bytes": figure(1e9),
        "reserved_bytes": figure(0.0),
        "bandwidth_bytes_per_s": drawn(draw, 1e9, 3e8),
        "energy_j_per_byte": drawn(draw, 1e-10, 1e-9),
        "background_w": drawn(draw, 0.1, 0.0),
    }
    return Soc.model_validate(
        {
            "kind": "soc",
            "name": "drawn",
            "processors": processors,
            "prototype_processors": sorted(prototype),
            "memory": memory,
            "storage": {
                "read_s_per_byte": drawn(draw, 0.0, 1e-8),
                "read_w": drawn(draw, 0.0, 0.2),
            },
            "board_w": drawn(draw, 0.5, 0.0),
            "dvfs_switch_s": drawn(draw, 0.0, 1e-4),
            "evaluation_s": drawn(draw, 0.0, 1e-9, 1e-7),
            "runtime_processor": "cpu",
        }
        | NAMED
    )


@st.composite
def hosts(draw: st.DrawFn) -> Host:
    """Code for every layer kind, perhaps without fp16; weights at hand or staged."""
    entry = {
        "compute_efficiency": drawn(draw, 1.0, 0.4),
        "threads": draw(st.integers(1, 2)),
        "frames_per_call": one_of(draw, None, figure(1.0)),
    }
    weights: Document = {"mode": one_of(draw, "resident", "resident", "staged")}
    if weights["mode"] != "resident":
        weights |= {"bytes_per_s": figure(1e8), "power_w": figure(0.5)}
        weights["per"] = one_of(draw, "request", "call")
    precisions = ("fp32", "int8", "fp16") if draw(st.booleans()) else ("fp32", "int8")
    return Host.model_validate(
        {
            "kind": "host",
            "name": "drawn",
            "processor_kinds": KINDS,
            "layers": {"other": dict.fromkeys(precisions, entry)},
            "launch_s": drawn(draw, 0.0, 1e-5),
            "call_s": drawn(draw, 0.0, 1e-5),
            "weights": weights,
        }
        | NAMED
    )


@st.composite
def links(draw: st.DrawFn) -> Link:
    """A radio link with a tail of one phase."""
    tail = {"state": "tail", "duration_s": drawn(draw, 0.01, 1.0), "power_w": figure(0.4)}
    return Link.model_validate(
        {
            "kind": "link",
            "name": "drawn",
            "uplink_bytes_per_s": drawn(draw, 1e6, 1e7),
            "downlink_bytes_per_s": drawn(draw, 4e6, 4e7),
            "round_trip_s": drawn(draw, 0.001, 0.02),
            "promotion_s": drawn(draw, 0.001, 0.2),
            "promotion_w": figure(1.2),
            "base_w": figure(1.0),
            "uplink_j_per_byte": figure(2e-7),
            "downlink_j_per_byte": figure(1e-7),
            "tail": [tail],
            "idle_w": drawn(draw, 0.0, 0.01),
        }
        | NAMED
    )


@st.composite
def clouds(draw: st.DrawFn) -> Cloud:
    """A server much faster than the device."""
    return Cloud.model_validate(
        {
            "kind": "cloud",
            "name": "drawn",
            "macs_per_s": drawn(draw, 1e11, 1e12),
            "efficiency": {"other": figure(1.0)},
            "memory_bytes_per_s": figure(1e11),
            "launch_s": figure(0.0),
            "overhead_s": drawn(draw, 0.0, 1e-3),
            "busy_w": figure(100.0),
            "memory_bytes": figure(1e10),
        }
        | NAMED
    )
