"""Where text goes: results to standard output, everything else to standard error.

Colour and moving bars only on a terminal; `NO_COLOR` is respected; tables fit 80 columns.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

WIDTH = 80
QUIET_S = 2.0
"""Plain progress lines come at most this often."""


def output() -> "Console":
    """The console of results."""
    from rich.console import Console

    console = Console(highlight=False, emoji=False, markup=False)
    return (
        console
        if console.is_terminal
        else Console(highlight=False, emoji=False, markup=False, width=WIDTH)
    )


def messages() -> "Console":
    """The console of everything else."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, emoji=False, markup=False)


def say(line: str) -> None:
    """A plain line on standard error."""
    print(line, file=sys.stderr, flush=True)


def table(*columns: str, title: str | None = None, left: int = 1) -> "Table":
    """An empty table; the first `left` columns hold text, the others numbers."""
    from rich import box
    from rich.table import Table

    made = Table(
        title=title,
        box=box.SIMPLE_HEAD,
        title_justify="left",
        title_style="bold",
        pad_edge=False,
        collapse_padding=True,
    )
    for number, column in enumerate(columns):
        text = number < left
        made.add_column(column, justify="left" if text else "right", overflow="fold", no_wrap=text)
    return made


class Steps(Protocol):
    """Progress over a known number of steps."""

    def __call__(self, label: str) -> None:
        """One more step is done."""


@contextmanager
def progress(what: str, total: int) -> Iterator[Steps]:
    """Progress and time left, on standard error: a bar on a terminal, else a line now and then."""
    if sys.stderr.isatty():
        with _bar(what, total) as step:
            yield step
        return
    yield _Lines(what, total)


@contextmanager
def _bar(what: str, total: int) -> Iterator[Steps]:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=18),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[last]}", markup=False),
    )
    with Progress(*columns, console=messages(), transient=True) as bars:
        task = bars.add_task(what, total=total, last="")

        def step(label: str) -> None:
            bars.update(task, advance=1, last=label)

        yield step


class _Lines:
    """Progress as plain lines."""

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total, self._done = what, total, 0
        self._begun_s = self._said_s = time.monotonic()

    def __call__(self, label: str) -> None:
        self._done += 1
        now_s = time.monotonic()
        if now_s - self._said_s >= QUIET_S:
            self._said_s = now_s
            left_s = (now_s - self._begun_s) / self._done * (self._total - self._done)
            done = f"{self._done} of {self._total}"
            say(f"{self._what}: {done}, about {left_s:.0f} s left, last {label}")


@contextmanager
def working(what: str) -> Iterator[None]:
    """Say what takes a while, while it does: a spinner on a terminal, a line elsewhere."""
    if sys.stderr.isatty():
        with messages().status(f"{what} ..."):
            yield
        return
    say(f"{what} ...")
    yield
