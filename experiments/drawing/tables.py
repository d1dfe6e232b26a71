"""Plans and findings as the tables that the figures of this folder take."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from planners import Infeasible, Plan, Question, load_planner

if TYPE_CHECKING:
    import pandas as pd

    from experiments.evaluation import Finding
    from workloads import Workload

CURVE_POINTS = 200
"""Points of a spectrum that are drawn."""
ERROR_LIMITS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5)


def plan_frame(plan: Plan, workload: "Workload") -> "pd.DataFrame":
    """One row a block: layer, place, lane, lanes, after, start, stop, processor, precision, rank,
    full_rank. place: longest way from the input; lane: among the layers of one place.
    """
    import pandas as pd

    places: dict[str, int] = {}
    for stage in workload.stages:
        places[stage.name] = 1 + max((places.get(name, -1) for name in stage.reads), default=-1)
    lanes: dict[int, list[str]] = {}
    for name, place in places.items():
        lanes.setdefault(place, []).append(name)
    rows = []
    for block in plan.blocks:
        stage = workload.stage(block.layer)
        beside = lanes[places[stage.name]]
        rows.append(
            {
                "layer": stage.name,
                "place": places[stage.name],
                "lane": beside.index(stage.name),
                "lanes": len(beside),
                "after": stage.reads,
                "start": block.first_unit / stage.units,
                "stop": block.last_unit / stage.units,
                "processor": block.processor,
                "precision": block.precision,
                "rank": block.rank,
                "full_rank": min(stage.weight.rows, stage.weight.columns),
            }
        )
    return pd.DataFrame(rows)


def spectra_frames(plan: Plan, workload: "Workload") -> "tuple[pd.DataFrame, pd.DataFrame]":
    """(curves, ranks) as `spectra` takes them; ranks that a plan chose, and break-even ranks."""
    import numpy as np
    import pandas as pd

    chosen = {block.layer: block.rank for block in plan.blocks}
    curves, ranks = [], []
    for stage in workload.stages:
        relative = workload.spectrum(stage.name).mean(axis=0)
        relative = relative / relative[0]
        count = len(relative)
        picked = np.unique(np.geomspace(1, count, CURVE_POINTS).round().astype(int)) - 1
        curves.append(
            pd.DataFrame(
                {
                    "layer": stage.name,
                    "rank_share": (picked + 1) / count,
                    "relative": relative[picked],
                }
            )
        )
        marks = {"chosen": chosen.get(stage.name), "break-even": stage.break_even_rank}
        for mark, rank in marks.items():
            if rank is not None and 1 <= rank <= count:
                value = float(relative[rank - 1])
                ranks.append((stage.name, rank / count, value, mark))
    columns = ["layer", "rank_share", "relative", "mark"]
    return pd.concat(curves, ignore_index=True), pd.DataFrame(ranks, columns=columns)


def trade_off_frame(
    question: Question,
    *,
    planners: Sequence[str] = ("dad", "rlc", "deepx"),
    limits: Sequence[float] = ERROR_LIMITS,
) -> "pd.DataFrame":
    """What planners predict under rising error limits: planner, error_limit, peak_memory_bytes,
    energy_j, error; without the plans that use the cloud (their memory is not the device's).
    """
    import pandas as pd

    rows = []
    for name in planners:
        for limit in limits:
            goals = replace(question.goals, error=limit)
            try:
                plan = load_planner(name)(question.under(goals=goals))
            except Infeasible:
                continue
            predicted = plan.predicted
            if predicted is None or any(block.processor == "cloud" for block in plan.blocks):
                continue
            rows.append(
                (name, limit, predicted.peak_memory_bytes, predicted.energy_j, predicted.error)
            )
    columns = ["planner", "error_limit", "peak_memory_bytes", "energy_j", "error"]
    return pd.DataFrame(rows, columns=columns).drop_duplicates(columns[:1] + columns[2:])


def planning_frame(
    rows: Iterable[Mapping[str, Any]], findings: Iterable["Finding"]
) -> "pd.DataFrame":
    """planner, gap, planning_s of every plan that was carried out; gap as `gap_to_exact` has it.

    rows: those of `reproduce --json` under planners, in the order of the findings.
    """
    import pandas as pd

    found = [
        (row["planner"], row["gap_to_exact"], finding.outcome.planning_latency_s)
        for row, finding in zip(rows, findings, strict=True)
        if finding.outcome is not None
    ]
    table = pd.DataFrame(found, columns=["planner", "gap", "planning_s"])
    return table.assign(gap=pd.to_numeric(table["gap"]))
