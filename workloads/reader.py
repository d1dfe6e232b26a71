"""Reading YAML specifications; every fault of a file is told with line, column and field."""

import json
import re
from itertools import islice
from pathlib import Path
from typing import NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from workloads.complaints import complaints
from workloads.composing import NOT_TEXT, compose
from workloads.documents import Document, FieldPath, Mark
from workloads.faults import Fault, SpecError, show

__all__ = [
    "Document",
    "Fault",
    "FieldPath",
    "SpecError",
    "fault_at",
    "first_kind",
    "read_bytes",
    "read_document",
    "read_spec",
    "read_text",
    "spec_of",
]

M = TypeVar("M", bound=BaseModel)

MAX_BYTES = 4_000_000
MAX_TABS = 50
"""Lines told where tabs indent a file; an editor mends all of them at once."""
_TAB_INDENT = re.compile(r"^ *\t", re.MULTILINE)
_BREAK = re.compile(r"\r\n?|\n")


def read_spec(path: str | Path, model: type[M]) -> M:
    """The specification in the YAML file at `path`; SpecError with all faults of the file."""
    return spec_of(read_document(path), model)


def read_text(text: str, model: type[M], *, file: str = "<text>") -> M:
    """The specification in a YAML text; SpecError with all its faults, which name `file`."""
    return spec_of(_document(text, file), model)


def spec_of(document: Document, model: type[M]) -> M:
    """The specification that a document holds; SpecError with all its faults.

    Types are taken as they stand (no text for a number, no boolean for a text); a whole number
    serves where a real one is wanted, a list where a tuple is.
    """
    try:
        spec = model.model_validate_json(json.dumps(document.data), strict=True)
    except ValidationError as error:
        raise SpecError([*document.faults, *complaints(document, model, error)]) from None
    faults = list(document.faults)
    if "kind" not in document.data:  # a model's own default does not excuse a file
        faults += complaints(document, model, None)
    if faults:
        raise SpecError(faults)
    return spec


def first_kind(path: str | Path) -> str:
    """The `kind:` of a YAML file; SpecError where the file cannot be read or has none."""
    document = read_document(path)
    if not isinstance(document.data, dict):
        _reject(document.file, f"{show(document.data)}, must start with `kind: ...`")
    if "kind" not in document.data:
        raise SpecError([document.fault(("kind",), "is missing, must say what the file describes")])
    kind = document.data["kind"]
    if not isinstance(kind, str) or ("kind",) in document.broken:
        raise SpecError([document.fault(("kind",), f"{show(kind)}, must be a name")])
    return kind


def fault_at(document: Document, path: FieldPath, message: str) -> Fault:
    """A fault of the value at `path` of a document, for checks that a model cannot make."""
    return document.fault(path, message)


def read_document(path: str | Path) -> Document:
    """The YAML file at `path`; SpecError where it cannot be read, is no text or no YAML.

    What else is wrong (duplicate keys, aliases, infinite numbers, wrong units) is in `faults`.
    """
    file = str(path)
    try:
        with Path(path).open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        _reject(file, f"cannot be read ({reason}), must be a readable YAML file")
    return read_bytes(content, file=file)


def read_bytes(content: bytes, *, file: str) -> Document:
    """The document that UTF-8 bytes hold; SpecError as of `read_document`."""
    if len(content) > MAX_BYTES:
        _reject(file, f"is larger than {MAX_BYTES} bytes, must be a specification, not data")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        place = _position(content[: error.start].decode("utf-8").removeprefix("\ufeff"))
        what = f"holds the byte 0x{content[error.start]:02x}, must be UTF-8 text"
        _reject(file, what, place)
    return _document(text, file)


def _document(text: str, file: str) -> Document:
    text = text.removeprefix("\ufeff")
    if len(text) > MAX_BYTES:
        _reject(file, f"is larger than {MAX_BYTES} bytes, must be a specification, not data")
    if odd := NOT_TEXT.search(text):
        what = f"holds the character U+{ord(odd[0]):04X}, must be printable text"
        _reject(file, what, _position(text[: odd.start()]))
    if tabs := list(islice(_TAB_INDENT.finditer(text), MAX_TABS)):
        places = (_position(text[: tab.end() - 1]) for tab in tabs)
        what = "a tab indents this line, must be spaces"
        raise SpecError(Fault(file, *place, "file", what) for place in places)
    return compose(text, file=file)


def _reject(file: str, message: str, place: Mark = (1, 1)) -> NoReturn:
    raise SpecError([Fault(file, *place, "file", message)])


def _position(before: str) -> Mark:
    lines = _BREAK.split(before)
    return len(lines), len(lines[-1]) + 1
