"""Chips that nothing was fitted to: AlexNet on one processor, by batch, written down in advance."""

from typing import Any

from experiments.scenarios import scenario
from planners import load_planner

BATCHES = (1, 2, 4, 8, 16)
CHIPS = (
    ("exynos_5800", "cpu", "openblas_caffe"),
    ("tegra_x1", "cpu", "openblas_caffe"),
    ("tegra_x1", "cpu", "openblas_caffe_v8"),
    ("tegra_x1", "gpu", "caffe_cublas"),
)


def predictions() -> list[dict[str, Any]]:
    """Milliseconds and joules an image, sourced figures only, no radio."""
    rows = []
    for soc, processor, host in CHIPS:
        for batch in BATCHES:
            asked = scenario(
                soc,
                "alexnet",
                frames=batch,
                network="none",
                hosts={processor: host},
                figures="sourced",
            )
            plan = load_planner(f"{processor}_only")(asked)
            assert plan.predicted is not None
            rows.append(
                {
                    "soc": soc,
                    "processor": processor,
                    "host": host,
                    "batch": batch,
                    "ms_per_image": 1e3 * plan.predicted.latency_s / batch,
                    "j_per_image": plan.predicted.energy_j / batch,
                }
            )
    return rows
