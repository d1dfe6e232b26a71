"""The gallery: one figure a kind, drawn from what the simulator says today."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from experiments.scenarios import scenario

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from experiments.answers import Answer
    from planners import Question

SHARES = ("cpu_only", "gpu_only", "heft", "peft", "rlc", "dad", "deepx")
COMPARED = ("cpu_only", "gpu_only", "neurosurgeon", "mulayer", "dads", "heft", "peft", "rlc")
REPRODUCE = "make reproduce"
NOTEBOOKS = "make notebooks"


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A figure of the gallery, what it shows, and the command that makes it for its own data."""

    name: str
    title: str
    caption: str
    command: str
    written: str
    """Where the command leaves it."""
    function: str
    """Full name of the function that draws it."""
    draw: Callable[[], "Axes"]


def exhibits() -> Iterator[Exhibit]:
    """Every kind of figure, in the order of the gallery."""
    made = "results/reproduce/figures"
    yield Exhibit(
        "energy_gains",
        "Energy gains",
        "Energy of a baseline over that of DeepX: bars are simulated with calibrated figures, "
        "rings with sourced figures alone, black lines what the abstract prints.",
        REPRODUCE,
        f"{made}/energy_gains.svg",
        "experiments.figures.energy_gains",
        _gains,
    )
    yield Exhibit(
        "energy_breakdown",
        "Where the energy goes",
        "One AlexNet inference on a Tegra K1 over LTE, by planner and component.",
        REPRODUCE,
        f"{made}/energy_breakdown_tegra_k1-alexnet.svg",
        "experiments.figures.energy_breakdown",
        _breakdown,
    )
    yield Exhibit(
        "inference",
        "One inference",
        "What each processor and the memory bus do, planned by DeepX on a Tegra K1, and the power "
        "that it takes, on one time axis. Solid: computing; pale: loading, moving, planning.",
        REPRODUCE,
        f"{made}/inference_tegra_k1-alexnet.svg",
        "experiments.figures.inference",
        _inference,
    )
    yield Exhibit(
        "plan",
        "A plan over its layers",
        "Which block of each layer runs where, and at which rank: DeepX on a Snapdragon 800 with "
        "all its options. A layer that is split has a part for each processor.",
        REPRODUCE,
        f"{made}/plan_snapdragon_800-alexnet.svg",
        "experiments.drawing.plans.plan_over_layers",
        _plan,
    )
    yield Exhibit(
        "spectra",
        "Spectra and ranks",
        "Singular values of AlexNet's layers, relative to the largest, and where DeepX cuts them.",
        REPRODUCE,
        f"{made}/spectra_tegra_k1-alexnet.svg",
        "experiments.drawing.spectra.spectra",
        _spectra,
    )
    yield Exhibit(
        "trade_off",
        "What error buys",
        "Memory and energy of plans under rising error limits; rimmed plans are beaten by no other "
        "in memory, energy and error at once.",
        REPRODUCE,
        f"{made}/trade_off_tegra_k1-alexnet.svg",
        "experiments.drawing.trade_offs.memory_error_energy",
        _trade_off,
    )
    yield Exhibit(
        "gap_and_time",
        "How good and how fast planners are",
        "Energy above the optimum that `exact` proves, and simulated planning time; a dot a pair "
        "of SoC and model, a line the median; all options of the device.",
        REPRODUCE,
        f"{made}/gap_and_time.svg",
        "experiments.drawing.gaps.gap_and_time",
        _gaps,
    )
    yield Exhibit(
        "sensitivity",
        "Which figures matter",
        "By what factor the ten cells of the abstract are off with one figure at either end of the "
        "range that its sources leave.",
        REPRODUCE,
        f"{made}/sensitivity.svg",
        "experiments.drawing.tornado.tornado",
        _sensitivity,
    )
    yield Exhibit(
        "replanning",
        "Replanning against static plans",
        "Energy of a Snapdragon 800 so far, in the same twenty minutes under four policies, as its "
        "uplink wanders and other apps come and go.",
        REPRODUCE,
        f"{made}/replanning.svg",
        "experiments.drawing.replanning.replanning",
        _replanning,
    )
    yield Exhibit(
        "crossover",
        "Where the cloud wins",
        "Uplink rate from which on the cloud takes less energy than the phone's CPU, over WiFi, by "
        "round trip and by what the board draws.",
        NOTEBOOKS,
        "experiments/notebooks/05_sweep_and_crossover.ipynb",
        "experiments.sweeps.analyses.crossover_figure",
        _crossover,
    )
    yield Exhibit(
        "day_of_use",
        "A day of use",
        "A phone over LTE that is asked twice a minute: charge left and power drawn; the cross is "
        "where it shuts down.",
        NOTEBOOKS,
        "experiments/notebooks/05_sweep_and_crossover.ipynb",
        "experiments.drawing.days.day_of_use",
        _day,
    )


@cache
def _asked() -> "tuple[Question, Answer]":
    from experiments.answers import ask, carry_out

    question = scenario("tegra_k1", "alexnet")
    return question, carry_out(ask(question, "deepx"))


def _gains() -> "Axes":
    from experiments.drawing.studies import ten_cells
    from experiments.figures import energy_gains

    return energy_gains(ten_cells())


def _breakdown() -> "Axes":
    import pandas as pd

    from experiments.answers import ask, carry_out
    from experiments.figures import energy_breakdown

    rows, (question, _) = [], _asked()
    for name in SHARES:
        outcome = carry_out(ask(question, name)).outcome
        if outcome is not None:
            rows += [(name, part, joules) for part, joules in outcome.energy_breakdown_j.items()]
    return energy_breakdown(pd.DataFrame(rows, columns=["planner", "component", "energy_j"]))


def _inference() -> "Axes":
    import pandas as pd

    from experiments.figures import inference
    from experiments.frames import timeline_frame, traffic_frame

    outcome = _asked()[1].outcome
    assert outcome is not None
    activities = [timeline_frame(outcome), traffic_frame(outcome)]
    return inference(pd.concat(activities, ignore_index=True), outcome.power())


def _plan() -> "Axes":
    from experiments.drawing.plans import plan_over_layers
    from experiments.drawing.tables import plan_frame
    from planners import load_planner

    question = scenario("snapdragon_800", "alexnet", options="full")
    return plan_over_layers(plan_frame(load_planner("deepx")(question), question.workload))


def _spectra() -> "Axes":
    from experiments.drawing.spectra import spectra
    from experiments.drawing.tables import spectra_frames

    question, answer = _asked()
    assert answer.plan is not None
    return spectra(*spectra_frames(answer.plan, question.workload))


def _trade_off() -> "Axes":
    from experiments.drawing.tables import trade_off_frame
    from experiments.drawing.trade_offs import memory_error_energy

    return memory_error_energy(trade_off_frame(_asked()[0]))


def _gaps() -> "Axes":
    from experiments.drawing.gaps import gap_and_time

    return gap_and_time(gaps())


def gaps() -> "pd.DataFrame":
    """planner, gap to the proved optimum, planning_s on the abstract's SoCs and models."""
    import pandas as pd

    from experiments.answers import ask

    rows = []
    for soc in ("tegra_k1", "snapdragon_800"):
        for model in ("alexnet", "cd_seide"):
            question = scenario(soc, model, options="full")
            proved = ask(question, "exact").plan
            assert proved is not None and proved.certificate is not None
            least_j = float(proved.certificate["bound"])
            for name in (*COMPARED, "dad", "deepx"):
                plan = ask(question, name).plan
                if plan is not None and plan.predicted is not None:
                    gap = plan.predicted.plan_energy_j / least_j - 1
                    rows.append((name, gap, plan.predicted.planning_s))
    return pd.DataFrame(rows, columns=["planner", "gap", "planning_s"])


def _sensitivity() -> "Axes":
    from experiments.drawing.studies import sensitivities

    return sensitivities()


def _replanning() -> "Axes":
    from experiments.drawing.studies import replanning_over_time

    return replanning_over_time()


def _crossover() -> "Axes":
    from experiments.drawing.studies import crossover_map

    return crossover_map()


def _day() -> "Axes":
    from experiments.drawing.days import day_of_use
    from experiments.drawing.studies import days

    return day_of_use(days())
