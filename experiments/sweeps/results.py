"""Results of a sweep as a table, and two of them compared."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from experiments.sweeps.store import PARTS, PROVENANCE, Manifest, read_manifest

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("case", "case_id", "replication", "seed", "engine", "status")
_NAMED = ("soc", "model", "planner", "network")
"""Parts of the scenario that every table says, varied or not."""


def load_results(folder: Path | str) -> "pd.DataFrame":
    """The table of a sweep: one row a case, in the order of the cases, whatever ran them.

    Columns: case, case_id, what axes vary (by path, with its unit), soc, model, planner, network,
    replication, seed, engine, status, then metrics with their units, NaN where status is not ok.
    Texts are categorical. `attrs["provenance"]` says where it comes from. InputFault.
    """
    root = Path(folder)
    manifest = read_manifest(root)
    table = _rows(root, manifest)
    provenance = json.loads((table.schema.metadata or {}).get(PROVENANCE, b"{}"))
    frame: pd.DataFrame = table.to_pandas()
    base = provenance.get("base", {})
    for place, name in enumerate(n for n in _NAMED if n not in frame.columns and n in base):
        frame.insert(2 + place, name, base[name])
    for name in frame.columns:
        if name != "case_id" and not _is_number(frame[name]):
            frame[name] = frame[name].astype("category")
    frame.attrs["provenance"] = provenance
    return frame


def _is_number(column: Any) -> bool:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    return is_numeric_dtype(column) or is_bool_dtype(column)


def _rows(root: Path, manifest: Manifest) -> pa.Table:
    """All parts, by case; of a case retried the latest row."""
    if not manifest.parts:
        return pa.table({"case": pa.array([], pa.int64())})
    tables = [pq.read_table(root / PARTS / part.file) for part in manifest.parts]
    table = pa.concat_tables(tables)
    cases = table["case"].to_numpy()
    order = np.argsort(cases, kind="stable")
    last = np.append(np.diff(cases[order]) != 0, True)[: len(order)]
    return table.take(pa.array(order[last]))


def load_provenance(folder: Path | str) -> dict[str, Any]:
    """Versions, seeds and the resolved file, from the metadata of the first part."""
    root = Path(folder)
    manifest = read_manifest(root)
    if not manifest.parts:
        return {}
    metadata = pq.read_schema(root / PARTS / manifest.parts[0].file).metadata or {}
    found: dict[str, Any] = json.loads(metadata.get(PROVENANCE, b"{}"))
    return found


@dataclass(frozen=True, slots=True)
class Difference:
    """How two tables of results differ."""

    rows: tuple[int, int]
    missing: tuple[int, int]
    """Scenarios that only the other has."""
    columns: dict[str, dict[str, float]]
    """By column in which common scenarios differ: how many, and the largest relative change."""

    @property
    def same(self) -> bool:
        """Whether there is no difference."""
        return self.missing == (0, 0) and not self.columns

    def document(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {
            "same": self.same,
            "rows": list(self.rows),
            "missing": list(self.missing),
            "columns": self.columns,
        }


def difference(one: "pd.DataFrame", two: "pd.DataFrame") -> Difference:
    """Differences of scenarios with the same axes' values and replication, by column."""
    keys = _scenario_columns(one)
    if keys != _scenario_columns(two):
        keys = [name for name in keys if name in two.columns]
    left, right = (_keyed(frame, keys) for frame in (one, two))
    common = left.index.intersection(right.index)
    columns = {}
    a, b = left.loc[common], right.loc[common]
    for name in a.columns:
        if name in b.columns and name not in ("case", "case_id", "seed"):
            found = _changed(a[name], b[name])
            if found is not None:
                columns[str(name)] = found
    missing = (len(left.index) - len(common), len(right.index) - len(common))
    return Difference((len(one), len(two)), missing, columns)


def _scenario_columns(frame: "pd.DataFrame") -> list[str]:
    """What tells scenarios apart: axes, named parts, replication."""
    names = [str(name) for name in frame.columns]
    upto = names.index("replication") + 1 if "replication" in names else 0
    return [name for name in names[:upto] if name not in ("case", "case_id")]


def _keyed(frame: "pd.DataFrame", keys: list[str]) -> "pd.DataFrame":
    if not keys:
        return frame
    plain = frame.astype({name: object for name in keys if frame[name].dtype == "category"})
    keyed = plain.set_index(keys)
    return keyed[~keyed.index.duplicated()]


def _changed(one: Any, two: Any) -> dict[str, float] | None:
    if not (_is_number(one) and _is_number(two)):
        count = int((one.astype(str).to_numpy() != two.astype(str).to_numpy()).sum())
        return {"cases": count} if count else None
    a, b = one.to_numpy(dtype=float, na_value=np.nan), two.to_numpy(dtype=float, na_value=np.nan)
    differ = (a != b) & ~(np.isnan(a) & np.isnan(b))
    if not differ.any():
        return None
    with np.errstate(all="ignore"):
        relative = np.abs(b - a)[differ] / np.abs(a)[differ]
    finite = relative[np.isfinite(relative)]
    return {
        "cases": int(differ.sum()),
        "largest_relative_change": float(finite.max()) if len(finite) else float("inf"),
    }
