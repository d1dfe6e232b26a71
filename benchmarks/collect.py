"""Run the benchmarks and write `benchmarks/results/latest.json`.

Each figure: {"name", "value", "unit", "target", "better": "lower" | "higher", "holds", "how"}.
Targets are goals for a two-core machine, never pass/fail tests.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
ENVIRONMENT = {
    key: value
    for key, value in os.environ.items()
    if key not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
}
"""Without the two BLAS overrides that a machine may set."""


def _figure(
    name: str, value: float, unit: str, target: float, better: str, how: str
) -> dict[str, Any]:
    holds = value <= target if better == "lower" else value >= target
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "target": target,
        "better": better,
        "holds": holds,
        "how": how,
    }


def _wall_s(command: list[str], environment: dict[str, str] | None = None) -> float:
    start = time.perf_counter()
    subprocess.run(
        command,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment or ENVIRONMENT,
    )
    return time.perf_counter() - start


def _script(name: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(HERE / name)],
        check=True,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
    )
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def front_door() -> list[dict[str, Any]]:
    """How long `deepx list` takes, as a user waits for it."""
    deepx = str(BIN / "deepx")
    value = median(_wall_s([deepx, "list", "socs"]) for _ in range(7))
    return [
        _figure("deepx_list", value, "s", 0.5, "lower", "median of 7 runs of `deepx list socs`")
    ]


def main_job() -> list[dict[str, Any]]:
    """`deepx reproduce` with an empty cache, then with a full one."""
    deepx = str(BIN / "deepx")
    with tempfile.TemporaryDirectory() as folder:
        environment = ENVIRONMENT | {"DEEPX_CACHE": f"{folder}/cache"}
        command = [deepx, "reproduce", "--out", f"{folder}/out"]
        cold_s = _wall_s(command, environment)
        warm_s = _wall_s(command, environment)
    return [
        _figure("reproduce_cold", cold_s, "s", 200, "lower", "`deepx reproduce`, empty cache"),
        _figure("reproduce_warm", warm_s, "s", 60, "lower", "the same again"),
    ]


def engine() -> list[dict[str, Any]]:
    """Unit-blocks a second of the event engine, and whether time is linear in requests."""
    found = _script("engine.py")
    return [
        _figure(
            "engine_blocks",
            found["blocks_per_s"],
            "1/s",
            20_000,
            "higher",
            "uncontended stream of AlexNet requests, cpu_only, one core",
        ),
        _figure(
            "engine_linearity",
            found["ratio_10000_to_1000"],
            "",
            1.2,
            "lower",
            "seconds per request at 10,000 requests over those at 1,000",
        ),
    ]


def numerics() -> list[dict[str, Any]]:
    """AlexNet in numpy against onnxruntime, one thread each, one process each."""
    found = _script("alexnet_numpy.py")
    return [
        _figure(
            "alexnet_numpy_speed",
            found["onnxruntime_ms"] / found["numpy_ms"],
            "x",
            1.0,
            "higher",
            "onnxruntime's median ms over numpy's; OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE unset",
        )
    ]


_PLANNING = (
    ("deepx_paper_s", 0.005, "s", "AlexNet, Tegra K1, LTE, PAPER; median, tables kept"),
    ("deepx_full_s", 0.05, "s", "the same, FULL"),
    ("exact_paper_s", 1.0, "s", "the optimum of that, proved; PAPER"),
    ("exact_full_s", 30.0, "s", "the same, FULL"),
    ("tables_paper_s", 0.5, "s", "median of pricing all options of that, PAPER"),
    ("tables_full_s", 0.5, "s", "the same, FULL"),
    (
        "deepx_100_layers_s",
        0.05,
        "s",
        "median of 12 chains of 100 dense layers under 4 error limits",
    ),
    ("deepx_linearity", 1.2, "", "seconds a layer at 100 layers over those at 25"),
    ("gap_pairs", 0.005, "", "largest over four pairs, PAPER and FULL, planning aside"),
    ("gap_error_p95", 0.02, "", "random chains, error limit, against the proved bound"),
    ("gap_deadline_p95", 0.05, "", "the same with a deadline"),
    ("gap_all_p95", 0.05, "", "the same with error, deadline and memory"),
)


def planning() -> list[dict[str, Any]]:
    """How fast `deepx` plans, and how far its plans are from the best that is found."""
    found = _script("planning.py")
    return [
        _figure(name, found[name], unit, target, "lower", how)
        for name, target, unit, how in _PLANNING
    ]


_SWEEPS = (
    ("million_two_workers_s", 60.0, "s", "lower", "`deepx sweep run million --workers 2`"),
    ("million_resume_s", 5.0, "s", "lower", "the same again, all cases done"),
    ("engine_over_array_law", 10.0, "x", "higher", "seconds a case, engine over arrays"),
    ("runner_overhead_ms_a_case", 0.2, "ms", "lower", "200,000 cheap cases, less the law alone"),
    ("two_workers_over_one", 1.8, "x", "higher", "6,000 cases of deepx, start of workers included"),
    ("memory_million_over_quarter", 1.5, "x", "lower", "peak memory, a million over 250,000"),
)


def sweeps() -> list[dict[str, Any]]:
    """How fast sweeps run and resume, what the runner adds, and whether memory is flat."""
    found = _script("sweeps.py")
    return [
        _figure(name, found[name], unit, target, better, how)
        for name, target, unit, better, how in _SWEEPS
    ]


SUITES: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "front_door": front_door,
    "engine": engine,
    "numerics": numerics,
    "planning": planning,
    "sweeps": sweeps,
    "main_job": main_job,
}


def main() -> None:
    """Run the suites named on the command line (default: all) and write the figures."""
    names = sys.argv[1:] or list(SUITES)
    figures = []
    for name in names:
        print(f"{name} ...", file=sys.stderr)
        figures += SUITES[name]()
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=HERE)
    document = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}",
        "commit": commit.stdout.strip(),
        "figures": figures,
    }
    target = HERE / "results" / "latest.json"
    target.parent.mkdir(exist_ok=True)
    target.with_suffix(".part").write_text(json.dumps(document, indent=2) + "\n")
    target.with_suffix(".part").replace(target)
    for figure in figures:
        mark = "ok" if figure["holds"] else "MISSED"
        print(f"{figure['name']:24s} {figure['value']:12.4g} {figure['unit']:5s} {mark}")


if __name__ == "__main__":
    main()
