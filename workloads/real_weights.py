"""Real weights of trained networks: factors and spectra from the weights themselves."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workloads.factors import factorise
from workloads.faults import Fault, SpecError
from workloads.layer import Floats, WeightShape

MAX_BYTES = 1_000_000_000


@dataclass(frozen=True, eq=False)
class RealWeights:
    """Weights of one planned layer as they were trained; factors are made when first asked for."""

    matrix: Floats
    """(groups, rows, columns)."""
    bias: Floats
    """(units,)."""

    @property
    def _kept(self) -> int:
        groups, rows, columns = self.matrix.shape
        return WeightShape(groups, rows, columns, True).max_rank

    @cached_property
    def _factors(self) -> tuple[Floats, Floats]:
        groups, rows, columns = self.matrix.shape
        kept = self._kept
        if not kept:
            empty = np.zeros((groups, rows, 0), np.float32)
            return empty, np.zeros((groups, 0, columns), np.float32)
        pairs = [factorise(matrix.astype(np.float64), kept) for matrix in self.matrix]
        return (
            np.stack([left for left, _ in pairs]).astype(np.float32),
            np.stack([right for _, right in pairs]).astype(np.float32),
        )

    @property
    def left(self) -> Floats:
        """(groups, rows, largest rank): with `right`, the best approximation of each rank."""
        return self._factors[0]

    @property
    def right(self) -> Floats:
        """(groups, largest rank, columns)."""
        return self._factors[1]


def spectrum_of(matrices: Floats) -> NDArray[np.float64]:
    """(groups, min(rows, columns)): singular values, descending, squares summing to 1 a group."""
    return np.stack([_spectrum(matrix.astype(np.float64)) for matrix in matrices])


def _spectrum(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """From the smaller Gram matrix; a matrix of zeros counts as if it had one singular value."""
    rows, columns = matrix.shape
    if not min(rows, columns):
        return np.zeros(0)
    gram = matrix @ matrix.T if rows <= columns else matrix.T @ matrix
    squares = np.maximum(np.linalg.eigvalsh(gram)[::-1], 0.0)
    total = squares.sum()
    if total <= 0:
        squares[0] = total = 1.0
    found: NDArray[np.float64] = np.sqrt(squares / total)
    return found


def digest_of(weights: Mapping[str, RealWeights]) -> str:
    """sha256 of all weights and biases, by layer name."""
    found = hashlib.sha256()
    for name in sorted(weights):
        own = weights[name]
        found.update(f"{name} {own.matrix.shape} {own.bias.shape}\n".encode())
        found.update(np.ascontiguousarray(own.matrix, "<f4").tobytes())
        found.update(np.ascontiguousarray(own.bias, "<f4").tobytes())
    return found.hexdigest()


def save_weights(path: Path, weights: Mapping[str, RealWeights]) -> None:
    """As a .npz of `LAYER.matrix` and `LAYER.bias`."""
    arrays = {}
    for name, own in weights.items():
        arrays[f"{name}.matrix"], arrays[f"{name}.bias"] = own.matrix, own.bias
    with path.open("wb") as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]


def load_weights(path: Path) -> dict[str, RealWeights]:
    """Weights of a .npz; SpecError for a file that is none. Nothing in it is executed."""
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            if sum(info.file_size for info in archive.infolist()) > MAX_BYTES:
                raise ValueError(f"holds more than {MAX_BYTES} bytes")
        with np.load(path, allow_pickle=False) as arrays:
            parts = {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, KeyError) as error:
        reason = f"cannot be read as weights ({error}); must be the .npz written beside the model"
        raise SpecError([Fault(str(path), 1, 1, "file", reason)]) from None
    found = {}
    for name in sorted({key.rsplit(".", 1)[0] for key in parts}):
        matrix, bias = parts.get(f"{name}.matrix"), parts.get(f"{name}.bias")
        if matrix is None or bias is None or matrix.ndim != 3 or bias.ndim != 1:
            raise SpecError([Fault(str(path), 1, 1, name, "must be a matrix and a bias")])
        if not (np.isfinite(matrix).all() and np.isfinite(bias).all()):
            raise SpecError([Fault(str(path), 1, 1, name, "holds NaN, must hold finite numbers")])
        found[name] = RealWeights(matrix.astype(np.float32), bias.astype(np.float32))
    return found
