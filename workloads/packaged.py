"""Files inside installed packages, found without importing the packages."""

from importlib.util import find_spec
from pathlib import Path

from workloads.names import UnknownName


def packaged_file(package: str, inside: str, install: str) -> Path:
    """A file of an installed package; UnknownName, with how to install it, where it is missing."""
    found = find_spec(package)
    folders = list(found.submodule_search_locations or ()) if found is not None else []
    for folder in folders:
        path = Path(folder) / inside
        if path.is_file():
            return path
    raise UnknownName(f"needs {inside} of the package {package}: `{install}`")
