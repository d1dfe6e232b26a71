"""`docs/trained_devices.md`: trained networks on all SoCs, by all planners."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.answers import OK, ask, carry_out
from experiments.files import write_text
from experiments.living_page import as_table
from experiments.scenarios import scenario
from experiments.terminal import say
from planners import planner_names
from sim.acceptance import measured_error
from socs import soc_names

if TYPE_CHECKING:
    import pandas as pd

USUAL = ("crepe_tiny", "mtcnn_pnet", "mtcnn_rnet", "mtcnn_onet", "ppocr_direction")
SLOW = frozenset({"exact"})
"""Planners that prove optima: minutes a network."""
_HEAD = """# Trained networks on the devices

Written by `python -m experiments.trained_devices docs/trained_devices.md`; do not edit. Names of
other networks may follow. One inference over LTE, until the radio is idle again; options of the
paper. *error* is the measured relative error of the scores on seeded inputs, at most 0.35;
*withdrawn* counts the plans that failed the end-to-end check before the one shown. Missing are
planners that do not apply."""
_COLUMNS = {
    "planner": "planner",
    "energy_j": "energy (J)",
    "latency_s": "latency (s)",
    "peak_memory_bytes": "memory (bytes)",
    "error": "error",
    "withdrawn": "withdrawn",
    "runs_on": "runs on",
}


def device_table(networks: Sequence[str], planners: Sequence[str]) -> "pd.DataFrame":
    """A row for each SoC, network and planner; numbers are missing where status is not ok.

    Columns: soc, model, planner, status, energy_j, latency_s, peak_memory_bytes, error, withdrawn,
    runs_on. UnknownName where no package has a network.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for soc in soc_names():
        for model in networks:
            say(f"{model} on {soc} ...")
            for planner in planners:
                rows.append({"soc": soc, "model": model} | _row(soc, model, planner))
    return pd.DataFrame(rows)


def _row(soc: str, model: str, planner: str) -> dict[str, Any]:
    answer = carry_out(ask(scenario(soc, model), planner))
    row: dict[str, Any] = {"planner": planner, "status": answer.status}
    plan, outcome = answer.plan, answer.outcome
    if answer.status == OK and plan is not None and outcome is not None:
        row |= {
            "energy_j": outcome.energy_j,
            "latency_s": outcome.latency_s,
            "peak_memory_bytes": outcome.peak_memory_bytes,
            "error": measured_error(plan.blocks, answer.question.workload),
            "withdrawn": len(answer.withdrawn),
            "runs_on": "+".join(dict.fromkeys(block.processor for block in plan.blocks)),
        }
    return row


def page(networks: Sequence[str] = USUAL) -> str:
    """The page, from some minutes of planning and checking."""
    planners = [name for name in planner_names() if name not in SLOW]
    return "\n\n".join(_parts(device_table(networks, planners))) + "\n"


def _parts(table: "pd.DataFrame") -> Iterator[str]:
    yield _HEAD
    for (soc, model), rows in table.groupby(["soc", "model"], sort=False):
        yield f"## `{model}` on `{soc}`"
        yield as_table(rows[rows.status == OK], _COLUMNS)


def main(arguments: list[str]) -> None:
    """Write the page to the path given."""
    path = Path(arguments[0]) if arguments else Path("docs/trained_devices.md")
    write_text(path, page(arguments[1:] or USUAL))


if __name__ == "__main__":
    main(sys.argv[1:])
