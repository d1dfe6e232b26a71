"""Faults of an input file: where, which field, what is wrong and what would be right."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a file. Lines and columns count from 1."""

    file: str
    line: int
    column: int
    field: str
    """Dotted path of the field, list positions from 0: `layers.3.kernel`; `file` for the whole."""
    message: str
    """What is wrong, what would be right."""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}"
        return _one_line(f"{where}: {_short(self.field, 200)}: {_short(self.message, 600)}")


class SpecError(ValueError):
    """An input that cannot be understood; `str()` has one line per fault."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        ordered = sorted(faults, key=lambda fault: (fault.file, fault.line, fault.column))
        self.faults: tuple[Fault, ...] = tuple(dict.fromkeys(ordered))
        """All faults, in the order of the file, each once."""
        super().__init__("\n".join(str(fault) for fault in self.faults))

    def __reduce__(self) -> tuple[type["SpecError"], tuple[tuple[Fault, ...]]]:
        return type(self), (self.faults,)


def show(value: object) -> str:
    """How a fault says what a value is: `is 'abc'`, `is empty`, `is a list`."""
    match value:
        case None:
            return "is empty"
        case bool():
            return f"is {str(value).lower()}"
        case dict():
            return "is a mapping"
        case list():
            return "is a list"
    text = repr(value)
    return f"is {text}" if len(text) <= 60 else f"is {text[:40]}... ({len(text)} characters)"


def field_name(path: Iterable[str | int]) -> str:
    """Dotted path of a field; `file` for the whole document."""
    steps = [str(step) for step in path]
    return ".".join(steps if len(steps) <= 12 else [*steps[:10], ".."]) or "file"


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}..."


def _one_line(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )
