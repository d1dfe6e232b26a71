"""muLayer: every layer split between CPU and GPU, each in the precision that suits it.

Kim, Kim, Chae, Park, Kim, "muLayer: Low Latency On-Device Inference Using Cooperative
Single-Layer Acceleration and Processor-Friendly Quantization", EuroSys 2019. Section 4:
channel-wise distribution: a share p of a layer's output channels to the CPU, the rest to the GPU,
p from a small grid, here the options' cuts and either processor alone. Section 5: quantised
integers on the CPU, half precision on the GPU. Each layer takes the share of least predicted
time; what moving and converting its input costs is not weighed, as in the paper. Its third
technique, whole branches on different processors, is not built: `heft` does that.

The paper minimises latency and knows no limits, so the result competes under the question's
objective and limits with the same in the most exact precision and with every single processor.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from planners.candidates import best_plan, priced_layers, uniform
from planners.options import Choice
from planners.tables import StageTable, stage_table
from planners.values import NotApplicable, Plan, Question, UnitBlock

FRIENDLY = {"cpu": ("int8", "fp16", "fp32"), "gpu": ("fp16", "fp32", "int8")}
"""By processor kind, the precisions that suit it, best first (section 5)."""
EXACT = dict.fromkeys(FRIENDLY, ("fp32", "fp16", "int8"))

Preference = Mapping[str, tuple[str, ...]]


def plan(question: Question) -> Plan:
    """The split of least time by layer, or the best single processor where that is better.

    Raises NotApplicable without a CPU and a GPU among the options, Infeasible as others do.
    """
    before = question.cost.evaluations
    tables = list(_tables(question))
    kinds = {
        question.soc.processors[choice.processor].kind
        for table in tables
        for placement in table.placements
        for choice in placement
    }
    if not kinds >= set(FRIENDLY):
        raise NotApplicable("muLayer splits layers between a CPU and a GPU; one of them is missing")
    priced, _ = priced_layers(question)
    alone = uniform(question, priced)
    split = [
        blocks
        for preference in (FRIENDLY, EXACT)
        if (blocks := _split(question, tables, preference)) is not None
    ]
    return best_plan(question, "mulayer", question.cost.evaluations - before, [*split, *alone])


def _tables(question: Question) -> Iterator[StageTable]:
    """Whole layers and pairs, uncompacted, on the device."""
    options = replace(question.options, ranks=(), remote_segments=0, frequencies="max")
    narrowed, runtime = question.under(options=options), question.runtime(options.runtime)
    for stage in question.workload.stages:
        yield stage_table(narrowed, stage, runtime)


def _split(
    question: Question, tables: list[StageTable], preference: Preference
) -> tuple[UnitBlock, ...] | None:
    """Of each layer the share of least time; None where some layer runs on neither."""
    found: list[UnitBlock] = []
    for table in tables:
        suited = _suited(question, table, preference)
        rows = [
            (float(seconds), int(row))
            for row, (seconds, signature) in enumerate(
                zip(table.seconds, table.signature, strict=True)
            )
            if set(table.placement_of(int(signature))) <= suited
        ]
        if not rows:
            return None
        found += table.options.blocks(int(table.index[min(rows)[1]]))
    return tuple(found)


def _suited(question: Question, table: StageTable, preference: Preference) -> set[Choice]:
    """Each CPU and GPU in the first of its preferred precisions that runs the layer."""
    runs = {choice for s in range(len(table.signatures)) for choice in table.placement_of(s)}
    best: dict[str, tuple[int, Choice]] = {}
    for choice in sorted(runs, key=lambda c: (c.processor, c.frequency_hz, c.precision)):
        order = preference.get(question.soc.processors[choice.processor].kind, ())
        if choice.precision in order:
            ranked = (order.index(choice.precision), choice)
            best[choice.processor] = min(
                best.get(choice.processor, ranked), ranked, key=lambda pair: pair[0]
            )
    return {choice for _, choice in best.values()}
