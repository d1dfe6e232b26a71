"""The interface that an app would call."""

import numpy as np
import pytest
from tiny_device import tiny_cloud, tiny_host, tiny_images, tiny_link, tiny_plan, tiny_soc

from planners import Conditions, Goals, Infeasible
from sim import InferenceHost
from workloads.execution import forward
from workloads.names import UnknownName
from workloads.weights import make_inputs, make_weights


def host(**changes):
    soc = tiny_soc()
    return InferenceHost(soc, hosts=dict.fromkeys(soc.processors, tiny_host()), **changes)


def local(question):
    return tiny_plan(question, "gpu", ("cpu", "dsp"), "cpu", "cpu")


def test_an_answer_comes_with_what_it_took():
    device, model = host(planner=local), tiny_images()
    device.provide(model)
    image = make_inputs(model, count=1)
    answer = device.infer("tiny_images", image[0])
    assert answer.output.shape == (1, 7)
    np.testing.assert_allclose(
        answer.output, forward(model, make_weights(model), image), rtol=1e-4, atol=1e-6
    )
    assert answer.latency_s > 0.0
    assert answer.energy_j > 0.0
    assert answer.memory_bytes > 0.0
    assert {block.processor for block in answer.plan.blocks} == {"gpu", "cpu", "dsp"}
    np.testing.assert_array_equal(device.infer(model, image).output, answer.output)


def test_each_request_is_planned_on_the_conditions_of_its_time():
    asked = []

    def planner(question):
        asked.append(question)
        return local(question)

    device = host(planner=planner)
    model = device.provide(tiny_images())
    image = make_inputs(model, count=1)
    first = device.infer(model, image)
    device.conditions = Conditions(busy={"cpu": 0.5})
    second = device.infer(model, image, Goals(objective="latency"))
    assert [dict(question.conditions.busy) for question in asked] == [{}, {"cpu": 0.5}]
    assert asked[1].goals.objective == "latency"
    assert second.latency_s > first.latency_s


def test_the_shipped_planner_answers():
    device = host(conditions=Conditions(link=tiny_link(), cloud=tiny_cloud()))
    model = device.provide(tiny_images())
    answer = device.infer(model, make_inputs(model, count=1))
    assert answer.plan.planner == "deepx"
    with pytest.raises(Infeasible):
        device.infer(model, make_inputs(model, count=1), Goals(deadline_s=1e-9))


def test_a_shipped_soc_goes_by_its_name():
    device = InferenceHost("tegra_k1", planner="cpu_only")
    model = device.provide(tiny_images())
    answer = device.infer(model, make_inputs(model, count=1))
    assert {block.processor for block in answer.plan.blocks} == {"cpu"}
    assert answer.output.shape == (1, 7)


def test_weights_may_be_given():
    device, model = host(planner=local), tiny_images()
    weights = make_weights(model, seed=9)
    device.provide(model, weights=weights)
    image = make_inputs(model, count=1)
    np.testing.assert_allclose(
        device.infer(model, image).output, forward(model, weights, image), rtol=1e-4, atol=1e-6
    )


def test_what_cannot_be_answered_is_said():
    device = host(planner=local)
    model = device.provide(tiny_images(frames=2))
    with pytest.raises(UnknownName, match="tiny_images"):
        device.infer("tiny_image", make_inputs(model, count=2))
    with pytest.raises(ValueError, match="1 frames: tiny_images takes 2"):
        device.infer(model, make_inputs(model, count=1))
    with pytest.raises(ValueError, match="must be"):
        device.infer(model, np.zeros((2, 3)))
