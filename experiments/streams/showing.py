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


_COMPARED = (
    ("energy (J)", "energy_per_request_j"),
    ("latency (s)", "mean_latency_s"),
    ("99 % (s)", "latency_p99_s"),
    ("missed", "missed_share"),
)


def show_stream(document: dict[str, Any]) -> None:
    """Counts, figures with their intervals, differences to the first policy, all side by side."""
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
    if len(document["policies"]) > 1:
        console.print(f"{document['stream']}: means a request, by policy", style="bold")
        console.print(_comparison(document["policies"]))


def _comparison(policies: dict[str, Any]) -> Any:
    """One row a policy."""
    shown = table("policy", *(title for title, _ in _COMPARED))
    for name, found in policies.items():
        means = (found["metrics"][key]["mean"] for _, key in _COMPARED)
        shown.add_row(name, *("-" if mean is None else f"{mean:.4g}" for mean in means))
    return shown


def _row(shown: Any, title: str, found: Interval) -> None:
    numbers = [found[key] for key in ("mean", "low", "high")]
    shown.add_row(title, *("-" if n is None else f"{n:.5g}" for n in numbers))
