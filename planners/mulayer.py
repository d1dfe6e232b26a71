"""muLayer: every layer split between CPU and GPU, each in the precision that suits it.

Kim, Kim, Chae, Park, Kim, "muLayer: Low Latency On-Device Inference Using Cooperative
Single-Layer Acceleration and Processor-Friendly Quantization", EuroSys 2019. Section 4:
channel-wise distribution: a share p of a layer's output channels to the CPU, the rest to the GPU,
p from a small grid, here the options' cuts and either processor alone. Section 5: quantised
integers on the CPU, half precision on the GPU. Each layer takes the share of least predicted
time; what moving and converting its input costs is not weighed, as in the paper. Third, between
a fork and a join whole branches go to different processors where that is predicted to take less
time than splitting their layers one after the other; all assignments are tried, as all branches of
a group are few (more than `MOST` assignments are not tried: the layers stay split).

The paper minimises latency and knows no limits, so the result competes under the question's
objective and limits with the same in the most exact precision and with every single processor.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from math import inf

from planners.branches import Branch, groups
from planners.candidates import best_plan, priced_layers, uniform
from planners.options import Choice
from planners.tables import StageTable, stage_table
from planners.values import NotApplicable, Plan, Question, UnitBlock

FRIENDLY = {"cpu": ("int8", "fp16", "fp32"), "gpu": ("fp16", "fp32", "int8")}
"""By processor kind, the precisions that suit it, best first (section 5)."""
EXACT = dict.fromkeys(FRIENDLY, ("fp32", "fp16", "int8"))

MOST = 4096
"""Assignments of branches to processors that are tried: twelve branches on two."""

Preference = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, order=True)
class Share:
    """One way to run a layer; the first row of equals is the least."""

    seconds: float
    row: int
    blocks: tuple[UnitBlock, ...] = field(compare=False)


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
        for blocks in _candidates(question, tables, preference)
    ]
    return best_plan(question, "mulayer", question.cost.evaluations - before, [*split, *alone])


def _tables(question: Question) -> Iterator[StageTable]:
    """Whole layers and pairs, uncompacted, on the device."""
    options = replace(question.options, ranks=(), remote_segments=0, frequencies="max")
    narrowed, runtime = question.under(options=options), question.runtime(options.runtime)
    for stage in question.workload.stages:
        yield stage_table(narrowed, stage, runtime)


def _candidates(
    question: Question, tables: list[StageTable], preference: Preference
) -> Iterator[tuple[UnitBlock, ...]]:
    """All layers split, and with branches on different processors where that is quicker."""
    shares = [_shares(question, table, preference) for table in tables]
    if not all(shares):
        return
    of_layer = dict(zip((stage.name for stage in question.workload.stages), shares, strict=True))
    quickest = {name: min(found) for name, found in of_layer.items()}
    yield _joined(quickest)
    distributed = dict(quickest)
    for group in groups(question.workload.stages):
        distributed |= _distributed(group, of_layer, quickest)
    if distributed != quickest:
        yield _joined(distributed)


def _joined(chosen: Mapping[str, Share]) -> tuple[UnitBlock, ...]:
    return tuple(block for share in chosen.values() for block in share.blocks)


def _shares(question: Question, table: StageTable, preference: Preference) -> list[Share]:
    """What one layer may choose from: its cuts between suited processors, and each alone."""
    suited = _suited(question, table, preference)
    rows = enumerate(zip(table.seconds, table.signature, strict=True))
    return [
        Share(float(seconds), row, table.options.blocks(int(table.index[row])))
        for row, (seconds, signature) in rows
        if set(table.placement_of(int(signature))) <= suited
    ]


def _distributed(
    group: tuple[Branch, ...], of_layer: Mapping[str, list[Share]], split: Mapping[str, Share]
) -> dict[str, Share]:
    """By layer of a group: its share where branches run side by side; {} where splitting wins."""
    alone = [[_alone(branch, of_layer, name) for name in _names(of_layer)] for branch in group]
    if len(alone[0]) ** len(group) > MOST:
        return {}
    least = sum(split[stage.name].seconds for branch in group for stage in branch)
    best: dict[str, Share] = {}
    for chosen in product(range(len(alone[0])), repeat=len(group)):
        busy_s = [0.0] * len(alone[0])
        for shares, processor in zip(alone, chosen, strict=True):
            busy_s[processor] += sum(s.seconds for s in shares[processor].values())
            if not shares[processor]:
                busy_s[processor] = inf
        if max(busy_s) < least:
            least = max(busy_s)
            pairs = zip(alone, chosen, strict=True)
            best = {name: s for shares, at in pairs for name, s in shares[at].items()}
    return best


def _names(of_layer: Mapping[str, list[Share]]) -> list[str]:
    """Processors that run some layer alone, sorted."""
    shares = (share for found in of_layer.values() for share in found)
    return sorted({s.blocks[0].processor for s in shares if len(s.blocks) == 1})


def _alone(branch: Branch, of_layer: Mapping[str, list[Share]], processor: str) -> dict[str, Share]:
    """The branch's layers on one processor; {} where it does not run them all."""
    found = {
        stage.name: share
        for stage in branch
        for share in of_layer[stage.name]
        if len(share.blocks) == 1 and share.blocks[0].processor == processor
    }
    return found if len(found) == len(branch) else {}


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
