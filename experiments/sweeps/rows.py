"""Cases by number to rows of the results' table, by the law over arrays or by the engine."""

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from experiments.answers import OK, Answer, ask, replay
from experiments.sweeps import vectors
from experiments.sweeps.building import Case, build_case
from experiments.sweeps.loading import Engine, Sweep
from experiments.sweeps.space import Columns, Ints
from planners import Plan
from planners.batch import Batch
from planners.values import CLOUD

FAILED = "failed: "
"""How the status of a case begins whose computation raised an error."""
_COUNTS = ("evaluations", "remote_layers")


def compute(sweep: Sweep, numbers: Ints, engine: Engine) -> pa.Table:
    """Rows of cases by number; a case that raises has its error as status and no metrics."""
    columns = sweep.space.columns(numbers)
    seeds = _seeds(sweep, sweep.space.replications(numbers))
    table = _Table(len(numbers))
    left = np.ones(len(numbers), dtype=np.bool_)
    if engine != "des":
        left = _by_arrays(sweep, columns, table)
    for row in np.flatnonzero(left):
        values = sweep.values(columns, int(row))
        table.fill(int(row), *by_engine(values, int(seeds[row]), engine))
    return _arrow(sweep, numbers, columns, seeds, table)


def failed_rows(sweep: Sweep, numbers: Ints, status: str) -> pa.Table:
    """Rows of cases that could not be computed."""
    table = _Table(len(numbers))
    table.status[:] = status
    seeds = _seeds(sweep, sweep.space.replications(numbers))
    return _arrow(sweep, numbers, sweep.space.columns(numbers), seeds, table)


class _Table:
    """Metrics, status and engine of a chunk of cases while they are filled in."""

    def __init__(self, count: int) -> None:
        self.metrics: dict[str, NDArray[np.float64]] = {}
        self.status = np.full(count, OK, dtype=object)
        self.engine = np.full(count, "des", dtype=object)

    def column(self, name: str) -> NDArray[np.float64]:
        """A metric's values, NaN where there is none."""
        if name not in self.metrics:
            self.metrics[name] = np.full(len(self.status), np.nan)
        return self.metrics[name]

    def fill(self, row: int, status: str, metrics: dict[str, float]) -> None:
        """One case."""
        self.status[row] = status
        for name, value in metrics.items():
            self.column(name)[row] = value


def by_engine(values: dict[str, Any], seed: int, engine: Engine) -> tuple[str, dict[str, float]]:
    """Status and metrics of one case: planned and simulated."""
    try:
        if engine == "vector":
            raise ValueError("this case has no vectorised form")
        return _simulated(build_case(values), seed)
    except MemoryError:
        return f"{FAILED}MemoryError: out of memory", {}
    except Exception as error:  # whatever it is, it is this case's result, and the sweep goes on
        return f"{FAILED}{type(error).__name__}: {error}", {}


def _simulated(case: Case, seed: int) -> tuple[str, dict[str, float]]:
    from sim import RunFailed, run

    answer = _answer(case)
    if answer.status != OK or answer.plan is None:
        return answer.status, {}
    plan = answer.plan
    try:
        outcome = run(
            plan,
            case.question,
            truth=case.truth,
            hidden_error=case.hidden_error,
            seed=seed,
            record=False,
        )
    except RunFailed as error:
        return f"infeasible: {error}", {}
    metrics = {
        "latency_s": outcome.latency_s,
        "energy_j": outcome.energy_j,
        "cloud_energy_j": outcome.cloud_energy_j,
        "planning_latency_s": outcome.planning_latency_s,
        "planning_energy_j": outcome.planning_energy_j,
        "window_s": outcome.window_s,
        "peak_memory_bytes": outcome.peak_memory_bytes,
        "evaluations": plan.evaluations,
        "remote_layers": _remote(plan),
    }
    if plan.predicted is not None:
        metrics["predicted_latency_s"] = plan.predicted.latency_s
        metrics["predicted_energy_j"] = plan.predicted.energy_j
        metrics["predicted_error"] = plan.predicted.error
    return OK, {name: float(value) for name, value in metrics.items()}


def _answer(case: Case) -> Answer:
    if case.plan is None:
        return ask(case.question, case.planner)
    return replay(case.question, case.plan)


def _remote(plan: Plan) -> int:
    return sum(block.processor == CLOUD for block in plan.blocks)


def _by_arrays(sweep: Sweep, columns: Columns, table: _Table) -> NDArray[np.bool_]:
    """Fill in what the law over arrays can; which cases are left."""
    count = len(table.status)
    left = np.ones(count, dtype=np.bool_)
    arrays = {
        path: column
        for path, column in columns.items()
        if vectors.is_array(path) and column.dtype.kind in "if"
    }
    others = {path: column for path, column in columns.items() if path not in arrays}
    for members in _groups(others, count):
        values = sweep.values({p: columns[p] for p in others}, int(members[0]))
        if not vectors.has_vector_form(values):
            continue
        key = tuple(sorted(values.items()))
        within = {path: column[members] for path, column in arrays.items()}
        done = _group(key, within, members, table)
        left[done] = False
    return left


def _group(key: vectors.Key, arrays: Columns, members: Ints, table: _Table) -> Ints:
    """Fill in one group; the cases done. Values that no scenario accepts are left to the engine."""
    try:
        case, plans, status = vectors.prepared(key)
        if plans is None and status == OK:
            return members[:0]
        good = vectors.valid(key, arrays, len(members))
        chosen = members[good]
        if plans is not None:
            inside = {path: column[good] for path, column in arrays.items()}
            batch = vectors.evaluate(case, plans, inside, len(chosen))
            _fill(table, chosen, batch, plans)
    except Exception:  # the engine's path will say, case by case, what is wrong
        return members[:0]
    if plans is None:
        table.status[chosen] = status
    table.engine[chosen] = "vector"
    return chosen


def _fill(table: _Table, rows: Ints, batch: Batch, plans: tuple[Plan, ...]) -> None:
    names = {
        "latency_s": "latency_s",
        "energy_j": "energy_j",
        "cloud_j": "cloud_energy_j",
        "planning_s": "planning_latency_s",
        "planning_j": "planning_energy_j",
        "window_s": "window_s",
        "peak_memory_bytes": "peak_memory_bytes",
        "error": "predicted_error",
    }
    for name, metric in names.items():
        table.column(metric)[rows] = batch.values[name]
    table.column("predicted_latency_s")[rows] = batch.values["latency_s"]
    table.column("predicted_energy_j")[rows] = batch.values["energy_j"]
    evaluations = np.array([plan.evaluations for plan in plans], dtype=np.float64)
    remote = np.array([_remote(plan) for plan in plans], dtype=np.float64)
    table.column("evaluations")[rows] = evaluations[batch.chosen]
    table.column("remote_layers")[rows] = remote[batch.chosen]
    for position, conflicts in batch.infeasible.items():
        table.status[rows[position]] = f"infeasible: {conflicts}"
    none = rows[list(batch.infeasible)]
    for column in table.metrics.values():
        column[none] = np.nan


def _groups(columns: Columns, count: int) -> list[Ints]:
    """Cases that agree in all columns, by first appearance."""
    if not count:
        return []
    code = np.zeros(count, dtype=np.int64)
    for column in columns.values():
        if column.dtype == object:
            codes: dict[Any, int] = {}
            digit = np.array([codes.setdefault((type(v), v), len(codes)) for v in column])
        else:
            _, digit = np.unique(column, return_inverse=True)
        _, code = np.unique(code * (int(digit.max()) + 1) + digit, return_inverse=True)
    order = np.argsort(code, kind="stable")
    edges = np.flatnonzero(np.diff(code[order])) + 1
    return sorted(np.split(order, edges), key=lambda members: int(members[0]))


def _seeds(sweep: Sweep, replications: Ints) -> Ints:
    """Seed of each case: of its replication alone, so that all cases see the same chances."""
    distinct, position = np.unique(replications, return_inverse=True)
    made = [
        int(np.random.SeedSequence([sweep.spec.seed, int(number)]).generate_state(1, np.uint32)[0])
        for number in distinct
    ]
    return np.array(made, dtype=np.int64)[position]


def _arrow(sweep: Sweep, numbers: Ints, columns: Columns, seeds: Ints, table: _Table) -> pa.Table:
    found: dict[str, Any] = {
        "case": pa.array(numbers, pa.int64()),
        "case_id": pa.array(
            case_ids(sweep, columns, sweep.space.replications(numbers)), pa.string()
        ),
    }
    for path, column in columns.items():
        found[path] = _typed(sweep, path, column)
    found["replication"] = pa.array(sweep.space.replications(numbers), pa.int64())
    found["seed"] = pa.array(seeds, pa.int64())
    found["engine"] = pa.array(table.engine, pa.string())
    found["status"] = pa.array(table.status, pa.string())
    for name in sweep.spec.metrics:
        values = table.column(name)
        found[name] = pa.array(values, pa.float64(), mask=np.isnan(values))
    return pa.table(found)


def _typed(sweep: Sweep, path: str, column: NDArray[Any]) -> pa.Array:
    """An axis as a column whose type is the same in every chunk."""
    if column.dtype != object:
        return pa.array(column)
    kinds = {type(value) for value in _listed(sweep, path)} - {type(None)}
    if kinds <= {int, float} and kinds:
        return pa.array([None if v is None else float(v) for v in column], pa.float64())
    if kinds == {bool}:
        return pa.array(list(column), pa.bool_())
    return pa.array([None if v is None else str(v) for v in column], pa.string())


def _listed(sweep: Sweep, path: str) -> tuple[Any, ...]:
    """The values listed for an axis."""
    for block in sweep.spec.axes:
        if path in block.fields:
            listed = (block.grid or block.zipped or {}).get(path)
            if listed is None:
                draws = block.random or block.sobol
                assert draws is not None
                listed = draws.fields[path].values or ()
            return listed if isinstance(listed, tuple) else ()
    return ()


def case_ids(sweep: Sweep, columns: Columns, replications: Ints) -> list[str]:
    """By case: hash of the sweep's base and code, the axes' values and the replication."""
    texts: list[Any] = []
    for path, column in columns.items():
        values = column.tolist()
        texts.append([f"{path}={value!r}" for value in values])
    texts.append([str(number) for number in replications.tolist()])
    key = bytes.fromhex(base_hash(sweep))
    blake2b = hashlib.blake2b
    return [
        blake2b("|".join(parts).encode(), digest_size=8, key=key).hexdigest()
        for parts in zip(*texts, strict=True)
    ]


def base_hash(sweep: Sweep) -> str:
    """Hash of the base scenario and the code."""
    from experiments.sweeps.loading import code_hash

    text = repr((sorted(sweep.base.items(), key=lambda item: item[0]), code_hash()))
    return hashlib.sha256(text.encode()).hexdigest()
