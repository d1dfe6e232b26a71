"""Finding workloads: `workloads/data/alexnet.yaml` exists, therefore `alexnet` exists."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from workloads.building import BuildError, build
from workloads.faults import Fault, SpecError
from workloads.graph import Workload
from workloads.names import nearest_name
from workloads.reader import read_document, spec_of
from workloads.real_weights import RealWeights, digest_of, load_weights
from workloads.specs import WorkloadSpec

_DATA = Path(__file__).parent / "data"


def workload_names() -> tuple[str, ...]:
    """Names of the workloads shipped here."""
    return tuple(sorted(path.stem for path in _DATA.glob("*.yaml")))


def load_workload(name_or_path: str | Path, *, frames: int | None = None) -> Workload:
    """The workload of that name, or in that YAML or ONNX file, batched by `frames` per inference.

    Raises UnknownName (with the nearest names), SpecError (with all faults of the file), and
    ValueError for less than one frame.
    """
    if frames is not None and frames < 1:
        raise ValueError(f"frames is {frames}, must be at least 1")
    if str(name_or_path) in trained_names():
        return _load_trained(str(name_or_path), frames)
    path = _path_of(name_or_path)
    if path.suffix == ".onnx":
        from workloads.onnx.loading import load_onnx

        return load_onnx(path, frames=frames)
    modified_ns = path.stat().st_mtime_ns if path.exists() else 0
    return _load(path, modified_ns, frames)


def _path_of(name_or_path: str | Path) -> Path:
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or text.endswith((".yaml", ".yml", ".onnx")):
        return Path(text).absolute()
    if text not in workload_names():
        raise nearest_name("model", text, (*workload_names(), *trained_names()))
    return _DATA / f"{text}.yaml"


def trained_names() -> tuple[str, ...]:
    """Names of trained networks in packages, whether or not these are installed."""
    from workloads.trained import trained_names as names

    return names()


def _load_trained(name: str, frames: int | None) -> Workload:
    from workloads.trained import load_trained

    return load_trained(name, frames)


@lru_cache(maxsize=64)
def _load(path: Path, _modified_ns: int, frames: int | None) -> Workload:
    document = read_document(path)
    spec = spec_of(document, WorkloadSpec)
    try:
        return build(spec, frames=frames, weights=_weights(path, spec))
    except BuildError as error:
        raise SpecError(document.fault(*problem) for problem in error.problems) from None


def _weights(path: Path, spec: WorkloadSpec) -> Mapping[str, RealWeights] | None:
    """Real weights beside a YAML file, where it has any."""
    if spec.weights.sha256 is None:
        return None
    beside = path.with_suffix(".npz")
    found = load_weights(beside)
    if digest_of(found) != spec.weights.sha256:
        message = f"is not that of {beside.name}, must be the weights that were imported"
        raise SpecError([Fault(str(path), 1, 1, "weights.sha256", message)])
    return found
