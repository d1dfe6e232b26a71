"""What one layer's own error does to the scores, measured on the network itself.

A file of weights does not say how errors spread through its network: gains between kinds of layers
and networks differ by an order of magnitude. So each layer alone is compacted to a few ranks and
rounded to int8, the rest of the network runs on in fp32, and the error of the scores is noted
(Eckart-Young's tail says what the layer itself loses, not what arrives). Errors of several layers
are added in root sum of squares; random combinations of all layers tell by how much that is too
small, and all estimates are raised by the largest such factor.

Deterministic: seeded inputs and draws. Kept on disk by the content hash of the specification,
which covers the weights.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workloads.demand import Amount, Units
from workloads.execution import block_values, forward, recompose, stage_input, stage_operands
from workloads.graph import Workload
from workloads.inputs import make_inputs
from workloads.layer import Floats, Weights
from workloads.rounding import stored
from workloads.stages import Stage
from workloads.weights import make_weights

RANK_SHARES = tuple(step / 16 for step in range(1, 16))
"""Of the break-even rank: where a layer's compaction is measured, those that planners offer.

Between them errors jump: a direction may matter to the scores more than its mass says."""
WIDEST_GUARD = 2.0
"""Ranks are measured up to that many times the layer's own error limit."""
DRAWS = 24
"""Random combinations of ranks and precisions that tell how errors add up; a quarter of them
where the budget allows the fewest inputs only."""
SPREAD = 4
"""The scores' spread is taken over so many times the inputs of a measurement, but at most 128."""
MOST_MACS = 1e12
"""Multiply-accumulates of all measurements together: decides how many inputs they are made on."""
MACS_PER_GROUP = 2e5
"""What it takes to begin a product, in multiply-accumulates: depthwise layers have many."""
FEWEST_INPUTS, MOST_INPUTS = 4, 128
DEVIATIONS = 2.0
"""Standard errors of a mean over inputs that are added to it: other inputs may be worse."""
_SEED = 104_729
"""Apart from the seeds of inputs that plans are verified on."""
_METHOD = (
    "int8 between factors",
    RANK_SHARES,
    WIDEST_GUARD,
    DRAWS,
    SPREAD,
    MOST_MACS,
    FEWEST_INPUTS,
    MOST_INPUTS,
    DEVIATIONS,
)
_HOPELESS = 1e3
"""Stands for an error of scores that do not vary over inputs."""

Values = NDArray[np.float64]
How = tuple[int | None, str]
"""A layer's rank and precision."""


@dataclass(frozen=True, slots=True, eq=False)
class LayerErrors:
    """Squared relative errors of the scores where this layer alone is compacted or rounded."""

    tails: Values
    """(count,): share of the layer's squared mass dropped, ascending from 0."""
    errors2: Values
    """(count,): what that does to the scores; never falls."""
    int8: float
    """What rounding alone does, dense or between factors of a middle rank: the worse."""

    def compacted(self, tail: Amount) -> Values:
        """Between measured points linear in the tail; beyond the last in proportion to it."""
        tail = np.asarray(tail, dtype=np.float64)
        found = np.interp(tail, self.tails, self.errors2)
        beyond = np.maximum(1.0, tail / max(float(self.tails[-1]), 1e-12))
        return np.asarray(np.where(tail > self.tails[-1], found * beyond, found))


@dataclass(frozen=True, slots=True, eq=False)
class ScoreErrors:
    """Of all layers with a choice, by name, and how they add up."""

    layers: Mapping[str, LayerErrors]
    joint: float
    """Largest measured error of several layers over their root sum of squares; 1 or more."""
    inputs: int

    def error2(self, workload: Workload, layer: str, rank: Units | None, precision: str) -> Values:
        """joint^2 (error2 at the rank + error2 of the precision); fp16 as int8, at its own step."""
        own = self.layers[layer]
        steps = workload.quantisation_error
        step = steps.get(precision, 0.0) / steps["int8"] if "int8" in steps else 0.0
        rounded = own.int8 * step**2
        return self.joint**2 * (own.compacted(workload.tail_energy(layer, rank)) + rounded)


def score_errors(workload: Workload) -> ScoreErrors:
    """Measured now, or read where it was measured before; ValueError for synthetic weights."""
    from workloads.building import content_hash
    from workloads.cache import load_or_build

    if workload.weights is None:
        raise ValueError(f"{workload.name} has synthetic weights, must have real ones")
    if workload.spec.weights.sha256 is None:
        return _from_arrays(workload, _measured(workload))
    key = f"score errors {_METHOD} {content_hash(workload.spec, 0)}"
    return _from_arrays(workload, load_or_build(key, lambda: _measured(workload)))


def _from_arrays(workload: Workload, arrays: Mapping[str, Floats]) -> ScoreErrors:
    joint, inputs = arrays["all"]
    layers = {}
    for stage in workload.stages:
        rows = arrays[stage.name].astype(np.float64)
        layers[stage.name] = LayerErrors(rows[0, :-1], rows[1, :-1], float(rows[1, -1]))
    return ScoreErrors(layers, float(joint), int(inputs))


def _measured(workload: Workload) -> dict[str, Floats]:
    """Per stage (2, points + 1): tails and errors2, then int8's; `all`: joint and inputs."""
    bench = _Bench(workload)
    found = {stage.name: _rows(points, int8) for stage, points, int8 in bench.layers()}
    found["all"] = np.array([1.0, bench.count], np.float32)
    found["all"][0] = bench.joint(_from_arrays(workload, found))
    return found


def _rows(points: Sequence[tuple[float, float]], int8: float) -> Floats:
    ordered = np.array([(0.0, 0.0), *sorted(points)], np.float64).T
    ordered[1] = np.maximum.accumulate(ordered[1])
    return np.column_stack([ordered, (0.0, int8)]).astype(np.float32)


def ranks_measured(workload: Workload, stage: Stage) -> tuple[int, ...]:
    """Ranks of a stage that its own error limit could ever admit, at the shares above."""
    guard = workload.layer_error_limit
    widest2 = 1.0 if guard is None else (WIDEST_GUARD * guard) ** 2
    ranks = {max(1, round(share * stage.break_even_rank)) for share in RANK_SHARES}
    return tuple(
        rank
        for rank in sorted(ranks)
        if rank <= stage.max_rank and workload.tail_energy(stage.name, rank) <= widest2
    )


class _Bench:
    """A network with real weights, seeded inputs, and what fp32 makes of them."""

    def __init__(self, workload: Workload) -> None:
        self.workload, self.weights = workload, make_weights(workload)
        self.count = _inputs_within_budget(workload)
        several = min(SPREAD * self.count, MOST_INPUTS)
        inputs = make_inputs(workload, count=several, seed=_SEED)
        self.inputs = inputs[: self.count]
        scores = np.concatenate(
            [
                forward(workload, self.weights, inputs[at : at + 4], until_softmax=True)
                for at in range(0, several, 4)
            ]
        ).astype(np.float64)
        self.spread2 = float(np.mean((scores - scores.mean(axis=0)) ** 2))
        self.reference = scores[: self.count]

    def layers(self) -> Iterator[tuple[Stage, list[tuple[float, float]], float]]:
        """(stage, [(tail, error2)], error2 at int8), one stage after the other."""
        workload, made = self.workload, {"input": self.inputs}
        for at, stage in enumerate(workload.stages):
            ranks = ranks_measured(workload, stage)
            errors2 = [self._with(at, made, (rank, "fp32")) for rank in ranks]
            tails = [float(workload.tail_energy(stage.name, rank)) for rank in ranks]
            int8 = self._with(at, made, (None, "int8"))
            if ranks:  # the inner units of factors are rounded too
                middle = len(ranks) // 2
                both = self._with(at, made, (ranks[middle], "int8"))
                int8 = max(int8, both - errors2[middle])
            yield stage, list(zip(tails, errors2, strict=True)), int8
            made[stage.name] = self._stage(stage, made, (None, "fp32"))[0]
            still_read = {name for later in workload.stages[at + 1 :] for name in later.reads}
            made = {name: values for name, values in made.items() if name in still_read}

    def joint(self, alone: ScoreErrors) -> float:
        """Largest ratio of measured to summed error over the draws; 1 at the least."""
        rng = np.random.default_rng(_SEED)
        ratios = [1.0]
        for _ in range(DRAWS if self.count > FEWEST_INPUTS else DRAWS // 4):
            hows, estimate = self._draw(alone, rng)
            if estimate > 0.0:
                made = {"input": self.inputs}
                ratios.append(float(np.sqrt(self._rest(0, made, hows))) / estimate)
        return max(ratios)

    def _draw(self, alone: ScoreErrors, rng: np.random.Generator) -> tuple[dict[str, How], float]:
        """Ranks and precisions whose errors together come to 0.3 to 1.2 times the error limit."""
        workload = self.workload
        ranks = {stage.name: ranks_measured(workload, stage) for stage in workload.stages}
        best: tuple[dict[str, How], float] = ({}, 0.0)
        for _ in range(100):
            some, rounded = rng.random(2)
            hows: dict[str, How] = {}
            for name, measured in ranks.items():
                rank = int(rng.choice(measured)) if measured and rng.random() < some else None
                hows[name] = (rank, "int8" if rng.random() < rounded else "fp32")
            total2 = sum(float(alone.error2(workload, n, *how)) for n, how in hows.items())
            share = total2**0.5 / workload.error_limit if workload.error_limit else 0.0
            if 0.3 <= share <= 1.2:
                return hows, total2**0.5
            if not best[0] or 0.0 < total2**0.5 < best[1]:
                best = (hows, total2**0.5)
        return best

    def _with(self, at: int, made: Mapping[str, Floats], how: How) -> float:
        """Squared relative error of the scores with one stage another way."""
        return self._rest(at, made, {self.workload.stages[at].name: how})

    def _rest(self, at: int, made: Mapping[str, Floats], hows: Mapping[str, How]) -> float:
        """Of the network from stage `at` on; stages that read nothing changed are run again too."""
        now, scores = dict(made), np.zeros(0, np.float32)
        for stage in self.workload.stages[at:]:
            now[stage.name], scores = self._stage(stage, now, hows.get(stage.name, (None, "fp32")))
        squares = (scores - self.reference).reshape(self.count, -1) ** 2
        by_input = squares.mean(axis=1)
        error2 = float(by_input.mean() + DEVIATIONS * by_input.std() / self.count**0.5)
        return error2 / self.spread2 if self.spread2 > 0.0 else _HOPELESS * (error2 > 0.0)

    def _stage(self, stage: Stage, made: Mapping[str, Floats], how: How) -> tuple[Floats, Floats]:
        """(output, its values before layers that need all units)."""
        weights: Weights = self.weights[stage.name]
        beside = stage_operands(stage, made)
        y = block_values(
            stage,
            stage_input(stage, made),
            weights,
            0,
            stage.units,
            rank=how[0],
            precision=how[1],
            operands=beside,
        )
        y = stored(y, how[1])
        return recompose(stage, [y]), y


def _inputs_within_budget(workload: Workload) -> int:
    """As many inputs as the budget allows, 4 to 128."""
    works = [float(stage.macs + MACS_PER_GROUP * stage.groups) for stage in workload.stages]
    total, rest = DRAWS * sum(works), sum(works)
    for stage, work in zip(workload.stages, works, strict=True):
        total += rest * (2 + len(ranks_measured(workload, stage)))
        rest -= work
    return int(np.clip(MOST_MACS / max(total, 1.0), FEWEST_INPUTS, MOST_INPUTS))
