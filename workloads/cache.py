"""Arrays on disk by content hash: rebuilt where anything about them is in doubt."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

VERSION = 3
"""Raised whenever the code that builds what is cached changes its results."""

Arrays = dict[str, NDArray[np.float32]]


def cache_folder() -> Path:
    """DEEPX_CACHE, else the user's cache folder."""
    chosen = os.environ.get("DEEPX_CACHE")
    if chosen:
        return Path(chosen)
    from platformdirs import user_cache_path

    return user_cache_path("deepx-sim")


def load_or_build(key: str, build: Callable[[], Arrays], folder: Path | None = None) -> Arrays:
    """The arrays of that key from disk, if every byte is as it was written; else built and kept.

    A damaged, truncated, foreign or stale file counts as absent. A folder that cannot be written
    means that nothing is kept.
    """
    name = hashlib.sha256(f"{VERSION}-{key}".encode()).hexdigest()[:32]
    path = (folder or cache_folder()) / f"{name}.arrays"
    arrays = _load(path, key)
    if arrays is None:
        arrays = build()
        _store(path, key, arrays)
    return arrays


def _digest(view: Any) -> str:
    return hashlib.blake2b(view, digest_size=16).hexdigest()


def _load(path: Path, key: str) -> Arrays | None:
    """None unless the header's digest, version, key, sizes and the arrays' digests all hold."""
    try:
        with path.open("rb") as file:
            digest, _, text = file.readline(1 << 20).rstrip(b"\n").partition(b" ")
            if digest != _digest(text).encode():
                return None
            header = json.loads(text)
            if header["version"] != VERSION or header["key"] != key:
                return None
            arrays = {}
            for entry in header["arrays"]:
                shape = tuple(int(extent) for extent in entry["shape"])
                data = np.fromfile(file, dtype=np.float32, count=int(np.prod(shape)))
                if _digest(data) != entry["digest"]:
                    return None
                arrays[str(entry["name"])] = data.reshape(shape)
            return arrays if not file.read(1) else None
    except (OSError, ValueError, KeyError, TypeError, MemoryError, RecursionError, ArithmeticError):
        return None


def _store(path: Path, key: str, arrays: Mapping[str, NDArray[np.float32]]) -> None:
    """Written beside and renamed, so that no reader and no other writer sees half of it."""
    whole = {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}
    entries = [
        {"name": name, "shape": list(array.shape), "digest": _digest(array)}
        for name, array in whole.items()
    ]
    header = json.dumps({"version": VERSION, "key": key, "arrays": entries}).encode()
    part = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=path.stem, suffix=".part", delete=False
        ) as file:
            part = Path(file.name)
            file.write(_digest(header).encode() + b" " + header + b"\n")
            for array in whole.values():
                array.tofile(file)
        part.replace(path)
    except OSError:
        if part is not None:
            part.unlink(missing_ok=True)
    except BaseException:
        if part is not None:
            part.unlink(missing_ok=True)
        raise
