"""Reading sweep files: every fault at once, with its place; then a sweep ready to run."""

import hashlib
import json
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np

from experiments.scenarios import code_version
from experiments.sweeps.building import DEFAULTS, WrongValues, build_case
from experiments.sweeps.filters import FilterError, parse_filter
from experiments.sweeps.space import Space, axis_paths, radices
from experiments.sweeps.spec import Block, ScenarioSpec, Span, SweepSpec
from workloads.documents import Document, FieldPath
from workloads.faults import Fault, SpecError
from workloads.names import nearest_name
from workloads.reader import read_document, spec_of

Engine = Literal["auto", "des", "vector"]
MOST_CHECKED = 400
"""Cases built at the door; what only other combinations get wrong becomes a failed case."""
MOST_CASES = 10**9
MOST_SEARCHED = 10**7
"""Case numbers looked through for one that keeps all conditions, where a sample has none."""
UNKNOWN = "no field named"
"""How the fault of a path begins that no scenario of the sweep has."""
_SAMPLE = 20_000
_PACKAGES = ("workloads", "socs", "planners", "sim", "experiments")


@dataclass(frozen=True, eq=False)
class Sweep:
    """A sweep that can be run."""

    name: str
    spec: SweepSpec
    identity: str
    """Hash of what decides the rows: the resolved file, the files it names, the code."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sweep) and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)

    @cached_property
    def space(self) -> Space:
        """Its cases."""
        return Space.of(self.spec)

    @cached_property
    def base(self) -> dict[str, Any]:
        """Every named part and every field given, before axes."""
        return {**DEFAULTS, **self.spec.base}

    def values(self, columns: Mapping[str, Any], row: int) -> dict[str, Any]:
        """Values by path of one case."""
        found = {path: column[row] for path, column in columns.items()}
        plain = {p: v.item() if isinstance(v, np.generic) else v for p, v in found.items()}
        return {**self.base, **plain}

    def provenance(self) -> dict[str, Any]:
        """Where rows come from: versions, seeds, the resolved file."""
        names = ("numpy", "scipy", "simpy", "pyarrow", "pandas", "networkx", "pydantic")
        return {
            "sweep": self.name,
            "identity": self.identity,
            "code": {"version": code_version(), "hash": code_hash()},
            "versions": {
                "python": platform.python_version(),
                **{name: version(name) for name in names},
            },
            "seed": self.spec.seed,
            "base": self.base,
            "spec": self.spec.model_dump(mode="json", by_alias=True, exclude_defaults=False),
        }


def load_sweep(path: str | Path) -> Sweep:
    """The sweep in a YAML file, or the shipped one of that name.

    Raises SpecError with all faults of the file, UnknownName for an unknown name.
    """
    file = sweep_path(path)
    document = read_document(file)
    spec = spec_of(document, SweepSpec)
    faults = list(_faults(document, spec))
    if faults:
        raise SpecError(faults)
    spec = _absolute(spec, file.parent)
    return Sweep(file.stem, spec, _identity(spec))


def sweep_path(path: str | Path) -> Path:
    """The file of a sweep; UnknownName where it is neither a file's path nor a shipped name."""
    text = str(path)
    if isinstance(path, Path) or text.endswith((".yaml", ".yml")):
        return Path(text)
    folder = Path(__file__).parents[1] / "configs"
    names = sorted(p.stem for p in folder.glob("*.yaml"))
    if text not in names:
        raise nearest_name("sweep", text, names)
    return folder / f"{text}.yaml"


def check_scenario(document: Document) -> None:
    """SpecError with all faults of a scenario file."""
    spec = spec_of(document, ScenarioSpec)
    try:
        build_case(_beside(spec.base, Path(document.file).parent))
    except WrongValues as error:
        places = (("base", path) for path, _ in error.problems)
        pairs = zip(places, error.problems, strict=True)
        raise SpecError(_placed(document, place, m) for place, (_, m) in pairs) from None


def _faults(document: Document, spec: SweepSpec) -> Iterator[Fault]:
    paths = axis_paths(spec)
    for number, block in enumerate(spec.axes):
        for path in block.fields:
            if paths.count(path) > 1:
                where: FieldPath = ("axes", number, *_inside(block), path)
                yield document.key_fault(where, "is varied twice, must be on one axis only")
    known = dict.fromkeys(paths)
    wrong_filter = False
    for number, text in enumerate(spec.when):
        try:
            parse_filter(text, known)
        except FilterError as error:
            wrong_filter = True
            yield document.fault(("when", number), str(error))
    size = 1
    for radix in radices(spec):
        size *= radix
    if size > MOST_CASES:
        yield document.fault(("axes",), f"make {size} cases, must make at most {MOST_CASES}")
    elif not wrong_filter and len(known) == len(paths):
        yield from _scenario_faults(document, spec)


def _scenario_faults(document: Document, spec: SweepSpec) -> Iterator[Fault]:
    """Faults of the scenarios that a sample of the cases describes, every value of an axis in."""
    space, told = Space.of(spec), set()
    try:
        numbers = _sample(space)
    except FilterError as error:
        yield document.fault(("when",), str(error))
        return
    columns, folder = space.columns(numbers), Path(document.file).parent
    digits = space.digits(numbers)
    for row in range(len(numbers)):
        found = {path: column[row] for path, column in columns.items()}
        plain = {p: v.item() if isinstance(v, np.generic) else v for p, v in found.items()}
        try:
            build_case(_beside({**spec.base, **plain}, folder))
        except WrongValues as error:
            for path, message in error.problems:
                at = None if message.startswith(UNKNOWN) else [int(d[row]) for d in digits]
                place = _place(spec, path, at)
                if (place, message) not in told:
                    told.add((place, message))
                    yield _placed(document, place, message)
    if not len(numbers):
        yield document.fault(("when",), "leaves no case, must leave at least one")


def _sample(space: Space) -> Any:
    """Numbers of cases that keep all conditions: where it can be, one for each axis value."""
    size = len(space)
    numbers = np.unique(np.linspace(0, size - 1, min(size, _SAMPLE)).astype(np.int64))
    sides = [_one_block(space, block) for block in range(len(space.spec.axes))]
    numbers = np.unique(np.concatenate([numbers, *sides]))
    numbers = numbers[space.kept(space.columns(numbers), len(numbers))]
    if not len(numbers):
        edges = range(0, min(size, MOST_SEARCHED), _SAMPLE)
        windows = (space.cases(edge, min(edge + _SAMPLE, size)) for edge in edges)
        numbers = next((found for found in windows if len(found)), numbers)
    chosen = [numbers[:1]]
    for digit in space.digits(numbers)[:-1]:
        _, first = np.unique(digit, return_index=True)
        spread = np.unique(np.linspace(0, len(first) - 1, 200).astype(np.int64))
        chosen.append(numbers[first[spread]] if len(first) else numbers[:0])
    picked = np.unique(np.concatenate(chosen))
    return (
        picked[np.unique(np.linspace(0, len(picked) - 1, MOST_CHECKED).astype(np.int64))]
        if len(picked)
        else picked
    )


def _one_block(space: Space, block: int) -> Any:
    """Cases that differ from the first in one block only."""
    counts = radices(space.spec)
    stride = 1
    for radix in counts[block + 1 :]:
        stride *= radix
    positions = np.unique(np.linspace(0, counts[block] - 1, 200).astype(np.int64))
    return positions * stride


def _inside(block: Block) -> tuple[str, ...]:
    if block.grid is not None:
        return ("grid",)
    if block.zipped is not None:
        return ("zip",)
    return ("random", "fields") if block.random is not None else ("sobol", "fields")


def _place(spec: SweepSpec, path: str, digits: list[int] | None) -> tuple[str | int, ...]:
    """Where a file says the value of a field in the case of those positions; None: the field."""
    for number, block in enumerate(spec.axes):
        for field in block.fields:
            if field != path and not path.startswith(f"{field}."):
                continue
            where: FieldPath = ("axes", number, *_inside(block), field)
            position = None if digits is None else _position(block, field, digits[number])
            return where if position is None else (*where, position)
    return ("base", path)


def _position(block: Block, path: str, digit: int) -> int | None:
    """Position in the list of values that a field has; None where there is no list."""
    if block.zipped is not None:
        return None if isinstance(block.zipped[path], Span) else digit
    if block.grid is None or isinstance(block.grid[path], Span):
        return None
    for name, values in reversed(block.grid.items()):
        count = values.count if isinstance(values, Span) else len(values)
        digit, position = divmod(digit, count)
        if name == path:
            return position
    return None


def _placed(document: Document, place: tuple[str | int, ...], message: str) -> Fault:
    known = place in document.marks and not message.startswith(UNKNOWN)
    return (document.fault if known else document.key_fault)(place, message)


def _beside(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Values with paths of files taken from the sweep's own folder."""
    return {path: _resolved(value, folder, path) for path, value in values.items()}


def _resolved(value: Any, folder: Path, path: str) -> Any:
    is_file = isinstance(value, str) and (value.endswith((".yaml", ".yml")) or path == "plan")
    return str((folder / value).absolute()) if is_file else value


def _absolute(spec: SweepSpec, folder: Path) -> SweepSpec:
    """The specification with absolute paths of files."""

    def values(path: str, given: Any) -> Any:
        if isinstance(given, Span):
            return given
        return tuple(_resolved(value, folder, path) for value in given)

    blocks = []
    for block in spec.axes:
        changes = {
            name: {path: values(path, given) for path, given in getattr(block, name).items()}
            for name in ("grid", "zipped")
            if getattr(block, name) is not None
        }
        blocks.append(block.model_copy(update=changes))
    base = _beside(spec.base, folder)
    return spec.model_copy(update={"base": base, "axes": tuple(blocks)})


def _identity(spec: SweepSpec) -> str:
    """Hash of the file's meaning, the content of the files it names, and the code."""
    content = spec.model_dump(mode="json", by_alias=True, exclude={"description"})
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
    digest.update(code_hash().encode())
    for file in _files(content):
        try:
            digest.update(Path(file).read_bytes())
        except (OSError, ValueError):
            continue  # a text that looks like a path
    return digest.hexdigest()


def _files(content: Any) -> Iterator[str]:
    if isinstance(content, str) and content.endswith((".yaml", ".yml", ".json")):
        yield content
    elif isinstance(content, Mapping):
        for item in content.values():
            yield from _files(item)
    elif isinstance(content, list | tuple):
        for item in content:
            yield from _files(item)


@lru_cache(maxsize=1)
def code_hash() -> str:
    """sha256 of this project's own code and data, as installed."""
    digest = hashlib.sha256(code_version().encode())
    for name in _PACKAGES:
        spec = find_spec(name)
        assert spec is not None and spec.submodule_search_locations
        root = Path(spec.submodule_search_locations[0])
        for path in sorted([*root.rglob("*.py"), *root.rglob("*.yaml")]):
            if "configs" not in path.parts:
                digest.update(f"{name}/{path.relative_to(root).as_posix()}\n".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()
