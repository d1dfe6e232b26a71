"""Faces in images, of PyPI's mtcnn 1.0.0 (MIT): three small networks, one after the other.

Zhang, Zhang, Li, Qiao: Joint face detection and alignment using multitask cascaded convolutional
networks, IEEE Signal Processing Letters 23(10), 2016. Inputs are windows of 12, 24 and 48 pixels in
RGB, (x - 127.5) / 128. The heads lie side by side in the last layer: corrections of the box, five
landmarks (O-Net), and the class's scores before softmax.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.graph import Workload
from workloads.importing import workload_of
from workloads.joblib_files import read_arrays
from workloads.packaged import packaged_file
from workloads.real_weights import RealWeights

Arrays = list[NDArray[np.float32]]
Pool = tuple[int, int] | None
"""Kernel, and what is added below and on the right (Keras: padding "same")."""

_FILES = {"mtcnn_pnet": "pnet.lz4", "mtcnn_rnet": "rnet.lz4", "mtcnn_onet": "onet.lz4"}
_WINDOWS = {"mtcnn_pnet": 12, "mtcnn_rnet": 24, "mtcnn_onet": 48}
_POOLS: dict[str, tuple[Pool, ...]] = {
    "mtcnn_pnet": ((2, 0), None, None),
    "mtcnn_rnet": ((3, 1), (3, 0), None),
    "mtcnn_onet": ((3, 1), (3, 0), (2, 0), None),
}


def arrays_of(name: str) -> Arrays:
    """Weights in the order of the Keras model's layers: kernels, biases and slopes by turns."""
    inside = f"assets/weights/{_FILES[name]}"
    return read_arrays(packaged_file("mtcnn", inside, "pip install mtcnn==1.0.0"))


def _load(name: str, frames: int | None) -> Workload:
    arrays, pools = arrays_of(name), _POOLS[name]
    layers: list[dict[str, Any]] = []
    weights: dict[str, RealWeights] = {}
    for at, pool in enumerate(pools, 1):
        kernel, bias, slope = arrays[3 * at - 3 : 3 * at]
        layers += _convolution(at, kernel.shape, slope, pool)
        weights[f"conv{at}"] = RealWeights(_rows(kernel), bias)
    rest = arrays[3 * len(pools) :]
    if rest[0].ndim == 2:
        channels, dense, bias, slope = len(bias), *rest[:3]
        at, rest = len(pools) + 1, rest[3:]
        layers += [
            {"name": "flat", "kind": "flatten"},
            {"name": f"dense{at}", "kind": "dense", "units": len(bias)},
            {"name": f"prelu{at}", "kind": "prelu", "slope": slope.tolist()},
        ]
        weights[f"dense{at}"] = RealWeights(_by_channel(dense, channels), bias)
    heads = [_rows(kernel) for kernel in rest[::2]]
    biases = np.concatenate(rest[1::2])
    layers.append(_head(rest[0].ndim, len(biases)))
    weights["heads"] = RealWeights(np.concatenate(heads, axis=1), biases)
    shape = (len(biases),) if rest[0].ndim == 2 else (len(biases), 1, 1)
    return workload_of(
        name,
        layers,
        weights,
        (3, _WINDOWS[name], _WINDOWS[name]),
        shape,
        source=__doc__ or name,
        frames=frames,
        signal="photograph",
    )


def _convolution(
    at: int, shape: Sequence[int], slope: NDArray[np.float32], pool: Pool
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": f"conv{at}", "kind": "conv", "units": shape[3], "kernel": list(shape[:2])},
        {"name": f"prelu{at}", "kind": "prelu", "slope": slope.reshape(-1).tolist()},
    ]
    if pool is not None:
        size, after = pool
        around = {"kernel": size, "stride": 2, "padding": [0, 0, after, after]}
        found.append({"name": f"pool{at}", "kind": "max_pool", **around})
    return found


def _head(dimensions: int, units: int) -> dict[str, Any]:
    if dimensions == 2:
        return {"name": "heads", "kind": "dense", "units": units}
    return {"name": "heads", "kind": "conv", "units": units, "kernel": 1}


def _rows(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """(1, units, columns) of (height, width, channels, units) or of (inputs, units)."""
    by_unit = np.moveaxis(kernel, -1, 0)
    if kernel.ndim == 4:
        by_unit = by_unit.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(by_unit.reshape(1, kernel.shape[-1], -1))


def _by_channel(dense: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    """Rows of columns in the order channel, row, column; the file's is column, row, channel."""
    size = round((len(dense) / channels) ** 0.5)
    cube = dense.reshape(size, size, channels, -1)
    return np.ascontiguousarray(cube.transpose(3, 2, 1, 0).reshape(1, dense.shape[1], -1))


NETWORKS = {name: partial(_load, name) for name in _FILES}
