"""The language of `when`: comparisons of axes' values joined by and, or, not.

A condition is parsed as a Python expression and interpreted node by node over arrays of values;
nothing is ever called or evaluated as code.
"""

import ast
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.names import nearest_name

_COMPARED: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
MOST_CHARACTERS, MOST_DEPTH = 2000, 50
GRAMMAR = "comparisons of axes and values joined by and, or, not, e.g. planner != 'dad'"


class FilterError(ValueError):
    """A condition that cannot be understood."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed condition."""

    text: str
    names: frozenset[str]
    """Paths that it reads."""

    def mask(self, columns: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
        """Per case whether it holds; FilterError where values cannot be compared."""
        count = len(next(iter(columns.values()))) if columns else 1
        with np.errstate(all="ignore"):
            try:
                found = _value(_parsed(self.text), columns)
            except (TypeError, ValueError, ArithmeticError) as error:
                raise FilterError(f"is {self.text!r}: cannot be computed ({error})") from None
        return np.broadcast_to(np.asarray(found, dtype=np.bool_), (count,))


def parse_filter(text: str, known: Iterable[str]) -> Filter:
    """The condition in a text; FilterError where it is none, or names no axis."""
    tree = _parsed(text)
    names: set[str] = set()
    _walk(tree, names, 0)
    if not isinstance(tree, ast.Compare | ast.BoolOp) and not _is_not(tree):
        raise FilterError(f"is {text!r}, must be {GRAMMAR}")
    paths = tuple(known)
    for name in sorted(names):
        if name not in paths:
            raise FilterError(str(nearest_name("axis", name, paths)))
    return Filter(text, frozenset(names))


def _parsed(text: str) -> ast.expr:
    if len(text) > MOST_CHARACTERS:
        raise FilterError(f"has {len(text)} characters, must have at most {MOST_CHARACTERS}")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise FilterError(f"is {text[:60]!r}, must be {GRAMMAR}") from None


def _is_not(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)


def _walk(node: ast.expr, names: set[str], depth: int) -> None:
    """Every part must be of the language."""
    if depth > MOST_DEPTH:
        raise FilterError(f"is nested deeper than {MOST_DEPTH}")
    if isinstance(node, ast.Name | ast.Attribute):
        names.add(_dotted(node))
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float | str):
        return
    for part in _parts(node):
        _walk(part, names, depth + 1)


def _parts(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BoolOp):
        return node.values
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        return [node.operand]
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        return [node.left, node.right]
    if isinstance(node, ast.Compare):
        if all(type(op) in _COMPARED for op in node.ops):
            return [node.left, *node.comparators]
        if len(node.ops) == 1 and isinstance(node.ops[0], ast.In | ast.NotIn):
            (listed,) = node.comparators
            if isinstance(listed, ast.List | ast.Tuple):
                return [node.left, *listed.elts]
    raise FilterError(f"has {ast.unparse(node)[:40]!r}, must be {GRAMMAR}")


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    raise FilterError(f"has {ast.unparse(node)[:40]!r}, must be {GRAMMAR}")


def _value(node: ast.expr, columns: Mapping[str, NDArray[Any]]) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name | ast.Attribute):
        return columns[_dotted(node)]
    if isinstance(node, ast.BoolOp):
        joined = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        values = [np.asarray(_value(part, columns), dtype=np.bool_) for part in node.values]
        result = values[0]
        for value in values[1:]:
            result = joined(result, value)
        return result
    if isinstance(node, ast.UnaryOp):
        operand = _value(node.operand, columns)
        if isinstance(node.op, ast.Not):
            return np.logical_not(np.asarray(operand, dtype=np.bool_))
        return -operand
    if isinstance(node, ast.BinOp):
        return _ARITHMETIC[type(node.op)](_value(node.left, columns), _value(node.right, columns))
    assert isinstance(node, ast.Compare)
    return _compared(node, columns)


def _compared(node: ast.Compare, columns: Mapping[str, NDArray[Any]]) -> Any:
    left = _value(node.left, columns)
    if isinstance(node.ops[0], ast.In | ast.NotIn):
        listed = node.comparators[0]
        assert isinstance(listed, ast.List | ast.Tuple)
        found: Any = np.False_
        for part in listed.elts:
            found = np.logical_or(found, np.asarray(left == _value(part, columns), np.bool_))
        return np.logical_not(found) if isinstance(node.ops[0], ast.NotIn) else found
    result: Any = np.True_
    for op, comparator in zip(node.ops, node.comparators, strict=True):
        right = _value(comparator, columns)
        result = np.logical_and(result, np.asarray(_COMPARED[type(op)](left, right), np.bool_))
        left = right
    return result
