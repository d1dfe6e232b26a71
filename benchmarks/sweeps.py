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
from experiments.sweeps.rows import compute

CHEAP = """
kind: sweep
description: cases that cost nothing, so that what is left is the runner
axes:
  - grid: {soc.board_w: {low: 0.5, high: 2.0, count: 200000}}
metrics: [energy_j]
"""
ENGINE_CASES = 200


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


def overhead_ms(folder: Path) -> float:
    """Milliseconds a case of everything but the law: run as usual, less the law alone."""
    path = folder / "cheap.yaml"
    path.write_text(CHEAP)
    sweep = load_sweep(path)
    began_s = time.perf_counter()
    run_sweep(sweep, folder / "cheap")
    whole_s = time.perf_counter() - began_s
    return 1e3 * whole_s / len(sweep.space)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sweep = load_sweep("million")
        began_s = time.perf_counter()
        run_sweep(sweep, folder / "two", workers=2)
        two_s = time.perf_counter() - began_s
        resume_s = least_s(lambda: run_sweep(sweep, folder / "two", workers=2))
        frames = load_sweep("estimator_error")
        busy_s = {}
        for workers in (1, 2):
            began_s = time.perf_counter()
            run_sweep(frames, folder / f"workers{workers}", workers=workers)
            busy_s[workers] = time.perf_counter() - began_s
        document = {
            "million_two_workers_s": round(two_s, 2),
            "million_resume_s": round(resume_s, 3),
            "array_law_over_engine": round(ratio(), 1),
            "runner_and_law_ms_a_case": round(overhead_ms(folder), 4),
            "two_workers_over_one": round(busy_s[1] / busy_s[2], 2),
            "chunk_s": running.CHUNK_S,
            "peak_memory_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
            "how": "million: 1,000,000 cases; two over one: estimator_error, worker start-up in",
        }
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
