"""What compaction does to a really trained network: the pitch of synthetic tones, by CREPE.

Tones of known pitch need no data set. A frame counts as right where the pitch found lies within 50
cents of the true one (raw pitch accuracy, Kim et al. 2018, section 3.2). Low rank, int8 and both,
with factors of the weights and of the outputs; ranks that keep one share of mass in all layers,
beside those that RLC chooses under an error limit.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from experiments.scenarios import scenario
from planners import Infeasible, Plan, Question, UnitBlock, load_planner, predict
from planners.options import allowed_processors
from sim.numerics import carry_values, seeded_weights
from workloads import Stage, Workload, load_workload
from workloads.execution import forward
from workloads.layer import Floats
from workloads.output_aware import refactored
from workloads.signals.tones import Tones, make_tones
from workloads.specs import Factors

if TYPE_CHECKING:
    import pandas as pd

_CENTS_PER_BIN = 20.0
_FIRST_BIN_CENTS = 1997.3794084376191
"""Pitch of CREPE's first bin in cents above 10 Hz (torchcrepe 0.0.24, convert.py)."""
SOC = "snapdragon_800"
PLACES = {"fp32": "cpu", "int8": "dsp"}
"""Where a precision runs on the prototype."""
MASSES = (0.99, 0.97, 0.95, 0.9, 0.8, 0.6)
LIMITS = (0.05, 0.1, 0.2, 0.3, 0.35, 0.4, 0.5)
FACTORS: tuple[Factors, ...] = ("weights", "outputs")
_SEED = 32_452_843
"""Apart from the seeds of tones that factors and errors were measured on."""

Hows = Mapping[str, tuple[int | None, str]]
"""A layer's rank and precision, by its name."""


def pitch_cents(bins: Floats) -> NDArray[np.float64]:
    """Cents above 10 Hz: the mean of the nine bins around the largest, weighted (ibid., eq. 2)."""
    best = bins.argmax(axis=1)
    around = np.clip(best[:, None] + np.arange(-4, 5), 0, bins.shape[1] - 1)
    weight = np.take_along_axis(bins.astype(np.float64), around, axis=1)
    cents = _FIRST_BIN_CENTS + _CENTS_PER_BIN * around
    return np.asarray((weight * cents).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-12))


def pitch_accuracy(bins: Floats, cents: NDArray[np.float64], *, within: float = 50.0) -> float:
    """Share of frames whose pitch is found within so many cents."""
    return float(np.mean(np.abs(pitch_cents(bins) - cents) <= within))


def ranks_keeping(workload: Workload, mass: float) -> dict[str, int | None]:
    """Smallest rank of each layer that keeps a share of its squared mass; None: saves nothing."""
    found: dict[str, int | None] = {}
    for stage in workload.stages:
        tails = workload.tail_energy(stage.name, np.arange(1, stage.max_rank + 1))
        fits = np.flatnonzero(np.asarray(tails) <= 1.0 - mass)
        found[stage.name] = int(fits[0]) + 1 if len(fits) else None
    return found


def relative_error(found: Floats, reference: Floats) -> float:
    """Root mean square of what differs, over the reference's spread."""
    spread = np.sqrt(np.mean((reference - reference.mean(axis=0)) ** 2))
    return float(np.sqrt(np.mean((found - reference) ** 2)) / spread)


class Judge(Protocol):
    """Says how well a network does its task."""

    def judged(self, plan: Plan) -> dict[str, Any]:
        """Columns of a row: how well it does under a plan."""


@dataclass(frozen=True, eq=False)
class Listener:
    """A network that hears pitch, tones of known pitch, and what it makes of them uncompacted."""

    workload: Workload
    tones: Tones
    reference: Floats

    @classmethod
    def of(cls, workload: Workload, *, count: int) -> "Listener":
        """With so many tones."""
        tones = make_tones(count, seed=_SEED)
        frames = tones.frames.reshape(count, *workload.input_shape)
        return cls(workload, tones, forward(workload, seeded_weights(workload), frames))

    def judged(self, plan: Plan) -> dict[str, Any]:
        """accuracy, agreement (share of frames whose best bin stays), relative_error."""
        frames = self.tones.frames.reshape(-1, *self.workload.input_shape)
        _, bins = carry_values(plan, self.workload, frames, seeded_weights(self.workload))
        same = bins.argmax(axis=1) == self.reference.argmax(axis=1)
        return {
            "accuracy": pitch_accuracy(bins, self.tones.cents),
            "agreement": float(np.mean(same)),
            "relative_error": relative_error(bins, self.reference),
        }


def asked(workload: Workload, precision: str, limit: float | None = None) -> Question:
    """The question to RLC alone, on the one processor of a precision, without a network."""
    processors = (PLACES[precision],)
    return scenario(SOC, workload, network="none", max_error=limit, processors=processors)


def plan_of(question: Question, hows: Hows) -> Plan:
    """Whole layers, as told, on the question's one processor at its highest clock."""
    name = allowed_processors(question)[0]
    clock = question.soc.processors[name].frequencies_hz[-1]

    def block(stage: Stage) -> UnitBlock:
        rank, precision = hows[stage.name]
        return UnitBlock(stage.name, 0, stage.units, name, clock, precision, rank)

    blocks = tuple(block(stage) for stage in question.workload.stages)
    return Plan("uniform", blocks, None, 0, question.options.runtime)


def weight_bytes(plan: Plan, workload: Workload) -> float:
    """Weights as stored."""
    stages = {stage.name: stage for stage in workload.stages}
    return sum(
        float(stages[b.layer].weight_bytes(b.first_unit, b.last_unit, b.rank, b.precision))
        for b in plan.blocks
    )


def accuracy_table(
    name: str = "crepe_tiny",
    *,
    count: int = 1000,
    masses: Sequence[float] = MASSES,
    limits: Sequence[float] = LIMITS,
) -> "pd.DataFrame":
    """A row for each way to compact the whole network.

    Columns: network, factors, precision, chosen_by (`whole`, `uniform`: the mass is kept in all
    layers, `rlc`: under the error limit), mass, error_limit, accuracy, agreement, relative_error,
    estimated_error, weight_bytes, peak_memory_bytes, energy_j, latency_s. UnknownName where no
    package has the network.
    """
    import pandas as pd

    return pd.DataFrame(compacted(name, partial(Listener.of, count=count), masses, limits))


def compacted(
    name: str,
    judge_of: Callable[[Workload], Judge],
    masses: Sequence[float],
    limits: Sequence[float],
) -> list[dict[str, Any]]:
    """A row for each way to compact the whole network: what a judge of it says, and its costs."""
    base, rows = load_workload(name), []
    for factors in FACTORS:
        workload = refactored(base, factors)
        judge = judge_of(workload)
        for precision in PLACES:
            for chosen, plan in _plans(workload, precision, masses, limits):
                rows.append(
                    {"network": name, "factors": factors, "precision": precision}
                    | chosen
                    | judge.judged(plan)
                    | _costs(plan, asked(workload, precision))
                )
    return rows


def _plans(
    workload: Workload, precision: str, masses: Sequence[float], limits: Sequence[float]
) -> Iterator[tuple[dict[str, Any], Plan]]:
    question = asked(workload, precision)
    whole: Hows = {stage.name: (None, precision) for stage in workload.stages}
    yield {"chosen_by": "whole"}, plan_of(question, whole)
    for mass in masses:
        ranks = ranks_keeping(workload, mass)
        hows = {layer: (rank, precision) for layer, rank in ranks.items()}
        yield {"chosen_by": "uniform", "mass": mass}, plan_of(question, hows)
    for limit in limits:
        try:
            plan = load_planner("rlc")(asked(workload, precision, limit))
        except Infeasible:
            continue
        yield {"chosen_by": "rlc", "error_limit": limit}, plan


def _costs(plan: Plan, question: Question) -> dict[str, float]:
    predicted = predict(plan, question)
    return {
        "estimated_error": predicted.error,
        "weight_bytes": weight_bytes(plan, question.workload),
        "peak_memory_bytes": predicted.peak_memory_bytes,
        "energy_j": predicted.energy_j,
        "latency_s": predicted.latency_s,
    }


def layer_table(
    name: str = "crepe_tiny", *, count: int = 400, masses: Sequence[float] = (0.95, 0.8, 0.6)
) -> "pd.DataFrame":
    """A row for each layer compacted alone.

    Columns: network, factors, layer, mass, rank, rank_share (of break-even), accuracy, agreement,
    relative_error.
    """
    import pandas as pd

    base, rows = load_workload(name), []
    for factors in FACTORS:
        workload = refactored(base, factors)
        listener, question = Listener.of(workload, count=count), asked(workload, "fp32")
        for stage, mass in ((s, m) for s in workload.stages for m in masses):
            rank = ranks_keeping(workload, mass)[stage.name]
            hows = {s.name: (rank if s is stage else None, "fp32") for s in workload.stages}
            rows.append(
                {"network": name, "factors": factors, "layer": stage.name, "mass": mass}
                | {"rank": rank, "rank_share": _share(stage, rank)}
                | listener.judged(plan_of(question, hows))
            )
    return pd.DataFrame(rows)


def _share(stage: Stage, rank: int | None) -> float:
    return 1.0 if rank is None else rank / stage.break_even_rank


def reductions(table: "pd.DataFrame", *, loss: float = 0.01) -> "pd.DataFrame":
    """Least memory of weights at which accuracy falls by at most `loss`, for each way to compact.

    Columns: network, precision, factors, chosen_by, weight_bytes, memory_reduction (fp32 weights
    over these), energy_j, accuracy.
    """
    import pandas as pd

    rows = []
    for network, of_network in table.groupby("network", sort=False):
        whole = of_network[(of_network.chosen_by == "whole") & (of_network.precision == "fp32")]
        best, dense = float(whole.accuracy.max()), float(whole.weight_bytes.iloc[0])
        good = of_network[of_network.accuracy >= best - loss]
        keys = ["precision", "factors", "chosen_by"]
        for key, group in good.groupby(keys, sort=True):
            least = group.sort_values("weight_bytes").iloc[0]
            rows.append(
                {"network": network}
                | dict(zip(keys, key, strict=True))
                | {
                    "weight_bytes": float(least.weight_bytes),
                    "memory_reduction": dense / float(least.weight_bytes),
                    "energy_j": float(least.energy_j),
                    "accuracy": float(least.accuracy),
                }
            )
    return pd.DataFrame(rows)
