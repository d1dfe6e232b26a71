"""Random chains of dense layers with limits that bind: what planners are measured on."""

import random
from dataclasses import replace
from functools import lru_cache
from typing import Any

from planners import PAPER, Conditions, Goals, Infeasible, Prediction, Question, load_planner
from socs import Soc, load_cloud, load_link, load_soc
from workloads import Workload
from workloads.building import build
from workloads.reader import read_text
from workloads.specs import WorkloadSpec

KINDS = ("error", "deadline", "all")
"""Limits that bind: error; error and deadline; error, deadline and memory."""
_FIGURE = "source: made for a benchmark, basis: assumed, low: 0.0, high: 1.0e+12"


@lru_cache
def _soc(name: str) -> Soc:
    return load_soc(name)


def ask(soc: str, workload: Workload, link: str | None = "lte", **fields: Any) -> Question:
    """A question over a link to the server."""
    conditions = Conditions(
        link=load_link(link) if link else None, cloud=load_cloud("k40_server") if link else None
    )
    return Question(workload=workload, soc=_soc(soc), conditions=conditions, **fields)


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


def drawn(kind: str, seed: int) -> Question:
    """A question of 4 to 12 layers whose limits bind; Infeasible where no plan keeps the error.

    The deadline lies between what the cheapest plan takes and what the fastest does; the memory
    limit between what the cheapest plan of all that then needs and the least that was found.
    """
    generator = random.Random(f"{kind} {seed}")
    goals = Goals(error=generator.uniform(0.03, 0.6))
    question = ask(
        generator.choice(("tegra_k1", "snapdragon_800")),
        chain(generator, generator.randint(4, 12)),
        generator.choice((None, "wifi", "lte")),
        goals=goals,
        options=replace(PAPER, precisions="all"),
    )
    if kind == "error":
        return question
    free = _needs(question)
    fast = _needs(question.under(goals=replace(goals, objective="latency")))
    share = generator.uniform(0.2, 0.8)
    deadline_s = fast.latency_s + share * (free.latency_s - fast.latency_s)
    question = question.under(goals=replace(goals, deadline_s=deadline_s))
    if kind == "deadline":
        return question
    most, least = _needs(question).peak_memory_bytes, _least_bytes(question)
    memory_bytes = least + generator.uniform(0.0, 0.9) * (most - least)
    return question.under(goals=replace(question.goals, memory_bytes=memory_bytes))


def _needs(question: Question) -> Prediction:
    predicted = load_planner("deepx")(question).predicted
    assert predicted is not None
    return predicted


def _least_bytes(question: Question) -> float:
    """The least memory of any plan found that keeps the other limits."""
    try:
        _needs(question.under(goals=replace(question.goals, memory_bytes=1.0)))
    except Infeasible as refusal:
        return min(one.best for one in refusal.conflicts if one.goal == "memory")
    raise AssertionError("a plan in one byte")
