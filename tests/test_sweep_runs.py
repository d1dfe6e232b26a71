"""Runs of sweeps: the same rows whatever the workers and the interruptions, nothing twice."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from experiments import load_results, load_sweep, run_sweep
from experiments.cli import main
from experiments.faults import InputFault
from experiments.sweeps import rows, running, store
from experiments.sweeps.crews import Alone, Processes
from experiments.sweeps.rows import FAILED
from experiments.sweeps.store import locked, merged, read_manifest, size, without

SMALL = """
kind: sweep
description: made up for tests
base: {soc: tegra_k1, model: alexnet, network: none, truth.hidden_error: 0.2}
axes:
  - grid: {planner: [cpu_only, gpu_only], conditions.busy.cpu: [0.0, 0.3, 0.6]}
  - random: {count: 2, fields: {soc.board_w: {low: 0.5, high: 2.0}}}
when: ["not (planner == 'gpu_only' and conditions.busy.cpu > 0.5)"]
replications: 3
"""
CASES = 5 * 2 * 3


def written(folder, text=SMALL, name="small.yaml"):
    path = folder / name
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return load_sweep(written(tmp_path_factory.mktemp("small")))


@pytest.fixture(scope="module")
def alone(small, tmp_path_factory):
    out = tmp_path_factory.mktemp("alone") / "out"
    status = run_sweep(small, out)
    assert status == {"cases": CASES, "done": CASES, "failed": 0, "executed_last_run": CASES}
    return load_results(out)


def equal(one, two):
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_rows_say_what_the_cases_were(alone):
    assert len(alone) == CASES
    assert alone["case_id"].is_unique
    assert (alone["status"] == "ok").all()
    assert alone["planner"].value_counts().to_dict() == {"cpu_only": 18, "gpu_only": 12}
    assert alone["conditions.busy.cpu"].dtype == np.float64
    assert alone["planner"].dtype == "category"
    assert (alone["soc"] == "tegra_k1").all()
    provenance = alone.attrs["provenance"]
    assert provenance["base"]["truth.hidden_error"] == 0.2
    assert {"python", "numpy", "simpy"} <= set(provenance["versions"])


def test_replications_have_common_random_numbers(alone):
    seeds = alone.groupby("replication")["seed"].unique()
    assert all(len(found) == 1 for found in seeds)
    assert len({found[0] for found in seeds}) == 3
    spread = alone.groupby(["conditions.busy.cpu", "soc.board_w"])["latency_s"].nunique()
    assert (spread > 1).all()


def test_rows_are_the_engines_own(alone):
    from experiments.scenarios import scenario
    from planners import load_planner
    from sim import run

    row = alone.iloc[0]
    question = scenario("tegra_k1", "alexnet", network="none")
    soc = question.soc.model_copy(
        update={"board_w": question.soc.board_w.model_copy(update={"value": row["soc.board_w"]})}
    )
    question = question.under(soc=soc)
    plan = load_planner("cpu_only")(question)
    outcome = run(plan, question, hidden_error=0.2, seed=int(row["seed"]))
    assert row["energy_j"] == outcome.energy_j
    assert row["latency_s"] == outcome.latency_s


def test_processes_change_no_row(small, alone, tmp_path):
    status = run_sweep(small, tmp_path / "two", workers=2)
    assert status["executed_last_run"] == CASES
    equal(alone, load_results(tmp_path / "two"))


def test_a_finished_sweep_computes_nothing(small, alone, tmp_path, monkeypatch):
    run_sweep(small, tmp_path)
    before = sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "parts").iterdir())
    monkeypatch.setattr(running, "compute", None)
    assert run_sweep(small, tmp_path)["executed_last_run"] == 0
    after = sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "parts").iterdir())
    assert before == after
    equal(alone, load_results(tmp_path))


class Stop(Exception):
    pass


@pytest.mark.parametrize("stop", [KeyboardInterrupt, Stop])
def test_interrupted_anywhere_the_rest_is_computed_once(small, alone, tmp_path, monkeypatch, stop):
    chance, computed, compute = random.Random(7), [], running.compute
    monkeypatch.setattr(running, "CHUNK_S", 0.0)

    def moody(sweep, numbers, engine):
        if chance.random() < 0.3:
            raise stop
        computed.extend(numbers.tolist())
        return compute(sweep, numbers, engine)

    monkeypatch.setattr(running, "compute", moody)
    for _ in range(100):
        before = len(computed)
        try:
            status = run_sweep(small, tmp_path, engine="des")
        except stop:
            kept = read_manifest(tmp_path).status()
            assert kept["done"] == len(computed)
            assert kept["executed_last_run"] == len(computed) - before
            continue
        break
    assert status["done"] == CASES
    assert len(computed) == len(set(computed)) == CASES
    equal(alone, load_results(tmp_path))


def deepx(*words, code=0):
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def started(path, out, workers):
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "experiments", "sweep", "run", str(path)),
            *("--out", str(out), "--workers", str(workers)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )


def killed_until_done(path, out, workers, *, kills, chance):
    """Kill -9 at random instants after the first part, run on; how many runs were killed."""
    done, count = -1, 0
    while count < kills:
        process = started(path, out, workers)
        begun_s = time.monotonic()
        while process.poll() is None and time.monotonic() - begun_s < 60:
            manifest = out / "manifest.json"
            status = read_manifest(out).status() if manifest.exists() else {"done": -1}
            if status["done"] > done:
                done = status["done"]
                break
            time.sleep(0.02)
        time.sleep(chance.uniform(0.0, 1.0))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        count += 1
        left = read_manifest(out).status()
        if left["done"] == left["cases"]:
            break
    before = read_manifest(out).status()["done"]
    process = started(path, out, workers)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    after = read_manifest(out).status()
    assert after["executed_last_run"] == after["cases"] - before
    return count


def test_killed_and_resumed_the_rows_are_the_same(small, alone, tmp_path):
    path = written(tmp_path, SMALL.replace("replications: 3", "replications: 15"))
    sweep = load_sweep(path)
    run_sweep(sweep, tmp_path / "whole")
    killed_until_done(path, tmp_path / "out", 2, kills=1, chance=random.Random(1))
    equal(load_results(tmp_path / "whole"), load_results(tmp_path / "out"))


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_bandwidth_error_killed_five_times_is_the_same(tmp_path, workers):
    path = Path(running.__file__).parents[1] / "configs" / "bandwidth_error.yaml"
    run_sweep(load_sweep(path), tmp_path / "whole", workers=2)
    chance = random.Random(workers)
    assert killed_until_done(path, tmp_path / "out", workers, kills=5, chance=chance) >= 1
    whole = load_results(tmp_path / "whole")
    assert len(whole) >= 200
    equal(whole, load_results(tmp_path / "out"))


def test_ctrl_c_keeps_what_is_finished_and_ends_with_130(small, tmp_path):
    path = written(tmp_path, SMALL.replace("replications: 3", "replications: 3000"))
    process = started(path, tmp_path / "out", 2)
    manifest = tmp_path / "out" / "manifest.json"
    begun_s = time.monotonic()
    while time.monotonic() - begun_s < 60:
        if manifest.exists() and read_manifest(tmp_path / "out").parts:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert "are kept in" in said
    assert read_manifest(tmp_path / "out").status()["done"] > 0


def test_workers_end_with_a_killed_parent(small, tmp_path):
    psutil = pytest.importorskip("psutil")
    path = written(tmp_path, SMALL.replace("replications: 3", "replications: 3000"))
    process = started(path, tmp_path / "out", 2)
    begun_s = time.monotonic()
    while time.monotonic() - begun_s < 60:
        manifest = tmp_path / "out" / "manifest.json"
        if manifest.exists() and read_manifest(tmp_path / "out").parts:
            break
        time.sleep(0.05)
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 2
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive


def _deadly(sweep, start, stop, engine, code):
    """Case 4 ends the process that computes it."""
    if start <= 4 < stop:
        os.kill(os.getpid(), signal.SIGKILL)
    return running.work(sweep, start, stop, engine, code)


class Deadly(Processes):
    def submit(self, task, *arguments):
        return super().submit(_deadly, *arguments)


def test_a_case_that_kills_its_worker_fails_alone(small, alone, tmp_path, monkeypatch):
    monkeypatch.setattr(running, "_crew", lambda *_: Deadly(2))
    monkeypatch.setattr(running, "CHUNK_S", 0.02)
    status = run_sweep(small, tmp_path)
    assert status == {"cases": CASES, "done": CASES - 1, "failed": 1, "executed_last_run": CASES}
    found = load_results(tmp_path).set_index("case")
    assert found.loc[4, "status"].startswith(FAILED)
    assert found["status"].eq("ok").sum() == CASES - 1
    monkeypatch.undo()
    assert run_sweep(small, tmp_path)["executed_last_run"] == 0
    status = run_sweep(small, tmp_path, retry_failed=True)
    assert status == {"cases": CASES, "done": CASES, "failed": 0, "executed_last_run": 1}
    equal(alone, load_results(tmp_path))


def test_cases_that_raise_are_rows_and_are_retried_on_request(small, alone, tmp_path, monkeypatch):
    build = rows.build_case

    def broken(values):
        if values["conditions.busy.cpu"] == 0.3:
            raise ZeroDivisionError("made up for tests")
        return build(values)

    monkeypatch.setattr(rows, "build_case", broken)
    path = written(tmp_path)
    words = ("sweep", "run", path, "--out", tmp_path / "o", "--workers", 1)
    assert f"12 of {CASES} cases failed" in deepx(*words, code=1).stderr
    found = load_results(tmp_path / "o")
    wrong = found["status"] == f"{FAILED}ZeroDivisionError: made up for tests"
    assert (wrong == (found["conditions.busy.cpu"] == 0.3)).all()
    assert found.loc[wrong, "energy_j"].isna().all()
    monkeypatch.undo()
    assert read_manifest(tmp_path / "o").status()["failed"] == 12
    assert json.loads(deepx(*words, "--json", code=1).stdout)["executed_last_run"] == 0
    again = json.loads(deepx(*words, "--retry-failed", "--json").stdout)
    assert again == {"cases": CASES, "done": CASES, "failed": 0, "executed_last_run": 12}
    equal(alone, load_results(tmp_path / "o"))


def test_a_second_run_into_a_folder_is_told(small, tmp_path):
    run_sweep(small, tmp_path)
    with locked(tmp_path), pytest.raises(InputFault, match="in use by another run"):
        run_sweep(small, tmp_path)
    path = written(tmp_path)
    with locked(tmp_path):
        said = deepx("sweep", "run", path, "--out", tmp_path, code=2).stderr
    assert "--out" in said


def test_another_sweep_in_the_folder_is_told(small, tmp_path):
    run_sweep(small, tmp_path)
    other = load_sweep(written(tmp_path, SMALL.replace("0.3", "0.4")))
    with pytest.raises(InputFault, match="holds another sweep"):
        run_sweep(other, tmp_path)


def test_a_full_disk_keeps_what_is_finished(small, alone, tmp_path, monkeypatch):
    path = written(tmp_path)
    real, parts = store.pq.write_table, []
    monkeypatch.setattr(running, "CHUNK_S", 0.0)
    monkeypatch.setattr(running, "FLUSH_S", 0.0)
    monkeypatch.setattr(running, "FLUSH_SHARE", 0.0)

    def full(table, where, **settings):
        if len(parts) == 3:
            Path(where).write_bytes(b"half")
            raise OSError(28, "No space left on device", str(where))
        parts.append(len(table))
        real(table, where, **settings)

    monkeypatch.setattr(store.pq, "write_table", full)
    said = deepx("sweep", "run", path, "--out", tmp_path / "o", "--workers", 1, code=2).stderr
    assert "No space left on device" in said
    kept = sum(parts)
    assert f"{kept} of {CASES} cases are kept" in said
    monkeypatch.undo()
    assert not list((tmp_path / "o" / "parts").glob(".*"))
    result = deepx("sweep", "run", path, "--out", tmp_path / "o", "--workers", 1, "--json")
    assert json.loads(result.stdout)["executed_last_run"] == CASES - kept
    equal(alone, load_results(tmp_path / "o"))


def test_an_unwritable_folder_is_told(tmp_path):
    path = written(tmp_path)
    (tmp_path / "file").write_text("")
    said = deepx("sweep", "run", path, "--out", tmp_path / "file" / "below", code=2).stderr
    assert "--out" in said
    assert "cannot be written" in said


def test_status_and_diff(small, tmp_path):
    run_sweep(small, tmp_path / "a")
    run_sweep(small, tmp_path / "b")
    said = json.loads(deepx("sweep", "status", tmp_path / "a", "--json").stdout)
    assert said == {"cases": CASES, "done": CASES, "failed": 0, "executed_last_run": CASES}
    found = json.loads(deepx("sweep", "diff", tmp_path / "a", tmp_path / "b", "--json").stdout)
    assert found["same"]
    other = load_sweep(written(tmp_path, SMALL.replace("0.2}", "0.3}")))
    run_sweep(other, tmp_path / "c")
    result = deepx("sweep", "diff", tmp_path / "a", tmp_path / "c", "--json", code=1)
    assert {"latency_s", "energy_j"} <= set(json.loads(result.stdout)["columns"])
    assert deepx("sweep", "status", tmp_path / "nothing", code=2).stderr.startswith(str(tmp_path))


def test_plan_counts_cases_before_anything_runs(small, tmp_path):
    path = written(tmp_path)
    found = json.loads(deepx("sweep", "plan", path, "--json").stdout)
    assert found["cases"] == CASES
    assert found["engines"] == {"vector": 0, "des": CASES}
    assert found["seconds"] > 0
    assert found["disk_bytes"] > 0
    assert set(tmp_path.iterdir()) == {path}


def test_ranges_are_sets_of_numbers():
    chance = random.Random(0)
    for _ in range(300):
        one, two = (
            [
                (a, a + chance.randint(1, 6))
                for a in chance.choices(range(40), k=chance.randint(0, 6))
            ]
            for _ in range(2)
        )
        a, b = ({n for start, stop in spans for n in range(start, stop)} for spans in (one, two))
        assert {n for s, e in merged(one) for n in range(s, e)} == a
        assert {n for s, e in without(one, two) for n in range(s, e)} == a - b
        assert size(without(one, two)) == len(a - b)


def test_the_crew_of_one_hears_ctrl_c():
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Alone().submit(interrupted)
