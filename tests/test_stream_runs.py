"""Streams run: counts, metrics, intervals, the same bytes again, flat memory, the command."""

import gc
import json
import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

from experiments.cli import main
from experiments.streams.document import stream_document
from experiments.streams.intervals import interval, paired
from experiments.streams.loading import load_stream
from experiments.streams.running import run_replication, run_stream_file
from sim.sketch import RELATIVE_ERROR, Sketch

STREAM = """\
kind: stream
description: made up for tests
device:
  soc: tegra_k1
  network: wifi
  options: paper
  standby_w: {value: 0.03, basis: assumed, source: made up}
apps:
  - name: camera
    model: alexnet
    planner: cloud_only
    deadline_s: 0.5
    arrivals: {bursty: {per_second_on: 4.0, per_second_off: 0.1, mean_on_s: 5.0, mean_off_s: 10.0}}
  - name: voice
    model: cd_seide
    planner: cloud_only
    deadline_s: 0.5
    priority: 1
    arrivals: {poisson: {per_second: 0.3}}
policies: [{policy: replan}, {policy: static}, {policy: oracle}]
requests: 150
replications: 2
seed: 5
order: deadline
load:
  - {processor: cpu, share: 0.6, on_off: {mean_on_s: 10.0, mean_off_s: 20.0}}
server: {speed_under_load: 0.5, on_off: {mean_on_s: 10.0, mean_off_s: 20.0}}
faults:
  - {fault: link_lost, random: {mean_between_s: 20.0, mean_duration_s: 5.0}}
  - {fault: processor_offline, processor: gpu, random: {mean_between_s: 40.0, mean_duration_s: 3.0}}
  - {fault: server_down, at: [{start_s: 10.0, stop_s: 12.0}]}
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("stream") / "stream.yaml"
    path.write_text(STREAM)
    return path


@pytest.fixture(scope="module")
def document(file):
    stream = load_stream(file)
    return stream_document(stream, run_stream_file(stream))


def test_every_request_is_accounted_for(document):
    for name, found in document["policies"].items():
        counts = found["requests"]
        assert counts["arrived"] == 300, name
        ended = counts["done"] + counts["late"] + counts["failed"]
        assert ended + counts["in_flight"] == 300
        assert counts["in_flight"] == 0
        assert sum(counts["reasons"].values()) == counts["failed"]
        for key in ("arrived", "done", "late", "failed", "recovered"):
            assert counts[key] == sum(app["requests"][key] for app in found["apps"].values())
    recovered = [found["requests"]["recovered"] for found in document["policies"].values()]
    assert max(recovered) > 0


def test_energy_adds_up(document, file):
    stream = load_stream(file)
    for policy in stream.spec.policies:
        run = run_replication(stream, policy, 0)
        spent_j = run.total.energy.total + run.total.failed_j
        assert spent_j == pytest.approx(run.requests_j, rel=1e-9)
        parts = sum(run.energy_breakdown_j.values())
        assert parts == pytest.approx(run.requests_j + run.energy_breakdown_j["standby"], rel=1e-12)


def test_the_same_seed_gives_the_same_bytes_in_another_process(file, document):
    plain = json.dumps(document, sort_keys=True)
    code = (
        "import json, sys\n"
        "from experiments.streams.document import stream_document\n"
        "from experiments.streams.loading import load_stream\n"
        "from experiments.streams.running import run_stream_file\n"
        "stream = load_stream(sys.argv[1])\n"
        "print(json.dumps(stream_document(stream, run_stream_file(stream)), sort_keys=True))\n"
    )
    for hash_seed in ("4242",):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        again = subprocess.run(
            [sys.executable, "-c", code, str(file)],
            env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert again.stdout == plain + "\n"


def test_other_seeds_and_replications_differ(file, document):
    stream = load_stream(file)
    policy = stream.spec.policies[0]
    one, two = (run_replication(stream, policy, number) for number in (0, 1))
    assert one.total.energy.total != two.total.energy.total


def test_policies_meet_the_same_world(file):
    stream = load_stream(file)
    runs = run_stream_file(stream)
    arrivals = {name: [run.total.arrived for run in found] for name, found in runs.items()}
    assert len(set(map(tuple, arrivals.values()))) == 1


def test_the_command_prints_one_document_and_a_table(file):
    shown = CliRunner().invoke(main, ["stream", str(file), "--json"])
    assert shown.exit_code == 0
    found = json.loads(shown.stdout)
    assert set(found["policies"]) == {"replan", "static", "oracle"}
    assert set(found["versus"]) == {"static", "oracle"}
    table = CliRunner().invoke(main, ["stream", str(file)])
    assert table.exit_code == 0
    assert "energy/request (J)" in table.stdout
    assert max(map(len, table.stdout.splitlines())) <= 80


def test_an_unknown_stream_is_told(tmp_path):
    shown = CliRunner().invoke(main, ["stream", "day_of_us"])
    assert shown.exit_code == 2
    assert "day_of_use" in shown.output


def test_duration_ends_a_run_with_requests_in_flight(tmp_path):
    path = tmp_path / "s.yaml"
    text = STREAM.replace("requests: 150", "duration_s: 30.0").replace("4.0, per", "40.0, per")
    path.write_text(text)
    stream = load_stream(path)
    run = run_replication(stream, stream.spec.policies[1], 0)
    tally = run.total
    assert run.window_s == 30.0
    assert tally.arrived == tally.done + tally.late + tally.failed + tally.in_flight


def test_memory_does_not_grow_with_requests_even_without_a_garbage_collector(file):
    """What is done is freed at once: nothing that a request leaves refers to itself."""

    def peak(requests):
        stream = load_stream(file)
        changes = {"requests": requests, "load": (), "faults": stream.spec.faults[2:]}
        spec = stream.spec.model_copy(update=changes)
        stream = type(stream)(stream.name, spec, stream.questions, stream.traces)
        run_replication(stream, spec.policies[1], 0)  # plans and programs are kept from now on
        gc.collect()
        gc.disable()
        tracemalloc.start()
        try:
            run_replication(stream, spec.policies[1], 0)
        finally:
            gc.enable()
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    few, many = peak(150), peak(1200)
    assert many < 1.6 * few + 500_000


@given(
    values=st.lists(st.floats(0.0, 1e6), min_size=1, max_size=200),
    share=st.floats(0.0, 1.0),
)
def test_quantiles_are_within_the_relative_error_stated(values, share):
    sketch, halves = Sketch(), [Sketch(), Sketch()]
    for number, value in enumerate(values):
        sketch.add(value)
        halves[number % 2].add(value)
    exact = float(np.quantile(values, share, method="lower"))
    found = sketch.quantile(share)
    assert found == pytest.approx(exact, rel=RELATIVE_ERROR * 1.001, abs=1e-12)
    halves[0].merge(halves[1])
    assert halves[0].quantile(share) == found
    assert sketch.mean == pytest.approx(np.mean(values), rel=1e-9)
    assert sketch.quantile(1.0) == pytest.approx(max(values), abs=1e-12)


def test_sketches_refuse_what_is_no_amount():
    for value in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="must be finite and 0 or greater"):
            Sketch().add(value)
    assert Sketch().quantile(0.5) is None
    assert Sketch().mean is None


def test_intervals_are_students():
    values = [1.0, 2.0, 4.0, 4.5]
    found = interval(values, 0.9)
    low, high = student.interval(
        0.9, len(values) - 1, loc=np.mean(values), scale=np.std(values, ddof=1) / 2.0
    )
    assert found["mean"] == pytest.approx(np.mean(values))
    assert (found["low"], found["high"]) == pytest.approx((low, high))
    assert interval([3.0], 0.9)["low"] is None
    assert interval([None], 0.9)["mean"] is None
    differences = paired([2.0, 3.0, None], [1.0, 1.0, 5.0], 0.9)
    assert differences["mean"] == 1.5
    assert differences["replications"] == 2


TRACED = """\
kind: stream
description: made up for tests
device: {soc: tegra_k1, network: wifi, options: paper}
apps:
  - {name: camera, model: alexnet, planner: cloud_only, arrivals: {trace: {file: arrivals.csv}}}
policies: [{policy: static}]
requests: 4
load: [{processor: cpu, trace: {file: load.csv}}]
bus: {trace: {file: bus.csv}}
link: {trace: {file: link.csv}}
"""


def test_traces_drive_arrivals_load_bus_and_link(tmp_path):
    (tmp_path / "s.yaml").write_text(TRACED)
    (tmp_path / "arrivals.csv").write_text("time_s\n1\n11\n21\n31\n")
    (tmp_path / "load.csv").write_text("time_s,share\n0,0\n20,0.9\n40,0\n")
    (tmp_path / "bus.csv").write_text("time_s,share\n0,0\n30,0.5\n60,0\n")
    rates = "uplink_bytes_per_s,downlink_bytes_per_s"
    link = f"time_s,{rates}\n0,1000000,1000000\n10,500000,500000\n30,0,0\n60,1,1\n"
    (tmp_path / "link.csv").write_text(link)
    stream = load_stream(tmp_path / "s.yaml")
    run = run_replication(stream, stream.spec.policies[0], 0)
    assert run.total.arrived == run.total.done == 4
    assert run.total.recovered == 1  # the last: no link any more
    latency = run.total.latency
    assert latency.least < 0.5 < latency.greatest


EVERYTHING = """\
kind: stream
description: made up for tests
device:
  soc: tegra_k1
  network: wifi
  options: paper
  standby_w: {value: 0.03, basis: assumed, source: made up}
apps:
  - {name: camera, model: alexnet, planner: gpu_only, arrivals: {periodic: {period_s: 1.0}}}
  - {name: voice, model: cd_seide, planner: gpu_only, arrivals: {periodic: {period_s: 5.0}}}
policies: [{policy: static}]
requests: 60
governors:
  - {processor: cpu, governor: schedutil}
  - {processor: gpu, governor: ondemand}
thermal:
  ambient_c: {value: 25.0, basis: assumed, source: made up}
  junction_case_k_per_w: {value: 9.0, basis: assumed, source: made up}
  case_ambient_k_per_w: {value: 7.0, basis: assumed, source: made up}
  junction_j_per_k: {value: 0.5, basis: assumed, source: made up}
  case_j_per_k: {value: 10.0, basis: assumed, source: made up}
  sampling_s: {value: 0.25, basis: assumed, source: made up}
  most_w: {value: 25.0, basis: assumed, source: made up}
  step_c: 20.0
  trips:
    - node: junction
      at_c: {value: 60.0, basis: assumed, source: made up}
      clear_c: {value: 55.0, basis: assumed, source: made up}
      processor: gpu
      cap_hz: 180.0e+6
battery:
  capacity_coulombs: {value: 1000.0, basis: assumed, source: made up}
  resistance_ohm: {value: 0.1, basis: assumed, source: made up}
  open_circuit_v: {points: [[0.0, 3.5], [1.0, 4.2]], source: made up, basis: assumed}
  cut_off_v: {value: 3.3, basis: assumed, source: made up}
  averaging_s: {value: 10.0, basis: assumed, source: made up}
weights:
  read_s_per_byte: {value: 5.0e-9, basis: assumed, source: made up}
  read_w: {value: 0.3, basis: assumed, source: made up}
faults:
  - {fault: memory_pressure, free_bytes: 300.0e+6, at: [{start_s: 15.0, stop_s: 25.0}]}
  - {fault: throttled, processor: cpu, cap_hz: 1.0e+9, at: [{start_s: 5.0, stop_s: 15.0}]}
"""


def test_everything_at_once(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(EVERYTHING)
    stream = load_stream(path)
    runs = run_stream_file(stream)
    run = runs["static"][0]
    total = run.total
    assert total.arrived == total.done + total.late + total.failed == 60
    assert run.weights_read >= 3  # both once, and again after the pressure
    assert run.hottest_c["junction"] > 60.0
    assert run.energy_breakdown_j["storage"] > 0.0
    battery = run.battery
    assert battery["drawn_j"] == pytest.approx(sum(run.energy_breakdown_j.values()), rel=1e-9)
    assert 0.0 < battery["used_share"] < 1.0
    found = stream_document(stream, runs)["policies"]["static"]
    assert found["battery"]["loss_j"]["mean"] == battery["loss_j"]
    cool = EVERYTHING.replace("value: 60.0", "value: 600.0").replace("value: 55.0", "value: 500.0")
    path.write_text(cool)
    cooler = load_stream(path)
    unbound = run_stream_file(cooler)["static"][0]
    assert unbound.hottest_c["junction"] > run.hottest_c["junction"]


def test_nothing_answered_is_a_no(tmp_path):
    path = tmp_path / "s.yaml"
    text = TRACED.replace("trace: {file: arrivals.csv}", "periodic: {period_s: 1.0}")
    text = text[: text.index("load:")].replace("network: wifi", "network: none")
    path.write_text(text)
    shown = CliRunner().invoke(main, ["stream", str(path), "--json"])
    assert shown.exit_code == 1
    assert "no request was answered" in shown.stderr
    assert json.loads(shown.stdout)["policies"]["static"]["requests"]["failed"] == 4
