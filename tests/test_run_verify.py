"""Real tensors through the memory spaces: values, deviations, and reads that come too early."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_plans import ANYTHING, MANY_SEGMENTS, plans
from tiny_device import tiny_images, tiny_plan, tiny_question

from planners import Goals, PlanError, Question, UnitBlock, load_planner
from planners.compiling import Lane, compile_plan
from sim import ReadTooEarly, run, run_numerics
from sim.deviation import deviation
from sim.engine import carry_out
from sim.numerics import block_output, seeded_bench
from sim.spaces import Tensors
from socs import load_soc
from workloads import load_workload
from workloads.execution import forward
from workloads.weights import make_inputs, make_weights

IMAGES = tiny_images()
ASKED = tiny_question(online=True, workload=IMAGES, goals=ANYTHING, options=MANY_SEGMENTS)
SPLIT = ("gpu", ("cpu", "gpu"), ("dsp", "gpu"), "cpu")


def whole(plan):
    """The plan with every block in fp32 and uncompacted."""
    blocks = tuple(replace(block, precision="fp32", rank=None) for block in plan.blocks)
    return replace(plan, blocks=blocks)


def with_precision(plan, precision):
    return replace(plan, blocks=tuple(replace(b, precision=precision) for b in plan.blocks))


def test_deviation_by_hand():
    reference = np.array([[0.0, 3.0], [4.0, 3.0]], dtype=np.float32)
    scores = np.array([[1.0, 3.0], [2.0, 3.0]], dtype=np.float32)
    found = deviation(scores, reference, 0.8)
    # || (1, 0; -2, 0) || = sqrt 5; the reference less its mean (2, 3) is (-2, 0; 2, 0): sqrt 8
    assert found.relative_error == pytest.approx((5 / 8) ** 0.5, rel=1e-12)
    assert found.max_abs_error == 2.0
    assert found.within_bound
    assert not deviation(scores, reference, 0.79).within_bound
    assert (found.top1_agrees, found.top1_agreement) == (False, 0.5)
    assert found.document()["weights"] == "synthetic, seeded"


def test_a_constant_shift_of_the_reference_does_not_hide_an_error():
    reference = np.array([[0.0, 3.0], [4.0, 3.0]], dtype=np.float32)
    moved = deviation(reference + 1.0, reference, 1.0)
    far = deviation(reference + 1001.0, reference + 1000.0, 1.0)
    assert moved.relative_error == pytest.approx(far.relative_error, rel=1e-6)


def test_any_fp32_plan_gives_what_the_reference_gives():
    outcome = run(tiny_plan(ASKED, *SPLIT), ASKED, verify=True)
    assert outcome.verification.relative_error < 1e-5
    assert outcome.verification.within_bound
    assert outcome.verification.top1_agrees
    assert outcome.verification.inputs == 32
    assert run(tiny_plan(ASKED, *SPLIT), ASKED).verification is None


@given(st.data())
def test_split_blocks_put_together_are_bitwise_the_whole(data):
    """Integer-valued tensors: exact in fp32, so every order of additions gives the same."""
    model = tiny_images(exact=True)
    plan = whole(data.draw(plans(ASKED.under(workload=model), ranks=False)))
    weights = make_weights(model, variant="integer")
    inputs = make_inputs(model, count=4, variant="integer")
    outputs, found = run_numerics(plan, ASKED.under(workload=model), inputs, weights=weights)
    assert found.max_abs_error == found.relative_error == 0.0
    assert found.weights == "given"
    np.testing.assert_array_equal(outputs, forward(model, weights, inputs))


@given(st.data())
def test_a_run_carries_the_values_that_numerics_gives(data):
    """Whatever the plan, no block reads too early, and the clock changes no value."""
    plan = data.draw(plans(ASKED))
    seed = data.draw(st.integers(0, 3))
    bench = seeded_bench(IMAGES, seed, 32)
    _, found = run_numerics(plan, ASKED, bench.inputs)
    assert run(plan, ASKED, verify=True, record=False, seed=seed).verification == found


def test_lower_precision_shows_and_stays_within_reason():
    plan = tiny_plan(ASKED, *SPLIT)
    errors = {
        precision: run(with_precision(plan, precision), ASKED, verify=True).verification
        for precision in ("fp32", "fp16", "int8")
    }
    fp32, fp16, int8 = (errors[name].relative_error for name in ("fp32", "fp16", "int8"))
    assert fp32 < 1e-5 < fp16 < 0.01 < 0.1
    assert fp16 < int8 < 0.2


def test_compaction_shows_and_more_of_it_shows_more():
    plan = tiny_plan(ASKED, "cpu", "cpu", "cpu", "cpu")

    def error(rank):
        blocks = tuple(replace(b, rank=rank if b.layer == "all" else None) for b in plan.blocks)
        return run(replace(plan, blocks=blocks), ASKED, verify=True).verification.relative_error

    errors = [error(rank) for rank in (16, 8, 2)]
    assert 1e-4 < errors[0] < errors[1] < errors[2]


def test_an_error_beyond_the_limit_is_said():
    asked = ASKED.under(goals=Goals(error=1e-9))
    found = run(tiny_plan(asked, *SPLIT), asked, verify=True).verification
    assert found.error_bound == 1e-9
    assert found.within_bound == (found.relative_error <= 1e-9)


def tampered(execution, step_name, change):
    """The execution with the gangs of one step changed."""
    return replace(
        execution,
        steps=tuple(
            replace(step, gangs=change(step.gangs)) if step.name == step_name else step
            for step in execution.steps
        ),
    )


def carry(plan, execution):
    tensors = Tensors.of(plan, ASKED, seed=0)
    return carry_out(execution, ASKED, ASKED.conditions, watchers=(tensors,)), tensors


MOVING = [
    ("edge", ("gpu", "cpu", "cpu", "cpu"), "input.*'gpu', where gpu reads"),
    ("shape", ("cpu", "dsp", "cpu", "cpu"), "edge.*'dram', where dsp reads"),
    ("shape", ("dsp", ("cpu", "gpu"), "cpu", "cpu"), "edge.* where (cpu|gpu) reads"),
    ("shape", ("gpu", "cpu", "cpu", "cpu"), "edge.*'dram', where cpu reads"),
    ("all", ("cpu", ("cpu", "gpu"), "cpu", "cpu"), "shape.*'dram', where cpu reads"),
    ("all", ("cpu", "cpu", "cloud", "cpu"), "shape.*'cloud', where cloud reads"),
    ("download all", ("cpu", "cpu", "cloud", "cpu"), "all.*'dram', where cpu reads"),
    ("output", ("cpu", "cpu", "cpu", "gpu"), "name.*'dram', where cpu reads"),
    ("output", ("cpu", "cpu", "cpu", "cloud"), "name.*'dram', where cpu reads"),
]


def moves(gang):
    return any(
        p.radio is not None or p.label.startswith("move") for lane in gang for p in lane.phases
    )


@pytest.mark.parametrize(("step_name", "where", "message"), MOVING)
def test_without_the_move_the_read_comes_too_early(step_name, where, message):
    plan = tiny_plan(ASKED, *where)
    execution = compile_plan(plan, ASKED)
    _, tensors = carry(plan, execution)
    assert tensors.deviation().relative_error < 1e-5

    def without(gangs):
        kept = tuple(gang for gang in gangs if not moves(gang))
        assert len(kept) < len(gangs)
        return kept

    with pytest.raises(ReadTooEarly, match=message):
        carry(plan, tampered(execution, step_name, without))[1].deviation()


@pytest.mark.parametrize(("step_name", "where", "message"), MOVING[:-3])
def test_a_move_after_the_read_comes_too_late(step_name, where, message):
    plan = tiny_plan(ASKED, *where)
    execution = compile_plan(plan, ASKED)
    with pytest.raises(ReadTooEarly, match=message):
        carry(plan, tampered(execution, step_name, lambda gangs: gangs[::-1]))


def test_one_leg_of_two_is_not_enough():
    """The dsp's part is written back for the cpu, then copied for the gpu: without the copy."""
    plan = tiny_plan(ASKED, ("dsp", "gpu"), ("cpu", "gpu"), "cpu", "cpu")

    def one_leg(lane):
        legs = [p for p in lane.phases if p.label == "move edge" and p.resource == "dsp"]
        return replace(lane, phases=tuple(legs[:1])) if legs else lane

    def shortened(gangs):
        return tuple(tuple(one_leg(lane) for lane in gang) for gang in gangs)

    with pytest.raises(ReadTooEarly, match=r"edge\[0:12\].*where gpu reads"):
        carry(plan, tampered(compile_plan(plan, ASKED), "shape", shortened))


@pytest.mark.parametrize(("kept", "hole"), [("cpu", r"edge\[6:12\]"), ("dsp", r"edge\[0:12\]")])
def test_a_block_that_is_skipped_leaves_a_hole(kept, hole):
    plan = tiny_plan(ASKED, ("cpu", "dsp"), "cpu", "cpu", "cpu")

    def halved(gangs):
        return (*gangs[:-1], tuple(lane for lane in gangs[-1] if lane.block.processor == kept))

    with pytest.raises(ReadTooEarly, match=hole):
        carry(plan, tampered(compile_plan(plan, ASKED), "edge", halved))


def test_an_activation_is_stored_in_its_block_s_precision():
    model = tiny_question().workload
    stage, bench = model.stages[0], seeded_bench(model, 0, 32)
    block = UnitBlock("wide", 100, 1900, "dsp", 1e9, "int8")
    made = block_output(stage, bench.inputs, bench.weights, block)
    assert made.shape == (32, 1800)
    assert all(len(np.unique(frame)) <= 255 for frame in made)
    wide = block_output(stage, bench.inputs, bench.weights, replace(block, precision="fp32"))
    assert len(np.unique(wide[0])) > 1000
    np.testing.assert_allclose(made, wide, atol=0.1 * np.abs(wide).max())


def test_a_lane_without_phases_is_over_at_once():
    plan = tiny_plan(ASKED, "cpu", "cpu", "cpu", "cpu", evaluations=0)
    execution = tampered(compile_plan(plan, ASKED), "planning", lambda _: ((Lane(()),),))
    outcome, _ = carry(plan, execution)
    assert outcome.planning_latency_s == outcome.planning_energy_j == 0.0


def test_few_inputs_are_measured_against_the_spread_of_many():
    plan = with_precision(tiny_plan(ASKED, *SPLIT), "int8")
    inputs = make_inputs(IMAGES, count=32, seed=5)
    _, many = run_numerics(plan, ASKED, inputs)
    outputs, one = run_numerics(plan, ASKED, inputs[:1])
    assert outputs.shape == (1, 7)
    assert outputs.sum() == pytest.approx(1.0, rel=1e-5)
    assert one.inputs == 1
    assert many.relative_error / 4 < one.relative_error < many.relative_error * 4


@pytest.mark.parametrize("shape", [(4, 9, 9), (0, 4, 9, 9), (2, 4, 9, 8), (2, 324)])
def test_inputs_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match="must be"):
        run_numerics(tiny_plan(ASKED, *SPLIT), ASKED, np.zeros(shape))


def test_numerics_refuses_a_plan_that_breaks_a_rule():
    plan = tiny_plan(ASKED, *SPLIT)
    with pytest.raises(PlanError, match="edge"):
        run_numerics(replace(plan, blocks=plan.blocks[1:]), ASKED, np.zeros((1, 4, 9, 9)))


@pytest.mark.parametrize(
    ("model", "soc"), [("alexnet", "tegra_k1"), ("cd_seide", "snapdragon_800")]
)
def test_shipped_models_verify(model, soc):
    asked = Question(workload=load_workload(model), soc=load_soc(soc))
    plan = load_planner("cpu_only")(asked)
    found = run(plan, asked, verify=True).verification
    assert found.relative_error < 1e-5
    assert found.inputs == (32 if model == "alexnet" else 100)
