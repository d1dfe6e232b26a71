"""What `deepx stream` prints: one JSON document, or a table of the same."""

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.scenarios import code_version, describe
from experiments.streams.intervals import interval, paired
from experiments.streams.loading import Stream
from experiments.streams.running import Replication, counts_of, metrics_of
from sim.sketch import RELATIVE_ERROR
from sim.tally import Tally

Runs = Mapping[str, Sequence[Replication]]


def stream_document(stream: Stream, runs: Runs) -> dict[str, Any]:
    """All metrics by policy; differences are to the first policy, replication by replication."""
    spec = stream.spec
    first = next(iter(runs))
    return {
        "stream": stream.name,
        "scenario": {
            "spec": spec.model_dump(mode="json"),
            "apps": {name: describe(question) for name, question in stream.questions.items()},
            "version": code_version(),
        },
        "quantiles_relative_error": RELATIVE_ERROR,
        "policies": {name: _policy(found, spec.confidence) for name, found in runs.items()},
        "versus": {
            name: {"policy": first, "differences": _differences(found, runs[first], spec)}
            for name, found in runs.items()
            if name != first
        },
    }


def _policy(runs: Sequence[Replication], confidence: float) -> dict[str, Any]:
    window_s = sum(run.window_s for run in runs)
    components = sorted({name for run in runs for name in run.energy_breakdown_j})
    return {
        "requests": counts_of(run.total for run in runs),
        "metrics": _metrics([(run, run.total) for run in runs], confidence),
        "apps": {
            name: {
                "requests": counts_of(run.by_app[name] for run in runs),
                "metrics": _metrics([(run, run.by_app[name]) for run in runs], confidence),
            }
            for name in runs[0].by_app
        },
        "simulated_s": window_s,
        "energy_j": sum(sum(run.energy_breakdown_j.values()) for run in runs),
        "energy_breakdown_j": {
            name: sum(run.energy_breakdown_j.get(name, 0.0) for run in runs) for name in components
        },
        "cloud_energy_j": sum(run.cloud_energy_j for run in runs),
        "weights_read": sum(run.weights_read for run in runs),
        "battery": _means([run.battery for run in runs], confidence),
        "hottest_c": _means([run.hottest_c for run in runs], confidence),
    }


def _means(rows: Sequence[Mapping[str, float] | None], confidence: float) -> Any:
    """An interval of each figure; None where the stream has no such part."""
    given = [row for row in rows if row is not None]
    if not given:
        return None
    return {name: interval([row[name] for row in given], confidence) for name in given[0]}


def _metrics(runs: Sequence[tuple[Replication, Tally]], confidence: float) -> dict[str, Any]:
    rows = [metrics_of(run, tally) for run, tally in runs]
    return {name: interval([row[name] for row in rows], confidence) for name in rows[0]}


def _differences(runs: Sequence[Replication], others: Sequence[Replication], spec: Any) -> Any:
    ours = [metrics_of(run, run.total) for run in runs]
    theirs = [metrics_of(run, run.total) for run in others]
    return {
        name: paired([r[name] for r in ours], [r[name] for r in theirs], spec.confidence)
        for name in ours[0]
    }
