"""What stands on the command line, as values; wrong text is a fault that says what is right."""

import math
from collections.abc import Mapping
from typing import Any

import click


class Amount(click.ParamType[float]):
    """A finite number, greater than 0 unless zero is allowed, in the unit of the option."""

    name = "number"

    def __init__(self, *, zero: bool = False, scale: float = 1.0) -> None:
        self.zero, self.scale = zero, scale

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number in SI units."""
        bound = "0 or greater" if self.zero else "greater than 0"
        try:
            number = float(value) * self.scale
        except ValueError:
            self.fail(f"{value!r} is no number, must be a number {bound}", param, ctx)
        if not math.isfinite(number) or number < 0 or (number == 0 and not self.zero):
            self.fail(f"is {value}, must be finite and {bound}", param, ctx)
        return number


class Count(click.ParamType[int]):
    """A whole number from 1 up to a bound."""

    name = "count"

    def __init__(self, most: int) -> None:
        self.most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number."""
        try:
            number = int(value)
        except ValueError:
            number = 0
        if not 1 <= number <= self.most:
            self.fail(f"is {value}, must be a whole number from 1 to {self.most}", param, ctx)
        return number


class Names(click.ParamType[tuple[str, ...]]):
    """Names with commas between them."""

    name = "names"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """The names, each once."""
        if isinstance(value, tuple):
            return value
        names = [name.strip() for name in str(value).split(",")]
        if not all(names):
            self.fail(f"{value!r} has an empty name, must be names like a,b,c", param, ctx)
        return tuple(dict.fromkeys(names))


class Assignments(click.ParamType[Mapping[str, Any]]):
    """`name=value` with commas between: `cpu=0.5,gpu=0.1`."""

    name = "name=value"

    def __init__(self, example: str) -> None:
        self.example = example

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Mapping[str, Any]:
        """Value by name."""
        if isinstance(value, Mapping):
            return value
        found: dict[str, str] = {}
        for part in str(value).split(","):
            name, equals, text = (piece.strip() for piece in part.partition("="))
            if not (name and equals and text):
                self.fail(f"{part!r} is not name=value, must be like {self.example}", param, ctx)
            if name in found:
                self.fail(f"{name} is given twice", param, ctx)
            found[name] = text
        return found


class Shares(Assignments):
    """`name=share` with shares in [0, 1)."""

    def __init__(self) -> None:
        super().__init__("cpu=0.5,gpu=0.1")

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Mapping[str, Any]:
        """Share by name."""
        shares: dict[str, Any] = {}
        for name, text in super().convert(value, param, ctx).items():
            try:
                share = float(text)
            except ValueError:
                self.fail(f"{name}={text} is no number, must lie in [0, 1)", param, ctx)
            if not 0.0 <= share < 1.0:
                self.fail(f"{name}={text}: must lie in [0, 1)", param, ctx)
            shares[name] = share
        return shares


class Choice(click.ParamType[str]):
    """One of a few words."""

    name = "choice"

    def __init__(self, *words: str) -> None:
        self.words = words

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """How help shows it."""
        return "|".join(self.words)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The word."""
        if value not in self.words:
            self.fail(f"is {value!r}, must be one of {', '.join(self.words)}", param, ctx)
        return str(value)
