"""Sweeps: rate of the array law, its ratio to the engine, overhead of the runner, resume.

Prints one JSON document. Ratios are taken within one process; times are minima of several runs.
"""

import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from experiments import load_sweep, run_sweep
from experiments.sweeps import running
from experiments.sweeps.loading import Sweep
from experiments.sweeps.rows import compute

CHEAP = """
kind: sweep
description: cases that cost little, so that what is left is the runner
base: {planner: cpu_only, network: none}
axes:
  - grid: {soc.board_w: {low: 0.5, high: 2.0, count: COUNT}}
metrics: [energy_j]
"""
BUSY = """
kind: sweep
description: cases that plan and run, a few milliseconds each
base: {planner: deepx, soc: tegra_k1, model: alexnet}
axes:
  - grid: {conditions.uplink_bytes_per_s: {low: 1.0e+5, high: 1.0e+7, count: 6000}}
metrics: [energy_j]
"""
ENGINE_CASES = 200
LAW_CASES = 20_000
OVERHEAD_CASES = 200_000
MEMORY_CASES = (250_000, 1_000_000)


def least_s(task: Callable[[], Any], runs: int = 3) -> float:
    times = []
    for _ in range(runs):
        began_s = time.perf_counter()
        task()
        times.append(time.perf_counter() - began_s)
    return min(times)


def ratio() -> float:
    """Seconds a case by the engine over seconds a case by arrays, on the same cases' kinds."""
    sweep = load_sweep("million")
    spread = np.linspace(0, len(sweep.space) - 1, ENGINE_CASES).astype(np.int64)
    numbers = np.concatenate(
        [np.arange(at, at + 5000) for at in range(0, len(sweep.space), 250_000)]
    )
    compute(sweep, spread, "auto")
    slow_s = least_s(lambda: compute(sweep, spread, "des"), 1) / len(spread)
    return slow_s / (least_s(lambda: compute(sweep, numbers, "auto")) / len(numbers))


def cheap(folder: Path, count: int) -> Sweep:
    """A sweep of that many cases whose law is a few microseconds each."""
    path = folder / f"cheap_{count}.yaml"
    path.write_text(CHEAP.replace("COUNT", str(count)))
    return load_sweep(path)


def peak_bytes() -> int:
    """Most memory that this process or a worker of it held so far."""
    own, workers = (
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return 1024 * max(own, workers)


def memory_growth(folder: Path) -> float:
    """Peak memory of a million cases over that of a quarter of them; takes the peak so far."""
    peaks = []
    for count in MEMORY_CASES:
        run_sweep(cheap(folder, count), folder / f"memory_{count}", workers=2)
        peaks.append(peak_bytes())
    return peaks[1] / peaks[0]


def overhead_ms(folder: Path) -> float:
    """Milliseconds a case of everything but the law: run as usual, less the law alone."""
    sweep = cheap(folder, OVERHEAD_CASES)
    count = len(sweep.space)
    began_s = time.perf_counter()
    run_sweep(sweep, folder / "cheap", workers=1)
    whole_s = time.perf_counter() - began_s
    numbers = np.arange(LAW_CASES)
    law_s = least_s(lambda: compute(sweep, numbers, "auto")) / LAW_CASES
    return 1e3 * (whole_s / count - law_s)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        growth = memory_growth(folder)  # first: a peak never falls
        sweep = load_sweep("million")
        began_s = time.perf_counter()
        run_sweep(sweep, folder / "two", workers=2)
        two_s = time.perf_counter() - began_s
        resume_s = least_s(lambda: run_sweep(sweep, folder / "two", workers=2))
        path = folder / "busy.yaml"
        path.write_text(BUSY)
        busy = load_sweep(path)
        busy_s = {}
        for workers in (1, 2):
            began_s = time.perf_counter()
            run_sweep(busy, folder / f"workers{workers}", workers=workers)
            busy_s[workers] = time.perf_counter() - began_s
        document = {
            "million_two_workers_s": round(two_s, 2),
            "million_resume_s": round(resume_s, 3),
            "engine_over_array_law": round(ratio(), 1),
            "runner_overhead_ms_a_case": round(overhead_ms(folder), 4),
            "two_workers_over_one": round(busy_s[1] / busy_s[2], 2),
            "chunk_s": running.CHUNK_S,
            "memory_million_over_quarter": round(growth, 2),
            "peak_memory_bytes": peak_bytes(),
            "how": "million: 1,000,000 cases; two over one: 6,000 cases of deepx",
        }
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
