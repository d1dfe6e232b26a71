"""Planners side by side: a row a case, and how far each plan is from the proved optimum."""

from collections.abc import Mapping
from typing import Any

from experiments.evaluation import Case, Finding
from planners.search import score

Findings = Mapping[Case, Finding]


def planner_rows(found: Findings) -> list[dict[str, Any]]:
    """One row a case; numbers are None where status is not ok."""
    rows = []
    bounds = _bounds(found)
    for case, finding in found.items():
        outcome, plan = finding.outcome, finding.plan
        bound = bounds.get((case.soc, case.model, case.options))
        certificate = None if plan is None else plan.certificate
        rows.append(
            {
                "soc": finding.question.soc.name,
                "model": case.model,
                "planner": case.planner,
                "options": case.options,
                "status": finding.status,
                "latency_s": outcome and outcome.latency_s,
                "energy_j": outcome and outcome.energy_j,
                "planning_latency_s": outcome and outcome.planning_latency_s,
                "planning_energy_j": outcome and outcome.planning_energy_j,
                "peak_memory_bytes": outcome and outcome.peak_memory_bytes,
                "gap_to_exact": _gap(finding, bound),
                "certificate": certificate
                and {key: certificate[key] for key in ("status", "value", "bound")},
            }
        )
    return rows


def _bounds(found: Findings) -> dict[tuple[str, str, str], float]:
    """By SoC, model and options: what `exact` proves that no plan undercuts, planning aside."""
    return {
        (case.soc, case.model, case.options): finding.plan.certificate["bound"]
        for case, finding in found.items()
        if finding.plan is not None and finding.plan.certificate is not None
    }


def _gap(finding: Finding, bound: float | None) -> float | None:
    """Share by which a plan's cost, planning aside, exceeds the bound.

    Negative where a baseline, carried out by its host alone, is spared what the runtime of all
    other plans costs a block: `exact` proves plans of that runtime.
    """
    if bound is None or finding.plan is None or finding.plan.predicted is None:
        return None
    return score(finding.plan.predicted, finding.question) / bound - 1.0
