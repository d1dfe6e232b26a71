"""CSV traces beside a stream's YAML: what was measured, read with every fault at its line."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import NoReturn

from workloads.faults import Fault, SpecError

MOST_BYTES = 200_000_000
MOST_FAULTS = 50


@dataclass(frozen=True, slots=True, eq=False)
class TraceTable:
    """Columns of numbers; the first is time_s, ascending."""

    time_s: tuple[float, ...]
    columns: dict[str, tuple[float, ...]]


def read_trace(path: Path, columns: Sequence[str], *, below: float | None = None) -> TraceTable:
    """The trace in a CSV file with columns `time_s` and those named; all 0 or greater.

    `below`: what all values but times must be less than. Raises SpecError with its faults.
    """
    rows = _rows(path)
    wanted = ("time_s", *columns)
    header = tuple(name.strip() for name in rows[0]) if rows else ()
    if header != wanted:
        has = ", ".join(header) or "nothing"
        _reject(path, f"has columns {has}, must have {', '.join(wanted)}")
    faults, table, last_s = [], [], -1.0
    for line, row in enumerate(rows[1:], 2):
        if not row:
            continue
        numbers = [_number(text) for text in row]
        message = _wrong(wanted, row, numbers, last_s, below)
        if message is not None:
            faults.append(Fault(str(path), line, 1, *message))
            if len(faults) == MOST_FAULTS:
                break
            continue
        table.append([number or 0.0 for number in numbers])
        last_s = table[-1][0]
    if faults:
        raise SpecError(faults)
    if not table:
        _reject(path, "has no rows, must have at least one below its header")
    times, *others = zip(*table, strict=True)
    return TraceTable(times, dict(zip(columns, others, strict=True)))


def _rows(path: Path) -> list[list[str]]:
    try:
        if path.stat().st_size > MOST_BYTES:
            _reject(path, f"is larger than {MOST_BYTES} bytes, must be smaller")
        text = path.read_bytes().decode("utf-8-sig")
        return list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except OSError as error:
        _reject(path, f"cannot be read ({error.strerror or error}), must be a readable CSV file")
    except (UnicodeDecodeError, csv.Error) as error:
        _reject(path, f"is no CSV ({error}), must be UTF-8 text with commas")


def _reject(path: Path, message: str) -> NoReturn:
    raise SpecError([Fault(str(path), 1, 1, "file", message)])


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None


def _wrong(
    names: Sequence[str],
    row: Sequence[str],
    numbers: Sequence[float | None],
    last_s: float,
    below: float | None,
) -> tuple[str, str] | None:
    """(field, what is wrong) of a row."""
    if len(row) != len(names):
        return "row", f"has {len(row)} values, must have {len(names)}"
    for name, text, number in zip(names, row, numbers, strict=True):
        if number is None or number < 0.0:
            return name, f"is {text!r}, must be a number, 0 or greater"
        if below is not None and name != "time_s" and number >= below:
            return name, f"is {text!r}, must be less than {below:g}"
    first = numbers[0]
    assert first is not None
    if first <= last_s:
        return "time_s", f"is {row[0]!r}, must be greater than the row before, {last_s:g}"
    return None
