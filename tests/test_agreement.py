"""Networks that find faces: windows of a photograph, and how far compaction changes answers."""

import numpy as np
import pytest
from test_trained_models import needs

from experiments import agreement
from experiments.agreement import Viewer, agreement_table, faces
from experiments.trained import asked, plan_of
from workloads import load_workload
from workloads.signals import make_signal


def test_windows_are_of_their_seed_and_of_the_networks_range() -> None:
    found = make_signal("photograph", (3, 24, 24), 40, 1)
    assert found.shape == (40, 3, 24, 24)
    assert found.dtype == np.float32
    assert -1.0 <= found.min() < -0.5
    assert 0.5 < found.max() <= 1.0
    np.testing.assert_array_equal(found, make_signal("photograph", (3, 24, 24), 40, 1))
    assert not np.array_equal(found, make_signal("photograph", (3, 24, 24), 40, 2))
    assert len({window.tobytes() for window in found}) == 40


@pytest.mark.parametrize("shape", [(1, 24, 24), (3, 24, 12), (24,)])
def test_windows_have_their_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="not the shape"):
        make_signal("photograph", shape, 1, 0)


def test_a_face_is_what_reaches_the_threshold() -> None:
    scores = np.array([[0.0, 0.0, 0.0], [9.0, -2.0, 2.0], [0.0, 3e4, -3e4]], np.float32)
    assert faces(scores, 0.5).tolist() == [True, True, False]
    assert faces(scores, 0.6).tolist() == [False, True, False]
    assert faces(scores[:, :, None, None], 0.6).tolist() == [False, True, False]


@needs("mtcnn")
def test_trained_networks_agree_about_the_face() -> None:
    """O-Net sees the face in the middle and none in the corners; R-Net finds it too."""
    viewer = Viewer.of(load_workload("mtcnn_onet"), count=200)
    found = faces(viewer.reference, agreement.THRESHOLDS["mtcnn_onet"])
    assert 0.05 < found.mean() < 0.5
    other = Viewer.of(load_workload("mtcnn_rnet"), count=200)
    also = faces(other.reference, agreement.THRESHOLDS["mtcnn_rnet"])
    assert np.mean(found == also) > 0.85  # the windows are the same, of another size


@needs("mtcnn")
def test_uncompacted_it_agrees_with_itself_and_ruined_it_does_not() -> None:
    net = load_workload("mtcnn_rnet")
    viewer, question = Viewer.of(net, count=100), asked(net, "fp32")
    whole = viewer.judged(plan_of(question, {s.name: (None, "fp32") for s in net.stages}))
    assert (whole["agreement"], whole["faces_kept"]) == (1.0, 1.0)
    assert whole["box_shift"] == pytest.approx(0.0, abs=1e-5)
    hows = {s.name: (1 if s.max_rank else None, "fp32") for s in net.stages}
    ruined = viewer.judged(plan_of(question, hows))
    assert ruined["faces_kept"] < 0.5
    assert ruined["relative_error"] > 0.5


@pytest.mark.slow
@needs("mtcnn")
def test_rlc_keeps_what_its_limit_promises() -> None:
    table = agreement_table("mtcnn_rnet", count=400, masses=(0.6,), limits=(0.1, 0.35))
    rlc = table[table.chosen_by == "rlc"]
    assert (rlc.relative_error <= rlc.estimated_error).all()
    assert (rlc[rlc.error_limit == 0.1].agreement >= 0.98).all()
    assert (rlc.agreement >= 0.96).all()
    assert (table[table["mass"] == 0.6].faces_kept < 0.5).all()
