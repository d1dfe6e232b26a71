"""A cost model from measurements: a CSV that researchers bring from their own device.

Columns: layer (its signature), units (of the block), processor, frequency_hz, precision, rank
(empty: not compacted), seconds, joules (above the idle device, DRAM included). What was not
measured cannot be planned.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from planners.cost import Units
from planners.options import layer_options
from planners.values import CLOUD, Question, UnitBlock
from socs import Runtime
from socs.law import Device, Phase
from workloads import Stage
from workloads.faults import Fault, SpecError

COLUMNS = (
    "layer",
    "units",
    "processor",
    "frequency_hz",
    "precision",
    "rank",
    "seconds",
    "joules",
)
Key = tuple[str, int, str, float, str, int]
"""Signature, units, processor, frequency, precision, rank (0: not compacted)."""
_RIGHT = {
    "units": "a whole number from 1",
    "frequency_hz": "a number, 0 or greater",
    "rank": "a whole number, or empty where nothing is compacted",
    "seconds": "a number greater than 0",
    "joules": "a number, 0 or greater",
}


def signature(stage: Stage) -> str:
    """`dense 9216->4096, 1 frames`: what a layer's cost depends on; `conv+relu 3x227x227->96`."""
    kinds = "+".join(layer.kind for layer in stage.layers)
    shape = "x".join(map(str, stage.input_shape))
    return f"{kinds} {shape}->{stage.units}, {stage.frames} frames"


@dataclass(slots=True, eq=False)
class Measured:
    """Seconds and joules of blocks by signature, units, processor, clock, precision and rank."""

    table: Mapping[Key, tuple[float, float]]
    evaluations: int = 0

    def block(
        self,
        device: Device,
        stage: Stage,
        first: Units,
        last: Units,
        processor: str,
        frequency_hz: float,
        precision: str,
        rank: Units | None,
        runtime: Runtime,
        *,
        counted: bool = True,
    ) -> tuple[Phase, ...]:
        """One phase, as measured; infinitely long where it was not.

        Its traffic on the bus, which no one measures, is what the layer must move at the least.
        """
        del runtime
        ranks = np.asarray(0 if rank is None else rank)
        starts, ends, every = np.broadcast_arrays(first, last, ranks)
        if counted:
            self.evaluations += every.size
        where = (processor, frequency_hz, precision)
        rows = [
            self._row(device, stage, where, int(units), int(one))
            for units, one in zip((ends - starts).ravel(), every.ravel(), strict=True)
        ]
        seconds, size, watts = np.array(rows).reshape(*every.shape, 3).T.reshape(3, *every.shape)
        loads = ((processor, 0.0, watts),)
        return (Phase(processor, stage.name, seconds, size, loads),)

    def _row(
        self, device: Device, stage: Stage, where: tuple[str, float, str], units: int, rank: int
    ) -> tuple[float, float, float]:
        """Seconds, bus traffic, watts without DRAM (not joules: 0 x infinite is no number)."""
        found = self.table.get((signature(stage), units, *where, rank))
        moved = 0.0
        for demand in stage.demands(0, units, rank or None, where[2]):
            moved += float(demand.weight_bytes + demand.input_bytes + demand.output_bytes)
        if found is None:
            return float("inf"), moved, 1.0
        seconds, joules = found
        dram_j = device.soc.memory.energy_j_per_byte.value * moved
        return seconds, moved, max(joules - dram_j, 0.0) / seconds


def read_measured(path: Path) -> Measured:
    """The cost model of a CSV file; SpecError with file, line and column of every fault."""
    text = path.read_text(encoding="utf-8", errors="replace")
    faults: list[Fault] = []
    table = dict(_rows(str(path), text, faults))
    if not table and not faults:
        faults.append(Fault(str(path), 1, 1, "file", "holds no measurement, must hold a row"))
    if faults:
        raise SpecError(faults)
    return Measured(table)


def _rows(file: str, text: str, faults: list[Fault]) -> Iterator[tuple[Key, tuple[float, float]]]:
    try:
        header, *lines = list(csv.reader(io.StringIO(text))) or [[]]
    except csv.Error as error:
        faults.append(Fault(file, 1, 1, "file", f"is no table ({error}), must be a CSV file"))
        return
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        right = ", ".join(COLUMNS)
        faults.append(Fault(file, 1, 1, missing[0], f"no such column, the header must be {right}"))
        return
    seen: dict[Key, int] = {}
    for line, cells in enumerate(lines, 2):
        if not cells:
            continue
        row = dict(zip(header, cells, strict=False))
        values = _numbers(file, line, header, row, faults)
        if values is None:
            continue
        frequency_hz, rank, seconds, joules, units = values
        where = (row["processor"], frequency_hz, row["precision"])
        key = (row["layer"], int(units), *where, int(rank))
        if key in seen:
            faults.append(Fault(file, line, 1, "layer", f"is measured in line {seen[key]} too"))
        seen[key] = line
        yield key, (seconds, joules)


def _numbers(
    file: str, line: int, header: list[str], row: Mapping[str, str], faults: list[Fault]
) -> tuple[float, float, float, float, float] | None:
    """Frequency, rank, seconds, joules, units; None where one is wrong."""
    found: list[float] = []
    for name in ("frequency_hz", "rank", "seconds", "joules", "units"):
        text = row.get(name, "").strip()
        try:
            value = float(text) if text or name != "rank" else 0.0
        except ValueError:
            value = float("nan")
        whole = np.isfinite(value) and (name not in ("rank", "units") or value == round(value))
        least = name in ("seconds", "units") and value == 0.0
        if least or not (np.isfinite(value) and value >= 0.0 and whole):
            right = _RIGHT[name]
            column = header.index(name) + 1
            faults.append(Fault(file, line, column, name, f"is {text!r}, must be {right}"))
        found.append(value)
    if any(fault.line == line for fault in faults):
        return None
    return (found[0], found[1], found[2], found[3], found[4])


def measured_csv(question: Question) -> str:
    """The file that measurements of every block among a question's options would fill.

    Filled here with the law's own answers: a template, and what a perfect profiler would find.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    layers = {signature(stage): stage for stage in question.workload.stages}
    for stage in layers.values():
        for block in _blocks(question, stage):
            seconds, joules = _measure(question, stage, block)
            where = (block.processor, block.frequency_hz, block.precision, block.rank or "")
            units = block.last_unit - block.first_unit
            writer.writerow((signature(stage), units, *where, repr(seconds), repr(joules)))
    return out.getvalue()


def _blocks(question: Question, stage: Stage) -> Iterable[UnitBlock]:
    """Every different local block of a layer's options, from its first unit on."""
    found: dict[UnitBlock, None] = {}
    for blocks in layer_options(question, stage):
        for block in blocks:
            if block.processor != CLOUD:
                units = block.last_unit - block.first_unit
                found.setdefault(replace(block, first_unit=0, last_unit=units))
    return found


def _measure(question: Question, stage: Stage, block: UnitBlock) -> tuple[float, float]:
    """Seconds alone, joules above the idle device with DRAM."""
    memory, seconds, joules = question.soc.memory, 0.0, 0.0
    assert block.frequency_hz is not None
    for phase in question.cost.block(
        question.device(),
        stage,
        block.first_unit,
        block.last_unit,
        block.processor,
        block.frequency_hz,
        block.precision,
        block.rank,
        question.runtime(question.options.runtime),
        counted=False,
    ):
        alone_s = float(phase.alone_s(memory.bandwidth_bytes_per_s.value))
        seconds += alone_s
        joules += memory.energy_j_per_byte.value * float(phase.size_bytes)
        joules += sum(float(constant) + float(w) * alone_s for _, constant, w in phase.loads)
    return seconds, joules
