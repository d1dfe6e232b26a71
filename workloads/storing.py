"""A workload with real weights as two files: its YAML, and a .npz of weights beside it."""

from pathlib import Path

import yaml

from workloads.graph import Workload
from workloads.real_weights import RealWeights, save_weights


def write_workload(workload: Workload, folder: Path) -> tuple[Path, Path]:
    """NAME.yaml and NAME.npz in a folder; `load_workload` on the first gives an equal workload.

    ValueError for a workload whose weights are synthetic; OSError where files cannot be written.
    """
    if workload.weights is None or workload.spec.weights.sha256 is None:
        raise ValueError(f"{workload.name} has synthetic weights, must have real ones")
    described = folder / f"{workload.name}.yaml"
    weights = {
        stage.name: RealWeights(own.matrix, own.bias)
        for stage in workload.stages
        if stage.weight.columns and (own := workload.weights[stage.name]) is not None
    }
    data = workload.spec.model_dump(mode="json", exclude_none=True)
    data["frames"] = workload.frames
    described.write_text(
        yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100), encoding="utf-8"
    )
    beside = described.with_suffix(".npz")
    save_weights(beside, weights)
    return described, beside
