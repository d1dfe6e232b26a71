# ---
# jupyter:
#   jupytext:
#     text_representation:
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 5. A sweep, its crossover, and a day of use
#
# **Question.** Over WiFi, from which uplink rate on does sending an image to the server take less
# energy than the phone's own CPU, and how much does the distance to the server matter? And over
# LTE: does a phone that is asked twice a minute last the day?

# %%
# %matplotlib inline
import tempfile
from pathlib import Path

from experiments import load_results, load_sweep, run_sweep
from experiments.sweeps.analyses import crossover, crossover_figure

sweep = """
kind: sweep
description: The cloud against the CPU over WiFi.
base: {soc: snapdragon_800, model: alexnet, network: wifi, goals.objective: energy}
axes:
  - grid: {planner: [cpu_only, cloud_only]}
  - grid:
      soc.board_w: [0.3, 1.0, 2.0]
  - grid:
      link.round_trip_s: {low: 0.01, high: 1.0, count: 20, spacing: log}
      conditions.uplink_bytes_per_s: {low: 1.0e+3, high: 1.0e+7, count: 60, spacing: log}
metrics: [latency_s, energy_j]
"""
folder = Path(tempfile.mkdtemp())
(folder / "wifi.yaml").write_text(sweep, encoding="utf-8")
status = run_sweep(load_sweep(folder / "wifi.yaml"), folder / "results")
print(status)

# %% [markdown]
# Results are one tidy table; the runner took the array form of the cost law, as every case allows.

# %%
frame = load_results(folder / "results")
frame.groupby("planner", observed=True)[["energy_j", "latency_s"]].agg(["min", "max"]).round(3)

# %%
table = crossover(
    frame,
    field="conditions.uplink_bytes_per_s",
    of="cloud_only",
    metric="energy_j",
    per=["soc.board_w", "link.round_trip_s"],
)
crossover_figure(
    table,
    x="link.round_trip_s",
    y="conditions.uplink_bytes_per_s",
    lines="soc.board_w",
    labels={
        "link.round_trip_s": "round trip, s",
        "conditions.uplink_bytes_per_s": "uplink, bytes/s",
        "soc.board_w": "board, W",
    },
).figure

# %%
near = table[table["link.round_trip_s"] < 0.011].set_index("soc.board_w")
(8e-3 * near["conditions.uplink_bytes_per_s"]).round(0).rename("kbit/s, server at 10 ms")

# %% [markdown]
# Nobody asks once. A stream's YAML says what comes in and what moves meanwhile: here the shipped
# `battery_life`, a phone over LTE whose link wanders and whose CPU other apps load at times, with
# one image every half minute, from a full battery.

# %%
import pandas as pd
import yaml

from experiments.drawing.days import day_of_use
from experiments.drawing.watching import watched
from experiments.streams.loading import load_stream, stream_path

document = yaml.safe_load(stream_path("battery_life").read_text(encoding="utf-8"))
document["apps"][0]["arrivals"] = {"poisson": {"per_second": 1 / 30}}
(folder / "day.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
day = load_stream(folder / "day.yaml")
policies = {policy.title: policy for policy in day.spec.policies}
windows = pd.concat(
    watched(day, policies[name], window_s=900.0, most_s=24 * 3600.0).assign(scheme=name)
    for name in ("deepx", "cpu_only", "cloud_only")
)
day_of_use(windows).figure

# %%
by_scheme = windows.groupby("scheme", sort=False)
counts = by_scheme[["arrived", "done", "failed"]].sum().astype(int)
counts.assign(charge_left=by_scheme["charge"].last().astype(float).round(2))

# %% [markdown]
# **Answer.** A few hundred kilobit a second are enough: uploading 155 kB at a watt costs less than
# reading 244 MB of weights from flash and computing with four cores. A server a second away still
# wins at somewhat higher rates. Over LTE it never does, for the radio's tail alone costs twelve
# joules (notebook 2): sent to the server, two images a minute empty a full phone in some eleven
# hours. Planned by DeepX they cost an eighth of a charge a day, on the CPU alone a third.
