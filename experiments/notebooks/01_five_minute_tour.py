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
# # 1. Five minutes
#
# **Question.** A phone shall recognise one image with AlexNet. Where should each layer run, what
# does it cost, and is the result still right?

# %%
# %matplotlib inline
from experiments import scenario
from experiments.figures import inference
from experiments.frames import compared, timeline_frame, traffic_frame
from planners import load_planner
from sim import run

question = scenario(soc="snapdragon_800", model="alexnet", network="lte")
plan = load_planner("deepx")(question)
for block in plan.blocks:
    rank = "dense" if block.rank is None else f"rank {block.rank}"
    units = f"{block.first_unit}:{block.last_unit}"
    print(f"{block.layer:6} {units:10} {block.processor:5} {block.precision:5} {rank}")

# %% [markdown]
# The plan is carried out by a discrete-event engine, and on real tensors: every block computes its
# units from what has arrived where it runs.

# %%
outcome = run(plan, question, verify=True)
verified = outcome.verification
assert verified is not None
print(
    f"{outcome.latency_s:.3f} s, {outcome.energy_j:.3f} J, {outcome.peak_memory_bytes / 1e6:.1f} MB"
)
print(f"relative error {verified.relative_error:.2f}, limit {verified.error_bound:.2f}")

# %%
table = compared(question, ["cpu_only", "cloud_only", "rlc", "dad", "deepx"])
table[["planner", "runs_on", "energy_j", "latency_s"]].round(3)

# %%
import pandas as pd

rows = pd.concat([timeline_frame(outcome), traffic_frame(outcome)])
inference(rows, outcome.power()).figure

# %% [markdown]
# **Answer.** The convolutions run in fixed point on the DSP, compacted dense layers on the CPU,
# where they are read from flash in fewer bytes; that takes less than half the energy of the CPU
# alone, and an eleventh of the cloud's, whose answer is quicker but keeps the radio awake for
# twelve seconds. The scores are off by less than the limit allows.
