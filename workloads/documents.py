"""A YAML file as plain data, with the place of every key and value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from workloads.faults import Fault, field_name

FieldPath: TypeAlias = tuple[str | int, ...]
"""Keys and list positions from the root to a value."""

Mark: TypeAlias = tuple[int, int]
"""Line and column, from 1."""


@dataclass(frozen=True)
class Document:
    """The content of one YAML file."""

    file: str
    data: Any
    """Mappings, lists, texts, numbers, booleans and None."""
    marks: Mapping[FieldPath, Mark]
    """Where each value starts."""
    key_marks: Mapping[FieldPath, Mark]
    """Where the key of each value in a mapping starts."""
    faults: tuple[Fault, ...]
    """What is wrong whatever the file is about: duplicate keys, aliases, `nan`, wrong units."""
    broken: frozenset[FieldPath]
    """Values that could not be read; their faults are among `faults`."""

    def fault(self, path: FieldPath, message: str) -> Fault:
        """A fault of the value at `path`; for a value that is missing, at its parent's line."""
        line, column = self._place(path)
        return Fault(self.file, line, column, field_name(path), message)

    def key_fault(self, path: FieldPath, message: str) -> Fault:
        """A fault of the key itself."""
        line, column = self.key_marks.get(path) or self._place(path)
        return Fault(self.file, line, column, field_name(path), message)

    def value(self, path: FieldPath) -> Any:
        """The value at `path`; KeyError where there is none."""
        found = self.data
        for step in path:
            try:
                found = found[step]
            except (LookupError, TypeError):
                raise KeyError(field_name(path)) from None
        return found

    def _place(self, path: FieldPath) -> Mark:
        while path not in self.marks and path:
            path = path[:-1]
        if isinstance(self.value(path), dict | list) and path in self.key_marks:
            return self.key_marks[path]
        return self.marks.get(path, (1, 1))
