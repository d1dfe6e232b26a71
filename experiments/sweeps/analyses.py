"""What results of sweeps say: Pareto fronts, sensitivities, where one planner overtakes another.

DataFrames in, DataFrames out; the figure of a crossover map takes such a DataFrame.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]


def pareto_front(frame: "pd.DataFrame", metrics: Sequence[str]) -> "pd.DataFrame":
    """Rows that no other row beats: as little of every metric and less of one.

    Rows without a metric are left out; of rows with equal metrics all stay. The order is kept.
    O(n log n + n x front): candidates sorted by the first metric can only be beaten by earlier
    ones (Kung et al., Journal of the ACM 22 (1975), 469).
    """
    whole = frame.dropna(subset=list(metrics))
    values = whole[list(metrics)].to_numpy(dtype=np.float64)
    order = np.lexsort(values.T[::-1])
    front: list[int] = []
    for row in order:
        others = values[front]
        beaten = (others <= values[row]).all(axis=1) & (others < values[row]).any(axis=1)
        if not beaten.any():
            front.append(int(row))
    return whole.iloc[sorted(front)]


def sensitivity(
    frame: "pd.DataFrame", fields: Sequence[str], metric: str, *, per: Sequence[str] = ()
) -> "pd.DataFrame":
    """Sobol' indices of a metric for the fields of a `design: saltelli` block.

    Columns: those of `per`, field, first_order, total_order: the share of the metric's variance
    that a field explains alone, and with all its interactions (Saltelli et al., Computer Physics
    Communications 181 (2010), 259; scipy.stats.sobol_indices). ValueError where the rows of a
    group are not count x (fields + 2), a count a power of 2, or lack the metric.
    """
    import pandas as pd

    groups: Any = frame.groupby(list(per), observed=True, sort=False) if per else [((), frame)]
    rows = []
    for key, group in groups:
        first, total = _indices(group.sort_values("case")[metric], len(fields), metric)
        names = dict(zip(per, key if isinstance(key, tuple) else (key,), strict=True))
        for field, one, whole in zip(fields, first, total, strict=True):
            rows.append({**names, "field": field, "first_order": one, "total_order": whole})
    return pd.DataFrame(rows, columns=[*per, "field", "first_order", "total_order"])


def _indices(column: "pd.Series[Any]", fields: int, metric: str) -> tuple[Floats, Floats]:
    from scipy.stats import sobol_indices

    values = column.to_numpy(dtype=np.float64)
    count, rest = divmod(len(values), fields + 2)
    if rest or not count or count & (count - 1):
        raise ValueError(f"{len(values)} rows are no Saltelli design of {fields} fields")
    if np.isnan(values).any():
        raise ValueError(f"{metric} is missing in {int(np.isnan(values).sum())} rows")
    parts = values.reshape(fields + 2, count)
    if np.ptp(parts[:2]) == 0.0:
        return np.zeros(fields), np.zeros(fields)
    func: Any = {
        "f_A": parts[0][None],
        "f_B": parts[1][None],
        "f_AB": parts[2:][:, None],
    }
    found = sobol_indices(func=func, n=count)
    return np.ravel(found.first_order), np.ravel(found.total_order)


def crossover(
    frame: "pd.DataFrame",
    *,
    field: str,
    of: str,
    metric: str,
    per: Sequence[str] = (),
    by: str = "planner",
) -> "pd.DataFrame":
    """From which value of `field` on `of` needs less of `metric` than every other of `by`.

    One row for each combination of `per`: `{field}` is the least swept value from which on `of`
    wins at every larger one, interpolated to where log metric over log field crosses; NaN where
    it does not win at the largest. Rows without the metric never win.
    """
    import pandas as pd

    table = frame.pivot_table(
        index=[*per, field], columns=by, values=metric, aggfunc="mean", observed=True
    )
    if of not in table.columns:
        raise ValueError(f"{of} is no {by} of these results")
    others = table.drop(columns=of)
    margin = np.log(others.min(axis=1)) - np.log(table[of])
    margin[table[of].isna()] = -np.inf
    margin[table[of].notna() & others.isna().all(axis=1)] = np.inf
    if not per:
        found = _from(margin.index.to_numpy(dtype=np.float64), margin.to_numpy())
        return pd.DataFrame({field: [found]})
    rows = []
    for key, group in margin.groupby(level=list(range(len(per))), sort=False):
        at = group.index.get_level_values(-1).to_numpy(dtype=np.float64)
        names = dict(zip(per, key if isinstance(key, tuple) else (key,), strict=True))
        rows.append({**names, field: _from(at, group.to_numpy(dtype=np.float64))})
    return pd.DataFrame(rows)


def _from(at: Floats, margin: Floats) -> float:
    """Where the last run of positive margins begins."""
    losing = np.flatnonzero(~(margin > 0.0))
    if not len(losing):
        return float(at[0])
    last = int(losing[-1])
    if last == len(at) - 1:
        return float("nan")
    low, high = margin[last], margin[last + 1]
    if not (np.isfinite(low) and np.isfinite(high)) or at[last] <= 0:
        return float(at[last + 1])
    share = -low / (high - low)
    return float(at[last] * (at[last + 1] / at[last]) ** share)


def crossover_figure(
    table: "pd.DataFrame",
    *,
    x: str,
    y: str,
    lines: str,
    labels: Mapping[str, str] | None = None,
) -> "Axes":
    """Crossovers over one field, a line for each value of another; above a line `of` wins.

    `table` is of `crossover`; `labels` are texts for columns whose names do not do.
    """
    import seaborn as sns

    from experiments.style import new_axes, styled

    named = {name: (labels or {}).get(name, name) for name in (x, y, lines)}
    with styled():
        (axes,) = new_axes(3.4)
        values = sorted(table[lines].unique())
        colours = sns.color_palette("viridis", len(values))
        for value, colour in zip(values, colours, strict=True):
            rows = table[table[lines] == value].sort_values(x)
            axes.plot(rows[x], rows[y], color=colour, linewidth=1.4, label=f"{value:.3g}")
        axes.set(xscale="log", yscale="log", xlabel=named[x], ylabel=named[y])
        axes.legend(title=named[lines], ncols=2)
    return axes
