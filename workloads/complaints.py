"""A model's objections to a document, in plain words and with their places."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from pydantic import BaseModel, ValidationError

from workloads.documents import Document, FieldPath
from workloads.expectations import Expectations
from workloads.faults import Fault, show
from workloads.names import nearest
from workloads.quantities import dimension_of, wanted

MAX_OBJECTIONS = 1000
"""Objections told at most; whoever has more has another file in hand."""
_UNKNOWN_KEY = "is no key that is known here"
_BOUNDS = {
    "greater_than": ("greater than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
    "multiple_of": ("a multiple of", "multiple_of"),
}
_TYPES = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "finite_number": "a finite number",
    "bool": "true or false",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "frozen_set": "a list",
    "dict": "a mapping of keys to values",
    "none_required": "empty",
}


def complaints(
    document: Document, model: type[BaseModel], error: ValidationError | None
) -> list[Fault]:
    """All faults that `model` finds in a document, whose validation raised `error` (or passed).

    Values that could not be read are passed over: their faults are known. A file of evidently
    another kind gets one fault, not one for each of its keys.
    """
    expected = Expectations(model)
    wrong_kind = list(_kind_fault(document, expected))
    if wrong_kind and _is_other_kind(document, expected):
        return wrong_kind
    objections: dict[FieldPath, list[tuple[str, str]]] = {}
    details = error.errors(include_url=False) if error else []
    for detail in details[:MAX_OBJECTIONS]:
        path = _locate(document.data, detail)
        known = any(path[:depth] in document.broken for depth in range(len(path) + 1))
        if not known or detail["type"] == "extra_forbidden":
            objections.setdefault(path, []).append(_objection(document, expected, path, detail))
    objections.pop(("kind",), None) if wrong_kind else None
    return wrong_kind + [
        fault for path, parts in objections.items() for fault in _faults(document, path, parts)
    ]


def _kind_fault(document: Document, expected: Expectations) -> Iterator[Fault]:
    right = expected.choices(document.data, ("kind",))
    if not right or not isinstance(document.data, dict) or ("kind",) in document.broken:
        return
    if "kind" not in document.data:
        yield document.fault(("kind",), f"is missing, must be {_either(right)}")
    elif document.data["kind"] not in right:
        yield document.fault(("kind",), f"{show(document.data['kind'])}, must be {_either(right)}")


def _is_other_kind(document: Document, expected: Expectations) -> bool:
    known = expected.keys(document.data, ())
    foreign = [key for key in document.data if key not in known]
    return "kind" in document.data and 2 * len(foreign) > len(document.data)


def _faults(document: Document, path: FieldPath, parts: list[tuple[str, str]]) -> Iterator[Fault]:
    """One fault for each way in which the value is wrong; what would be right is joined by `or`."""
    for wrong in dict.fromkeys(wrong for wrong, _ in parts):
        rights = dict.fromkeys(right for other, right in parts if other == wrong)
        message = ", ".join(part for part in (wrong, ", or ".join(rights)) if part)
        yield (document.key_fault if wrong == _UNKNOWN_KEY else document.fault)(path, message)


def _locate(data: Any, detail: Any) -> FieldPath:
    """The place in the data that an error is about.

    A pydantic location also names union members and validators on its way; only steps that exist
    in the data count, and where a key is named like a union member, the error's input decides.
    """
    loc = tuple(detail["loc"])
    if _is_about_key(detail):
        return next(_walks(data, loc[:-1]))[0]
    tail: FieldPath = ()
    if detail["type"] == "missing":
        loc, tail = loc[:-1], loc[-1:]
    elif detail["type"] in ("union_tag_invalid", "union_tag_not_found"):
        tail = (detail["ctx"]["discriminator"].strip("'"),)
    walks = islice(_walks(data, loc), 1000)
    right = (path for path, found in walks if found == detail["input"])
    path = next(right, None)
    if path is None:
        path = next(_walks(data, loc))[0]
    return (*path, *tail) if tail else _figure_value(path, detail)


def _walks(data: Any, loc: FieldPath) -> Iterator[tuple[FieldPath, Any]]:
    """Ways to follow a location through the data, those that use most of its steps first."""
    if not loc:
        yield (), data
        return
    step, rest = loc[0], loc[1:]
    within = step in data if isinstance(data, dict) else False
    if isinstance(data, list) and isinstance(step, int):
        within = 0 <= step < len(data)
    if within:
        yield from (((step, *path), found) for path, found in _walks(data[step], rest))
    yield from _walks(data, rest)


def _figure_value(path: FieldPath, detail: Any) -> FieldPath:
    """Where a whole sourced figure is called wrong by a bound, its `value` is meant."""
    found = detail["input"]
    about_value = detail["type"] == "value_error" and str(detail["ctx"]["error"]).startswith("must")
    is_figure = isinstance(found, dict) and {"value", "source"} <= set(found)
    return (*path, "value") if about_value and is_figure else path


def _objection(
    document: Document, expected: Expectations, path: FieldPath, detail: Any
) -> tuple[str, str]:
    """What is wrong with the value at `path` and what would be right."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in ("missing", "union_tag_not_found"):
        return "is missing", f"must be {_described(document, expected, path)}"
    if kind == "extra_forbidden" or _is_about_key(detail):
        return _UNKNOWN_KEY, _hint(str(path[-1]), expected.keys(document.data, path[:-1]))
    wrong = show(_value_at(document, path, detail["input"]))
    if kind in ("literal_error", "enum", "union_tag_invalid"):
        listed = context.get("expected_tags") or context["expected"]
        choices = expected.choices(document.data, path)
        return wrong, _choose(wrong, choices) if choices else f"must be {listed}"
    if kind in _BOUNDS:
        words, key = _BOUNDS[kind]
        return wrong, f"must be {words} {_bound(context[key])}"
    if kind in ("too_short", "too_long", "string_too_short", "string_too_long"):
        return wrong, _length(kind, context)
    if kind in ("value_error", "assertion_error"):
        message = str(context["error"])
        return (wrong if message.startswith("must") else ""), message
    if kind in ("model_type", "model_attributes_type", "dataclass_type"):
        return wrong, f"must be {_described(document, expected, path)}"
    stem = kind.removesuffix("_type").removesuffix("_parsing").removesuffix("_from_float")
    if stem in _TYPES:
        return wrong, f"must be {_right_type(stem, path, detail['input'])}"
    return wrong, detail["msg"].replace("Input should", "must").replace("String should", "must")


def _value_at(document: Document, path: FieldPath, otherwise: Any) -> Any:
    try:
        return document.value(path)
    except KeyError:
        return otherwise


def _right_type(stem: str, path: FieldPath, found: Any) -> str:
    if stem in ("float", "int") and isinstance(found, str):
        return _unit(path) or _TYPES[stem]
    if stem == "int" and isinstance(found, float) and found.is_integer():
        return f"a whole number, written {found:.0f}"
    if stem == "string" and isinstance(found, int | float):
        return "text (write it in quotes)"
    return _TYPES[stem]


def _unit(path: FieldPath) -> str | None:
    dimension = dimension_of(path)
    return wanted(dimension) if dimension else None


def _described(document: Document, expected: Expectations, path: FieldPath) -> str:
    words = expected.describe(document.data, path)
    return _unit(path) or words if words in ("a number", "a whole number") else words


def _is_about_key(detail: Any) -> bool:
    return bool(detail["loc"]) and detail["loc"][-1] == "[key]"


def _bound(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _length(kind: str, context: dict[str, Any]) -> str:
    short = kind.endswith("short")
    words, count = ("at least", "min_length") if short else ("at most", "max_length")
    units = ("character", "characters") if kind.startswith("string") else ("entry", "entries")
    return f"must have {words} {context[count]} {units[context[count] != 1]}"


def _choose(wrong: str, choices: list[str]) -> str:
    close = nearest(wrong.removeprefix("is ").strip("'"), choices)
    return f"must be {_either(choices)}" + (f" (did you mean {close[0]!r}?)" if close else "")


def _hint(asked: str, known: list[str]) -> str:
    close = nearest(asked, known)
    if close:
        return f"did you mean {_either(close)}?"
    return f"must be one of {', '.join(known)}" if known else "must be left out"


def _either(choices: Iterable[str]) -> str:
    *most, last = [repr(choice) for choice in choices]
    return f"{', '.join(most)} or {last}" if most else last
