"""What replanning buys on a living device: tables of the published streams.

Static plans, planning each request on beliefs, and an oracle meet the same requests in the same
world (common random numbers), so that differences are paired, replication by replication.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import TYPE_CHECKING, Any

from experiments.streams.intervals import interval, paired
from experiments.streams.loading import Stream
from experiments.streams.running import Replication, metrics_of, run_stream_file
from experiments.streams.spec import PolicySpec, StreamSpec

if TYPE_CHECKING:
    import pandas as pd

ENERGY, MISSED = "energy_per_request_j", "missed_share"
REPLAN, ORACLE = "replan", "oracle"
LAGS_S = (0.0, 1.0, 3.0, 10.0, 30.0, 100.0)
GAPS_S = (0.5, 1.0, 3.0, 10.0, 30.0, 100.0)
Told = Callable[[int], None]
Runs = Mapping[str, Sequence[Replication]]


def column(runs: Sequence[Replication], metric: str) -> list[float | None]:
    """A figure of each replication."""
    return [metrics_of(run, run.total)[metric] for run in runs]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Replanning against the best static plan and the oracle; differences are paired."""

    best_static: str
    saved_j: dict[str, Any]
    """Interval of static - replanned energy per request."""
    saved_share: float
    more_missed: dict[str, Any]
    """Interval of replanned - static share of missed requests."""
    above_oracle_j: dict[str, Any]
    above_oracle_share: float

    @property
    def pays(self) -> bool:
        """Whether replanning surely saves energy and does not surely miss more deadlines."""
        saves = self.saved_j["low"] is not None and self.saved_j["low"] > 0.0
        low = self.more_missed["low"]
        return saves and (low is None or low <= 0.0)


def verdict(runs: Runs, spec: StreamSpec) -> Verdict:
    """Judge by the static plan of least mean energy among those that miss no more than replanning.

    More is what the paired interval of missed shares says; where every static plan misses more,
    the one that misses least is taken.
    """
    energies = {name: column(found, ENERGY) for name, found in runs.items()}
    missed = {name: column(found, MISSED) for name, found in runs.items()}
    best = _best_static(spec, energies, missed)
    saved = paired(energies[best], energies[REPLAN], spec.confidence)
    above = paired(energies[REPLAN], energies[ORACLE], spec.confidence)
    return Verdict(
        best_static=best,
        saved_j=saved,
        saved_share=_mean(saved) / _mean(interval(energies[best], spec.confidence)),
        more_missed=paired(missed[REPLAN], missed[best], spec.confidence),
        above_oracle_j=above,
        above_oracle_share=_mean(above) / _mean(interval(energies[ORACLE], spec.confidence)),
    )


def _best_static(
    spec: StreamSpec,
    energies: Mapping[str, Sequence[float | None]],
    missed: Mapping[str, Sequence[float | None]],
) -> str:
    statics = [policy.title for policy in spec.policies if policy.policy == "static"]

    def more(name: str) -> float:
        """Lower end of how much more it misses than replanning."""
        found = paired(missed[name], missed[REPLAN], spec.confidence)
        low = found["mean"] if found["low"] is None else found["low"]
        return 1.0 if low is None else float(low)

    equal = [name for name in statics if more(name) <= 0.0] or [min(statics, key=more)]
    return min(equal, key=lambda name: _mean(interval(energies[name], spec.confidence)))


def _mean(found: Mapping[str, Any]) -> float:
    mean = found["mean"]
    return float("nan") if mean is None else float(mean)


def policy_table(runs: Runs, spec: StreamSpec) -> "pd.DataFrame":
    """One row a policy: energy, latency and missed share with their intervals."""
    import pandas as pd

    rows = []
    for name, found in runs.items():
        row: dict[str, Any] = {"policy": name}
        for metric in (ENERGY, "mean_latency_s", "latency_p99_s", MISSED):
            told = interval(column(found, metric), spec.confidence)
            row |= {metric: told["mean"], f"{metric}_low": told["low"]}
            row[f"{metric}_high"] = told["high"]
        rows.append(row)
    return pd.DataFrame(rows)


def changed(stream: Stream, **fields: Any) -> Stream:
    """The stream with fields of its specification replaced."""
    return replace(stream, spec=stream.spec.model_copy(update=fields))


def staleness_table(stream: Stream, told: Told = lambda _: None) -> "pd.DataFrame":
    """Energy and missed share of replanning by how far beliefs lag behind."""
    policies = tuple(
        PolicySpec(policy="replan", name=f"{lag_s:g}", belief_lag_s=lag_s) for lag_s in LAGS_S
    )
    stale = changed(stream, policies=policies)
    table = policy_table(run_stream_file(stale, told), stale.spec)
    return table.rename(columns={"policy": "belief_lag_s"})


def gap_table(stream: Stream, told: Told = lambda _: None) -> "pd.DataFrame":
    """Energy per request by the mean gap between requests, by policy."""
    import pandas as pd

    tables = []
    for gap_s in GAPS_S:
        apps = tuple(
            app.model_copy(update={"arrivals": _every(gap_s, app.arrivals)})
            for app in stream.spec.apps
        )
        sparse = changed(stream, apps=apps)
        table = policy_table(run_stream_file(sparse, told), sparse.spec)
        tables.append(table.assign(mean_gap_s=gap_s))
    return pd.concat(tables, ignore_index=True)


def _every(gap_s: float, arrivals: Any) -> Any:
    """Poisson arrivals with another mean gap."""
    poisson = arrivals.poisson.model_copy(update={"per_second": 1.0 / gap_s})
    return arrivals.model_copy(update={"poisson": poisson})


def battery_table(runs: Runs, spec: StreamSpec) -> "pd.DataFrame":
    """One row a policy: hours on a charge, loss in the cell, energy per request."""
    import pandas as pd

    rows = []
    for name, found in runs.items():
        hours = [run.battery["hours_on_a_charge"] for run in found if run.battery is not None]
        life = interval([h if isfinite(h) else None for h in hours], spec.confidence)
        energy = interval(column(found, ENERGY), spec.confidence)
        rows.append(
            {
                "policy": name,
                "hours": life["mean"],
                "hours_low": life["low"],
                "hours_high": life["high"],
                ENERGY: energy["mean"],
                MISSED: interval(column(found, MISSED), spec.confidence)["mean"],
            }
        )
    return pd.DataFrame(rows)
