"""Running a sweep: chunks to workers, rows to parts, and on after any interruption."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from experiments.sweeps.crews import Alone, Cluster, Crew, Processes
from experiments.sweeps.loading import Engine, Sweep, code_hash
from experiments.sweeps.rows import FAILED, compute, failed_rows
from experiments.sweeps.store import Range, Store, locked, merged, size

CHUNK_S = 0.25
"""Seconds that a chunk should take: many times what handing it over costs."""
MOST_NUMBERS = 1 << 15
"""Case numbers of a chunk at most: bounds memory, and what a kill can lose."""
FLUSH_S, FLUSH_SHARE, MOST_ROWS = 1.0, 0.02, 1 << 18
"""Rows wait for at most a second or 2 % of the time so far, or until there are so many."""
AHEAD = 2
"""Chunks a worker that are under way or wait for it."""

Told = Callable[[int], None]
"""Hears how many case numbers more are settled."""


class WorkersLeft(RuntimeError):
    """Workers cannot be started, or die of everything."""


@dataclass(frozen=True, slots=True)
class Done:
    """A chunk's rows and what they took; the seconds go into no row."""

    table: pa.Table
    seconds: float


def work(sweep: Sweep, start: int, stop: int, engine: Engine, code: str) -> Done:
    """A worker's task: rows of the cases in [start, stop)."""
    if code != code_hash():
        raise WorkersLeft("a worker has another version of deepx-sim, must be the same")
    began_s = time.perf_counter()
    table = compute(sweep, sweep.space.cases(start, stop), engine)
    return Done(table, time.perf_counter() - began_s)


def run_sweep(
    sweep: Sweep,
    out: Path | str,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    engine: Engine = "auto",
    retry_failed: bool = False,
    told: Told | None = None,
) -> dict[str, int]:
    """Compute what is missing in a folder; its status afterwards.

    However often it is interrupted, rows are the same. Raises InputFault (folder in use or of
    another sweep, no scheduler), OSError (all that was written is kept), KeyboardInterrupt.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        store = Store.open(folder, sweep)
        todo = store.manifest.missing()
        if retry_failed:
            todo = merged([*todo, *store.manifest.failed()])
        if todo:
            crew = _crew(workers, scheduler, size(todo))
            _Run(store, crew, engine, told or (lambda _: None), todo).all()
        return store.manifest.status()


def _crew(workers: int, scheduler: str | None, numbers: int) -> Crew:
    if scheduler is not None:
        return Cluster(scheduler)
    return Alone() if workers <= 1 or numbers <= 1 else Processes(workers)


@dataclass(slots=True)
class _Run:
    """One run's chunks: to be done, under way, suspected of killing their worker."""

    store: Store
    crew: Crew
    engine: Engine
    told: Told
    todo: list[Range]
    going: dict["Future[Any]", Range] = field(default_factory=dict)
    suspects: deque[Range] = field(default_factory=deque)
    tables: list[pa.Table] = field(default_factory=list)
    covers: list[Range] = field(default_factory=list)
    seconds_each: float | None = None
    began_s: float = field(default_factory=time.monotonic)
    flushed_s: float = field(default_factory=time.monotonic)

    def all(self) -> None:
        """Until nothing is left; what is finished is kept whatever happens."""
        chunks = self._chunks()
        try:
            while self._hand_out(chunks) or self.going:
                self._collect()
            while self.suspects:
                self._examine(self.suspects.popleft())
        except BaseException:
            self.crew.close(now=True)
            self._flush()
            raise
        self._flush()
        self.crew.close(now=False)

    def _chunks(self) -> Iterator[Range]:
        """What is to be done, in chunks whose size follows what cases turn out to take."""
        for start, stop in self.todo:
            while start < stop:
                upto = min(stop, start + self._numbers())
                yield start, upto
                start = upto

    def _numbers(self) -> int:
        if self.seconds_each is None:
            return 1 if self.engine == "des" else 16
        wanted = CHUNK_S / max(self.seconds_each, 1e-9)
        return int(min(max(wanted, 1), MOST_NUMBERS))

    def _hand_out(self, chunks: Iterator[Range]) -> bool:
        """Give workers what they can take; whether anything is under way."""
        ahead = 1 if self.crew.size == 1 else AHEAD
        while len(self.going) < ahead * self.crew.size and not self.suspects:
            chunk = next(chunks, None)
            if chunk is None:
                break
            self._submit(chunk)
        if self.suspects and not self.going:
            self._examine(self.suspects.popleft())
            return True
        return bool(self.going)

    def _submit(self, chunk: Range) -> None:
        arguments = (self.store.sweep, *chunk, self.engine, code_hash())
        try:
            self.going[self.crew.submit(work, *arguments)] = chunk
        except BaseException as error:
            if not self.crew.died(error):
                raise
            self.suspects.append(chunk)

    def _collect(self) -> None:
        """Take in what has been done; on a worker's death start anew."""
        if not self.going:
            return
        done, _ = wait(self.going, return_when=FIRST_COMPLETED)
        broken = False
        for future in done:
            chunk = self.going.pop(future)
            error = future.exception()
            if error is None:
                self._take(chunk, future.result())
            elif self.crew.died(error):
                self.suspects.append(chunk)
                broken = True
            else:
                raise error
        if broken and not isinstance(self.crew, Cluster):
            self._gather_broken()
            self.crew.restart()
        self._flush_when_due()

    def _gather_broken(self) -> None:
        """Of a broken pool: what finished in time counts, all else is suspected."""
        for future, chunk in self.going.items():
            error = future.exception()
            if error is None:
                self._take(chunk, future.result())
            else:
                self.suspects.append(chunk)
        self.going.clear()

    def _examine(self, chunk: Range) -> None:
        """A suspect alone: done, halved, or a single case recorded as its worker's death."""
        future = self.crew.submit(work, self.store.sweep, *chunk, self.engine, code_hash())
        error = future.exception()
        if error is None:
            self._take(chunk, future.result())
        elif not self.crew.died(error):
            raise error
        else:
            self.crew.restart()
            start, stop = chunk
            if stop - start == 1:
                self._take(chunk, Done(_killed(self.store.sweep, start), 0.0))
            else:
                middle = (start + stop) // 2
                self.suspects.extendleft([(middle, stop), (start, middle)])
        self._flush_when_due()

    def _take(self, chunk: Range, done: Done) -> None:
        self.tables.append(done.table)
        self.covers.append(chunk)
        count = chunk[1] - chunk[0]
        self.told(count)
        each = done.seconds / count
        before = self.seconds_each
        if before is None:  # the first chunk also warmed up caches: do not trust it fully
            self.seconds_each = each / 2
        else:
            self.seconds_each = max(0.5 * before + 0.5 * each, before / 4)

    def _flush_when_due(self) -> None:
        now_s = time.monotonic()
        due_s = max(FLUSH_S, FLUSH_SHARE * (now_s - self.began_s))
        rows = sum(len(table) for table in self.tables)
        if now_s - self.flushed_s >= due_s or rows >= MOST_ROWS:
            self._flush()

    def _flush(self) -> None:
        """Write what has been collected as a part."""
        if self.covers:
            tables, covers = self.tables, self.covers
            self.tables, self.covers = [], []
            self.store.add(tables, covers)
        self.flushed_s = time.monotonic()


def _killed(sweep: Sweep, number: int) -> pa.Table:
    """The row of a case that ends every worker that computes it."""
    numbers = sweep.space.cases(number, number + 1)
    return failed_rows(sweep, numbers, f"{FAILED}the worker process died")
