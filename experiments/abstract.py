"""What the DeepX abstract prints: for comparison only, read by nothing outside this package.

Lane et al., "DeepX: A Software Accelerator for Squeezing Deep Learning onto Wearables, Phones and
Things" (demonstration abstract), section 3: energy of a baseline over energy of DeepX; no network,
no absolute energy, latency or accuracy is given.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cell:
    """Energy of a baseline over the energy of DeepX, as printed."""

    soc: str
    model: str
    versus: str
    """cloud, gpu or cpu: the whole model there."""
    paper: float


CELLS = (
    Cell("tegra_k1", "alexnet", "cloud", 22.1),
    Cell("tegra_k1", "alexnet", "gpu", 1.8),
    Cell("tegra_k1", "alexnet", "cpu", 1.3),
    Cell("tegra_k1", "cd_seide", "cloud", 7.8),
    Cell("tegra_k1", "cd_seide", "gpu", 1.4),
    Cell("tegra_k1", "cd_seide", "cpu", 29.7),
    Cell("snapdragon_800", "alexnet", "cloud", 11.2),
    Cell("snapdragon_800", "alexnet", "cpu", 2.1),
    Cell("snapdragon_800", "cd_seide", "cloud", 8.2),
    Cell("snapdragon_800", "cd_seide", "cpu", 2.8),
)
"""In the printed order: "GPU- or CPU-only solutions, respectively"."""

MEMORY_GAIN = 2.5
"""Memory footprint of the model over that with DeepX, "typical for AlexNet and CD-Seide"."""

SOCS = ("tegra_k1", "snapdragon_800")
MODELS = ("alexnet", "cd_seide")

_PAIR = ("tegra_k1", "alexnet", "gpu"), ("tegra_k1", "alexnet", "cpu")
_SWAPPED_ALEXNET = {_PAIR[0]: 1.3, _PAIR[1]: 1.8}
_PAIR_CD = ("tegra_k1", "cd_seide", "gpu"), ("tegra_k1", "cd_seide", "cpu")
_SWAPPED_CD_SEIDE = {_PAIR_CD[0]: 29.7, _PAIR_CD[1]: 1.4}
_SLIP = {_PAIR_CD[1]: 2.97}

READINGS: Mapping[str, Mapping[tuple[str, str, str], float]] = {
    "as_printed": {},
    "both_models_swapped": _SWAPPED_ALEXNET | _SWAPPED_CD_SEIDE,
    "cd_seide_swapped": _SWAPPED_CD_SEIDE,
    "alexnet_swapped": _SWAPPED_ALEXNET,
    "slip_2.97": _SLIP,
    "slip_2.97_alexnet_swapped": _SLIP | _SWAPPED_ALEXNET,
}
"""Readings of the Tegra row, whose GPU and CPU figures are odd under any: what each changes.

The primary score is `as_printed`; `slip_2.97` takes 29.7 for a slip of 2.97."""


def reading(name: str) -> dict[tuple[str, str, str], float]:
    """(soc, model, versus) to the value of the abstract under a reading."""
    printed = {(cell.soc, cell.model, cell.versus): cell.paper for cell in CELLS}
    return printed | dict(READINGS[name])
