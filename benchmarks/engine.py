"""Unit-blocks a second of the event engine in an uncontended stream, on one core.

AlexNet on the Tegra K1's CPU, 8 blocks a request, requests further apart than one takes. CPU
seconds of this process, plan and compilation included; median of `REPEATS`.

Prints {"blocks_per_s", "ratio_10000_to_1000", "ratio_10000_to_100"}: blocks a second with 10,000
requests, and CPU seconds per request with 10,000 over those with fewer.
"""

import json
import time
from statistics import median

from planners import Question, load_planner
from sim import run_stream
from socs import load_soc
from workloads import load_workload

REPEATS = 5
GAP_S = 1.0
COUNTS = (100, 1_000, 10_000)


def main() -> None:
    question = Question(workload=load_workload("alexnet"), soc=load_soc("tegra_k1"))
    plan = load_planner("cpu_only")(question)

    def seconds_per_request(count: int) -> float:
        start_s = time.process_time()
        outcome = run_stream(plan, (GAP_S * number for number in range(count)), question)
        taken_s = time.process_time() - start_s
        assert outcome.latency_s.max() < GAP_S, "requests wait for each other"
        return taken_s / count

    seconds_per_request(100)
    taken_s = {
        count: median(seconds_per_request(count) for _ in range(REPEATS)) for count in COUNTS
    }
    document = {
        "blocks_per_s": len(plan.blocks) / taken_s[10_000],
        "ratio_10000_to_1000": taken_s[10_000] / taken_s[1_000],
        "ratio_10000_to_100": taken_s[10_000] / taken_s[100],
    }
    print(json.dumps(document))


if __name__ == "__main__":
    main()
