"""Texts such as "20 Mbit/s", converted into the SI unit that a field's name demands."""

import re
from decimal import Decimal
from typing import NamedTuple


class Dimension(NamedTuple):
    """What a field measures, and the units in which it may be written."""

    name: str
    base: str
    """The unit of a bare number."""
    units: dict[str, Decimal]
    """Size of each unit in base units."""
    example: str


_SMALL = {"": "1", "m": "1e-3", "u": "1e-6", "µ": "1e-6", "n": "1e-9", "p": "1e-12"}
_LARGE = {"": "1", "k": "1e3", "M": "1e6", "G": "1e9", "T": "1e12"}
_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def _scaled(unit: str, prefixes: dict[str, str], size: str = "1") -> dict[str, Decimal]:
    return {f"{prefix}{unit}": Decimal(scale) * Decimal(size) for prefix, scale in prefixes.items()}


_BYTES = _scaled("B", _LARGE) | {f"{prefix}B": Decimal(size) for prefix, size in _BINARY.items()}
_BYTE_RATES = {f"{unit}/s": size for unit, size in _BYTES.items()}
_BIT_RATES = _scaled("bit/s", _LARGE, "0.125") | _scaled("bps", _LARGE, "0.125")

DIMENSIONS: dict[str, Dimension] = {
    "bytes_per_s": Dimension("rate", "bytes per second", _BYTE_RATES | _BIT_RATES, "20 Mbit/s"),
    "macs_per_s": Dimension(
        "rate of arithmetic", "MACs per second", _scaled("MAC/s", _LARGE), "1.5 TMAC/s"
    ),
    "j_per_byte": Dimension(
        "energy per byte", "joules per byte", _scaled("J/B", _SMALL), "40 nJ/B"
    ),
    "bytes": Dimension("size", "bytes", _BYTES, "2 GB"),
    "hz": Dimension("frequency", "hertz", _scaled("Hz", _LARGE), "450 MHz"),
    "s": Dimension(
        "time", "seconds", _scaled("s", _SMALL) | {"min": Decimal(60), "h": Decimal(3600)}, "5 ms"
    ),
    "w": Dimension("power", "watts", _scaled("W", _SMALL | {"k": "1e3"}), "350 mW"),
    "j": Dimension(
        "energy",
        "joules",
        _scaled("J", _SMALL | {"k": "1e3"}) | _scaled("Wh", _SMALL, "3600"),
        "5 mJ",
    ),
    "v": Dimension("voltage", "volts", _scaled("V", _SMALL), "900 mV"),
    "c": Dimension("temperature", "degrees Celsius", {"C": Decimal(1), "°C": Decimal(1)}, "25 C"),
}
"""By the suffix of a field's name: `latency_s`, `bus_bytes_per_s`; the more specific come first."""

_QUANTITY = re.compile(
    r"([-+]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][-+]?\d{1,2})?)\s*(\D+)", re.ASCII
)
_SOURCED_KEYS = ("value", "low", "high")


class UnitError(ValueError):
    """A quantity in a unit that the field cannot take; the message says what would be right."""


def dimension_of(path: tuple[str | int, ...]) -> Dimension | None:
    """What the field at `path` measures, by its name; None where the name carries no unit.

    `latency_s` measures seconds; so do its `value`, `low` and `high`, and the entries of a list.
    """
    names = [step for step in path if isinstance(step, str)]
    if len(names) > 1 and names[-1] in _SOURCED_KEYS:
        names.pop()
    if not names:
        return None
    for suffix, dimension in DIMENSIONS.items():
        if (len(suffix) > 1 and names[-1] == suffix) or names[-1].endswith(f"_{suffix}"):
            return None if names[-1].endswith(f"_per_{suffix}") else dimension
    return None


def number_in(dimension: Dimension, text: str) -> float | int | None:
    """The quantity `text` in base units of `dimension`; None where it is no number with a unit.

    Raises UnitError where the unit is another's or unknown.
    """
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        return None
    number, unit = Decimal(match[1]), match[2].strip()
    scale = dimension.units.get(unit)
    if scale is None:
        raise UnitError(f"{_misfit(unit)}, must be {wanted(dimension)}")
    result = number * scale
    whole = dimension.base == "bytes" and result == result.to_integral_value()
    return int(result) if whole else float(result)


def wanted(dimension: Dimension) -> str:
    """What a field of that dimension takes: `a number of seconds, or text such as '5 ms'`."""
    return f"a number of {dimension.base}, or text such as {dimension.example!r}"


def _misfit(unit: str) -> str:
    for other in DIMENSIONS.values():
        if unit in other.units:
            return f"is in {unit}, a unit of {other.name}"
    return f"has the unknown unit {unit!r}"
