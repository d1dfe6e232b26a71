"""The device YAMLs: every figure sourced, every derived figure recomputed from its inputs."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import socs
from socs import load_cloud, load_host, load_link, load_runtime, load_soc

FILES = sorted(Path(socs.__file__).parent.glob("*/*.yaml"))
LOADERS: dict[str, Callable[[str], Any]] = {
    "soc": load_soc,
    "host": load_host,
    "runtime": load_runtime,
    "link": load_link,
    "cloud": load_cloud,
}
PLAIN = {"cores", "threads", "thread_power_scale", "points"}
"""Keys whose numbers are counts or tables, not sourced figures."""
BASES = {"measured", "datasheet", "derived", "assumed", "calibrated"}


def figures(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """All sourced figures below a YAML node, with their path; a bare number is an error."""
    if isinstance(node, dict) and "value" in node:
        yield path, node
    elif isinstance(node, dict):
        for key, child in node.items():
            if key not in PLAIN:
                yield from figures(child, f"{path}.{key}")
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from figures(child, f"{path}[{index}]")
    elif isinstance(node, int | float) and not isinstance(node, bool):
        raise AssertionError(f"{path}: bare number {node}")


def raw(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


@pytest.fixture(params=FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def file(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_loads_under_its_own_name(file: Path) -> None:
    assert LOADERS[raw(file)["kind"]](file.stem).name == file.stem


def test_every_number_is_sourced(file: Path) -> None:
    for path, figure in figures(raw(file)):
        allowed = {"value", "source", "basis", "low", "high"}
        if figure["basis"] == "calibrated":
            allowed |= {"uncalibrated"}
        assert set(figure) <= allowed, path
        assert isinstance(figure["value"], int | float), f"{path}: {figure['value']!r}"
        assert figure["source"].strip(), path
        assert figure["basis"] in BASES, path


def test_what_is_assumed_or_calibrated_has_bounds(file: Path) -> None:
    for path, figure in figures(raw(file)):
        if figure["basis"] in ("assumed", "calibrated"):
            assert {"low", "high"} <= set(figure), path
        low, high = (figure.get("low", figure["value"]), figure.get("high", figure["value"]))
        assert low <= figure["value"] <= high, path


def test_bare_numbers_are_found() -> None:
    with pytest.raises(AssertionError, match="bare number"):
        list(figures({"cpu": {"idle_w": 0.1}}))


# Powers of one busy core, watts at 3.8 V on the battery side, by clock in MHz.
NEXUS_5_MA = (
    57.9, 88.2, 99.6, 138.8, 149.6, 170.2, 178.3, 189.1, 232.1, 256.5, 266.4, 287.7, 325.7, 386.2,
)  # fmt: skip
MIPAD_MA = (
    26.97, 38.08, 64.77, 76.89, 93.08, 110.11, 124.65, 146.20, 169.03, 204.08, 225.45, 238.32,
    272.67, 314.20, 364.45, 406.17, 481.07, 567.05,
)  # fmt: skip
# Leakage current of the Cortex-A15 cluster in mA by voltage (rows), at 30, 50, 70, 90 C.
EDP_VOLTAGES = (0.9, 1.0, 1.1, 1.2)
EDP_CELSIUS = (30.0, 50.0, 70.0, 90.0)
EDP_LEAKAGE_MA = (
    (62, 88, 149, 275),
    (78, 113, 193, 358),
    (109, 158, 264, 474),
    (166, 235, 375, 633),
)


def test_krait_power_is_the_fit_of_the_nexus_5_profile() -> None:
    cpu = load_soc("snapdragon_800").processors["cpu"]
    watts = np.array(NEXUS_5_MA) * 3.8e-3
    clock = np.array([p.frequency_hz * p.voltage_v**2 for p in cpu.operating_points.points])
    slope, intercept = np.polyfit(clock, watts, 1)
    assert cpu.leakage.reference_w.value == pytest.approx(intercept, rel=0.01)
    assert cpu.dynamic_w_per_hz_v2.value == pytest.approx(slope, rel=0.01)


def test_a15_leakage_is_the_fit_of_the_edp_table() -> None:
    leakage = load_soc("tegra_k1").processors["cpu"].leakage
    grid = [(v, t) for v in EDP_VOLTAGES for t in EDP_CELSIUS]
    terms = np.array([(1.0, np.log(v), t - 50.0) for v, t in grid])
    watts = [
        v * ma * 1e-3 for v, row in zip(EDP_VOLTAGES, EDP_LEAKAGE_MA, strict=True) for ma in row
    ]
    constant, exponent, slope = np.linalg.lstsq(terms, np.log(watts), rcond=None)[0]
    assert leakage.reference_w.value == pytest.approx(np.exp(constant), rel=1e-3)
    assert leakage.exponent.value == pytest.approx(exponent, rel=1e-3)
    assert leakage.doubling_c.value == pytest.approx(np.log(2.0) / slope, rel=1e-3)
    law = [leakage.watts(v, t) for v, t in grid]
    np.testing.assert_allclose(law, watts, rtol=0.15)


def test_a15_dynamic_power_counts_leakage_once() -> None:
    cpu = load_soc("tegra_k1").processors["cpu"]
    points = cpu.operating_points.points[: len(MIPAD_MA)]
    clock = np.array([point.frequency_hz * point.voltage_v**2 for point in points])
    leakage = np.array([cpu.leakage.watts(point.voltage_v, 50.0) for point in points])
    dynamic = np.array(MIPAD_MA) * 3.8e-3 - leakage
    assert cpu.dynamic_w_per_hz_v2.value == pytest.approx(
        clock @ dynamic / (clock @ clock), rel=1e-3
    )


def test_thread_scale_is_the_edp_ratio() -> None:
    scale = load_soc("tegra_k1").processors["cpu"].thread_power_scale
    assert scale == pytest.approx(np.array((0.950, 1.399, 2.166, 3.041)) / 0.950, abs=1e-3)


@pytest.mark.parametrize(
    ("soc", "frequency_hz", "measured_w"),
    [
        ("snapdragon_800", 2265.6e6, 1.468),  # Nexus 5 profile
        ("tegra_k1", 2218.5e6, 2.155),  # MiPad profile, its highest clock
        ("tegra_k1", 2320.5e6, 2.27),  # its law k f V^2 without leakage, extrapolated
    ],
)
def test_one_busy_core_draws_what_was_measured(
    soc: str, frequency_hz: float, measured_w: float
) -> None:
    cpu = load_soc(soc).processors["cpu"]
    voltage_v = cpu.voltage_v(frequency_hz)
    watts = cpu.leakage.watts(voltage_v, 50.0)
    watts += cpu.dynamic_w_per_hz_v2.value * frequency_hz * voltage_v**2
    assert watts == pytest.approx(measured_w, rel=0.1)


@pytest.mark.parametrize(
    ("soc", "name", "quoted_w"),
    [("snapdragon_800", "gpu", 1.4), ("snapdragon_800", "dsp", 0.1), ("tegra_k1", "gpu", 5.0),
     ("tegra_k1", "lpc", 0.5 * 0.418)],
)  # fmt: skip
def test_other_processors_draw_their_quoted_power(soc: str, name: str, quoted_w: float) -> None:
    processor = load_soc(soc).processors[name]
    top = processor.operating_points.points[-1]
    watts = processor.leakage.watts(top.voltage_v, 50.0)
    watts += processor.dynamic_w_per_hz_v2.value * top.frequency_hz * top.voltage_v**2
    assert watts == pytest.approx(quoted_w, rel=0.01)


def test_staging_core_is_one_a15_at_its_highest_clock() -> None:
    cpu = load_soc("tegra_k1").processors["cpu"]
    top = cpu.operating_points.points[-1]
    watts = cpu.leakage.watts(top.voltage_v, 50.0)
    watts += cpu.dynamic_w_per_hz_v2.value * top.frequency_hz * top.voltage_v**2
    power = load_host("cudnn").weights.power_w
    assert power is not None
    assert power.value == pytest.approx(watts, rel=0.01)


# AlexNet on four Cortex-A15 at 1.9 GHz, Caffe + OpenBLAS, batch 1: milliseconds by layer.
CHROMEBOOK_MS = {
    "conv1": 18.5, "norm1": 14.6, "pool1": 10.5, "conv2": 38.6, "norm2": 10.0, "pool2": 6.2,
    "conv3": 24.6, "conv4": 19.6, "conv5": 14.0, "fc6": 185.6, "fc7": 112.9, "fc8": 23.7,
}  # fmt: skip
CONV_MACS = (105_415_200, 223_948_800, 149_520_384, 112_140_288, 74_760_192)
DENSE_WEIGHTS = 9216 * 4096 + 4096 * 4096 + 4096 * 1000
CORE_MACS_PER_S = 4 * 1.9e9


def _seconds(prefix: str) -> float:
    return sum(ms for name, ms in CHROMEBOOK_MS.items() if name.startswith(prefix)) * 1e-3


@pytest.mark.parametrize("host", ["openblas_caffe", "torch_gemv"])
def test_cpu_hosts_reproduce_the_measured_layer_sums(host: str) -> None:
    layers = load_host(host).layers
    conv, dense = layers["conv"]["fp32"], layers["dense"]["fp32"]
    norm, pool = layers["local_response_norm"]["fp32"], layers["max_pool"]["fp32"]
    assert (conv.threads, norm.threads, pool.threads) == (4, 1, 1)
    assert conv.compute_efficiency.value == pytest.approx(
        sum(CONV_MACS) / _seconds("conv") / (4 * CORE_MACS_PER_S), rel=1e-3
    )
    assert dense.streaming_bytes_per_s is not None
    assert dense.streaming_bytes_per_s.value == pytest.approx(
        4 * DENSE_WEIGHTS / _seconds("fc"), rel=1e-3
    )
    assert norm.compute_efficiency.value == pytest.approx(
        5 * (96 * 55 * 55 + 256 * 27 * 27) / _seconds("norm") / CORE_MACS_PER_S, rel=1e-3
    )
    assert pool.compute_efficiency.value == pytest.approx(
        9 * (96 * 27 * 27 + 256 * 13 * 13) / _seconds("pool") / CORE_MACS_PER_S, rel=1e-3
    )


def test_frames_are_fed_as_declared() -> None:
    assert load_host("torch_gemv").layers["dense"]["fp32"].frames_per_call.value == 1
    assert load_host("torch_gemv").layers["conv"]["fp32"].frames_per_call is None
    for name in ("openblas_caffe", "cudnn"):
        assert load_host(name).layers["dense"]["fp32"].frames_per_call.value > 1
    assert load_host("opencl_adreno").layers["dense"]["fp32"].frames_per_call is None


def test_cloud_efficiency_is_the_batched_measurement() -> None:
    cloud = load_cloud("k40_server")
    share = 724.4e6 / 2.0e-3 / cloud.macs_per_s.value
    assert cloud.efficiency["conv"].value == pytest.approx(share, rel=1e-3)
    assert cloud.efficiency["dense"].value == pytest.approx(share, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "uplink_mw_per_mbps", "downlink_mw_per_mbps", "uplink_mbps", "downlink_mbps"),
    [("lte", 438.39, 51.97, 5.64, 12.74), ("wifi", 283.17, 137.01, 20.0, 25.0)],
)
def test_radio_energy_per_byte_is_alpha(
    name: str,
    uplink_mw_per_mbps: float,
    downlink_mw_per_mbps: float,
    uplink_mbps: float,
    downlink_mbps: float,
) -> None:
    link = load_link(name)
    assert link.uplink_j_per_byte.value == pytest.approx(uplink_mw_per_mbps * 1e-3 / 1e6 * 8)
    assert link.downlink_j_per_byte.value == pytest.approx(downlink_mw_per_mbps * 1e-3 / 1e6 * 8)
    assert link.uplink_bytes_per_s.value == pytest.approx(uplink_mbps * 1e6 / 8)
    assert link.downlink_bytes_per_s.value == pytest.approx(downlink_mbps * 1e6 / 8)


def test_lte_by_hand() -> None:
    link = load_link("lte")
    assert link.tail_s == pytest.approx(11.576)
    assert link.tail_j(link.tail_s) == pytest.approx(12.27, abs=0.005)
    assert link.idle_w.value == pytest.approx(0.5943 * 43.2 / 1280.0, rel=1e-4)
    assert link.transfer_w(link.uplink_bytes_per_s.value, uplink=True) == pytest.approx(
        3.76, abs=0.005
    )


def test_wifi_by_hand() -> None:
    link = load_link("wifi")
    assert link.idle_w.value == pytest.approx(0.0772 * 7.6 / 308.0, rel=1e-3)
    assert link.transfer_w(link.uplink_bytes_per_s.value, uplink=True) == 1.1


def test_socs_support_what_their_hosts_run() -> None:
    for name in ("snapdragon_800", "tegra_k1"):
        for processor in load_soc(name).processors.values():
            host = load_host(processor.default_host)
            assert processor.kind in host.processor_kinds
            kinds = ("conv", "dense", "max_pool", "local_response_norm", "sigmoid", "convert")
            for precision in processor.macs_per_cycle:
                assert all(host.entry(kind, precision) for kind in kinds), processor.default_host


def test_prototypes_are_the_papers() -> None:
    assert load_soc("snapdragon_800").prototype_processors == ("cpu", "dsp")
    assert load_soc("tegra_k1").prototype_processors == ("cpu", "gpu", "lpc")
    assert set(load_soc("snapdragon_800").processors["dsp"].macs_per_cycle) == {"int8"}
    assert load_soc("tegra_k1").processors["lpc"].exclusive_with == "cpu"
