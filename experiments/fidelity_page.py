"""`docs/fidelity.md`: how far to believe the numbers, written from what `deepx validate` found."""

from collections.abc import Iterator
from typing import Any

from experiments import fidelity_tables as shown
from experiments.fidelity_tables import markdown as as_table
from experiments.fidelity_tables import number, short

SOURCED_ONLY_COMMIT = "c418fd6"
"""The commit that recorded the sourced-only cells, before any calibration was in the repository."""


def markdown(found: dict[str, Any]) -> str:
    """The page; parts that were not computed are left out and said to be."""
    return "\n\n".join(_parts(found)) + "\n"


def _parts(found: dict[str, Any]) -> Iterator[str]:
    yield _head(found)
    yield as_table(shown.cells(found))
    yield _sourced()
    yield "## What was calibrated"
    yield _calibrated(found)
    yield as_table(shown.named_parameters(found))
    if "calibration" in found:
        yield from _calibration(found)
    if "bands" in found:
        yield "## Uncertainty of each cell"
        yield _BANDS
        yield as_table(shown.bands(found))
    yield "## What the cells are sensitive to"
    yield _SENSITIVITY
    yield as_table(shown.sensitivity(found))
    yield from _physics(found)
    yield _ODDITIES
    yield "## Chips that nothing was fitted to"
    yield _PREDICTIONS
    yield as_table(shown.predictions(found))
    yield _CHOICES


def _head(found: dict[str, Any]) -> str:
    sourced, fitted = found["sourced"], found["calibrated"]
    return f"""# How far to believe the numbers

Written by `deepx validate --calibrate --samples 200 --page docs/fidelity.md`; do not edit.

The abstract prints ten energies of a baseline over that of DeepX. From sourced figures alone the
simulator misses them by a factor of {number(sourced["factor"])} (exp of the root mean square of the
log ratios; worst cell {number(sourced["worst"])}): DeepX comes out too good nearly everywhere, as
the prototype's overheads are not in any source. With {len(found["parameters"])} figures calibrated,
none of them of a cell or a model, the error is {number(fitted["factor"])} and the worst cell is off
by a factor of {number(fitted["worst"])}. That shows that the printed numbers are *feasible* with
this physics; it does not validate it. What does test it is what the fit did not see: below."""


def _sourced() -> str:
    return f"""The sourced-only column was recorded in `docs/fidelity/sourced_only.json` by commit
`{SOURCED_ONLY_COMMIT}`, before any calibrated figure was in the repository. It takes every
calibrated figure back to what its sources alone give (`uncalibrated` in the YAML files,
`figures="sourced"` in Python)."""


def _calibrated(found: dict[str, Any]) -> str:
    count = len(found["parameters"])
    return f"""Least squares on log ratios (scipy's trust region), each parameter bounded by the
range of its sources. There are {count}: figures of hosts, a runtime and a flash memory. None
lies within 1 % of a bound. Whole numbers of frames were rounded and the others refitted. Frames per
call stand for how an utterance was fed: the abstract does not say. Nothing bounds staging, dispatch
and planning of a 2016 prototype tightly: their ranges are assumptions, and so declared."""


def _calibration(found: dict[str, Any]) -> Iterator[str]:
    part = found["calibration"]
    yield (
        f"### By number of parameters\n\nForward selection among nine mechanisms; "
        f"{part['subsets_tried']} subsets were fitted for this table (continuous frames per call). "
        "While the set was looked for by hand, about eighty more were: a good score is evidence of "
        "feasibility, not of truth."
    )
    yield as_table(shown.fits(found))
    again = part["shipped"]
    free, whole = (number(again[key]["factor"]) for key in ("continuous", "refitted"))
    yield (
        f"Fitted anew with the parameters that ship: {free} with continuous, {whole} with whole "
        f"frames per call; the figures in the files differ from that by at most "
        f"{100 * again['largest_difference']:.2g} %."
    )
    yield _LEFT_OUT
    yield as_table(shown.left_out(found))
    yield as_table(shown.left_out_rows(found))
    yield _IDENTIFIED + _correlated(part["identifiability"])
    yield _TEGRA
    yield as_table(shown.from_tegra(found))
    yield "### Readings of the Tegra row\n\nThe same seven parameters, refitted to each."
    yield as_table(shown.readings(found))


def _correlated(part: dict[str, Any]) -> str:
    pairs = [
        f"{short(row['first'])} with {short(row['second'])} ({row['correlation']:.2f})"
        for row in part["correlated"]
    ]
    told = "; ".join(pairs) if pairs else "none beyond 0.8"
    return f"\n\nCorrelated pairs of estimates: {told}."


def _physics(found: dict[str, Any]) -> Iterator[str]:
    yield "## Where the gain comes from"
    yield _ABLATIONS
    yield as_table(shown.ablations(found))
    yield "## Memory"
    yield _MEMORY
    yield as_table(shown.memory(found))
    coupling = found["coupling"]
    yield f"""## Time coupled to energy

Over {coupling["points"]} local schemes (latency and energy over those of DeepX) Spearman's rank
correlation is {coupling["rank_correlation"]:.2f}, the slope of log energy over log latency
{coupling["slope"]:.2f}. With the cloud it does not hold: over LTE an answer takes about half a
second, its energy some twelve more, in the radio's tail."""
    yield as_table(shown.answers(found))


_LEFT_OUT = """### Predicting what was left out

Each cell by a fit to the other nine that starts from the sources, not from the full fit. A slight
ridge (2 % of a cell for a whole range) keeps a parameter that the nine say nothing about where its
sources have it; a ridge of 1 or 5 % changes little. Leverage near 1: that cell alone fixes a
parameter."""

_IDENTIFIED = """### What the cells identify

Staging is known from the GPU cell of AlexNet alone, dispatch and the GPU's frames per call from
the GPU cell of CD-Seide, frames per CPU call from the Snapdragon's CPU cell of CD-Seide, and
the DSP's from its cloud cell. Staging rate and power while staging are one number to the cells
(energy a byte), and so are planning and loading of factors."""

_TEGRA = """### The Snapdragon from the Tegra

Only the six Tegra cells are fitted (its GPU host and the runtime). What is then assumed of the
Snapdragon, which nothing was fitted to, is a choice, so three are shown. The last one reads
weights from flash at 76 MB/s, the rate measured on a phone with that chip."""

_BANDS = """All figures with a range, calibrated ones and discrete choices aside, drawn at once
and independently, logarithmically uniform, DeepX planning anew each time. The calibration is
not repeated in each draw, so this is how much the cells depend on the rest being right."""

_SENSITIVITY = """One figure at a time from the low to the high end of its sources' range: the
root mean square over the ten cells of log(high / low), as a factor (first order: plans already
known). The first rows are choices, not uncertainties: feeding the Tegra's CPU frame by frame
decides its CD-Seide cell; resident weights on the Tegra and loading of factors are taken as
they are because nothing in the abstract says otherwise."""

_ABLATIONS = """Cells with one thing changed, figures as calibrated; T and S are the Tegra and
the Snapdragon, A and C are AlexNet and CD-Seide. Compaction is worth most (without it the gain
falls below half on CD-Seide), decomposition matters for AlexNet on both chips, the cloud is
never used over LTE, and planning costs a third of AlexNet's energy on the Tegra. The energy
window decides the cloud cells: until the output they vanish, and over WiFi the cloud beats
every local scheme."""

_MEMORY = """Compaction alone, in fp32, RLC on the Tegra K1, one error limit for both models.
From 0.33 to 0.36 both lie between 2.3 and 2.7. As stored the Snapdragon saves more where the
DSP computes in fixed point (`deepx reproduce` shows both). Options have ranks in steps of a
sixteenth of break-even, hence the steps."""

_ODDITIES = """## The abstract's oddities

- **The Tegra pair.** AlexNet gains 1.8 over the GPU and 1.3 over the CPU, CD-Seide 1.4 and
  29.7: a GPU that costs more than the CPU for one model and twenty times less for the other.
  The printed order needs a CPU that is fed frame by frame (each frame reads all weights again)
  and a GPU that has to be given the weights anew for each request. Swapping AlexNet's pair
  alone fits as well; swapping CD-Seide's, or taking 29.7 for 2.97, does not under these host
  implementations.
- **One inference of CD-Seide** cannot be one 10 ms frame: with 1 frame the cloud cell is three
  times what is printed and the CPU gains nothing; 100 frames, a second of speech, fits. The
  decoder with its 31,000 words is outside.
- **The cloud baseline** needs 26 to 33 J an inference, 60 to 90 times the upload itself: an LTE
  tail of 11.6 s with the board awake. Over WiFi the cloud would win. No network is named.
- **Time** is said to be coupled to energy. It is, among local schemes; the cloud answers sooner
  than DeepX in most cells.
- **Memory** of 2.5x follows from the error limit, in both models at once, if the dense layers
  of an image network decay between those of audio and of small image networks (an assumption)."""

_PREDICTIONS = """Written down before any measured time was looked at, from datasheet figures
and the Caffe hosts as they stand, sourced figures only. The Exynos' Cortex-A15 is the chip
whose per-layer times at batch 1 the host's figures come from, so batch 1 is no prediction
there; larger batches are. On the Tegra X1 the CPU is shown twice: with the host carried over as
it is (ARMv7 kernels without NEON), and with what NEON kernels gain. Expect the truth within a
factor of two on the GPU and nearer the second row on a 64-bit system."""

_CHOICES = """## Discrete choices

Counted beside the parameters: LTE; energy until the radio is idle; 100 frames; error limit 0.35
and at least 90 % of each layer's singular mass; the Tegra's CPU fed frame by frame, all else in
calls of several frames; weights staged once a request for GPUs, resident on the Tegra's CPU,
read from flash in fp32 on the Snapdragon; fixed point in 8 bits on the DSP; the DSP's heap of 6
MB; baselines uncompacted, at the highest clock; pairs of processors only at theirs."""
