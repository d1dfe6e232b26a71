"""The same rows from a Dask cluster of real processes, one of whose workers is killed."""

import os
import socket
import subprocess
import sys
import threading
import time

import pandas as pd
import pytest
from click.testing import CliRunner

from experiments import load_results, load_sweep, run_sweep
from experiments.cli import main
from experiments.sweeps.store import read_manifest

SWEEP = """
kind: sweep
description: made up for tests
base: {soc: tegra_k1, model: alexnet, network: none, truth.hidden_error: 0.2}
axes:
  - grid: {planner: [cpu_only, gpu_only], conditions.busy.cpu: [0.0, 0.3, 0.6]}
replications: 60
"""


def free_port():
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return made.getsockname()[1]


@pytest.fixture
def cluster(tmp_path):
    """Address of a scheduler, and its two workers as processes."""
    pytest.importorskip("distributed")
    port = free_port()
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    settings = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment}
    dask = (sys.executable, "-m", "distributed.cli")
    address = f"tcp://127.0.0.1:{port}"
    local = ("--host", "127.0.0.1")
    quiet = ("--no-dashboard",)
    processes = [
        subprocess.Popen(
            [*dask[:2], "distributed.cli.dask_scheduler", *local, "--port", str(port), *quiet],
            **settings,
        )
    ]
    worker = ("distributed.cli.dask_worker", address, *local, "--nthreads", "1", "--no-nanny")
    folder = ("--local-directory", str(tmp_path), *quiet)
    processes += [subprocess.Popen([*dask[:2], *worker, *folder], **settings) for _ in range(2)]
    try:
        yield address, processes[1:]
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_with_a_killed_worker_gives_the_same_rows(tmp_path, cluster):
    address, workers = cluster
    (tmp_path / "s.yaml").write_text(SWEEP)
    sweep = load_sweep(tmp_path / "s.yaml")
    run_sweep(sweep, tmp_path / "alone", workers=2)
    out, killed = tmp_path / "cluster", []

    def kill():
        """Once the first part is there, so that work is under way."""
        begun_s = time.monotonic()
        while time.monotonic() - begun_s < 60:
            if (out / "manifest.json").exists() and read_manifest(out).parts:
                break
            time.sleep(0.02)
        killed.append(read_manifest(out).status()["done"])
        workers[0].kill()

    watcher = threading.Thread(target=kill)
    watcher.start()
    status = run_sweep(sweep, out, scheduler=address)
    watcher.join()
    assert status == {"cases": 360, "done": 360, "failed": 0, "executed_last_run": 360}
    assert 0 < killed[0] < 360
    pd.testing.assert_frame_equal(
        load_results(tmp_path / "alone"), load_results(out), check_exact=True
    )
    assert run_sweep(sweep, out, scheduler=address)["executed_last_run"] == 0


@pytest.mark.filterwarnings("ignore")
def test_a_scheduler_that_does_not_answer_is_told(tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    from experiments.sweeps import crews

    monkeypatch.setattr(crews, "TIMEOUT_S", 0.5)
    (tmp_path / "s.yaml").write_text(SWEEP)
    words = ["sweep", "run", str(tmp_path / "s.yaml"), "--out", str(tmp_path / "o")]
    result = CliRunner().invoke(main, [*words, "--scheduler", f"tcp://127.0.0.1:{free_port()}"])
    assert result.exit_code == 2
    assert "--scheduler: no scheduler answers" in result.stderr
