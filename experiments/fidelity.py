"""All that `deepx validate` finds out, as one JSON-able document."""

from collections.abc import Callable
from typing import Any

from experiments.ablations import ablations, memory_curve
from experiments.calibration import Bench, factor, parameter, printed, shipped, sourced_figure
from experiments.predictions import predictions
from experiments.robustness import bands, sensitivity
from experiments.validation import calibration, cell_names, coupling, sourced, worst

PARTS = 6
"""Steps of progress beside those of fits and samples."""


def document(
    step: Callable[[str], None], *, calibrate: bool = False, samples: int | None = None
) -> dict[str, Any]:
    """Cells, parameters, ablations, memory, coupling, sensitivity, predictions; fits and bands."""
    bench = Bench()
    result: dict[str, Any] = {
        "names": list(cell_names()),
        "printed": [float(value) for value in printed()],
        "sourced": sourced(bench),
        "calibrated": _calibrated(bench),
        "parameters": _parameters(),
    }
    step("the ten cells")
    for name, part in _PARTS.items():
        result[name] = part()
        step(name)
    result["coupling"] = coupling(bench)
    step("time against energy")
    if calibrate:
        result["calibration"] = dict(calibration(step))
    if samples:
        result["bands"] = bands(samples, lambda: step("samples"))
    return result


_PARTS: dict[str, Callable[[], Any]] = {
    "ablations": lambda: list(ablations()),
    "memory": memory_curve,
    "sensitivity": lambda: sensitivity(),
    "predictions": predictions,
}


def _calibrated(bench: Bench) -> dict[str, Any]:
    cells = bench.cells(shipped())
    return {
        "cells": [float(value) for value in cells],
        "factor": factor(cells, printed()),
        "worst": worst(cells, printed()),
    }


def _parameters() -> list[dict[str, Any]]:
    """The calibrated figures with their bounds and what they were before."""
    return [
        {
            "name": name,
            "means": parameter(name).means,
            "value": value,
            "low": parameter(name).bounds[0],
            "high": parameter(name).bounds[1],
            "uncalibrated": parameter(name).start,
            "basis_before": sourced_figure(name).basis,
        }
        for name, value in shipped().items()
    ]
