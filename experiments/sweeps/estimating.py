"""What a sweep will take, from a few of its cases measured here."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from experiments.sweeps.loading import Engine, Sweep
from experiments.sweeps.rows import compute
from experiments.sweeps.vectors import has_vector_form

BUDGET_S = 5.0
"""Seconds spent on measuring at most, about."""
_SAMPLED = 64
_WINDOW = 4096


@dataclass(frozen=True, slots=True)
class Estimate:
    """Cases, seconds and bytes that a sweep is expected to take."""

    cases: int
    vector: int
    """Cases with a vectorised form, estimated from a sample."""
    measured: int
    seconds: float
    disk_bytes: float
    workers: int

    def document(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {
            "cases": self.cases,
            "engines": {"vector": self.vector, "des": self.cases - self.vector},
            "seconds": self.seconds,
            "disk_bytes": round(self.disk_bytes),
            "workers": self.workers,
            "measured_cases": self.measured,
        }


def estimate(sweep: Sweep, *, workers: int, engine: Engine = "auto") -> Estimate:
    """Run a spread of cases here, once to warm up and then timed, and scale up."""
    space = sweep.space
    cases = space.count()
    spread = np.unique(np.linspace(0, len(space) - 1, _SAMPLED).astype(np.int64))
    columns = space.columns(spread)
    spread = spread[space.kept(columns, len(spread))]
    columns = space.columns(spread)
    vector = np.array(
        [
            engine != "des" and has_vector_form(sweep.values(columns, row))
            for row in range(len(spread))
        ],
        dtype=np.bool_,
    )
    share = float(vector.mean()) if len(vector) else 0.0
    seconds, tables = 0.0, []
    if vector.any():
        start = int(spread[vector][0])
        numbers = space.cases(start, min(start + _WINDOW, len(space)))
        kept = sweep.space.columns(numbers)
        first = [has_vector_form(sweep.values(kept, row)) for row in range(len(numbers))]
        each_s, table = _timed(sweep, numbers[np.array(first)], engine)
        seconds += each_s * share * cases
        tables.append(table)
    if not vector.all():
        each_s, table = _one_by_one(sweep, spread[~vector], engine)
        seconds += each_s * (1.0 - share) * cases
        tables.append(table)
    measured = sum(len(table) for table in tables)
    disk = _bytes(pa.concat_tables(tables), cases) if tables else 0.0
    spread_over = min(workers, cases) or 1
    return Estimate(cases, round(share * cases), measured, seconds / spread_over, disk, workers)


def _timed(sweep: Sweep, numbers: Any, engine: Engine) -> tuple[float, pa.Table]:
    compute(sweep, numbers[:1], engine)
    began_s = time.perf_counter()
    table = compute(sweep, numbers, engine)
    return (time.perf_counter() - began_s) / len(numbers), table


def _one_by_one(sweep: Sweep, numbers: Any, engine: Engine) -> tuple[float, pa.Table]:
    """Mean seconds of cases spread over the sweep, as many as the budget allows."""
    order = np.random.default_rng(0).permutation(numbers)
    compute(sweep, order[:1], engine)
    began_s, tables = time.perf_counter(), []
    for number in order:
        tables.append(compute(sweep, np.array([number]), engine))
        if time.perf_counter() - began_s > BUDGET_S:
            break
    return (time.perf_counter() - began_s) / len(tables), pa.concat_tables(tables)


def _bytes(table: pa.Table, cases: int) -> float:
    """Size of the Parquet part of so many rows: what a file costs anyway, and what rows add."""
    whole, half = (_written(table.slice(0, n)) for n in (len(table), len(table) // 2))
    rows = len(table) - len(table) // 2
    each = max((whole - half) / rows, 1.0)
    return whole + each * max(cases - len(table), 0)


def _written(table: pa.Table) -> int:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return int(sink.getvalue().size)
