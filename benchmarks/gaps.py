"""How far `deepx` is from the proved optimum on random chains, planning aside.

    python benchmarks/gaps.py [CHAINS [FIRST [KIND ...]]]

One row a chain (CSV) on standard output, one line a kind of limit on standard error. Seeds from
FIRST (default 0) on; chains without a plan are left out. Kinds: error, deadline, all.
"""

import csv
import sys
import time
from dataclasses import dataclass, fields

from benchmarks.chains import KINDS, drawn
from planners import Infeasible, Question, load_planner
from planners.search import score


@dataclass(frozen=True, slots=True)
class Gap:
    """One chain."""

    limits: str
    seed: int
    soc: str
    layers: int
    link: str
    objective: float
    """Of deepx, planning aside, joules."""
    bound: float
    """Below which `exact` proves that there is nothing."""
    gap: float
    """Share by which the objective exceeds the bound."""
    deepx_s: float
    exact_s: float


def measured(kind: str, seed: int) -> Gap | None:
    """The gap of one chain; None where no plan keeps the limits."""
    try:
        question = drawn(kind, seed)
        start = time.perf_counter()
        ours = _score("deepx", question)[0]
        between = time.perf_counter()
        bound = _score("exact", question)[1]
    except Infeasible:
        return None
    end = time.perf_counter()
    link = question.conditions.link
    return Gap(
        kind,
        seed,
        question.soc.name,
        len(question.workload.stages),
        link.name if link else "",
        ours,
        bound,
        ours / bound - 1.0,
        between - start,
        end - between,
    )


def _score(planner: str, question: Question) -> tuple[float, float]:
    """The objective's value, planning aside, and the certificate's bound."""
    plan = load_planner(planner)(question)
    assert plan.predicted is not None
    bound = float((plan.certificate or {}).get("bound", 0.0))
    return score(plan.predicted, question), bound


def summary(gaps: list[Gap]) -> str:
    """Percentiles of the gaps and median seconds."""
    ordered = sorted(one.gap for one in gaps)
    part = {share: ordered[round(share * (len(ordered) - 1))] for share in (0.5, 0.95, 0.99, 1.0)}
    seconds = sorted(one.deepx_s for one in gaps)[len(gaps) // 2]
    shares = ", ".join(f"p{100 * share:.0f} {100 * gap:.3f} %" for share, gap in part.items())
    open_ones = sum(one.gap > 1e-9 for one in gaps)
    return (
        f"{gaps[0].limits}: {len(gaps)} chains, {open_ones} with a gap; {shares}; {seconds:.3f} s"
    )


def main() -> None:
    """Measure and print."""
    asked = sys.argv[1:]
    count, first = int(asked[0]) if asked else 100, int(asked[1]) if len(asked) > 1 else 0
    names = [field.name for field in fields(Gap)]
    rows = csv.writer(sys.stdout)
    rows.writerow(names)
    for kind in asked[2:] or KINDS:
        found: list[Gap] = []
        for seed in range(first, first + count):
            gap = measured(kind, seed)
            if gap is not None:
                found.append(gap)
                rows.writerow(getattr(gap, name) for name in names)
                sys.stdout.flush()
        print(summary(found), file=sys.stderr)


if __name__ == "__main__":
    main()
