"""The part of `docs/trained.md` on networks that find faces."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.agreement import THRESHOLDS, agreement_table
from experiments.drawing.trained import accuracy_figure
from experiments.living_page import as_table
from experiments.style import drawn, new_axes, styled
from experiments.terminal import say
from experiments.trained import reductions

if TYPE_CHECKING:
    import pandas as pd

WINDOWS = 1000
"""That each network looks at."""
LOSS = 0.01


def faces_part(folder: Path) -> Iterator[str]:
    """Its paragraphs; the figure is written below the folder."""
    import pandas as pd

    tables = []
    for name in THRESHOLDS:
        say(f"agreement of {name} ...")
        tables.append(agreement_table(name, count=WINDOWS))
    yield "## Networks that find faces"
    yield (
        f"The three networks of MTCNN (Zhang et al. 2016) look at {WINDOWS:,} windows of one "
        "photograph, a portrait in the public domain that matplotlib ships; data-aware factors and "
        "errors come from other windows of it. There is no truth but what each network says "
        "uncompacted: *agreement* is the share of windows on which face or not stays, *faces kept* "
        "the share of windows with a face that still have one, *box* the mean distance by which "
        "corrections of these boxes move, in sides of the window. One photograph says how far "
        "compaction changes answers, not how well faces of others are found."
    )
    yield from _reduced(pd.concat(tables, ignore_index=True))
    yield from _chosen(pd.concat(tables, ignore_index=True))
    with styled():
        axes = new_axes(3.2)[0]
        label = "faces still found (share)"
        accuracy_figure(tables[-1], axes, against="weight_bytes", column="faces_kept", label=label)
        path = drawn(axes, folder / "figures" / "trained_agreement.png")
    told = f"Faces that {tables[-1].network.iloc[0]} still finds, against memory"
    yield f"![{told}](figures/{path.name})"


def _reduced(table: "pd.DataFrame") -> Iterator[str]:
    found = reductions(table.assign(accuracy=table.agreement), loss=LOSS)
    yield f"Least memory at {100 * (1 - LOSS):g} % agreement:"
    columns = {
        "network": "network",
        "precision": "precision",
        "factors": "factors of",
        "chosen_by": "ranks",
        "memory_reduction": "times less",
        "energy_j": "energy (J)",
        "accuracy": "agreement",
    }
    yield as_table(found, columns)


def _chosen(table: "pd.DataFrame") -> Iterator[str]:
    rows = table[(table.chosen_by == "rlc") & table.error_limit.isin((0.1, 0.2, 0.35, 0.5))]
    covered = float((rows.relative_error <= rows.estimated_error).mean())
    yield (
        "What RLC chooses under an error limit; the estimate reaches the measured error in "
        f"{100 * covered:.0f} % of these rows:"
    )
    columns = {
        "network": "network",
        "precision": "precision",
        "factors": "factors of",
        "error_limit": "error limit",
        "estimated_error": "estimated",
        "relative_error": "measured",
        "agreement": "agreement",
        "faces_kept": "faces kept",
        "box_shift": "box",
        "weight_bytes": "weights (bytes)",
    }
    yield as_table(rows, columns)
