"""How fast `deepx` plans, and how far from the optimum. Prints one JSON document.

    python benchmarks/planning.py [CHAINS]

Random chains (default 60 a kind of limit) have 4 to 12 dense layers; the optimum is what `exact`
proves.
"""

import json
import random
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Any

from planners import (
    FULL,
    PAPER,
    Conditions,
    Goals,
    Infeasible,
    Plan,
    Question,
    load_planner,
)
from planners.kept import chain_of, forget
from planners.search import score
from socs import load_cloud, load_link, load_soc
from workloads import Workload, load_workload
from workloads.building import build
from workloads.reader import read_text
from workloads.specs import WorkloadSpec

PAIRS = [(s, m) for s in ("tegra_k1", "snapdragon_800") for m in ("alexnet", "cd_seide")]
_FIGURE = "source: made for a benchmark, basis: assumed, low: 0.0, high: 1.0e+12"


def ask(soc: str, workload: Workload, link: str | None = "lte", **fields: Any) -> Question:
    """A question over a link to the server."""
    conditions = Conditions(
        link=load_link(link) if link else None, cloud=load_cloud("k40_server") if link else None
    )
    return Question(workload=workload, soc=load_soc(soc), conditions=conditions, **fields)


def chain(generator: random.Random, count: int) -> Workload:
    """A chain of dense layers of random widths."""
    width = generator.choice((256, 512, 1024, 2048))
    layers = "\n".join(
        f"  - {{name: l{n}, kind: dense, units: {generator.randrange(64, 2560, 32)}}}"
        for n in range(count)
    )
    text = f"""
kind: workload
name: random
description: dense layers of random widths
source: made for a benchmark
frames: {generator.choice((1, 4, 32))}
input:
  shape: [{width}]
  wire: {{name: fp32, bytes_per_frame: {4 * width}, lossless: true,
    encode_bytes_per_s: {{value: 2.0e+9, {_FIGURE}}}}}
output:
  wire: {{name: fp32, bytes_per_frame: 4000, lossless: true,
    encode_bytes_per_s: {{value: 2.0e+9, {_FIGURE}}}}}
error_limit: {{value: 0.3, {_FIGURE}}}
error_gain: {{dense: {{value: 1.0, {_FIGURE}}}}}
quantisation_error:
  int8: {{value: 0.02, {_FIGURE}}}
  fp16: {{value: 0.001, {_FIGURE}}}
weights:
  seed: {generator.randrange(1000)}
  spectra: {{dense: dense}}
layers:
{layers}
"""
    return build(read_text(text, WorkloadSpec))


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
    """Seconds of `deepx` with AlexNet on the Tegra K1 over LTE, and of a 100-layer chain."""
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
    generator = random.Random(0)
    for count in (25, 50, 100):
        question = ask("tegra_k1", chain(generator, count), goals=Goals(error=0.5))
        deepx(question)
        found[f"deepx_{count}_layers_s"] = seconds(lambda q=question: deepx(q), 9)  # type: ignore[misc]
    return found


def limits(question: Question, generator: random.Random, kind: str) -> Goals | None:
    """Goals that bind: between what the cheapest plan has and the least that there is."""
    deepx = load_planner("deepx")
    free = deepx(question).predicted
    assert free is not None
    goals = question.goals
    if kind == "error":
        return goals
    fast = deepx(question.under(goals=replace(goals, objective="latency"))).predicted
    assert fast is not None
    share = generator.uniform(0.2, 0.8)
    deadline_s = fast.latency_s + share * (free.latency_s - fast.latency_s)
    memory_bytes = generator.uniform(0.7, 1.0) * free.peak_memory_bytes
    if kind == "deadline":
        return replace(goals, deadline_s=deadline_s)
    return replace(goals, deadline_s=deadline_s, memory_bytes=memory_bytes)


def gaps(kind: str, count: int) -> list[float]:
    """Shares by which `deepx` exceeds the optimum, over random chains that have a plan."""
    generator, deepx = random.Random(kind), load_planner("deepx")
    found: list[float] = []
    while len(found) < count:
        error = generator.uniform(0.03, 0.6)
        question = ask(
            generator.choice(("tegra_k1", "snapdragon_800")),
            chain(generator, generator.randint(4, 12)),
            generator.choice((None, "wifi", "lte")),
            goals=Goals(error=error),
            options=replace(PAPER, precisions="all"),
        )
        goals = limits(question, generator, kind)
        try:
            question = question.under(goals=goals)
            ours = value(deepx(question), question)
        except Infeasible:
            continue
        found.append(ours / optimum(question) - 1.0)
    return sorted(found)


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
    for kind in ("error", "deadline", "all"):
        found = gaps(kind, count)
        document[f"gap_{kind}_p95"] = found[int(0.95 * (len(found) - 1))]
        document[f"gap_{kind}_max"] = found[-1]
    print(json.dumps(document))


if __name__ == "__main__":
    main()
