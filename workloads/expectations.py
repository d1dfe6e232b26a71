"""What a model would accept at a place of a document, from its JSON Schema."""

import warnings
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

from pydantic import BaseModel
from pydantic.errors import PydanticUserError

from workloads.documents import FieldPath

_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "empty",
}


class Expectations:
    """Looks up a model's JSON Schema, made only when something is asked."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._model = model

    def keys(self, data: Any, path: FieldPath) -> list[str]:
        """Keys that the mapping at `path` may have; empty where any or none may be."""
        found: dict[str, None] = {}
        for schema in self._at(data, path):
            found.update(dict.fromkeys(schema.get("properties", ())))
            found.update(dict.fromkeys(_constants(schema.get("propertyNames", {}))))
        return list(found)

    def choices(self, data: Any, path: FieldPath) -> list[str]:
        """Texts of which the value at `path` must be one; empty where it is no choice."""
        found: dict[str, None] = {}
        for schema in self._at(data, path):
            found.update(dict.fromkeys(_constants(schema)))
        return list(found)

    def describe(self, data: Any, path: FieldPath) -> str:
        """In words what the value at `path` should be: `a number`, `'soc'`, `a mapping with a`."""
        words = dict.fromkeys(_words(schema) for schema in self._at(data, path))
        words.pop("empty", None)
        return " or ".join(words) or "given"

    @cached_property
    def _root(self) -> dict[str, Any]:
        try:
            with warnings.catch_warnings():  # on defaults that JSON cannot write
                warnings.simplefilter("ignore")
                return self._model.model_json_schema()
        except PydanticUserError:  # a type that JSON Schema cannot express: no hints then
            return {}

    def _at(self, data: Any, path: FieldPath) -> list[dict[str, Any]]:
        schemas = _fitting(self._leaves(self._root), data)
        for step in path:
            data = _child(data, step)
            below = [part for schema in schemas for part in _below(schema, step)]
            schemas = _fitting((leaf for part in below for leaf in self._leaves(part)), data)
        return schemas

    def _leaves(self, schema: Any) -> Iterator[dict[str, Any]]:
        """The alternatives of a schema, references followed."""
        if not isinstance(schema, dict):
            return
        parts = [part for word in ("anyOf", "oneOf", "allOf") for part in schema.get(word, ())]
        if "$ref" in schema:
            parts.append(self._root["$defs"][schema["$ref"].removeprefix("#/$defs/")])
        if not parts:
            yield schema
        for part in parts:
            yield from self._leaves(part)


def _fitting(schemas: Iterable[dict[str, Any]], data: Any) -> list[dict[str, Any]]:
    """Schemas whose constant keys (such as `kind`) agree with the data; all where none does."""
    alternatives = list(schemas)
    return [schema for schema in alternatives if not _contradicts(schema, data)] or alternatives


def _contradicts(schema: dict[str, Any], data: Any) -> bool:
    if not isinstance(data, dict):
        return False
    return any(
        key in data and "const" in part and data[key] != part["const"]
        for key, part in schema.get("properties", {}).items()
    )


def _below(schema: dict[str, Any], step: str | int) -> Iterator[Any]:
    if isinstance(step, int):
        prefix = schema.get("prefixItems", ())
        yield prefix[step] if step < len(prefix) else schema.get("items")
    elif step in schema.get("properties", ()):
        yield schema["properties"][step]
    else:
        yield schema.get("additionalProperties")


def _child(data: Any, step: str | int) -> Any:
    try:
        return data[step]
    except (LookupError, TypeError):
        return None


def _constants(schema: dict[str, Any]) -> list[str]:
    values = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    return [value for value in values if isinstance(value, str)]


def _words(schema: dict[str, Any]) -> str:
    if constants := _constants(schema):
        return " or ".join(repr(value) for value in constants)
    if required := schema.get("required"):
        return f"a mapping with {', '.join(required)}"
    return _WORDS.get(str(schema.get("type")), "given")
