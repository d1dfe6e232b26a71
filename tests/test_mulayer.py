"""muLayer: the share of least time of each layer, in the precision that suits each processor."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from planners import FULL, PAPER, Goals, NotApplicable, check, load_planner, mulayer
from planners.branches import groups
from planners.conformance import check_planner
from planners.tables import stage_table
from tests.branching import inception, residual
from tests.profiles import examples
from tests.test_planners import question

MODELS = pytest.mark.parametrize("model", ["alexnet", "cd_seide"])


def asked_of(model, options=FULL):
    return question("tegra_k1", model, options=options, goals=Goals(objective="latency"))


def split_of(asked, preference=mulayer.FRIENDLY):
    return next(mulayer._candidates(asked, list(mulayer._tables(asked)), preference))


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


def named(found):
    return [[[stage.name for stage in branch] for branch in group] for group in found]


def test_branches_lie_between_a_fork_and_a_join():
    assert named(groups(inception().stages)) == [
        [["one"], ["three_in", "three"], ["five_in", "five"], ["way", "pooled"]]
    ]
    # the first sum reads the stem itself: there is nothing beside its branch
    assert named(groups(residual().stages)) == [[["b1"], ["around"]]]
    assert named(groups(question().workload.stages)) == []


@pytest.mark.parametrize("model", [inception, residual])
@pytest.mark.parametrize("soc", ["tegra_k1", "snapdragon_800"])
def test_branches_take_the_assignment_of_least_time(model, soc):
    """Against all assignments of branches to processors, written apart."""
    asked = question(soc, options=FULL).under(workload=model())
    tables = list(mulayer._tables(asked))
    stages = asked.workload.stages
    shares = [mulayer._shares(asked, table, mulayer.EXACT) for table in tables]
    of_layer = {stage.name: found for stage, found in zip(stages, shares, strict=True)}
    quickest = {name: min(found) for name, found in of_layer.items()}
    alone = {
        (name, share.blocks[0].processor): share.seconds
        for name, found in of_layer.items()
        for share in found
        if len(share.blocks) == 1
    }
    names = sorted({processor for _, processor in alone})
    for group in groups(stages):
        split_s = sum(quickest[stage.name].seconds for branch in group for stage in branch)
        least_s = min(
            max(
                sum(
                    alone[stage.name, name]
                    for branch, at in zip(group, where, strict=True)
                    if at == name
                    for stage in branch
                )
                for name in names
            )
            for where in product(names, repeat=len(group))
        )
        found = mulayer._distributed(group, of_layer, quickest)
        assert bool(found) == (least_s < split_s)
        if found:
            busy = dict.fromkeys(names, 0.0)
            for share in found.values():
                busy[share.blocks[0].processor] += share.seconds
            assert max(busy.values()) == pytest.approx(least_s, rel=1e-12)
            for branch in group:
                assert len({found[stage.name].blocks[0].processor for stage in branch}) == 1


def test_some_branches_really_run_side_by_side():
    """Small layers: cutting each costs more in calls than the longer of two branches."""
    asked = question("tegra_k1", options=FULL, goals=Goals(objective="latency"))
    asked = asked.under(workload=inception(channels=16))
    split, distributed = mulayer._candidates(asked, list(mulayer._tables(asked)), mulayer.EXACT)
    names = {stage.name for group in groups(asked.workload.stages) for b in group for stage in b}
    used = {block.processor for block in distributed if block.layer in names}
    assert len(used) == 2
    assert [b for b in split if b.layer not in names] == [
        b for b in distributed if b.layer not in names
    ]
    check(load_planner("mulayer")(asked), asked)


@pytest.mark.slow
def test_keeps_all_properties():
    check_planner("mulayer", max_examples=examples(100, deep=1000), seed=4)
