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
# # 4. Your own planner, checked
#
# **Question.** How good is 'every layer on whatever finishes it first', and does it keep the rules?

# %%
from experiments import scenario
from experiments.frames import compared
from planners import Infeasible, Plan, Question, check_planner, load_planner, options, predict
from planners.checking import broken_limits
from planners.conformance import ConformanceError


def greedy(question: Question) -> Plan:
    """Each layer where it ends first by its own time, dense and whole; moves are not looked at."""
    device, runtime = question.device(), question.runtime("native")
    blocks = []
    for stage in question.workload.stages:
        whole = [
            option[0]
            for option in options(question)[stage.name]
            if len(option) == 1 and option[0].rank is None and option[0].processor != "cloud"
        ]
        seconds = []
        for block in whole:
            assert block.frequency_hz is not None
            phases = question.cost.block(
                device,
                stage,
                block.first_unit,
                block.last_unit,
                block.processor,
                block.frequency_hz,
                block.precision,
                None,
                runtime,
            )
            seconds.append(sum(float(phase.seconds) for phase in phases))
        if not whole:
            raise Infeasible((), f"{stage.name}: no processor runs it whole")
        blocks.append(whole[seconds.index(min(seconds))])
    plan = Plan("greedy", tuple(blocks), None, question.cost.evaluations, "native")
    predicted = predict(plan, question)
    broken = broken_limits(predicted, question)
    if broken:
        raise Infeasible(broken)
    return Plan("greedy", plan.blocks, predicted, plan.evaluations, plan.runtime)


question = scenario(soc="snapdragon_800", model="cd_seide", network="none", options="full")
mine = greedy(question).predicted
best = load_planner("deepx")(question).predicted
assert mine is not None
assert best is not None
print(f"greedy {mine.plan_energy_j:.3f} J, deepx {best.plan_energy_j:.3f} J")

# %%
compared(question, ["cpu_only", "heft", "rlc", "deepx"])[
    ["planner", "energy_j", "latency_s"]
].round(3)

# %% [markdown]
# `check_planner` draws chips, networks, conditions and goals, and holds the planner to the
# properties that every planner must have. It names the first that fails, with the smallest case.

# %%
try:
    check_planner(greedy, max_examples=50)
except ConformanceError as error:
    print(str(error).splitlines()[0])

# %% [markdown]
# **Answer.** It takes two and a half times the energy of DeepX, as it neither compacts nor counts
# what moving costs, and it breaks a rule: it settles for worse than a single processor could do.
# Wrapping it in the best single processor mends that (`planners/heft.py` does).
