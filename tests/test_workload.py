"""Workloads: the two shipped ones by hand, stages, faults of files, names, hashes."""

import os
import pickle
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from networks import document, network

from workloads import Workload, load_workload, workload_names
from workloads.building import BuildError, build, content_hash
from workloads.faults import SpecError
from workloads.graph import tail_shares
from workloads.layer import WeightShape
from workloads.names import UnknownName
from workloads.specs import WorkloadSpec

ALEXNET = {  # units, parameters, MACs: Caffe's bvlc_alexnet
    "conv1": (96, 34_944, 105_415_200),
    "conv2": (256, 307_456, 223_948_800),
    "conv3": (384, 885_120, 149_520_384),
    "conv4": (384, 663_936, 112_140_288),
    "conv5": (256, 442_624, 74_760_192),
    "fc6": (4096, 37_752_832, 37_748_736),
    "fc7": (4096, 16_781_312, 16_777_216),
    "fc8": (1000, 4_097_000, 4_096_000),
}
OUTPUTS = [(96, 27, 27), (256, 13, 13), (384, 13, 13), (384, 13, 13), (9216,), (4096,), (4096,)]


def test_alexnet_is_caffes() -> None:
    net = load_workload("alexnet")
    found = {stage.name: (stage.units, stage.weight.parameters, stage.macs) for stage in net.stages}
    assert found == ALEXNET
    assert net.planned_layers == tuple((name, row[0]) for name, row in ALEXNET.items())
    assert net.parameters == 60_965_224
    assert net.macs == 724_406_816
    assert [stage.output_shape for stage in net.stages] == [*OUTPUTS, (1000,)]
    assert (net.frames, net.is_chain, net.input_shape) == (1, True, (3, 227, 227))
    assert [stage.halo for stage in net.stages] == [2, 2, 0, 0, 0, 0, 0, 0]


def test_alexnet_demands_agree_with_its_table() -> None:
    for stage in load_workload("alexnet").stages:
        _, parameters, macs = ALEXNET[stage.name]
        demand = stage.demands(0, stage.units, None, "fp32")[0]
        assert (demand.macs, demand.weight_bytes) == (macs, 4 * parameters)
        assert stage.weight_bytes(0, stage.units, None, "fp32") == 4 * parameters


def test_alexnets_wires() -> None:
    net = load_workload("alexnet")
    assert (net.input_wire.bytes_per_frame, net.input_wire.lossless) == (154_587, True)
    assert (net.output_wire.bytes_per_frame, net.output_wire.lossless) == (4000, True)
    levels = net.spec.input.levels
    assert levels is not None
    assert (levels.low, levels.high) == (0, 255)


def test_break_even_ranks() -> None:
    net = load_workload("alexnet")
    highest = {name: net.stage(name).max_rank for name in ("fc6", "fc7", "fc8")}
    assert highest == {"fc6": 2835, "fc7": 2047, "fc8": 803}
    speech = load_workload("cd_seide")
    assert [speech.stage(name).max_rank for name in ("h1", "h2", "out")] == [354, 1023, 1678]


@given(st.integers(1, 300), st.integers(1, 300))
def test_break_even_is_where_factors_stop_saving(rows: int, columns: int) -> None:
    shape = WeightShape(1, rows, columns, True)
    dense = shape.stored_weights(0, rows, None)
    assert shape.max_rank < min(rows, columns)
    if shape.max_rank:
        assert shape.stored_weights(0, rows, shape.max_rank) < dense
    assert shape.stored_weights(0, rows, shape.break_even_rank) >= dense


def test_cd_seide() -> None:
    net = load_workload("cd_seide")
    units = {f"h{index}": 2048 for index in range(1, 8)} | {"out": 9304}
    assert dict(net.planned_layers) == units
    assert net.parameters == 45_122_648
    assert net.macs == 45_099_008
    assert (net.frames, net.is_chain, net.input_shape) == (100, True, (429,))
    assert (net.input_wire.bytes_per_frame, net.output_wire.bytes_per_frame) == (320, 2)
    assert not net.output_wire.lossless
    one = load_workload("cd_seide", frames=1)
    for stage in net.stages:
        batch = stage.demands(0, stage.units, None, "fp32")[0]
        single = one.stage(stage.name).demands(0, stage.units, None, "fp32")[0]
        assert batch.macs == 100 * single.macs
        assert batch.weight_bytes == single.weight_bytes
        assert stage.input_bytes("fp32") == 100 * one.stage(stage.name).input_bytes("fp32")


def test_one_error_limit_for_all_models() -> None:
    assert len({load_workload(name).error_limit for name in workload_names()}) == 1


@pytest.mark.parametrize("name", workload_names())
def test_every_shipped_workload_can_be_planned(name: str) -> None:
    net = load_workload(name)
    assert nx.is_directed_acyclic_graph(net.graph)
    assert {node["stage"] for node in net.graph.nodes.values()} == set(dict(net.planned_layers))
    for stage in net.stages:
        assert stage.max_rank >= 1
        assert net.stage(stage.name) is stage
        assert all(before in ("input", *dict(net.planned_layers)) for before in stage.inputs)
    assert pickle.loads(pickle.dumps(net)) == net


def test_loading_again_costs_nothing() -> None:
    assert load_workload("alexnet") is load_workload("alexnet")
    assert load_workload("alexnet") is not load_workload("alexnet", frames=2)


def test_the_hash_covers_content_and_frames() -> None:
    layers = [{"kind": "dense", "units": 4}]
    spec = WorkloadSpec.model_validate(document([3], layers))
    other = WorkloadSpec.model_validate(document([3], [{"kind": "dense", "units": 5}]))
    hashes = {content_hash(spec, 1), content_hash(spec, 2), content_hash(other, 1)}
    assert len(hashes) == 3
    assert network([3], *layers) == network([3], *layers)
    assert len({network([3], *layers), network([3], *layers, frames=2)}) == 2


def test_names_and_frames_that_cannot_be() -> None:
    with pytest.raises(UnknownName, match="alexnet"):
        load_workload("alexnett")
    with pytest.raises(UnknownName, match="conv1"):
        load_workload("alexnet").stage("conv11")
    with pytest.raises(ValueError, match="at least 1"):
        load_workload("alexnet", frames=0)
    with pytest.raises(SpecError, match="cannot be read"):
        load_workload("no/such/file.yaml")


def test_a_file_is_read_anew_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    for units in (4, 5):
        path.write_text(yaml.safe_dump(document([3], [{"kind": "dense", "units": units}])))
        stamp = 10**9 * units
        os.utime(path, ns=(stamp, stamp))
        assert load_workload(path).stages[0].units == units


def test_tails_of_a_spectrum() -> None:
    tails = tail_shares(np.array([[2.0, 1.0], [3.0, 4.0]]))
    np.testing.assert_allclose(tails, [1.0, (1 / 5 + 16 / 25) / 2, 0.0])


# Branches


def branching() -> Workload:
    """A stem, two branches, and a layer that reads both, concatenated."""
    return network(
        [2, 6, 6],
        {"name": "stem", "kind": "conv", "units": 4, "kernel": 3},
        {"name": "stem_relu", "kind": "relu"},
        {"name": "wide", "kind": "conv", "units": 3, "kernel": 3, "padding": 1},
        {"name": "wide_relu", "kind": "relu"},
        {"name": "narrow", "kind": "conv", "units": 5, "kernel": 1, "inputs": ["stem_relu"]},
        {"name": "end", "kind": "conv", "units": 2, "kernel": 4, "inputs": ["wide_relu", "narrow"]},
    )


def test_branches_meet_by_concatenation() -> None:
    net = branching()
    assert [(stage.name, stage.inputs) for stage in net.stages] == [
        ("stem", ("input",)),
        ("wide", ("stem",)),
        ("narrow", ("stem",)),
        ("end", ("wide", "narrow")),
    ]
    assert net.stage("end").input_shape == (8, 4, 4)
    assert not net.is_chain


def test_layers_may_stand_in_any_order() -> None:
    layers = [
        {"name": "b", "kind": "dense", "units": 2, "inputs": ["r"]},
        {"name": "a", "kind": "dense", "units": 5, "inputs": ["input"]},
        {"name": "r", "kind": "relu"},
    ]
    net = network([3], *layers)
    assert net.planned_layers == (("a", 5), ("b", 2))
    assert net.is_chain


# Faults


def faults_of(tmp_path: Path, content: dict[str, Any]) -> list[tuple[int, str, str]]:
    path = tmp_path / "net.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False, default_flow_style=False))
    with pytest.raises(SpecError) as caught:
        load_workload(path)
    lines = path.read_text().splitlines()
    for fault in caught.value.faults:
        assert fault.file == str(path)
        assert 1 <= fault.line <= len(lines)
        assert 1 <= fault.column <= len(lines[fault.line - 1]) + 1
    return [(fault.line, fault.field, fault.message) for fault in caught.value.faults]


DENSE = {"name": "d", "kind": "dense", "units": 2}
CONV = {"name": "c", "kind": "conv", "units": 4, "kernel": 3}

BAD_LAYERS = [
    ([{**DENSE, "kind": "dens"}], "layers.0.kind", "did you mean 'dense'"),
    ([{**DENSE, "units": -1}], "layers.0.units", "greater than 0"),
    ([{**DENSE, "units": True}], "layers.0.units", "whole number"),
    ([{**DENSE, "unit": 1}], "layers.0.unit", "did you mean 'units'"),
    ([{**DENSE, "name": "input"}], "layers.0.name", "another name"),
    ([DENSE], "layers.0", "must be [neurons]"),
    ([{**CONV, "kernel": 9}], "layers.0", "must not exceed it"),
    ([{**CONV, "groups": 3}], "layers.0", "must be a multiple"),
    ([CONV, {**CONV, "kernel": 2}], "layers.1.name", "must be unique"),
    ([CONV, {"name": "r", "kind": "relu", "inputs": ["cc"]}], "layers.1.inputs.0", "mean 'c'"),
    ([{"name": "r", "kind": "relu"}, CONV], "layers.0", "must follow a planned layer"),
    ([CONV, {**CONV, "name": "e", "inputs": ["input"]}], "layers.0", "the output is e"),
    (
        [CONV, {"name": "n", "kind": "local_response_norm", "size": 4, "alpha": 1.0, "beta": 0.75}],
        "layers.1.k",
        "missing",
    ),
    (
        [
            CONV,
            {"name": "p", "kind": "max_pool", "kernel": 2, "stride": 1, "padding": 2},
        ],
        "layers.1",
        "must be less than the kernel",
    ),
    (
        [
            {**CONV, "inputs": ["e"]},
            {**CONV, "name": "e", "inputs": ["c"]},
        ],
        "layers.0.inputs",
        "c -> e -> c",
    ),
    (
        [
            CONV,
            {"name": "r", "kind": "relu"},
            {**CONV, "name": "e", "inputs": ["c"]},
            {**CONV, "name": "f", "kernel": 2, "inputs": ["e", "r"]},
        ],
        "layers.1",
        "must be its only reader",
    ),
    (
        [
            CONV,
            {**CONV, "name": "e", "inputs": ["input"]},
            {"name": "r", "kind": "relu", "inputs": ["c", "e"]},
        ],
        "layers.2",
        "must read one",
    ),
    (
        [
            CONV,
            {**CONV, "name": "e", "kernel": 2, "inputs": ["input"]},
            {**CONV, "name": "f", "inputs": ["c", "e"]},
        ],
        "layers.2",
        "must differ in channels only",
    ),
]


@pytest.mark.parametrize(("layers", "field", "message"), BAD_LAYERS)
def test_faults_of_layers(
    tmp_path: Path, layers: list[dict[str, Any]], field: str, message: str
) -> None:
    content = document([2, 6, 6], layers)
    content["weights"]["spectra"] = {layer["kind"]: "convolution" for layer in layers[:1]}
    if layers[0]["kind"] not in ("conv", "dense"):
        content["weights"]["spectra"] = {"conv": "convolution"}
    found = faults_of(tmp_path, content)
    matching = [text for _, at, text in found if at == field]
    assert any(message in text for text in matching), found


def test_faults_of_weights_and_levels(tmp_path: Path) -> None:
    content = document([2, 6, 6], [CONV])
    content["weights"]["spectra"] = {"cnov": "convolution"}
    content["input"]["levels"] = {"low": 3, "high": 2, "mean": [1, 2, 3]}
    fields = [field for _, field, _ in faults_of(tmp_path, content)]
    assert fields == [
        "input.levels.low",
        "input.levels.mean",
        "weights.spectra",
        "weights.spectra.cnov",
    ]


def test_all_faults_of_a_graph_are_told_at_once(tmp_path: Path) -> None:
    layers = [CONV, {**CONV, "name": "e", "groups": 3}, {**DENSE, "inputs": ["c"]}]
    content = document([2, 6, 6], layers)
    found = faults_of(tmp_path, content)
    assert [field for _, field, _ in found] == ["layers.1", "layers.1", "layers.2"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"frames": 0}, "frames"),
        ({"error_limit": {"value": -1.0, "source": "x", "basis": "assumed"}}, "error_limit.value"),
        ({"quantisation_error": {"int4": None}}, "quantisation_error.int4"),
        ({"layers": []}, "layers"),
        ({"kind": "soc"}, "kind"),
    ],
)
def test_faults_of_other_fields(tmp_path: Path, change: dict[str, Any], field: str) -> None:
    content = document([2], [DENSE]) | change
    assert field in [at for _, at, _ in faults_of(tmp_path, content)]


def test_build_tells_faults_without_a_file() -> None:
    with pytest.raises(BuildError, match="must be \\[neurons\\]") as caught:
        build(WorkloadSpec.model_validate(document([2, 3, 3], [DENSE])))
    assert caught.value.problems[0][0] == ("layers", 0)
