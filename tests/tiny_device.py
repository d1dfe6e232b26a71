"""A SoC, hosts, a link, a server and a network small enough to compute by hand.

One multiply-accumulate a cycle, one watt a gigahertz, a gigabyte a second, a joule a gigabyte.
"""

from planners import Conditions, Plan, Question, UnitBlock
from socs import Cloud, Host, Link, Soc
from workloads.building import build
from workloads.specs import WorkloadSpec

NORM = {"alpha": 0.5, "beta": 0.75, "k": 1.0}
"""Strong enough to show in the values."""


def figure(value):
    return {"value": value, "source": "made up for tests", "basis": "assumed"}


def processor(kind, **changes):
    return {
        "kind": kind,
        "cores": 1,
        "operating_points": {
            "points": [
                {"frequency_hz": 0.5e9, "voltage_v": 0.8},
                {"frequency_hz": 1e9, "voltage_v": 1.0},
            ],
            "source": "made up for tests",
            "basis": "assumed",
        },
        "macs_per_cycle": {"fp32": figure(1), "fp16": figure(2), "int8": figure(4)},
        "leakage": {
            "reference_w": figure(0.1),
            "reference_v": figure(1.0),
            "reference_c": figure(50.0),
            "exponent": figure(0.0),
            "doubling_c": figure(10.0),
        },
        "dynamic_w_per_hz_v2": figure(1e-9),
        "thread_power_scale": [1.0],
        "thread_power_source": "made up for tests",
        "stall_activity": figure(1.0),
        "idle_w": figure(0.2),
        "sleep_w": figure(0.05),
        "wake_s": figure(1e-3),
        "port_bytes_per_s": figure(1e9),
        "transfer_bytes_per_s": figure(0.5e9),
        "default_host": "tiny",
    } | changes


def tiny_soc(**memory):
    """`cpu` and `dsp` share the memory, `gpu` has buffers of its own, `lpc` excludes `cpu`."""
    return Soc.model_validate(
        {
            "kind": "soc",
            "name": "tiny",
            "description": "made up for tests",
            "processors": {
                "cpu": processor("cpu"),
                "gpu": processor("gpu", buffers="separate"),
                "dsp": processor("dsp"),
                "lpc": processor("lpc", exclusive_with="cpu"),
            },
            "prototype_processors": ["cpu", "gpu"],
            "memory": {
                "capacity_bytes": figure(1e9),
                "reserved_bytes": figure(0.0),
                "bandwidth_bytes_per_s": figure(1e9),
                "energy_j_per_byte": figure(1e-9),
                "background_w": figure(0.3),
            }
            | {name: figure(value) for name, value in memory.items()},
            "storage": {"read_s_per_byte": figure(0.0), "read_w": figure(0.3)},
            "board_w": figure(1.0),
            "dvfs_switch_s": figure(1e-4),
            "evaluation_s": figure(1e-6),
            "runtime_processor": "cpu",
        }
    )


def tiny_host(**changes):
    entry = {"compute_efficiency": figure(1.0)}
    return Host.model_validate(
        {
            "kind": "host",
            "name": "tiny",
            "description": "made up for tests",
            "processor_kinds": ["cpu", "gpu", "dsp", "lpc"],
            "layers": {"other": {"fp32": entry, "fp16": entry, "int8": entry}},
            "launch_s": figure(0.0),
            "call_s": figure(0.0),
        }
        | changes
    )


def tiny_link(**changes):
    """Up 1 MB/s at 2.5 W, down 4 MB/s at 1.8 W, a tail of 1 s at 0.6 W and 2 s at 0.3 W."""
    return Link.model_validate(
        {
            "kind": "link",
            "name": "tiny",
            "description": "made up for tests",
            "uplink_bytes_per_s": figure(1e6),
            "downlink_bytes_per_s": figure(4e6),
            "round_trip_s": figure(0.02),
            "promotion_s": figure(0.25),
            "promotion_w": figure(1.2),
            "base_w": figure(1.0),
            "uplink_j_per_byte": figure(1.5e-6),
            "downlink_j_per_byte": figure(0.2e-6),
            "tail": [
                {"state": "connected", "duration_s": figure(1.0), "power_w": figure(0.6)},
                {"state": "long_drx", "duration_s": figure(2.0), "power_w": figure(0.3)},
            ],
            "idle_w": figure(0.01),
        }
        | changes
    )


def tiny_cloud():
    """1 TMAC/s, so that memory at 10 GB/s bounds it; 5 ms a request; 100 W."""
    return Cloud.model_validate(
        {
            "kind": "cloud",
            "name": "tiny",
            "description": "made up for tests",
            "macs_per_s": figure(1e12),
            "efficiency": {"other": figure(1.0)},
            "memory_bytes_per_s": figure(1e10),
            "launch_s": figure(0.0),
            "overhead_s": figure(5e-3),
            "busy_w": figure(100.0),
            "memory_bytes": figure(1e10),
        }
    )


def wire(size):
    return {
        "name": "made up",
        "bytes_per_frame": size,
        "lossless": True,
        "encode_bytes_per_s": figure(1e9),
    }


SPECTRA = {"dense": "dense", "conv": "convolution"}


def workload(name, shape, layers, *, frames=1):
    spectra = {row["kind"]: SPECTRA[row["kind"]] for row in layers if row["kind"] in SPECTRA}
    planned = {row["kind"] for row in layers if row["kind"] in (*SPECTRA, "carry")}
    return build(
        WorkloadSpec.model_validate(
            {
                "kind": "workload",
                "name": name,
                "description": "made up for tests",
                "source": "made up for tests",
                "frames": 1,
                "input": {"shape": shape, "wire": wire(100_000)},
                "output": {"wire": wire(40_000)},
                "error_limit": figure(0.4),
                "error_gain": {kind: figure(1.0) for kind in planned},
                "quantisation_error": {"int8": figure(0.01)},
                "weights": {"spectra": spectra, "seed": 0},
                "layers": layers,
            }
        ),
        frames=frames,
    )


def tiny_workload(frames=1):
    """1000 inputs, 2000 hidden neurons, 500 outputs, no biases: 2 M and 1 M weights."""
    layers = [
        {"name": "wide", "kind": "dense", "units": 2000, "bias": False},
        {"name": "thin", "kind": "dense", "units": 500, "bias": False},
    ]
    return workload("tiny", [1000], layers, frames=frames)


def tiny_images(frames=1, *, exact=False):
    """Every layer kind that images pass: groups, a halo, pooling, flattening, softmax.

    `exact` leaves out what makes fractions of whole numbers, up to the scores.
    """
    layers = [
        {"name": "edge", "kind": "conv", "units": 12, "kernel": 3, "padding": 1},
        {"name": "relu", "kind": "relu"},
        {"name": "norm", "kind": "local_response_norm", "size": 5} | NORM,
        {"name": "pool", "kind": "max_pool", "kernel": 3, "stride": 2},
        {"name": "shape", "kind": "conv", "units": 10, "kernel": 3, "groups": 2},
        {"name": "flat", "kind": "flatten"},
        {"name": "all", "kind": "dense", "units": 30},
        {"name": "bend", "kind": "sigmoid"},
        {"name": "name", "kind": "dense", "units": 7},
        {"name": "share", "kind": "softmax"},
    ]
    if exact:
        layers = [row for row in layers if row["kind"] not in ("local_response_norm", "sigmoid")]
    return workload("tiny_images", [4, 9, 9], layers, frames=frames)


def tiny_question(*, online=False, host=None, soc=None, conditions=None, **changes):
    """About `tiny_workload` unless `workload` is given; with link and server where online."""
    soc, host = soc or tiny_soc(), host or tiny_host()
    if conditions is None:
        conditions = {"link": tiny_link(), "cloud": tiny_cloud()} if online else {}
        conditions = Conditions(**conditions)
    hosts = dict.fromkeys(soc.processors, host)
    changes = {"workload": tiny_workload()} | changes
    return Question(soc=soc, hosts=hosts, conditions=conditions, **changes)


def tiny_plan(question, *where, runtime="native", evaluations=1000):
    """Each layer whole on a processor, or cut in half between two given as a tuple."""
    blocks = []
    for stage, names in zip(question.workload.stages, where, strict=True):
        names = (names,) if isinstance(names, str) else names
        edges = [stage.units * i // len(names) for i in range(len(names) + 1)]
        for name, first, last in zip(names, edges, edges[1:], strict=False):
            frequency_hz = None if name == "cloud" else 1e9
            blocks.append(UnitBlock(stage.name, first, last, name, frequency_hz, "fp32"))
    return Plan("by hand", tuple(blocks), None, evaluations, runtime)
