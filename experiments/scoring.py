"""From findings to what the abstract claims: energy cells, memory, coupling; and how far off."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from experiments.abstract import CELLS, MEMORY_GAIN, READINGS, reading
from experiments.answers import OK
from experiments.comparison import planner_rows
from experiments.evaluation import Case, Finding, question_of
from experiments.scenarios import describe
from planners import Question
from planners.memory import model_bytes
from planners.values import CLOUD, UnitBlock
from socs.figures import figures
from workloads.sourced import Sourced

Findings = Mapping[Case, Finding]
ABSTRACT_OPTIONS = "paper"
LOCAL = ("cpu_only", "gpu_only", "lpc_only", "dsp_only", "rlc", "dad", "deepx")
"""Schemes without the cloud; a plan of dad or deepx that uses it does not count."""


def by_case(findings: Iterable[Finding]) -> Findings:
    """Findings by their case."""
    return {finding.case: finding for finding in findings}


def document(found: Findings) -> dict[str, Any]:
    """All that `reproduce --json` prints."""
    rows = cells(found)
    return {
        "scenario": _scenario(found),
        "cells": rows,
        "memory": memory(found),
        "coupling": coupling(found),
        "readings": readings(rows),
        "parameters": parameters(found),
        "verification": verification(found),
        "planners": planner_rows(found),
    }


def _scenario(found: Findings) -> dict[str, Any]:
    """What all cases share, and every resolved scenario."""
    triples = dict.fromkeys((case.soc, case.model, case.options) for case in found)
    cases = [describe(question_of(*triple)) for triple in triples]
    shared = {
        key: cases[0][key] for key in cases[0] if all(case[key] == cases[0][key] for case in cases)
    }
    return shared | {"cases": cases}


def _energy_j(found: Findings, soc: str, model: str, planner: str) -> float | None:
    finding = found.get(Case(soc, model, ABSTRACT_OPTIONS, planner))
    if finding is None or finding.outcome is None:
        return None
    return finding.outcome.energy_j


def cells(found: Findings) -> list[dict[str, Any]]:
    """Energy of a baseline over that of deepx, beside what the abstract prints.

    `sourced`: before any figure was fitted to these cells.
    """
    rows = []
    for cell, sourced in zip(CELLS, sourced_cells(), strict=True):
        base = _energy_j(found, cell.soc, cell.model, f"{cell.versus}_only")
        own = _energy_j(found, cell.soc, cell.model, "deepx")
        simulated = None if base is None or not own else base / own
        rows.append(
            {
                "soc": cell.soc,
                "model": cell.model,
                "versus": cell.versus,
                "paper": cell.paper,
                "sourced": sourced,
                "calibrated": simulated,
            }
        )
    return rows


@lru_cache(maxsize=1)
def sourced_cells() -> tuple[float, ...]:
    """The ten cells with every calibrated figure as its sources alone give it."""
    from experiments.calibration import Bench

    return tuple(map(float, Bench().cells({})))


def memory(found: Findings) -> list[dict[str, Any]]:
    """Footprint of the uncompacted model over that of the deepx plan, on the device.

    `compaction`: what ranks alone save, all blocks taken in fp32.
    """
    rows = []
    for case, finding in found.items():
        if case.planner != "deepx" or case.options != ABSTRACT_OPTIONS:
            continue
        question, simulated, compaction = finding.question, None, None
        if finding.status == OK and finding.plan is not None:
            blocks = finding.plan.blocks
            simulated = _times_less(question, blocks)
            in_fp32 = [replace(block, precision="fp32") for block in blocks]
            compaction = _times_less(question, in_fp32)
        rows.append(
            {
                "soc": question.soc.name,
                "model": case.model,
                "paper": MEMORY_GAIN,
                "simulated": simulated,
                "compaction": compaction,
                "error_limit": question.error_limit,
            }
        )
    return rows


def _times_less(question: Question, blocks: Iterable[UnitBlock]) -> float | None:
    held = model_bytes(blocks, question)
    return whole_model_bytes(question) / held if held else None


def whole_model_bytes(question: Question) -> float:
    """Footprint of the model as it was trained: fp32, uncompacted, on the device."""
    name = question.soc.runtime_processor
    blocks = [
        UnitBlock(stage.name, 0, stage.units, name, None, "fp32")
        for stage in question.workload.stages
    ]
    return model_bytes(blocks, question)


def coupling(found: Findings) -> dict[str, Any]:
    """Whether local schemes that are slower also take more energy: Spearman's rank correlation.

    Latency and energy of each scheme over those of deepx on the same SoC and model.
    """
    times, energies, schemes = [], [], []
    for case, finding in found.items():
        own = found.get(Case(case.soc, case.model, ABSTRACT_OPTIONS, "deepx"))
        if case.options != ABSTRACT_OPTIONS or case.planner not in LOCAL or case.planner == "deepx":
            continue
        if own is None or not (_is_local(finding) and _is_local(own)):
            continue
        mine, deepx = finding.outcome, own.outcome
        assert mine is not None and deepx is not None
        times.append(mine.latency_s / deepx.latency_s)
        energies.append(mine.energy_j / deepx.energy_j)
        schemes.append(case.planner)
    names = ", ".join(dict.fromkeys(schemes)) or "none"
    return {
        "rank_correlation": _spearman(times, energies),
        "over": f"latency and energy over those of deepx, local schemes ({names}), options "
        f"{ABSTRACT_OPTIONS}, {len(schemes)} points",
    }


def _is_local(finding: Finding) -> bool:
    plan = finding.plan
    if finding.status != OK or plan is None:
        return False
    return all(block.processor != CLOUD for block in plan.blocks)


def _spearman(first: Sequence[float], second: Sequence[float]) -> float | None:
    """None where fewer than three points, or equal ones, have no ranks to compare."""
    if len(first) < 3 or len(set(first)) < 2 or len(set(second)) < 2:
        return None
    from scipy.stats import spearmanr

    return float(spearmanr(first, second).statistic)


def readings(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float | None]]:
    """Root mean square of log(simulated / printed) under each reading of the Tegra row."""
    return {
        name: {
            "rms_log_error": rms_log_error(rows, name),
            "sourced_rms_log_error": rms_log_error(rows, name, column="sourced"),
        }
        for name in READINGS
    }


def rms_log_error(
    rows: Sequence[Mapping[str, Any]], name: str = "as_printed", *, column: str = "calibrated"
) -> float | None:
    """None where a cell could not be simulated."""
    printed = reading(name)
    values = [(row[column], printed[row["soc"], row["model"], row["versus"]]) for row in rows]
    if any(simulated is None for simulated, _ in values):
        return None
    squares = [math.log(simulated / paper) ** 2 for simulated, paper in values]
    return math.sqrt(sum(squares) / len(squares))


def parameters(found: Findings) -> list[dict[str, Any]]:
    """Every figure of basis `calibrated` that the questions rest on."""
    specs: dict[str, Any] = {}
    for case, finding in found.items():
        question = question_of(case.soc, case.model, case.options)
        specs[f"soc.{question.soc.name}"] = question.soc
        specs[f"model.{question.workload.name}"] = question.workload.spec
        specs |= {f"host.{host.name}": host for host in question.hosts.values()}
        link, cloud = question.conditions.link, question.conditions.cloud
        specs |= {f"link.{link.name}": link} if link else {}
        specs |= {f"cloud.{cloud.name}": cloud} if cloud else {}
        if finding.plan is not None:
            runtime = finding.plan.runtime
            specs[f"runtime.{runtime}"] = question.runtime(runtime)
    return [
        {
            "name": ".".join((name, *path)),
            "value": figure.value,
            "low": figure.low,
            "high": figure.high,
            "basis": figure.basis,
            "source": figure.source,
            "at_bound": _at_bound(figure),
        }
        for name, spec in specs.items()
        for path, figure in figures(spec)
        if figure.basis == "calibrated"
    ]


def _at_bound(figure: Sourced) -> bool:
    """Within 1 % of the range from an end of it."""
    assert figure.low is not None and figure.high is not None
    room = min(figure.value - figure.low, figure.high - figure.value)
    return room < 0.01 * (figure.high - figure.low)


def verification(found: Findings) -> list[dict[str, Any]]:
    """Plans carried out on real tensors."""
    rows = []
    for case, finding in found.items():
        outcome = finding.outcome
        if outcome is None or outcome.verification is None:
            continue
        verified = outcome.verification
        rows.append(
            {
                "soc": finding.question.soc.name,
                "model": case.model,
                "planner": case.planner,
                "options": case.options,
                "relative_error": verified.relative_error,
                "error_bound": verified.error_bound,
                "within_bound": verified.within_bound,
            }
        )
    return rows


def factor_off(rms: float | None) -> str:
    """How far the cells are off, in a sentence."""
    if rms is None:
        return "Not every cell could be simulated."
    return (
        f"The ten cells are off by a factor of {math.exp(rms):.2f} "
        "(root mean square of the log ratios)."
    )
