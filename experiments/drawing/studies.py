"""Figures that take runs of their own: the ten cells, what moves them, streams, a crossover."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from experiments.drawing.replanning import replanning
from experiments.drawing.tornado import tornado
from experiments.drawing.watching import compared_over_time, watched
from experiments.streams.loading import load_stream

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

REPLANNING = "replanning_pays"
SCHEMES = ("static at 0.2 under load", "static at 0.4", "replan", "oracle")
DAY = "battery_life"
DAY_S, EVERY_S = 24 * 3600.0, 30.0
ROUND_TRIP, UPLINK, BOARD = "link.round_trip_s", "conditions.uplink_bytes_per_s", "soc.board_w"
CROSSOVER = f"""
kind: sweep
description: The cloud against the CPU over WiFi.
base: {{soc: snapdragon_800, model: alexnet, network: wifi, goals.objective: energy}}
axes:
  - grid: {{planner: [cpu_only, cloud_only], {BOARD}: [0.3, 1.0, 2.0]}}
  - grid:
      {ROUND_TRIP}: {{low: 0.01, high: 1.0, count: 20, spacing: log}}
      {UPLINK}: {{low: 1.0e+3, high: 1.0e+7, count: 40, spacing: log}}
metrics: [energy_j]
"""


def ten_cells() -> "pd.DataFrame":
    """soc, model, versus, paper, sourced, calibrated of the cells that the abstract prints."""
    import pandas as pd

    from experiments.abstract import CELLS
    from experiments.calibration import Bench, shipped

    bench = Bench()
    rows = [(cell.soc, cell.model, cell.versus, cell.paper) for cell in CELLS]
    table = pd.DataFrame(rows, columns=["soc", "model", "versus", "paper"])
    return table.assign(sourced=bench.cells({}), calibrated=bench.cells(shipped()))


def sensitivities() -> "Axes":
    """How far the ten cells are off with one figure at either end of its range."""
    import pandas as pd

    from experiments.calibration import Bench, factor, printed, shipped
    from experiments.robustness import sensitivity

    names = {"factor_at_low": "at_low", "factor_at_high": "at_high"}
    table = pd.DataFrame(sensitivity()).rename(columns=names)
    base = factor(Bench().cells(shipped()), printed())
    return tornado(table, base=base, label="factor by which the ten cells are off")


def replanning_over_time(*, most_s: float = 1200.0) -> "Axes":
    """Energy spent so far by two static plans, replanning and an oracle, as the uplink wanders."""
    window_s = 10.0
    found = compared_over_time(load_stream(REPLANNING), SCHEMES, window_s=window_s, most_s=most_s)
    return replanning(
        found.assign(condition=8e-6 * found["uplink_bytes_per_s"]),
        metric_label="energy so far, J",
        condition_label="uplink, Mbit/s",
        running=True,
    )


def days(*, most_s: float = DAY_S, window_s: float = 900.0) -> "pd.DataFrame":
    """A phone over LTE that is asked every `EVERY_S` on average: windows of `watched` by scheme."""
    import pandas as pd

    stream = load_stream(DAY)
    (app,) = stream.spec.apps
    poisson = app.arrivals.poisson
    assert poisson is not None
    often = poisson.model_copy(update={"per_second": 1.0 / EVERY_S})
    arrivals = app.arrivals.model_copy(update={"poisson": often})
    apps = (app.model_copy(update={"arrivals": arrivals}),)
    rarer = replace(stream, spec=stream.spec.model_copy(update={"apps": apps}))
    return pd.concat(
        watched(rarer, policy, window_s=window_s, most_s=most_s).assign(scheme=policy.title)
        for policy in rarer.spec.policies
        if policy.title in ("deepx", "cpu_only", "cloud_only")
    )


def crossover_map() -> "Axes":
    """From which uplink on the cloud takes less energy than the CPU: `CROSSOVER`, swept."""
    from experiments.sweeps.analyses import crossover, crossover_figure
    from experiments.sweeps.loading import load_sweep
    from experiments.sweeps.results import load_results
    from experiments.sweeps.running import run_sweep

    with TemporaryDirectory() as folder:
        file = Path(folder, "crossover.yaml")
        file.write_text(CROSSOVER, encoding="utf-8")
        run_sweep(load_sweep(file), Path(folder, "results"))
        frame = load_results(Path(folder, "results"))
    table = crossover(
        frame, field=UPLINK, of="cloud_only", metric="energy_j", per=[BOARD, ROUND_TRIP]
    )
    table[UPLINK] *= 8e-3
    labels = {ROUND_TRIP: "round trip, s", UPLINK: "uplink, kbit/s", BOARD: "board, W"}
    axes = crossover_figure(table, x=ROUND_TRIP, y=UPLINK, lines=BOARD, labels=labels)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    return axes
