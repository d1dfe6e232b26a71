"""What there is: the files that are the registry, by kind, and what each says of itself."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import yaml

FOLDERS = {
    "socs": ("socs", "data"),
    "hosts": ("socs", "hosts"),
    "links": ("socs", "links"),
    "models": ("workloads", "data"),
    "experiments": ("experiments", "configs"),
    "runtimes": ("socs", "runtimes"),
    "clouds": ("socs", "clouds"),
}
"""Package and folder of each kind that YAML files make."""
LISTED = ("socs", "hosts", "links", "models", "planners", "experiments")
KINDS = (*LISTED, "runtimes", "clouds")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that exists, and the file it exists by."""

    kind: str
    name: str
    description: str
    path: Path | None


def entries(kind: str) -> tuple[Entry, ...]:
    """All of a kind, by name."""
    if kind == "planners":
        return tuple(_planners())
    folder = _folder(*FOLDERS[kind])
    return tuple(
        Entry(kind, path.stem, _description(path), path) for path in sorted(folder.glob("*.yaml"))
    )


def _folder(package: str, folder: str) -> Path:
    """Where a package lies, found without importing it."""
    spec = find_spec(package)
    assert spec is not None and spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / folder


def _description(path: Path) -> str:
    """What a YAML file says under `description`; nothing where it cannot be read."""
    key: str | None = None
    depth = 0
    try:
        with path.open(encoding="utf-8") as stream:
            for event in yaml.parse(stream, Loader=yaml.SafeLoader):
                if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                    depth += 1
                    key = None
                elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                    depth -= 1
                elif isinstance(event, yaml.ScalarEvent) and depth == 1:
                    if key == "description":
                        return " ".join(str(event.value).split())
                    key = str(event.value) if key is None else None
    except (OSError, ValueError, yaml.YAMLError):
        return ""
    return ""


def _planners() -> Iterator[Entry]:
    """Files of the package that define `plan`, then those of other packages."""
    shipped = []
    for path in sorted(_folder("planners", "").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.FunctionDef) and node.name == "plan" for node in tree.body):
            text = (ast.get_docstring(tree) or "").partition("\n\n")[0]
            shipped.append(Entry("planners", path.stem, " ".join(text.split()), path))
    yield from shipped
    names = {entry.name for entry in shipped}
    for point in sorted(entry_points(group="deepx.planners"), key=lambda point: point.name):
        if point.name not in names:
            yield Entry("planners", point.name, f"from {point.value}", None)


def find(name: str) -> tuple[Entry, ...]:
    """Everything of that name, whatever its kind; UnknownName with the nearest names otherwise."""
    everything = [entry for kind in KINDS for entry in entries(kind)]
    found = tuple(entry for entry in everything if entry.name == name)
    if not found:
        from workloads.names import nearest_name

        raise nearest_name(
            "soc, host, link, model, planner, runtime or cloud",
            name,
            {entry.name for entry in everything},
        )
    return found
