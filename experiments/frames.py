"""Findings as tables, tidy: one row an observation, units in the columns' names."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd

from experiments.evaluation import Finding
from experiments.tracks import resources, rows

if TYPE_CHECKING:
    from planners import Question
    from sim import Interval, Outcome


def breakdown_frame(findings: Iterable[Finding]) -> pd.DataFrame:
    """soc, model, planner, options, component, energy_j of every finding that was carried out."""
    found: list[dict[str, Any]] = [
        {
            "soc": finding.case.soc,
            "model": finding.case.model,
            "planner": finding.case.planner,
            "options": finding.case.options,
            "component": component,
            "energy_j": energy_j,
        }
        for finding in findings
        if finding.outcome is not None
        for component, energy_j in finding.outcome.energy_breakdown_j.items()
    ]
    columns = ["soc", "model", "planner", "options", "component", "energy_j"]
    return pd.DataFrame(found, columns=columns)


def compared(question: "Question", planners: Iterable[str]) -> pd.DataFrame:
    """What several planners make of one question, carried out: one row a planner.

    planner, status, energy_j, latency_s, peak_memory_bytes, planning_energy_j, runs_on; numbers are
    missing where status is not ok.
    """
    from experiments.answers import ask, carry_out

    found: list[dict[str, Any]] = []
    for name in planners:
        answer = carry_out(ask(question, name))
        row: dict[str, Any] = {"planner": name, "status": answer.status}
        if answer.outcome is not None and answer.plan is not None:
            row |= {
                "energy_j": answer.outcome.energy_j,
                "latency_s": answer.outcome.latency_s,
                "peak_memory_bytes": answer.outcome.peak_memory_bytes,
                "planning_energy_j": answer.outcome.planning_energy_j,
                "runs_on": "+".join(dict.fromkeys(b.processor for b in answer.plan.blocks)),
            }
        found.append(row)
    return pd.DataFrame(found)


def timeline_frame(outcome: "Outcome") -> pd.DataFrame:
    """resource, row, label, kind, start_s, stop_s, power_w; resources in the order of first use.

    kind: `compute` for a block's own time, `overhead` for all else.
    """
    order = resources(outcome.timeline)
    found = [
        {
            "resource": resource,
            "row": row,
            "label": interval.label,
            "kind": _kind(interval),
            "start_s": interval.start_s,
            "stop_s": interval.stop_s,
            "power_w": interval.power_w,
        }
        for resource, row, interval in rows(outcome.timeline)
    ]
    columns = ["resource", "row", "label", "kind", "start_s", "stop_s", "power_w"]
    table = pd.DataFrame(found, columns=columns)
    place = table["resource"].map({name: number for number, name in enumerate(order)})
    return table.assign(place=place).sort_values(["place", "start_s", "row"]).drop(columns="place")


def traffic_frame(outcome: "Outcome") -> pd.DataFrame:
    """The memory bus until the output is there, as rows of a timeline.

    power_w: DRAM power above its background; share: relative to the most in this run.
    """
    watts = outcome.power()
    dram = watts[(watts["component"] == "dram") & (watts["time_s"] <= outcome.latency_s)]
    above = (dram["power_w"] - dram["power_w"].min()).clip(lower=0.0)
    stops = [*dram["time_s"].iloc[1:], outcome.latency_s]
    most = float(above.max()) or 1.0
    table = pd.DataFrame(
        {
            "resource": "dram",
            "row": 0,
            "label": "traffic",
            "kind": "traffic",
            "start_s": dram["time_s"].to_numpy(),
            "stop_s": stops,
            "power_w": above.to_numpy(),
            "share": (above / most).to_numpy(),
        }
    )
    return table[table["share"] > 0]


def _kind(interval: "Interval") -> str:
    """A block's label is its layer and units (`conv1[0:96]`), or its layer in the cloud."""
    return "overhead" if " " in interval.label or interval.label in _OVERHEADS else "compute"


_OVERHEADS = {"planning", "dispatch", "launch", "wake"}
