"""The cost law against hand computation and against the measurements it was taken from."""

from dataclasses import replace

import numpy as np
import pytest

from planners import Conditions, Plan, Question, UnitBlock, predict
from socs import load_link, load_runtime, load_soc
from workloads import Demand, load_workload

NATIVE = load_runtime("native")


def device(soc="tegra_k1", *, hosts=None, busy=None):
    asked = Question(
        workload=load_workload("alexnet"),
        soc=load_soc(soc),
        hosts=hosts or {},
        conditions=Conditions(busy=busy or {}),
    )
    return asked.device()


def kinds_s(kinds, frequency_hz):
    """Seconds of AlexNet's layers of some kinds on the quad A15 with Caffe's host."""
    chip = load_soc("tegra_k1").processors["cpu"]
    points = chip.operating_points
    clocked = chip.model_copy(
        update={
            "operating_points": points.model_copy(
                update={
                    "points": (points.points[0].model_copy(update={"frequency_hz": frequency_hz}),)
                }
            )
        }
    )
    soc = load_soc("tegra_k1")
    soc = soc.model_copy(update={"processors": soc.processors | {"cpu": clocked}})
    asked = Question(workload=load_workload("alexnet"), soc=soc, hosts={"cpu": "openblas_caffe"})
    total = 0.0
    for stage in asked.workload.stages:
        for demand in stage.demands(0, stage.units, None, "fp32"):
            if demand.kind in kinds:
                phase = asked.device().compute("x", "cpu", (demand,), 1, frequency_hz, "fp32")
                total += float(phase.seconds)
    return total


def test_quad_a15_lands_on_the_measured_sums_it_was_taken_from():
    # Caffe + OpenBLAS on a quad Cortex-A15 at 1.9 GHz, batch 1: ms per layer kind
    assert kinds_s({"conv"}, 1.9e9) == pytest.approx(0.1153, rel=0.01)
    assert kinds_s({"dense"}, 1.9e9) == pytest.approx(0.3222, rel=0.01)
    assert kinds_s({"local_response_norm"}, 1.9e9) == pytest.approx(0.0246, rel=0.01)
    # pool5 was not in the measured list: two of three pools
    assert kinds_s({"max_pool"}, 1.9e9) == pytest.approx(0.0167, rel=0.1)


def test_a_block_takes_the_largest_of_its_bounds():
    chip = device()
    spec, host = chip.soc.processors["cpu"], chip.hosts["cpu"]
    top = spec.frequencies_hz[-1]
    entry = host.entry("conv", "fp32")
    macs_per_s = top * 4 * spec.macs_per_cycle["fp32"].value * entry.compute_efficiency.value
    compute = Demand("conv", 1e9, 1e3, 1e3, 1e3, 1)
    phase = chip.compute("x", "cpu", (compute,), 1, top, "fp32")
    assert phase.seconds == pytest.approx(1e9 / macs_per_s, rel=1e-12)
    streamed = Demand("conv", 1.0, 1e9, 0.0, 0.0, 1)
    phase = chip.compute("x", "cpu", (streamed,), 1, top, "fp32")
    rates = [spec.port_bytes_per_s.value]
    if entry.streaming_bytes_per_s is not None:
        rates.append(entry.streaming_bytes_per_s.value)
    assert phase.seconds == pytest.approx(1e9 / min(rates), rel=1e-12)
    assert phase.alone_s(1e6) == pytest.approx(1e9 / 1e6, rel=1e-12)


def test_frame_by_frame_hosts_read_weights_once_a_frame():
    chip = device(hosts={"cpu": "torch_gemv"})
    demand = Demand("dense", 1e6, 4e6, 100.0, 100.0, 1)
    top = chip.soc.processors["cpu"].frequencies_hz[-1]
    one = chip.compute("x", "cpu", (demand,), 1, top, "fp32")
    hundred = chip.compute("x", "cpu", (demand,), 100, top, "fp32")
    assert hundred.size_bytes - one.size_bytes == pytest.approx(99 * 4e6)


def test_busy_halves_the_rate_and_leaves_the_compute_energy():
    stage = load_workload("alexnet").stages[2]
    top = load_soc("tegra_k1").processors["cpu"].frequencies_hz[-1]
    runs = []
    for share in (0.0, 0.5):
        chip = device(busy={"cpu": share})
        (phase,) = [
            p
            for p in chip.block(stage, 0, stage.units, "cpu", top, "fp32", None, NATIVE)
            if p.label == stage.name
        ]
        baseline_w = chip.baseline_w("cpu")
        joules = sum(j + w * phase.seconds for _, j, w in phase.loads)
        runs.append((phase.seconds, joules + baseline_w * phase.seconds))
    assert runs[1][0] == pytest.approx(2 * runs[0][0], rel=1e-12)
    assert runs[1][1] == pytest.approx(runs[0][1], rel=1e-9)


def test_arrays_give_what_scalars_give():
    chip, stage = device(), load_workload("alexnet").stages[1]
    last, rank = np.array([32, 64, 256]), np.array([5, 20, 40])
    top = chip.soc.processors["gpu"].frequencies_hz[-1]
    many = chip.block(stage, np.zeros(3, int), last, "gpu", top, "fp32", rank, NATIVE)
    for i in range(3):
        one = chip.block(stage, 0, int(last[i]), "gpu", top, "fp32", int(rank[i]), NATIVE)
        for phase, phases in zip(one, many, strict=True):
            assert np.broadcast_to(phases.seconds, 3)[i] == pytest.approx(phase.seconds, rel=1e-12)
            assert np.broadcast_to(phases.size_bytes, 3)[i] == pytest.approx(phase.size_bytes)


def test_compute_power_at_the_top_point():
    chip = device()
    top = chip.soc.processors["cpu"].operating_points.points[-1]
    spec = chip.soc.processors["cpu"]
    demand = Demand("conv", 1e9, 0.0, 0.0, 0.0, 1)
    phase = chip.compute("x", "cpu", (demand,), 1, top.frequency_hz, "fp32")
    (load,) = phase.loads
    dynamic = spec.dynamic_w_per_hz_v2.value * top.frequency_hz * top.voltage_v**2
    expected = dynamic * spec.thread_power_scale[3] + spec.leakage.watts(top.voltage_v, 50.0)
    assert load[1] / phase.seconds + load[2] + spec.idle_w.value == pytest.approx(expected)


def test_a_cloud_upload_costs_promotion_transfer_and_tail_by_hand():
    link = load_link("lte")
    workload, soc = load_workload("alexnet"), load_soc("tegra_k1")
    from socs import load_cloud

    asked = Question(
        workload=workload, soc=soc, conditions=Conditions(link=link, cloud=load_cloud("k40_server"))
    )
    blocks = tuple(UnitBlock(s.name, 0, s.units, "cloud", None, "fp32") for s in workload.stages)
    plan = Plan("by hand", blocks, None, 0, "native")
    with_tail = predict(plan, asked)
    without = predict(plan, replace(asked, energy_window="until_output"))
    asleep_w = soc.board_w.value + soc.memory.background_w.value
    asleep_w += sum(spec.sleep_w.value for spec in soc.processors.values())
    tail_j = 11.576 * (1.060 + asleep_w)
    assert with_tail.energy_j - without.energy_j == pytest.approx(tail_j, rel=1e-9)
    assert with_tail.latency_s == without.latency_s


def test_the_radio_alone_by_hand():
    # 0.2601 s promotion at 1.2107 W, 154,587 B at 5.64 Mbit/s, 4,000 B at 12.74 Mbit/s (Huang 2012)
    link = load_link("lte")
    up_s = 154587 * 8 / 5.64e6
    assert 154587 / link.uplink_bytes_per_s.value == pytest.approx(up_s)
    assert link.transfer_w(5.64e6 / 8, uplink=True) == pytest.approx(1.28804 + 0.43839 * 5.64)
    assert link.transfer_w(12.74e6 / 8, uplink=False) == pytest.approx(1.28804 + 0.05197 * 12.74)
    assert link.tail_j(link.tail_s) == pytest.approx(11.576 * 1.060)
    wifi = load_link("wifi")
    assert wifi.transfer_w(wifi.uplink_bytes_per_s.value, uplink=True) == wifi.power_cap_w.value
