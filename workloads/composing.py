"""Composing a document from YAML text.

The language is YAML without its traps: numbers, booleans and nulls as in YAML 1.2 (`1e3` is a
number, `on` and `yes` are text), no anchors, aliases or tags, no duplicate keys, nothing infinite,
one document a file, bounded in depth and number of values.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from workloads.documents import Document, FieldPath, Mark
from workloads.faults import Fault, SpecError, field_name, show
from workloads.quantities import UnitError, dimension_of, number_in

MAX_VALUES = 200_000
MAX_DEPTH = 40

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NOT_TEXT = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
"""Characters that no document may hold: control characters, odd line breaks, half surrogates."""
_NULL = {"", "~", "null", "Null", "NULL"}
_BOOLEAN = {"true": True, "false": False}
_BOOLEAN |= {"True": True, "False": False, "TRUE": True, "FALSE": False}
_INTEGER = re.compile(r"[-+]?\d+(?:_\d+)*|0x[0-9a-fA-F]{1,15}", re.ASCII)
_REAL = re.compile(r"[-+]?(?:\d+(?:_\d+)*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|nan)", re.IGNORECASE)
_BROKEN = "?"
"""Stands in the data for a value that could not be read; its fault is already known."""


def compose(text: str, *, file: str) -> Document:
    """The document that `text` is; SpecError where it is no YAML, too deep or too long."""
    return _Composer(file, text).document()


class _Stop(Exception):
    """Reading cannot go on; the fault is noted."""


@dataclass
class _Composer:
    """Composes one document from the parser's events, noting places and faults on the way."""

    file: str
    text: str
    marks: dict[FieldPath, Mark] = field(default_factory=dict)
    key_marks: dict[FieldPath, Mark] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    broken: set[FieldPath] = field(default_factory=set)
    values: int = 0

    def document(self) -> Document:
        data: Any = None
        try:
            data = self._root(iter(yaml.parse(self.text, Loader=_Loader)))
        except _Stop:
            raise SpecError(self.faults) from None
        except yaml.YAMLError as error:
            raise SpecError([*self.faults, self._syntax_fault(error)]) from None
        except (ValueError, OverflowError) as error:  # PyYAML without libyaml, on bad escapes
            fault = Fault(self.file, 1, 1, "file", f"{error}, must be valid YAML")
            raise SpecError([*self.faults, fault]) from None
        return Document(
            self.file, data, self.marks, self.key_marks, tuple(self.faults), frozenset(self.broken)
        )

    def _root(self, events: Iterator[Any]) -> Any:
        data, documents = None, 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._note((), event, "a second document starts here, must be one a file")
                    raise _Stop
            elif isinstance(event, yaml.NodeEvent):
                data = self._node(event, events, ())
        return data

    def _node(self, event: Any, events: Iterator[Any], path: FieldPath) -> Any:
        self.marks[path] = _mark(event)
        self.values += 1
        if self.values > MAX_VALUES or len(path) > MAX_DEPTH:
            bound = f"{MAX_VALUES} values" if self.values > MAX_VALUES else f"{MAX_DEPTH} levels"
            self._note(path, event, f"is too much, a file has at most {bound}")
            raise _Stop
        trap = _trap(event)
        if isinstance(event, yaml.AliasEvent):
            return self._break(path, event, trap)
        if trap:
            self._note(path, event, trap)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(events, path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(events, path)
        return self._scalar(event, path)

    def _mapping(self, events: Iterator[Any], path: FieldPath) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._key(event, path)
            below = (*path, key)
            if key in data:
                self._repeated(event, events, below)
            else:
                self.key_marks[below] = _mark(event)
                data[key] = self._node(next(events), events, below)
        return data

    def _repeated(self, event: Any, events: Iterator[Any], path: FieldPath) -> None:
        """A value whose key was there before: its own faults are told, its content is not kept."""
        first = self.key_marks[path][0]
        self._note(path, event, f"is given twice, first in line {first}, must be once")
        kept = self.marks, self.key_marks, self.broken
        self.marks, self.key_marks, self.broken = {}, {}, set()
        self._node(next(events), events, path)
        self.marks, self.key_marks, self.broken = kept

    def _key(self, event: Any, path: FieldPath) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            self._note(path, event, "has a key that is no plain text, must be a name")
            raise _Stop
        if trap := _trap(event):
            self._note(path, event, f"has a key that {trap}")
        if not event.value or not event.value.isprintable():
            self._note(path, event, f"has the key {event.value!r}, must be a name")
        return str(event.value)

    def _sequence(self, events: Iterator[Any], path: FieldPath) -> list[Any]:
        data: list[Any] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            data.append(self._node(event, events, (*path, len(data))))
        return data

    def _scalar(self, event: Any, path: FieldPath) -> Any:
        text: str = event.value
        if not event.style:
            value = _plain(text)
            if isinstance(value, float) and not math.isfinite(value):
                return self._break(path, event, f"is {text[:40]}, must be a finite number")
            if not isinstance(value, str):
                return value
        elif odd := NOT_TEXT.search(text):
            return self._break(path, event, f"holds {odd[0]!r}, must be printable text")
        dimension = dimension_of(path)
        if dimension is None:
            return text
        try:
            number = number_in(dimension, text)
        except UnitError as error:
            return self._break(path, event, f"{show(text)} and {error}")
        return text if number is None else number

    def _break(self, path: FieldPath, event: Any, message: str) -> str:
        self.broken.add(path)
        self._note(path, event, message)
        return _BROKEN

    def _note(self, path: FieldPath, event: Any, message: str) -> None:
        self.faults.append(Fault(self.file, *_mark(event), field_name(path), message))

    def _syntax_fault(self, error: yaml.YAMLError) -> Fault:
        mark = getattr(error, "problem_mark", None)
        if mark is None or self._is_end(mark):  # something is not closed: tell where it opened
            mark = getattr(error, "context_mark", None)
        line, column = next(reversed(self.marks.values()), (1, 1))
        if mark is not None and not self._is_end(mark):
            line, column = mark.line + 1, mark.column + 1
        parts = (getattr(error, "problem", None), getattr(error, "context", None))
        problem = " ".join(part for part in parts if part) or str(error)
        return Fault(self.file, line, column, "file", f"{problem}, must be valid YAML")

    def _is_end(self, mark: Any) -> bool:
        return not self.text[mark.index :].strip()


def _trap(event: Any) -> str:
    if isinstance(event, yaml.AliasEvent):
        return f"is the alias *{event.anchor}, must be written out"
    if event.anchor is not None:
        return f"has the anchor &{event.anchor}, must be without: aliases are refused"
    if event.tag is not None:
        return f"has the tag {event.tag}, must be without: tags are refused"
    return ""


def _mark(event: Any) -> Mark:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _plain(text: str) -> Any:
    """The value of a plain scalar: None, a boolean, a number (infinite where too large) or text."""
    if text in _NULL:
        return None
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    if _INTEGER.fullmatch(text) and len(text) <= 19:
        return int(text, 16 if text.startswith("0x") else 10)
    if _REAL.fullmatch(text):
        return float(text)
    return math.inf if _NOT_FINITE.fullmatch(text) else text
