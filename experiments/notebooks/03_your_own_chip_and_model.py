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
# # 3. Your own chip and model
#
# **Question.** A vendor offers the same chip with twice the memory bandwidth. Is it worth it for a
# keyword spotter that we have not built yet?

# %%
import tempfile
from pathlib import Path

import pandas as pd

from experiments import scenario
from planners import load_planner
from socs import load_soc
from socs.figures import with_figures

model = """
kind: workload
name: keyword_spotter
description: Three dense layers over forty frames of forty filter banks.
source: This notebook
input:
  shape: [1600]
  wire: {name: filter banks, bytes_per_frame: 1600, lossless: false,
    encode_bytes_per_s: {value: 1.0e+9, source: "A guess", basis: assumed, low: 1e+8, high: 1e+10}}
output:
  wire: {name: scores, bytes_per_frame: 48, lossless: true,
    encode_bytes_per_s: {value: 1.0e+9, source: "A guess", basis: assumed, low: 1e+8, high: 1e+10}}
error_limit: {value: 0.35, source: "As the others", basis: assumed, low: 0.2, high: 0.5}
error_gain:
  dense: {value: 0.55, source: "As cd_seide", basis: assumed, low: 0.2, high: 1.0}
quantisation_error:
  fp16: {value: 0.001, source: "As cd_seide", basis: assumed, low: 0.0, high: 0.002}
  int8: {value: 0.03, source: "As cd_seide", basis: assumed, low: 0.01, high: 0.05}
weights:
  spectra: {dense: dense}
  seed: 1
layers:
  - {name: hidden1, kind: dense, units: 1024}
  - {name: relu1, kind: relu}
  - {name: hidden2, kind: dense, units: 1024}
  - {name: relu2, kind: relu}
  - {name: scores, kind: dense, units: 12}
  - {name: probabilities, kind: softmax}
"""
file = Path(tempfile.mkdtemp()) / "keyword_spotter.yaml"
file.write_text(model, encoding="utf-8")

# %% [markdown]
# The chip is a YAML file like those in `socs/data`; here one figure of a shipped one is replaced.

# %%
chip = load_soc("tegra_k1")
path = ("memory", "bandwidth_bytes_per_s")
doubled = chip.memory.bandwidth_bytes_per_s.model_copy(
    update={"value": 24.0e9, "high": 26.0e9, "source": "The vendor's offer", "basis": "assumed"}
)
wide = with_figures(chip, {path: doubled})

# %%
rows = []
for name, soc in (("tegra_k1", chip), ("twice the bandwidth", wide)):
    for planner in ("cpu_only", "gpu_only", "deepx"):
        question = scenario(soc=soc, model=file, network="none", options="full", frames=1)
        predicted = load_planner(planner)(question).predicted
        assert predicted is not None
        rows.append(
            {
                "chip": name,
                "planner": planner,
                "latency_ms": 1e3 * predicted.plan_latency_s,
                "energy_mj": 1e3 * predicted.plan_energy_j,
            }
        )
table = pd.DataFrame(rows)
table.pivot_table(index="planner", columns="chip", values=["latency_ms", "energy_mj"]).round(3)

# %% [markdown]
# **Answer.** No: at this size the code and the processor's own port bound the layers, not the
# memory behind them, so both chips take the same time and energy.
