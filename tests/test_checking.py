"""The checker against plans that break one rule each, and plans as documents."""

import json
from dataclasses import replace

import pytest

from planners import FULL, Goals, Plan, PlanError, Question, UnitBlock, check
from planners.documents import plan_document, read_plan
from socs import load_soc
from workloads import load_workload


@pytest.fixture(scope="module")
def asked():
    return Question(workload=load_workload("alexnet"), soc=load_soc("tegra_k1"), options=FULL)


@pytest.fixture(scope="module")
def plan(asked):
    top = asked.soc.processors["cpu"].frequencies_hz[-1]
    blocks = tuple(
        UnitBlock(stage.name, 0, stage.units, "cpu", top, "fp32") for stage in asked.workload.stages
    )
    return Plan("by hand", blocks, None, 0, "native")


def changed(plan, index, **fields):
    blocks = list(plan.blocks)
    blocks[index] = replace(blocks[index], **fields)
    return replace(plan, blocks=tuple(blocks))


def with_extra(plan, block):
    return replace(plan, blocks=(*plan.blocks, block))


def test_a_good_plan_passes(plan, asked):
    check(plan, asked)


@pytest.mark.parametrize(
    ("index", "fields", "message"),
    [
        (0, {"last_unit": 90}, "conv1: units 90 to 96 not covered"),
        (0, {"last_unit": 97}, "conv1: units 96 to 97 beyond"),
        (0, {"first_unit": 1}, "conv1: units 0 to 1 not covered"),
        (0, {"last_unit": 0}, "conv1: block .* holds no unit"),
        (1, {"layer": "conv9"}, "conv9: no such planned layer"),
        (2, {"processor": "npu"}, "conv3.*: no processor 'npu'"),
        (2, {"frequency_hz": 1.0}, "conv3.*no operating point"),
        (2, {"precision": "fp16"}, "conv3.*does not run this layer in fp16"),
        (5, {"rank": 2836}, "fc6.*rank 2836 must lie in"),
        (5, {"rank": 0}, "fc6.*rank 0 must lie in"),
        (5, {"processor": "cloud", "frequency_hz": None}, "fc6.*out of reach"),
    ],
)
def test_a_broken_rule_is_named(plan, asked, index, fields, message):
    with pytest.raises(PlanError, match=message):
        check(changed(plan, index, **fields), asked)


def test_units_covered_twice(plan, asked):
    with pytest.raises(PlanError, match=r"fc8: units .* covered twice"):
        check(with_extra(plan, replace(plan.blocks[-1], first_unit=500)), asked)


def test_exclusive_processors_and_mixed_ranks(plan, asked):
    halves = changed(plan, 5, last_unit=2048)
    lpc = asked.soc.processors["lpc"].frequencies_hz[-1]
    other = UnitBlock("fc6", 2048, 4096, "lpc", lpc, "fp32")
    with pytest.raises(PlanError, match=r"fc6: .* cannot be on together"):
        check(with_extra(halves, other), asked)
    gpu = asked.soc.processors["gpu"].frequencies_hz[-1]
    other = UnitBlock("fc6", 2048, 4096, "gpu", gpu, "fp32", 100)
    with pytest.raises(PlanError, match=r"fc6: .* must share one rank"):
        check(with_extra(halves, other), asked)


def test_goals_bind(plan, asked):
    slow = replace(asked, goals=Goals(deadline_s=0.001))
    with pytest.raises(PlanError, match="deadline"):
        check(plan, slow)
    check(plan, slow, goals=False)
    small = replace(asked, goals=Goals(memory_bytes=1e6))
    with pytest.raises(PlanError, match="memory"):
        check(plan, small)
    with pytest.raises(PlanError, match="error"):
        check(changed(plan, 5, rank=1), asked)


def test_a_plan_survives_json(plan):
    read = read_plan(json.loads(json.dumps(plan_document(plan))))
    assert read == plan


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "list `blocks`"),
        ({"blocks": [3]}, r"blocks\[0\]: must be an object"),
        ({"blocks": [{"layer": "a"}]}, "first_unit is missing"),
        ({"blocks": [{"layre": "a"}]}, "unknown field 'layre'"),
        ({"blocks": [], "evaluations": -1}, "evaluations"),
        ({"blocks": [], "evaluations": True}, "evaluations"),
    ],
)
def test_a_bad_document_is_named(document, message):
    with pytest.raises(PlanError, match=message):
        read_plan(document)


def test_an_infinite_frequency_is_no_number(plan):
    document = plan_document(plan)
    document["blocks"][0]["frequency_hz"] = float("inf")
    with pytest.raises(PlanError, match="finite"):
        read_plan(document)
