"""Writing files whole or not at all: beside their place, then renamed into it."""

import json
import math
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new file beside `path` to write to; it takes the place of `path` when all went well.

    A device or pipe (`/dev/stdout`) is handed out as it is. Raises OSError.
    """
    target = path.resolve()
    if target.exists() and not target.is_file() and not target.is_dir():
        yield target
        return
    if target.is_dir():
        raise IsADirectoryError(21, os.strerror(21), str(path))
    beside = target.with_name(f".{target.name[:80]}.{secrets.token_hex(4)}")
    try:
        beside.open("xb").close()
        yield beside
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all; OSError."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, document: Any) -> None:
    """Write one JSON document, whole or not at all; OSError."""
    write_text(path, to_json(document) + "\n")


def to_json(document: Any, *, indent: int | None = 2) -> str:
    """Valid JSON: numbers that are not finite become null, arrays and scalars plain values."""
    return json.dumps(plain(document), indent=indent, allow_nan=False)


def plain(value: Any) -> Any:
    """A value as JSON knows it."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):  # numpy's scalars and arrays
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def prepare_folder(folder: Path) -> None:
    """Make a folder and see that files can be written there; OSError otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    probe_file(folder / "probe")


def probe_file(path: Path) -> None:
    """See that `path` can be written, leaving it as it is; OSError otherwise."""
    target = path.resolve()
    if target.is_dir():
        raise IsADirectoryError(21, os.strerror(21), str(path))
    if target.exists() and not target.is_file():
        return
    beside = target.with_name(f".{target.name[:80]}.{secrets.token_hex(4)}")
    try:
        beside.open("xb").close()
    finally:
        beside.unlink(missing_ok=True)
