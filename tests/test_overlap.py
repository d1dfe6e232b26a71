"""Branches that run at the same time: laid out, timed, carried out and verified."""

import itertools
from dataclasses import replace

import networkx as nx
import pytest
from branching import NETWORKS, branching_questions, inception, residual
from hypothesis import given, settings
from hypothesis import strategies as st
from random_plans import plans, questions
from tiny_device import tiny_plan, tiny_question, tiny_soc

from planners import (
    FULL,
    NotApplicable,
    UnitBlock,
    check,
    load_planner,
    planner_names,
    predict,
)
from planners.compiling import compile_plan
from planners.memory import activation_bytes
from planners.order import Order
from planners.overlap import play
from planners.prediction import time_execution
from planners.values import CLOUD
from sim.engine import carry_out, run
from tests.profiles import examples

WIDE = 1e15
"""Bytes a second of a bus that nobody has to share."""


@st.composite
def wanted(draw):
    count = draw(st.integers(1, 12))
    numbers = [
        draw(st.sets(st.integers(0, n - 1), max_size=n)) if n else set() for n in range(count)
    ]
    return numbers


@given(wanted())
def test_an_order_is_its_transitive_reduction_and_closure(steps):
    order, graph = Order(), nx.DiGraph()
    graph.add_nodes_from(range(len(steps)))
    graph.add_edges_from((before, n) for n, befores in enumerate(steps) for before in befores)
    kept = {(before, n) for n, befores in enumerate(steps) for before in order.add(befores)}
    assert kept == set(nx.transitive_reduction(graph).edges)
    closure = nx.transitive_closure(graph)
    for first in graph:
        beside = set(graph) - {first} - set(closure[first]) - set(closure.pred[first])
        assert set(order.together(first)) == beside
        assert all(order.precedes(first, n) == closure.has_edge(first, n) for n in graph)


def blocks(asked, where):
    """Layers whole on the processors named, the others on the cpu."""
    names = [where.get(stage.name, "cpu") for stage in asked.workload.stages]
    return tiny_plan(asked, *names)


def spans(outcome, question):
    """(start, stop) of each layer's own computation."""
    found = {}
    for row in outcome.timeline:
        layer = row.label.split("[")[0]
        if row.label.endswith("]") and layer in dict(question.workload.planned_layers):
            start, stop = found.get(layer, (row.start_s, row.stop_s))
            found[layer] = min(start, row.start_s), max(stop, row.stop_s)
    return found


def test_branches_on_different_processors_overlap():
    asked = tiny_question(workload=inception((3, 31, 31), channels=32))
    plan = blocks(asked, {"three_in": "gpu", "three": "gpu", "one": "dsp"})
    found = spans(run(plan, asked), asked)
    assert found["three"][0] < found["five"][1]
    assert found["five"][0] < found["three"][1]
    assert found["mix"][0] >= max(found[name][1] for name in ("one", "three", "five", "pooled"))


def test_one_processor_runs_one_layer_after_the_other():
    for workload in NETWORKS:
        asked = tiny_question(workload=workload)
        assert compile_plan(blocks(asked, {}), asked).in_sequence
        found = list(spans(run(blocks(asked, {}), asked), asked).values())
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(found))


def test_a_split_layer_holds_both_its_processors():
    asked = tiny_question(workload=residual())
    names = [
        ("cpu", "gpu") if s.name == "b2" else "gpu" if s.name == "around" else "cpu"
        for s in asked.workload.stages
    ]
    found = spans(run(tiny_plan(asked, *names), asked), asked)
    assert found["around"][0] >= found["b2"][1] or found["b2"][0] >= found["around"][1]


@st.composite
def local_cases(draw, **soc):
    """Whole layers anywhere on a tiny device."""
    workload = draw(st.sampled_from(NETWORKS))
    asked = tiny_question(workload=workload, soc=tiny_soc(**soc))
    names = [draw(st.sampled_from(("cpu", "gpu", "dsp", "lpc"))) for _ in workload.stages]
    return asked, tiny_plan(asked, *names)


@given(local_cases(bandwidth_bytes_per_s=WIDE))
def test_latency_is_the_longest_path_where_nothing_is_shared(case):
    asked, plan = case
    execution = compile_plan(plan, asked)
    graph = nx.DiGraph()
    for number, step in enumerate(execution.steps):
        gangs = (max(sum(p.seconds for p in lane.phases) for lane in gang) for gang in step.gangs)
        seconds = float(sum(gangs))
        graph.add_node(number)
        for before in step.after:
            graph.add_edge(before, number)
        graph.nodes[number]["seconds"] = seconds
    longest = {}
    for number in graph:  # in topological order
        before = max((longest[b] for b in graph.pred[number]), default=0.0)
        longest[number] = before + graph.nodes[number]["seconds"]
    assert predict(plan, asked).latency_s == pytest.approx(max(longest.values()), rel=1e-9)


@given(local_cases())
def test_processors_and_exclusive_partners_never_run_two_layers_at_once(case):
    asked, plan = case
    found = spans(run(plan, asked), asked)
    where = {
        block.layer: {"lpc": "cpu"}.get(block.processor, block.processor) for block in plan.blocks
    }
    for one in found:
        for two in found:
            if one < two and where[one] == where[two]:
                assert found[one][1] <= found[two][0] or found[two][1] <= found[one][0]


@given(st.data())
@settings(max_examples=examples(100, deep=2000))
def test_prediction_and_engine_agree_where_layers_overlap(data):
    asked = data.draw(branching_questions())
    plan = data.draw(plans(asked))
    predicted, outcome = predict(plan, asked), run(plan, asked, record=False)
    assert outcome.latency_s == pytest.approx(predicted.latency_s, rel=1e-9)
    assert outcome.energy_j == pytest.approx(predicted.energy_j, rel=1e-9)
    assert outcome.peak_memory_bytes == pytest.approx(predicted.peak_memory_bytes, rel=1e-9)
    assert outcome.planning_energy_j == pytest.approx(predicted.planning_j, rel=1e-9)


class Account:
    """Notes what `play` says, with the radio left out."""

    def __init__(self):
        self.spent = {}

    def begins(self, phase, now_s):
        return float(phase.seconds)

    def ends(self, phase, duration_s, now_s):
        self.spent[phase.label] = self.spent.get(phase.label, 0.0) + duration_s


@given(st.data())
def test_a_chain_takes_the_same_by_both_clocks(data):
    asked = data.draw(questions(online=False))
    plan = data.draw(plans(asked))
    execution = compile_plan(plan, asked)
    assert execution.in_sequence
    timed, account = time_execution(execution, asked), Account()
    bus = asked.soc.memory.bandwidth_bytes_per_s.value
    stop_s = play(execution.steps, account, timed.planning_s, bus)
    assert stop_s == pytest.approx(timed.latency_s, rel=1e-9)


@given(st.data())
@settings(max_examples=examples(30, deep=500))
def test_real_tensors_follow_every_overlapping_plan(data):
    """The engine raises ReadTooEarly where a move has not ended in time."""
    asked = data.draw(branching_questions())
    plan = data.draw(plans(asked, ranks=False))
    exact = replace(plan, blocks=tuple(replace(b, precision="fp32") for b in plan.blocks))
    try:
        check(exact, asked)
    except ValueError:
        exact = plan
    found = run(exact, asked, verify=True, record=False).verification
    assert found.relative_error < (1e-5 if exact is not plan else 0.5)


def test_a_move_under_way_elsewhere_does_not_count():
    """The gpu's part is copied for cpu and dsp, which share memory: each waits for a copy."""
    asked = tiny_question(workload=residual())
    where = {"stem": "gpu", "a1": "gpu", "a2": "gpu", "b1": "cpu", "around": "dsp"}
    execution = compile_plan(blocks(asked, where), asked)
    steps = {step.name: step for step in execution.steps}
    moves = {
        name: [
            p.label
            for gang in steps[name].gangs
            for lane in gang
            for p in lane.phases
            if p.label.startswith("move a2")
        ]
        for name in ("b1", "around", "b2")
    }
    assert moves["b1"]
    assert moves["around"] == moves["b1"]
    assert not moves["b2"]
    assert run(blocks(asked, where), asked, verify=True).verification.relative_error < 1e-5


def test_a_tensor_comes_down_once_for_all_its_readers():
    asked = tiny_question(workload=inception(), online=True)
    plan = blocks(asked, {"stem": CLOUD, "one": "dsp", "three_in": "gpu"})
    execution = compile_plan(plan, asked)
    names = [step.name for step in execution.steps]
    assert names.count("download stem") == 1
    down = names.index("download stem")
    for name in ("one", "three_in", "five_in"):
        assert execution.steps[names.index(name)].after == (down,) or name == "five_in"
    outcome = run(plan, asked, verify=True)
    assert sum(row.label == "download stem" for row in outcome.timeline) == 1
    assert outcome.verification.relative_error < 1e-5


class Live:
    """Adds up what is live whenever a lane begins, from what really happens."""

    def __init__(self, plan, question):
        stages = question.workload.stages
        self.plan, self.stages, self.most = plan, {s.name: s for s in stages}, 0.0
        self.left = {s.name: sum(s.name in o.reads for o in stages) for s in stages}
        self.live, self.inside = {}, {}

    def lane_begins(self, step, lane):
        if step.name in self.stages and lane.block is not None and step.name not in self.inside:
            stage, block = self.stages[step.name], lane.block
            made = float(stage.output_bytes(0, stage.units, block.precision))
            self.inside[step.name], self.live[step.name] = block, made
            self.most = max(self.most, sum(self.live.values()))

    def lane_ends(self, step, lane):
        pass

    def step_ends(self, step):
        if step.name in self.stages:
            for name in self.stages[step.name].reads:
                if name in self.left:
                    self.left[name] -= 1
                    if not self.left[name]:
                        del self.live[name]


@given(local_cases())
def test_no_more_is_ever_live_than_memory_was_asked_for(case):
    asked, plan = case
    live = Live(plan, asked)
    carry_out(compile_plan(plan, asked), asked, asked.conditions, watchers=(live,))
    assert 0.0 < live.most <= activation_bytes(plan.blocks, asked) * (1 + 1e-12)


def test_overlapping_branches_need_more_memory_than_one_after_the_other():
    asked = tiny_question(workload=inception())
    alone = activation_bytes(blocks(asked, {}).blocks, asked)
    beside = activation_bytes(blocks(asked, {"five": "gpu", "pooled": "dsp"}).blocks, asked)
    assert beside > alone


CHAINS_ONLY = ("neurosurgeon", "rlc", "dad", "deepx")


@pytest.mark.parametrize("name", CHAINS_ONLY)
def test_chain_only_planners_say_so(name):
    asked = tiny_question(workload=residual(), online=True)
    with pytest.raises(NotApplicable, match="residual branches"):
        load_planner(name)(asked)


def test_no_other_planner_is_chain_only():
    asked = tiny_question(workload=residual(), online=True)
    asked = asked.under(options=replace(FULL, name="all of them"))
    for name in set(planner_names()) - {*CHAINS_ONLY, "exact"}:  # see test_branching
        check(load_planner(name)(asked), asked)


@pytest.mark.parametrize("name", ["heft", "peft"])
def test_list_scheduling_gains_by_overlap(name):
    """Shared memory, processors of one speed: two at a time beat one."""
    exact = {"cpu": ("fp32",), "dsp": ("fp32",)}
    options = replace(FULL, processors=("cpu", "dsp"), precisions=exact, frequencies="max")
    asked = tiny_question(workload=inception((3, 31, 31), channels=32), options=options)
    asked = asked.under(goals=replace(asked.goals, objective="latency"))
    plan = load_planner(name)(asked)
    assert not compile_plan(plan, asked).in_sequence
    alone = load_planner("cpu_only")(asked)
    assert plan.predicted.plan_latency_s < 0.9 * alone.predicted.plan_latency_s


def test_blocks_of_the_plan_may_come_in_any_order():
    asked = tiny_question(workload=inception())
    plan = blocks(asked, {"five": "gpu", "one": "dsp"})
    turned = replace(plan, blocks=plan.blocks[::-1])
    assert predict(turned, asked) == predict(plan, asked)
    assert isinstance(plan.blocks[0], UnitBlock)
