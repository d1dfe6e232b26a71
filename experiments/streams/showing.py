"""A stream's results as tables."""

from typing import Any

from experiments.terminal import output, table

Interval = dict[str, Any]
_ROWS = (
    ("energy/request", "energy_per_request_j", "J"),
    ("mean latency", "mean_latency_s", "s"),
    ("median latency", "latency_p50_s", "s"),
    ("95 % latency", "latency_p95_s", "s"),
    ("99 % latency", "latency_p99_s", "s"),
    ("missed", "missed_share", "share"),
    ("failed", "failed_share", "share"),
)


def show_stream(document: dict[str, Any]) -> None:
    """Counts, figures with their intervals, and differences to the first policy."""
    console = output()
    for name, found in document["policies"].items():
        counts = found["requests"]
        console.print(f"{document['stream']}: {name}", style="bold")
        shown = table("figure", "mean", "low", "high")
        for title, key, unit in _ROWS:
            _row(shown, f"{title} ({unit})", found["metrics"][key])
        console.print(shown)
        told = ", ".join(f"{key} {counts[key]}" for key in counts if key != "reasons")
        console.print(f"{told}; {found['simulated_s']:.6g} s simulated")
        for reason, count in counts["reasons"].items():
            console.print(f"  failed, {reason}: {count}")
        console.print()
    for name, found in document["versus"].items():
        title = f"{name} less {found['policy']}, same requests in the same world"
        console.print(title, style="bold")
        shown = table("figure", "mean", "low", "high")
        for label, key, unit in _ROWS:
            _row(shown, f"{label} ({unit})", found["differences"][key])
        console.print(shown)


def _row(shown: Any, title: str, found: Interval) -> None:
    numbers = [found[key] for key in ("mean", "low", "high")]
    shown.add_row(title, *("-" if n is None else f"{n:.5g}" for n in numbers))
