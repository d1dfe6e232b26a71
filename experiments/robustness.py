"""How the cells move when figures move within the ranges of their sources."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from experiments.calibration import Bench, Values, factor, printed, question, shipped
from experiments.validation import cell_names
from socs.figures import figures
from workloads.sourced import Sourced

_WIDEST = 25
"""Figures that the report lists."""
_CHOICES = ("frames_per_call", "storage.read_s_per_byte")
"""Ends of names whose ranges span different ways to do it, not one thing ill known."""


def uncertain(*, choices: bool = False) -> dict[str, Sourced]:
    """Every figure with a range that the ten cells rest on, by name; not the calibrated ones.

    `choices`: discrete ones too (frame by frame or batched, paged in or resident).
    """
    found: dict[str, Sourced] = {}
    fitted = shipped()
    for spec_name, spec in _specs().items():
        for path, figure in figures(spec):
            name = ".".join((spec_name, *path))
            kept = name not in fitted and (choices or not name.endswith(_CHOICES))
            if kept and figure.low is not None and figure.high is not None:
                found[name] = figure
    return {name: figure for name, figure in found.items() if figure.low != figure.high}


def _specs() -> dict[str, Any]:
    specs: dict[str, Any] = {}
    for soc in ("tegra_k1", "snapdragon_800"):
        asked = question(soc, "alexnet", {})
        used = asked.soc.prototype_processors
        specs[f"soc.{soc}"] = asked.soc
        specs |= {f"host.{asked.hosts[n].name}": asked.hosts[n] for n in used}
        specs |= {f"runtime.{name}": runtime for name, runtime in asked.runtimes.items()}
        link, cloud = asked.conditions.link, asked.conditions.cloud
        assert link is not None and cloud is not None
        specs |= {f"link.{link.name}": link, f"cloud.{cloud.name}": cloud}
    return specs


def sensitivity() -> list[dict[str, Any]]:
    """Figures by how far they move the cells between the ends of their ranges.

    Root mean square over the cells of log(cell at high / cell at low), plans being the best of
    those known (first order); frames of whole calls stay whole.
    """
    bench = Bench()
    rows: list[dict[str, Any]] = []
    fitted = shipped()
    bench.cells(fitted)
    for name, figure in uncertain(choices=True).items():
        low, high = (bench.cells({**fitted, name: end}, replan=False) for end in _ends(figure))
        swing = np.log(high / low)
        size = math.sqrt(float(np.mean(swing**2)))
        if size > 1e-6:
            rows.append(
                {
                    "figure": name,
                    "low": figure.low,
                    "value": figure.value,
                    "high": figure.high,
                    "basis": figure.basis,
                    "swing": math.exp(size),
                    "factor_at_low": factor(low, printed()),
                    "factor_at_high": factor(high, printed()),
                    "most_moved": cell_names()[int(np.argmax(np.abs(swing)))],
                }
            )
    return sorted(rows, key=lambda row: -float(row["swing"]))[:_WIDEST]


def _ends(figure: Sourced) -> tuple[float, float]:
    assert figure.low is not None and figure.high is not None
    return figure.low, figure.high


def bands(samples: int, step: Callable[[], None], *, seed: int = 0) -> dict[str, Any]:
    """5th, 50th and 95th percentile of each cell, uncertain figures drawn from their ranges.

    Independently, uniform on a logarithmic scale where the range excludes 0; calibrated figures
    stay as they ship, and DeepX plans anew in every sample.
    """
    drawn = []
    for values in draws(samples, seed):
        drawn.append(Bench().cells({**shipped(), **values}))
        step()
    low, middle, high = np.percentile(np.array(drawn), [5, 50, 95], axis=0)
    return {
        "samples": samples,
        "figures": len(uncertain()),
        "cells": {
            name: {"p5": float(a), "p50": float(b), "p95": float(c)}
            for name, a, b, c in zip(cell_names(), low, middle, high, strict=True)
        },
    }


def draws(samples: int, seed: int) -> Iterator[Values]:
    """Random figures within their ranges."""
    rng, chosen = np.random.default_rng(seed), uncertain()
    for _ in range(samples):
        yield {name: _drawn(figure, float(rng.random())) for name, figure in chosen.items()}


def _drawn(figure: Sourced, share: float) -> float:
    low, high = _ends(figure)
    return float(low * (high / low) ** share if low > 0 else low + share * (high - low))
