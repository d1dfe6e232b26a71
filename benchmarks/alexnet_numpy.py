"""AlexNet, fp32, one image, one thread: numpy core against onnxruntime, one engine per process.

Both in one process ruin each other: onnxruntime's threads spin after each run. Each engine runs in
fresh processes, in turn, and the median of all runs counts. Prints one JSON document.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

RUNS, WARM_UP, ROUNDS = 30, 5, 3
UNSET = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
ENGINES = ("numpy", "onnxruntime")


def median_ms(infer: Callable[[], object]) -> float:
    for _ in range(WARM_UP):
        infer()
    times_s = []
    for _ in range(RUNS):
        start = time.perf_counter()
        infer()
        times_s.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times_s)


def numpy_ms() -> float:
    from onnx_models import dense_weights

    from workloads import load_workload
    from workloads.execution import Scratch, forward

    net, scratch = load_workload("alexnet"), Scratch()
    weights, x = dense_weights(net), image()
    return median_ms(lambda: forward(net, weights, x, scratch=scratch))


def onnxruntime_ms() -> float:
    from onnx_models import chain_model, dense_weights, onnx_session

    from workloads import load_workload

    net, x = load_workload("alexnet"), image()
    session = onnx_session(chain_model(net, dense_weights(net), 1, outputs=("prob",)))
    return median_ms(lambda: session.run(None, {"input": x}))


def image() -> np.ndarray:
    random = np.random.default_rng(0)
    return random.integers(-128, 128, (1, 3, 227, 227)).astype(np.float32)


def measured_ms(engine: str) -> float:
    """In a process of its own."""
    environment = {name: value for name, value in os.environ.items() if name not in UNSET}
    root = Path(__file__).parents[1]
    environment["PYTHONPATH"] = os.pathsep.join([str(root), str(root / "tests")])
    environment |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, __file__, engine],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout)


def main() -> None:
    if len(sys.argv) > 1:
        print({"numpy": numpy_ms, "onnxruntime": onnxruntime_ms}[sys.argv[1]]())
        return
    found: dict[str, list[float]] = {engine: [] for engine in ENGINES}
    for _ in range(ROUNDS):
        for engine in ENGINES:
            found[engine].append(measured_ms(engine))
    middle = {engine: statistics.median(times) for engine, times in found.items()}
    print(
        json.dumps(
            {
                "numpy_ms": round(middle["numpy"], 2),
                "onnxruntime_ms": round(middle["onnxruntime"], 2),
                "ratio": round(middle["onnxruntime"] / middle["numpy"], 3),
                "rounds_ms": {
                    engine: [round(t, 2) for t in times] for engine, times in found.items()
                },
                "how": (
                    f"median of {ROUNDS} processes each, in turn, of medians of {RUNS} runs; one "
                    f"thread; {' and '.join(UNSET)} unset in both; ratio above 1: numpy is faster"
                ),
            }
        )
    )


if __name__ == "__main__":
    main()
