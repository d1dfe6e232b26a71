"""An app on a living device: requests at once, answers that verify whatever breaks."""

import numpy as np
import pytest

from planners.values import Conditions, Goals
from sim import InferenceHost, LivingHost
from tests.living import LOCAL
from tests.tiny_device import tiny_cloud, tiny_host, tiny_images, tiny_link, tiny_soc
from workloads.execution import forward
from workloads.names import UnknownName

IMAGES = tiny_images()
X = np.random.default_rng(0).standard_normal((1, *IMAGES.input_shape), dtype=np.float32)


def living(**settings):
    soc = tiny_soc()
    host = InferenceHost(
        soc,
        planner="dad",
        conditions=Conditions(link=tiny_link(), cloud=tiny_cloud()),
        options=LOCAL,
        hosts=dict.fromkeys(soc.processors, tiny_host()),
    )
    host.provide(IMAGES)
    return LivingHost(host, **settings)


def test_requests_at_once_are_all_answered_and_accounted_for():
    device = living()
    asked = [device.submit("tiny_images", X) for _ in range(5)]
    assert {one.ended for one in asked} == {None}
    assert asked[0].output is None
    device.finish()
    weights = device.host.model("tiny_images")[1]
    expected = forward(IMAGES, weights, X)
    for one in asked:
        assert one.ended == "done"
        assert one.output == pytest.approx(expected, rel=1e-4, abs=1e-5)
        assert one.plan is not None
    latencies = [one.latency_s for one in asked]
    assert latencies == sorted(latencies)
    assert latencies[0] < latencies[-1]
    assert sum(one.energy_j for one in asked) == pytest.approx(device.energy_j, rel=1e-9)
    tally = device.tally
    assert (tally.arrived, tally.done, tally.in_flight) == (5, 5, 0)


def test_alone_it_takes_what_the_host_that_stands_still_says():
    device = living()
    one = device.submit("tiny_images", X)
    device.finish()
    still = device.host.infer("tiny_images", X)
    assert one.latency_s == pytest.approx(still.latency_s, rel=1e-9)
    assert one.energy_j == pytest.approx(still.energy_j, rel=1e-9)
    assert one.output == pytest.approx(still.output)


def test_it_plans_for_what_it_believes_and_mends_what_breaks():
    device = living(belief_lag_s=1.0, notice_s=0.01)
    before = device.submit("tiny_images", X, Goals(objective="latency"))
    device.finish()
    used = {block.processor for block in before.plan.blocks}
    gone = next(iter(used - {"cpu", "cloud"}), None)
    device.causes.busy("cpu", 0.9)
    if gone is not None:
        device.causes.offline(gone, True)
    stale = device.submit("tiny_images", X, Goals(objective="latency"))
    device.finish()
    assert stale.ended == "done"
    expected = forward(IMAGES, device.host.model("tiny_images")[1], X)
    assert stale.output == pytest.approx(expected, rel=1e-4, abs=1e-5)
    if gone is not None:
        assert stale.job.recoveries == 1
        assert gone not in {block.processor for block in stale.plan.blocks}


def test_a_request_can_be_taken_back():
    device = living()
    one = device.submit("tiny_images", X)
    two = device.submit("tiny_images", X)
    device.cancel(one)
    device.finish()
    assert (one.ended, one.reason, one.output) == ("failed", "cancelled", None)
    assert two.ended == "done"
    device.cancel(two)
    assert two.ended == "done"


def test_what_is_wrong_is_told():
    device = living()
    with pytest.raises(UnknownName):
        device.submit("tiny_image", X)
    with pytest.raises(ValueError, match="shape"):
        device.submit("tiny_images", X[:, :1])
    with pytest.raises(ValueError, match="holds no model"):
        LivingHost(InferenceHost(tiny_soc()))
