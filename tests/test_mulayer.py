"""muLayer: the share of least time of each layer, in the precision that suits each processor."""

from dataclasses import replace

import numpy as np
import pytest

from planners import FULL, PAPER, Goals, NotApplicable, check, load_planner, mulayer
from planners.conformance import check_planner
from planners.tables import stage_table
from tests.profiles import examples
from tests.test_planners import question

MODELS = pytest.mark.parametrize("model", ["alexnet", "cd_seide"])


def asked_of(model, options=FULL):
    return question("tegra_k1", model, options=options, goals=Goals(objective="latency"))


def split_of(asked, preference=mulayer.FRIENDLY):
    return mulayer._split(asked, list(mulayer._tables(asked)), preference)


@MODELS
@pytest.mark.parametrize("preference", [mulayer.FRIENDLY, mulayer.EXACT], ids=["own", "exact"])
def test_each_layer_takes_no_longer_than_on_either_alone(model, preference):
    """So where moves and conversions are free, the model takes no longer than on either."""
    asked = asked_of(model)
    narrowed = asked.under(options=replace(asked.options, ranks=(), frequencies="max"))
    blocks = split_of(asked, preference)
    for stage in asked.workload.stages:
        mine = {b for b in blocks if b.layer == stage.name}
        table = stage_table(narrowed, stage, asked.runtime(asked.options.runtime))
        rows = [set(table.options.blocks(int(index))) for index in table.index]
        own = float(table.seconds[rows.index(mine)])
        used = {(b.processor, b.precision) for b in blocks}
        alone = [
            float(seconds)
            for row, seconds in zip(rows, table.seconds, strict=True)
            if len(row) == 1 and {(b.processor, b.precision) for b in row} <= used
        ]
        assert alone
        assert own <= min(alone)


@MODELS
def test_precisions_suit_their_processors(model):
    """Integers on the CPU and halves on the GPU, where the device and host have them."""
    asked = asked_of(model)
    for block in split_of(asked):
        kind = asked.soc.processors[block.processor].kind
        stage = asked.workload.stage(block.layer)
        can = [
            precision
            for precision in mulayer.FRIENDLY[kind]
            if asked.device().supports(stage, block.processor, precision)
        ]
        assert block.precision == can[0]


def test_layers_are_really_split():
    blocks = split_of(asked_of("alexnet", PAPER))
    shared = [b.layer for b in blocks if (b.first_unit, b.last_unit) != (0, 4096)]
    assert len(blocks) > 8
    assert len(set(shared)) < len(shared)
    found = load_planner("mulayer")(asked_of("alexnet", PAPER))
    check(found, asked_of("alexnet", PAPER))
    assert np.isfinite(found.predicted.latency_s)


def test_needs_a_cpu_and_a_gpu():
    with pytest.raises(NotApplicable, match="CPU and a GPU"):
        load_planner("mulayer")(question("snapdragon_800", "alexnet", options=PAPER))


@pytest.mark.slow
def test_keeps_all_properties():
    check_planner("mulayer", max_examples=examples(100, deep=1000), seed=4)
