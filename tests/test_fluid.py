"""Bus sharing of the prediction: scalar against hand, vectorised against scalar."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planners.fluid import finish, max_min
from planners.lanes import lane_durations
from socs.law import Phase

amounts = st.floats(1e-3, 1e3)
phases = st.builds(
    lambda seconds, size: Phase("cpu", "p", seconds, size, ()),
    amounts,
    st.one_of(st.just(0.0), amounts),
)
lane = st.lists(phases, min_size=1, max_size=4).map(tuple)


def flow(size, seconds):
    return Phase("cpu", "flow", seconds, size, ())


def test_max_min_fills_caps_then_shares_the_rest():
    assert max_min([10.0, 100.0, 100.0], 100.0) == [10.0, 45.0, 45.0]
    assert max_min([10.0, 20.0], 100.0) == [10.0, 20.0]


def test_two_overlapping_flows_by_hand():
    # 100 and 50 bytes on a bus of 100 bytes/s: 50 each until the short one ends at 1 s
    spans = finish([(flow(100.0, 1.0),), (flow(50.0, 0.5),)], 100.0)
    assert spans[1][0] == (0.0, 1.0)
    assert spans[0][0] == (0.0, pytest.approx(1.5))


def test_a_capped_flow_leaves_the_rest_to_the_other():
    # 30 bytes capped at 30 bytes/s beside 140 bytes: 70 bytes/s, then 100 once alone
    spans = finish([(flow(30.0, 1.0),), (flow(140.0, 1.4),)], 100.0)
    assert spans[0][0][1] == pytest.approx(1.0)
    assert spans[1][0][1] == pytest.approx(1.7)


@given(st.tuples(lane, lane), st.floats(1e-2, 1e4))
def test_vectorised_equals_scalar(lanes, bus):
    spans = finish(list(lanes), bus)
    found = lane_durations(list(lanes), bus, 3)
    for own, lane_found in zip(spans, found, strict=True):
        for (start, stop), many in zip(own, lane_found, strict=True):
            # a duration is a difference of instants: it cannot be finer than they are
            np.testing.assert_allclose(many, stop - start, rtol=1e-9, atol=1e-12 + 1e-14 * stop)


@given(st.tuples(lane, lane), st.floats(1e-2, 1e4))
def test_sharing_never_speeds_up_and_conserves_bytes(lanes, bus):
    for one, spans in zip(lanes, finish(list(lanes), bus), strict=True):
        for phase, (start, stop) in zip(one, spans, strict=True):
            assert stop - start >= phase.alone_s(bus) * (1 - 1e-9) - 1e-14 * stop
    total = sum(phase.size_bytes for one in lanes for phase in one)
    end = max(spans[-1][1] for spans in finish(list(lanes), bus))
    assert end * bus >= total * (1 - 1e-9)
