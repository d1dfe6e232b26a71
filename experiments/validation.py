"""How far the ten cells can be believed: fits, predictions left out, readings, sensitivities."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.abstract import CELLS, READINGS
from experiments.calibration import (
    CASES,
    MECHANISMS,
    Bench,
    Fit,
    Floats,
    Values,
    factor,
    fit,
    parameter,
    printed,
    rounded,
    shipped,
)
from planners import Infeasible, NotApplicable, load_planner
from planners.values import CLOUD

Step = Callable[[str], None]
"""Told what was finished, for progress."""

ALL = tuple(one.name for one in MECHANISMS)
STEPS = 8 + 1 + len(CELLS) + 4 + 1 + len(READINGS)
"""Times that `calibration` tells of progress."""
TEGRA = tuple(index for index, cell in enumerate(CELLS) if cell.soc == "tegra_k1")
SNAPDRAGON = tuple(index for index, cell in enumerate(CELLS) if cell.soc == "snapdragon_800")
LOCAL = ("cpu_only", "gpu_only", "lpc_only", "dsp_only", "rlc", "dad")
FLASH_S_PER_BYTE = "soc.snapdragon_800.storage.read_s_per_byte"
GPU_FRAMES = "host.cudnn.layers.dense.fp32.frames_per_call"
DSP_FRAMES = "host.hexagon_fixed.layers.dense.int8.frames_per_call"


def cell_names() -> tuple[str, ...]:
    """`tegra_k1 alexnet cloud`, in the printed order."""
    return tuple(f"{cell.soc} {cell.model} {cell.versus}" for cell in CELLS)


def fit_row(found: Fit) -> dict[str, Any]:
    """A fit as JSON-able values."""
    paper = printed()
    return {
        "parameters": len(found.values),
        "factor": factor(found.cells, paper),
        "worst": worst(found.cells, paper),
        "values": dict(found.values),
        "at_bound": list(found.at_bound),
        "cells": [float(value) for value in found.cells],
    }


def worst(simulated: Floats, paper: Floats) -> float:
    """Largest factor between a simulated and a printed cell."""
    return math.exp(float(np.max(np.abs(np.log(simulated / paper)))))


@dataclass(frozen=True, slots=True)
class Selection:
    """Fits with one mechanism more each time, and how many subsets were tried for them."""

    fits: tuple[Fit, ...]
    subsets_tried: int


def select(bench: Bench, step: Step, *, most: int = 8) -> Selection:
    """Forward selection: to the best set so far, the mechanism that helps most."""
    chosen: list[str] = []
    kept: list[Fit] = []
    tried = 0
    start: Values = {}
    while len(chosen) < most:
        rest = [name for name in ALL if name not in chosen]
        fits = {name: fit([*chosen, name], bench=bench, start=_begin(start, name)) for name in rest}
        tried += len(fits)
        best = min(fits, key=lambda name: fits[name].factor)
        chosen.append(best)
        kept.append(fits[best])
        start = fits[best].values
        step(f"{len(chosen)} parameters: factor {fits[best].factor:.3f}")
    return Selection(tuple(kept), tried)


def _begin(start: Values, name: str) -> Values:
    """From the middle of a new parameter's range: at the ends there is no slope to follow."""
    one = parameter(name)
    low, high = one.bounds
    middle = math.sqrt(low * high) if low > 0 else 0.5 * (low + high)
    return {**start, name: middle}


RIDGE = 0.02
"""Of fits with cells left out: moving a parameter over its whole range costs 2 % of a cell."""


def fresh(names: Sequence[str], bench: Bench, cells: Sequence[int]) -> Fit:
    """A fit that knows nothing of a fit to all cells: it starts from the sources.

    A slight ridge keeps a parameter that the cells say nothing about where its sources have it.
    """
    return fit(names, bench=bench, cells=cells, ridge=RIDGE)


def left_out(names: Sequence[str], bench: Bench, step: Step) -> dict[str, Any]:
    """Each cell, and each row of the abstract's table, predicted by a fit to the others."""
    paper = printed()

    def predicted(out: Sequence[int]) -> list[float]:
        rest = [index for index in range(len(CELLS)) if index not in out]
        found = fresh(names, bench, rest)
        return [float(found.cells[index] / paper[index]) for index in out]

    single = []
    for index, name in enumerate(cell_names()):
        single += predicted([index])
        step(f"without {name}: off by {single[-1]:.2f}")
    rows: dict[str, list[float]] = {}
    for soc, model in dict.fromkeys((cell.soc, cell.model) for cell in CELLS):
        out = [i for i, cell in enumerate(CELLS) if (cell.soc, cell.model) == (soc, model)]
        rows[f"{soc} {model}"] = predicted(out)
        step(f"without the row {soc} {model}")
    return {
        "cells": dict(zip(cell_names(), single, strict=True)),
        "cells_factor": _spread(single),
        "rows": rows,
        "rows_factor": _spread([value for values in rows.values() for value in values]),
        "ridge": RIDGE,
    }


def _spread(ratios: Sequence[float]) -> float:
    return math.exp(math.sqrt(float(np.mean(np.log(ratios) ** 2))))


def snapdragon_from_tegra(bench: Bench) -> list[dict[str, Any]]:
    """The four cells of the Snapdragon from figures fitted to the six of the Tegra alone.

    What is carried over to a device that nothing was fitted to is a choice: each is shown.
    """
    names = [n for n in ALL if n.startswith(("host.cudnn", "runtime."))]
    found = fresh(names, bench, TEGRA)
    measured = parameter(FLASH_S_PER_BYTE).bounds[1]
    frames = {DSP_FRAMES: found.values[GPU_FRAMES]}
    carried = {
        "runtime only": {},
        "and the GPU's frames per call to the DSP": frames,
        "and weights read from flash at the rate measured on its phone": frames
        | {FLASH_S_PER_BYTE: measured},
    }
    paper, rows = printed(), []
    for what, more in carried.items():
        ratios = bench.cells({**found.values, **more}) / paper
        mine = [float(ratios[index]) for index in SNAPDRAGON]
        rows.append({"carried_over": what, "predicted_over_printed": mine, "factor": _spread(mine)})
    return rows


def readings(names: Sequence[str], bench: Bench, step: Step) -> dict[str, dict[str, Any]]:
    """Other readings of the Tegra row, fitted with the same freedom as the printed one."""
    rows = {}
    for name in READINGS:
        found = fit(names, bench=bench, paper=printed(name), start=shipped())
        rows[name] = {
            "factor": found.factor,
            "worst": worst(found.cells, printed(name)),
            "at_bound": list(found.at_bound),
        }
        step(f"reading {name}: factor {found.factor:.3f}")
    return rows


def identifiability(found: Fit) -> dict[str, Any]:
    """Which parameters the cells tell apart, from the slopes at the fit.

    `correlation`: of two parameters' estimates, (J'J)^-1 scaled; beyond 0.95 only a combination of
    them is known. `leverage`: share of a cell's own value in its fit; near 1 that cell alone fixes
    something.
    """
    names, slopes = list(found.values), found.jacobian
    inverse = np.linalg.pinv(slopes.T @ slopes)
    scale = np.sqrt(np.maximum(np.diag(inverse), 1e-300))
    correlation = inverse / np.outer(scale, scale)
    leverage = np.diag(slopes @ inverse @ slopes.T)
    pairs = [
        {"first": names[i], "second": names[j], "correlation": float(correlation[i, j])}
        for i in range(len(names))
        for j in range(i)
        if abs(correlation[i, j]) > 0.8
    ]
    return {
        "correlated": pairs,
        "leverage": dict(zip(cell_names(), map(float, leverage), strict=True)),
        "conditions": float(np.linalg.cond(slopes)),
    }


def ships(bench: Bench) -> dict[str, Any]:
    """The figures that ship, and whether a fit from scratch finds them again."""
    names = list(shipped())
    continuous = fit(names, bench=bench, start=shipped())
    again = rounded(continuous, names, bench=bench)
    simulated = bench.cells(shipped())
    return {
        "continuous": fit_row(continuous),
        "refitted": fit_row(again),
        "cells": [float(value) for value in simulated],
        "factor": factor(simulated, printed()),
        "worst": worst(simulated, printed()),
        "values": dict(shipped()),
        "largest_difference": max(
            abs(math.log(again.values[name] / value)) for name, value in shipped().items()
        ),
    }


def calibration(step: Step) -> Iterator[tuple[str, Any]]:
    """Everything that is fitted, part by part."""
    bench = Bench()
    names = list(shipped())
    selection = select(bench, step)
    yield "subsets_tried", selection.subsets_tried
    yield "fits", [fit_row(each) for each in selection.fits]
    full = fit(names, bench=bench, start=shipped())
    yield "shipped", ships(bench)
    step("the figures that ship, fitted again")
    yield "identifiability", identifiability(full)
    yield "left_out", left_out(names, bench, step)
    yield "snapdragon_from_tegra", snapdragon_from_tegra(bench)
    step("the Snapdragon from the Tegra")
    yield "readings", readings(names, bench, step)


def coupling(bench: Bench) -> dict[str, Any]:
    """Whether slower local schemes take more energy: rank correlation, and the slope of logs."""
    from scipy.stats import linregress, spearmanr

    times: list[float] = []
    energies: list[float] = []
    for case in CASES:
        asked = bench.ask(case, shipped())
        own = load_planner("deepx")(asked).predicted
        assert own is not None
        for planner in LOCAL:
            try:
                plan = load_planner(planner)(asked)
            except (Infeasible, NotApplicable):
                continue
            assert plan.predicted is not None
            if all(block.processor != CLOUD for block in plan.blocks):
                times.append(plan.predicted.latency_s / own.latency_s)
                energies.append(plan.predicted.energy_j / own.energy_j)
    line = linregress(np.log(times), np.log(energies))
    return {
        "rank_correlation": float(spearmanr(times, energies).statistic),
        "slope": float(line.slope),
        "points": len(times),
        "answers": _answers(bench),
    }


def _answers(bench: Bench) -> list[dict[str, Any]]:
    """Latency and energy of the cloud beside those of deepx, where they come apart."""
    rows = []
    for soc, model in CASES:
        asked = bench.ask((soc, model), shipped())
        for planner in ("cloud_only", "deepx"):
            predicted = load_planner(planner)(asked).predicted
            assert predicted is not None
            numbers = {"latency_s": predicted.latency_s, "energy_j": predicted.energy_j}
            rows.append({"soc": soc, "model": model, "planner": planner, **numbers})
    return rows


def sourced(bench: Bench) -> Mapping[str, Any]:
    """The cells with nothing fitted."""
    cells = bench.cells({})
    return {
        "cells": [float(value) for value in cells],
        "factor": factor(cells, printed()),
        "worst": worst(cells, printed()),
    }
