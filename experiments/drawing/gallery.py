"""The figures of the gallery: what the simulator says today, one a kind."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from experiments import figures
from experiments.answers import ask, carry_out
from experiments.drawing.gaps import gap_and_time
from experiments.drawing.plans import plan_over_layers
from experiments.drawing.replanning import replanning
from experiments.drawing.spectra import spectra
from experiments.drawing.tables import plan_frame, spectra_frames, trade_off_frame
from experiments.drawing.tornado import tornado
from experiments.drawing.trade_offs import memory_error_energy
from experiments.frames import timeline_frame, traffic_frame
from experiments.scenarios import scenario

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from planners import Question

PLANNERS = ("cpu_only", "gpu_only", "heft", "peft", "rlc", "dad", "deepx")
UPLINKS_MBPS = (20.0, 20.0, 8.0, 1.0, 0.2, 0.2, 3.0, 20.0, 40.0, 40.0)


def drawings() -> Iterator[tuple[str, "Axes"]]:
    """(name, figure) of each."""
    asked = scenario("tegra_k1", "alexnet")
    answer = carry_out(ask(asked, "deepx"))
    assert answer.plan is not None and answer.outcome is not None
    activities = [timeline_frame(answer.outcome), traffic_frame(answer.outcome)]
    yield (
        "inference",
        figures.inference(pd.concat(activities, ignore_index=True), answer.outcome.power()),
    )
    yield "energy_breakdown", figures.energy_breakdown(breakdown(asked))
    full = scenario("snapdragon_800", "alexnet", options="full")
    plan = ask(full, "deepx").plan
    assert plan is not None
    yield "plan", plan_over_layers(plan_frame(plan, full.workload))
    yield "spectra", spectra(*spectra_frames(answer.plan, asked.workload))
    yield "trade_off", memory_error_energy(trade_off_frame(asked))
    yield "gap_and_time", gap_and_time(gaps(), best="the best plan found")
    yield "sensitivity", sensitivities()
    yield "replanning", replanning(as_the_uplink_changes(), condition_label="uplink, Mbit/s")


def breakdown(asked: "Question") -> pd.DataFrame:
    """planner, component, energy_j of some planners on one question."""
    rows = []
    for name in PLANNERS:
        outcome = carry_out(ask(asked, name)).outcome
        if outcome is not None:
            rows += [(name, part, joules) for part, joules in outcome.energy_breakdown_j.items()]
    return pd.DataFrame(rows, columns=["planner", "component", "energy_j"])


def gaps() -> pd.DataFrame:
    """planner, gap to the best of them, planning_s over SoCs and models, options full."""
    rows = []
    for soc in ("tegra_k1", "snapdragon_800", "exynos_5800", "tegra_x1"):
        for model in ("alexnet", "cd_seide"):
            asked = scenario(soc, model, options="full")
            found = {}
            for name in PLANNERS:
                plan = ask(asked, name).plan
                if plan is not None and plan.predicted is not None:
                    found[name] = plan.predicted
            costs = {name: p.energy_j - p.planning_j for name, p in found.items()}
            best = min(costs.values())
            rows += [(name, costs[name] / best - 1, p.planning_s) for name, p in found.items()]
    return pd.DataFrame(rows, columns=["planner", "gap", "planning_s"])


def sensitivities() -> "Axes":
    """How far the ten cells move with one figure at either end of its range."""
    from experiments.calibration import Bench, factor, printed, shipped
    from experiments.robustness import sensitivity

    names = {"factor_at_low": "at_low", "factor_at_high": "at_high"}
    table = pd.DataFrame(sensitivity()).rename(columns=names)
    base = factor(Bench().cells(shipped()), printed())
    return tornado(table, base=base, label="factor by which the ten cells are off")


def as_the_uplink_changes() -> pd.DataFrame:
    """time_s, scheme, energy_j, condition: latency planned for the first uplink, or for each.

    WiFi and the objective latency, where the cloud is worth it only while the uplink is fast.
    """
    from planners import load_planner
    from sim import run

    def at(mbps: float) -> "Question":
        rate = mbps * 1e6 / 8
        return scenario("snapdragon_800", "cd_seide", network="wifi", uplink_bytes_per_s=rate)

    kept, rows = load_planner("deepx")(at(UPLINKS_MBPS[0])), []
    for number, mbps in enumerate(UPLINKS_MBPS):
        asked = at(mbps)
        for scheme, plan in (("static", kept), ("replanned", load_planner("deepx")(asked))):
            rows.append((30.0 * number, scheme, run(plan, asked).energy_j, mbps))
    return pd.DataFrame(rows, columns=["time_s", "scheme", "energy_j", "condition"])
