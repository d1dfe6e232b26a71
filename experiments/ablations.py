"""Where DeepX's gain comes from: the ten cells with one thing taken away or changed."""

from collections.abc import Iterator, Mapping
from typing import Any

from experiments.abstract import MODELS
from experiments.calibration import Bench, factor, printed, question, shipped
from experiments.scoring import whole_model_bytes
from planners import Infeasible, load_planner
from planners.memory import model_bytes

ERROR_LIMITS = (0.2, 0.25, 0.3, 0.33, 0.35, 0.37, 0.4, 0.45, 0.5)
_FREE = {"runtime.deepx_2016.planning_s": 0.0}
_AT_HAND = {"runtime.deepx_2016.dispatch_s": 0.0}

_SETTINGS: Mapping[str, tuple[Mapping[str, Any], Mapping[str, float]]] = {
    "as it ships": ({}, {}),
    "RLC only: one processor, no decomposition": ({"planner": "rlc"}, {}),
    "DAD only: no compaction": ({"planner": "dad"}, {}),
    "no remote processors": ({"own": {"network": "none"}}, {}),
    "no DSP, GPU or companion core": ({"own": {"processors": ("cpu",)}}, {}),
    "energy until the output only": ({"changes": {"energy_window": "until_output"}}, {}),
    "WiFi in place of LTE": ({"changes": {"network": "wifi"}}, {}),
    "1 frame an inference (CD-Seide)": ({"changes": {"frames": 1}}, {}),
    "10 frames an inference (CD-Seide)": ({"changes": {"frames": 10}}, {}),
    "planning free": ({}, _FREE),
    "planning and dispatch free": ({}, _FREE | _AT_HAND),
    "every option, this project's runtime": ({"own": {"options": "full"}}, {}),
}


def ablations() -> Iterator[dict[str, Any]]:
    """The cells under each setting, and how far they are from what is printed."""
    for name, (settings, changed) in _SETTINGS.items():
        cells = _bench(settings).cells({**shipped(), **changed})
        yield {
            "name": name,
            "cells": [float(value) for value in cells],
            "factor": factor(cells, printed()),
        }


def _bench(settings: Mapping[str, Any]) -> Bench:
    frames = settings.get("changes", {}).get("frames")
    return Bench(**settings) if frames is None else _Frames(frames=frames)


class _Frames(Bench):
    """Another number of frames for CD-Seide; an image stays an image."""

    def __init__(self, *, frames: int) -> None:
        super().__init__()
        self.frames = frames

    def ask(self, case: tuple[str, str], values: Mapping[str, float]) -> Any:
        """The question of a case."""
        more: dict[str, Any] = {"frames": self.frames} if case[1] == "cd_seide" else {}
        return question(*case, values, **more)


def memory_curve() -> list[dict[str, Any]]:
    """Memory that compaction saves on the Tegra K1 (fp32 throughout), by error limit."""
    rows = []
    for limit in ERROR_LIMITS:
        row: dict[str, Any] = {"error_limit": limit}
        for model in MODELS:
            asked = question("tegra_k1", model, shipped(), max_error=limit)
            try:
                plan = load_planner("rlc")(asked)
            except Infeasible:
                row[model] = None
                continue
            row[model] = whole_model_bytes(asked) / model_bytes(plan.blocks, asked)
        rows.append(row)
    return rows
