"""`docs/living.md`: what replanning buys on a living device, written from the published streams."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.files import write_text
from experiments.living import (
    ENERGY,
    MISSED,
    battery_table,
    gap_table,
    policy_table,
    staleness_table,
    verdict,
)
from experiments.streams.loading import load_stream
from experiments.streams.running import run_stream_file
from experiments.terminal import say

if TYPE_CHECKING:
    import pandas as pd

REPLANNING = ("replanning_pays", "replanning_idle", "replanning_2016")
_HEAD = """# What replanning buys on a living device

Written by `python -m experiments.living_page docs/living.md`; do not edit. Each table is one stream
of `experiments/configs`, which `deepx stream NAME` runs. All policies meet the same requests in the
same world; intervals are Student's, 95 %, over independent replications. Energy is the device's,
per answered request: planning, waiting for the server and the radio's tail are in. The best static
plan is chosen with hindsight among several made for other conditions: no app could have known
it."""


def page() -> str:
    """The page, from some minutes of simulation."""
    return "\n\n".join(_parts()) + "\n"


def _parts() -> Iterator[str]:
    yield _HEAD
    for name in REPLANNING:
        yield from _replanning(name)
    stream = load_stream("replanning_pays")
    yield "## How stale beliefs may be"
    yield "The stream `replanning_pays`, beliefs lagging behind the truth by so many seconds."
    stale = staleness_table(stream)
    yield as_table(stale, {"belief_lag_s": "lag (s)", **_ENERGY, **_MISSED})
    yield from _battery()
    yield "## What the tail costs"
    sparse = load_stream("tail_cost")
    yield sparse.spec.description
    columns = {"mean_gap_s": "mean gap (s)", "policy": "policy", **_ENERGY, **_MISSED}
    yield as_table(gap_table(sparse), columns)


def _replanning(name: str) -> Iterator[str]:
    say(f"{name} ...")
    stream = load_stream(name)
    runs = run_stream_file(stream)
    found = verdict(runs, stream.spec)
    yield f"## `{name}`"
    yield stream.spec.description
    yield as_table(policy_table(runs, stream.spec), {"policy": "policy", **_ENERGY, **_MISSED})
    verb, sign = ("saves", 1.0) if found.saved_share > 0.0 else ("costs", -1.0)
    word = "pays" if found.pays else "does not pay"
    yield (
        f"Replanning {word}. Against the best static plan, *{found.best_static}*, it {verb} "
        f"{_span(found.saved_j, sign * 1e3, 'mJ')} a request "
        f"({100.0 * sign * found.saved_share:.1f} %), with "
        f"{_span(found.more_missed, 100.0, 'percentage points')} more deadlines missed. It lies "
        f"{_span(found.above_oracle_j, 1e3, 'mJ')} ({100.0 * found.above_oracle_share:.1f} %) "
        "above the oracle."
    )


def _battery() -> Iterator[str]:
    stream = load_stream("battery_life")
    runs = run_stream_file(stream)
    yield "## Battery life"
    yield stream.spec.description
    columns = {"policy": "policy", "hours": "hours", "hours_low": "low", "hours_high": "high"}
    yield as_table(battery_table(runs, stream.spec), {**columns, ENERGY: "J", MISSED: "missed"})


_ENERGY = {ENERGY: "energy (J)", f"{ENERGY}_low": "low", f"{ENERGY}_high": "high"}
_MISSED = {"mean_latency_s": "latency (s)", "latency_p99_s": "99 %", MISSED: "missed"}


def _span(found: dict[str, Any], scale: float, unit: str) -> str:
    """`12.3 mJ [11, 13.6]`."""
    shown = [found[key] for key in ("mean", "low", "high")]
    if any(value is None for value in shown):
        return f"an unknown number of {unit}"
    mean, *ends = (scale * value + 0.0 for value in shown)
    low, high = sorted(ends)
    return f"{mean:.3g} {unit} [{low:.3g}, {high:.3g}]"


def as_table(frame: "pd.DataFrame", columns: dict[str, str]) -> str:
    """Columns of a frame as a Markdown table under other names."""
    lines = [" | ".join(columns.values()), " | ".join("---" for _ in columns)]
    for row in frame[list(columns)].itertuples(index=False):
        lines.append(" | ".join(_cell(value) for value in row))
    return "\n".join(f"| {line} |" for line in lines)


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "-" if value is None or value != value else f"{value:.4g}"


def main(arguments: list[str]) -> None:
    """Write the page to the path given."""
    path = Path(arguments[0]) if arguments else Path("docs/living.md")
    write_text(path, page())


if __name__ == "__main__":
    main(sys.argv[1:])
