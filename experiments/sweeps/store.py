"""The folder of a sweep: Parquet parts and a manifest, both written beside and renamed.

A part counts once the manifest names it, so whatever interrupts a run leaves only whole parts.
The manifest holds ranges of case numbers, not cases: a finished million resumes by reading a page.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from experiments.faults import InputFault
from experiments.files import replacing, write_json
from experiments.sweeps.loading import Sweep
from experiments.sweeps.rows import FAILED

MANIFEST, LOCK, PARTS = "manifest.json", ".lock", "parts"
PROVENANCE = b"deepx"
"""Key of the provenance in a part's metadata."""
Range = tuple[int, int]
"""Case numbers from the first to before the second."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file of rows."""

    file: str
    run: int
    rows: int
    replaced: int
    """Of its rows, those that take the place of an earlier failure."""
    covers: tuple[Range, ...]
    """Case numbers that it settles, those that conditions leave out included."""
    failed: tuple[Range, ...]
    """Of those, cases whose computation raised an error."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a folder holds."""

    identity: str
    name: str
    cases: int
    numbers: int
    """Case numbers are below this."""
    runs: int = 0
    parts: tuple[Part, ...] = field(default=())

    def missing(self) -> list[Range]:
        """Case numbers that no part settles."""
        return without([(0, self.numbers)], (span for part in self.parts for span in part.covers))

    def failed(self) -> list[Range]:
        """Cases whose latest row is a failure."""
        found: list[Range] = []
        for part in self.parts:
            found = merged([*without(found, part.covers), *part.failed])
        return found

    def status(self) -> dict[str, int]:
        """As `deepx sweep status --json` prints it."""
        failed = size(self.failed())
        settled = sum(part.rows - part.replaced for part in self.parts)
        return {
            "cases": self.cases,
            "done": settled - failed,
            "failed": failed,
            "executed_last_run": sum(p.rows for p in self.parts if p.run == self.runs),
        }


def merged(spans: Iterable[Range]) -> list[Range]:
    """The same numbers in as few ranges as can be, ascending."""
    found: list[Range] = []
    for start, stop in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(stop, found[-1][1]))
        else:
            found.append((start, stop))
    return found


def without(spans: Iterable[Range], taken: Iterable[Range]) -> list[Range]:
    """Numbers of `spans` that are not in `taken`."""
    found, gone, at = list[Range](), merged(taken), 0
    for start, stop in merged(spans):
        while at < len(gone) and gone[at][1] <= start:
            at += 1
        position = at
        while position < len(gone) and gone[position][0] < stop:
            if start < gone[position][0]:
                found.append((start, gone[position][0]))
            start = gone[position][1]
            position += 1
        if start < stop:
            found.append((start, stop))
    return found


def size(spans: Iterable[Range]) -> int:
    """How many numbers."""
    return sum(stop - start for start, stop in spans)


def ranges(numbers: Any) -> list[Range]:
    """Ascending numbers as ranges."""
    listed = np.asarray(numbers, dtype=np.int64)
    if not len(listed):
        return []
    edges = np.flatnonzero(np.diff(listed) != 1) + 1
    return [(int(run[0]), int(run[-1]) + 1) for run in np.split(listed, edges)]


def read_manifest(folder: Path) -> Manifest:
    """What a folder holds; InputFault where it is no sweep's."""
    path = folder / MANIFEST
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        parts = tuple(
            Part(
                row["file"],
                row["run"],
                row["rows"],
                row["replaced"],
                tuple((a, b) for a, b in row["covers"]),
                tuple((a, b) for a, b in row["failed"]),
            )
            for row in data["parts"]
        )
        names = ("identity", "name", "cases", "numbers", "runs")
        return Manifest(**{name: data[name] for name in names}, parts=parts)
    except OSError as error:
        raise InputFault(
            f"{path}:1:1: file: cannot be read ({error.strerror}), must be the manifest of a sweep"
        ) from None
    except (ValueError, LookupError, TypeError):
        raise InputFault(f"{path}:1:1: file: is no manifest of a sweep") from None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The folder for this process alone; InputFault where another runs in it.

    The lock ends with the process, however it ends.
    """
    import fcntl

    with (folder / LOCK).open("a+b") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputFault(
                f"command line: --out: {folder} is in use by another run of a sweep, "
                "must be another folder, or wait for it"
            ) from None
        yield


@dataclass(slots=True)
class Store:
    """An open folder that rows are added to; the folder is locked by the caller."""

    folder: Path
    sweep: Sweep
    manifest: Manifest

    @classmethod
    def open(cls, folder: Path, sweep: Sweep) -> "Store":
        """A new run in a folder, resumed or begun; InputFault where it holds another sweep."""
        (folder / PARTS).mkdir(parents=True, exist_ok=True)
        if (folder / MANIFEST).exists():
            manifest = read_manifest(folder)
            if manifest.identity != sweep.identity:
                raise InputFault(
                    f"command line: --out: {folder} holds another sweep, or results of another "
                    "version, must be another folder"
                )
        else:
            space = sweep.space
            manifest = Manifest(sweep.identity, sweep.name, space.count(), len(space))
        store = cls(folder, sweep, replace(manifest, runs=manifest.runs + 1))
        known = {part.file for part in manifest.parts}
        for path in (folder / PARTS).iterdir():
            if path.name not in known:
                path.unlink(missing_ok=True)  # written, but never counted
        store._save()
        return store

    def add(self, tables: Sequence[pa.Table], covers: Sequence[Range]) -> None:
        """One more part, whole or not at all; OSError."""
        table = pa.concat_tables(tables)
        table = table.take(pc.sort_indices(table, sort_keys=[("case", "ascending")]))
        provenance = json.dumps(self.sweep.provenance()).encode()
        table = table.replace_schema_metadata({PROVENANCE: provenance})
        bad = table.filter(pc.starts_with(table["status"], FAILED))["case"].to_numpy()
        name = f"{len(self.manifest.parts):06d}.parquet"
        with replacing(self.folder / PARTS / name) as beside:
            pq.write_table(table, beside, compression="zstd")
        before = self.manifest
        retried = without(
            ranges(table["case"].to_numpy()), without([(0, before.numbers)], before.failed())
        )
        part = Part(
            name,
            before.runs,
            len(table),
            size(retried),
            tuple(merged(covers)),
            tuple(ranges(bad)),
        )
        self.manifest = replace(before, parts=(*before.parts, part))
        try:
            self._save()
        except BaseException:
            self.manifest = before
            raise

    def _save(self) -> None:
        write_json(self.folder / MANIFEST, asdict(self.manifest))


def is_sweep_folder(folder: Path) -> bool:
    """Whether a sweep ran there."""
    return (folder / MANIFEST).is_file()


def free_bytes(folder: Path) -> int:
    """Free space where a folder lies or will lie."""
    while not folder.exists():
        folder = folder.parent
    stat = os.statvfs(folder)
    return stat.f_bavail * stat.f_frsize
