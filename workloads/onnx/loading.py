"""`load_workload("model.onnx")`."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from workloads.graph import Workload
from workloads.importing import workload_of
from workloads.onnx.importing import Network, read_network
from workloads.real_weights import RealWeights


def load_onnx(
    path: str | Path,
    *,
    frames: int | None = None,
    name: str | None = None,
    output: str | None = None,
    shape: Sequence[int] | None = None,
) -> Workload:
    """The workload of a model file, with its weights; SpecError where it cannot be had."""
    found = Path(path)
    modified_ns = found.stat().st_mtime_ns if found.exists() else 0
    wanted = None if shape is None else tuple(shape)
    return _load(found, modified_ns, frames, name, output, wanted)


@lru_cache(maxsize=4)
def cached_network(
    path: Path, _modified_ns: int, output: str | None, shape: tuple[int, ...] | None
) -> Network:
    """The layers and weights of a file, read once."""
    return read_network(path, output=output, shape=shape)


@lru_cache(maxsize=4)
def _load(
    path: Path,
    modified_ns: int,
    frames: int | None,
    name: str | None,
    output: str | None,
    shape: tuple[int, ...] | None,
) -> Workload:
    network = cached_network(path, modified_ns, output, shape)
    return workload_from(network, name or named(path), source=path.name, frames=frames)


def workload_from(
    network: Network,
    name: str,
    *,
    source: str,
    description: str | None = None,
    frames: int | None = None,
) -> Workload:
    """The workload of a network read from a model."""
    weights = {layer: RealWeights(*arrays) for layer, arrays in network.weights.items()}
    return workload_of(
        name,
        network.layers,
        weights,
        network.input_shape,
        network.output_shape,
        source=source,
        description=description,
        frames=frames,
    )


def named(path: Path) -> str:
    """A workload's name from a file's."""
    letters = "".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "_" for c in path.stem)
    return (letters if letters[:1].isalpha() else f"model_{letters}")[:64]
