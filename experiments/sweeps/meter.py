"""Progress of a sweep on standard error: how many, how fast, how much longer."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from experiments.terminal import QUIET_S, messages, say


def duration(seconds: float) -> str:
    """`3 s`, `4:05 min`, `2:10 h`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"


@contextmanager
def metered(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A function that hears of progress: a bar on a terminal, now and then a line elsewhere."""
    if not sys.stderr.isatty():
        yield _Lines(what, total)
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=messages(), transient=True) as bars:
        task = bars.add_task(what, total=total, rate="")

        def told(count: int) -> None:
            speed = bars.tasks[0].speed
            bars.update(task, advance=count, rate="" if speed is None else f"{speed:.0f}/s")

        yield told


class _Lines:
    """Progress as plain lines."""

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total, self._done = what, total, 0
        self._began_s = self._said_s = time.monotonic()

    def __call__(self, count: int) -> None:
        self._done += count
        now_s = time.monotonic()
        if now_s - self._said_s < QUIET_S:
            return
        self._said_s = now_s
        rate = self._done / (now_s - self._began_s)
        left = duration((self._total - self._done) / rate) if rate else "?"
        say(f"{self._what}: {self._done} of {self._total}, {rate:.3g}/s, {left} left")
