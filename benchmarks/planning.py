"""How fast `deepx` plans, and how far from the optimum. Prints one JSON document.

    python benchmarks/planning.py [CHAINS]

Random chains (default 60 a kind of limit) have 4 to 12 dense layers; the optimum is what `exact`
proves.
"""

import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

from benchmarks.chains import KINDS, ask, chain
from benchmarks.gaps import measured
from planners import FULL, PAPER, Goals, Plan, Question, load_planner
from planners.kept import chain_of, forget
from planners.search import score
from workloads import load_workload

PAIRS = [(s, m) for s in ("tegra_k1", "snapdragon_800") for m in ("alexnet", "cd_seide")]


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Median wall seconds."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return median(taken)


def optimum(question: Question) -> float:
    """What `exact` proves that no plan undercuts."""
    certificate = load_planner("exact")(question).certificate
    assert certificate is not None
    return float(certificate["bound"])


def value(plan: Plan, question: Question) -> float:
    """The objective's value, planning aside."""
    assert plan.predicted is not None
    return score(plan.predicted, question)


def speed() -> dict[str, float]:
    """Seconds of `deepx` with AlexNet on the Tegra K1 over LTE, and of long chains."""
    deepx, exact = load_planner("deepx"), load_planner("exact")
    alexnet = load_workload("alexnet")
    found = {}
    for options in (PAPER, FULL):
        question = ask("tegra_k1", alexnet, options=options)
        deepx(question)

        def fresh(question: Question = question) -> None:
            forget()
            chain_of(question, question.runtime(question.options.runtime))

        found[f"tables_{options.name}_s"] = seconds(fresh, 5)
        deepx(question)
        found[f"deepx_{options.name}_s"] = seconds(lambda q=question: deepx(q), 41)  # type: ignore[misc]
        found[f"exact_{options.name}_s"] = seconds(lambda q=question: exact(q), 5)  # type: ignore[misc]
    for count in (25, 50, 100):
        taken = sorted(long_chains(count))
        found[f"deepx_{count}_layers_s"] = median(taken)
        found[f"deepx_{count}_layers_p90_s"] = taken[int(0.9 * len(taken))]
    # four times the layers: seconds a layer of the long chain over those of the short one
    found["deepx_linearity"] = found["deepx_100_layers_s"] / found["deepx_25_layers_s"] / 4.0
    return found


def long_chains(count: int) -> Iterator[float]:
    """Median seconds of `deepx` for chains of so many layers, each under four error limits.

    Chains differ fivefold in how long they take: one chain says little.
    """
    deepx = load_planner("deepx")
    for seed in range(12):
        layers = chain(random.Random(seed), count)
        for error in (0.1, 0.2, 0.35, 0.5):
            question = ask("tegra_k1", layers, goals=Goals(error=error))
            deepx(question)
            yield seconds(lambda q=question: deepx(q), 3)  # type: ignore[misc]


def gaps(kind: str, count: int) -> list[float]:
    """Shares by which `deepx` exceeds the proved bound, over random chains that have a plan."""
    found = (measured(kind, seed) for seed in range(count))
    return sorted(one.gap for one in found if one is not None)


def pairs() -> float:
    """Largest gap over the four pairs, PAPER and FULL."""
    deepx, found = load_planner("deepx"), []
    for soc, model in PAIRS:
        for options in (PAPER, FULL):
            question = ask(soc, load_workload(model), options=options)
            ours = value(deepx(question), question)
            found.append(ours / optimum(question) - 1.0)
    return max(found)


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    document: dict[str, Any] = speed() | {"gap_pairs": pairs()}
    for kind in KINDS:
        found = gaps(kind, count)
        document[f"gap_{kind}_p95"] = found[int(0.95 * (len(found) - 1))]
        document[f"gap_{kind}_max"] = found[-1]
    print(json.dumps(document))


if __name__ == "__main__":
    main()
