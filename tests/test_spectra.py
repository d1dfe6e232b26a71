"""Spectrum profiles: as measured on trained layers; dense unlike noise, convolutions like it."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import workloads
from planners import Goals
from planners.options import guarded_ranks, rank_levels
from tests.test_planners import question
from workloads import load_workload
from workloads.faults import SpecError
from workloads.graph import tail_shares
from workloads.names import UnknownName
from workloads.spectra import load_profile, profile_names, singular_values

MEASURED = {
    # shares of full rank that hold 90, 95, 99 % of the squared singular values
    "dense": (0.158, 0.258, 0.55),
    "dense_vision": (0.225, 0.353, 0.654),
    "convolution": (0.648, 0.773, 0.934),
    "first_convolution": (0.303, 0.404, 0.623),
}


def shares(values):
    held = np.cumsum(values**2)
    return [(np.searchsorted(held, q) + 1) / len(values) for q in (0.9, 0.95, 0.99)]


@pytest.mark.parametrize("count", [96, 360, 1000, 2048, 4096])
@pytest.mark.parametrize("name", MEASURED)
def test_quantiles_are_the_measured_ones(name, count):
    values = singular_values(name, 2, count, seed=3)
    assert values.shape == (2, count)
    assert np.all(np.diff(values) <= 0)
    np.testing.assert_allclose((values**2).sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(shares(values[0]), MEASURED[name], atol=0.02)


def test_every_profile_is_tested():
    assert set(profile_names()) == set(MEASURED)


def test_dense_layers_are_unlike_noise_and_convolutions_nearly_noise():
    noise = np.linalg.svd(np.random.default_rng(0).standard_normal((256, 2304)), compute_uv=False)
    noise_90 = shares(noise / np.linalg.norm(noise))[0]
    assert shares(singular_values("dense", 1, 256)[0])[0] < 0.25 * noise_90
    assert shares(singular_values("convolution", 1, 256)[0])[0] > 0.7 * noise_90


def test_tails_fall_from_one_to_nothing():
    tails = tail_shares(singular_values("dense", 2, 300))
    assert tails[0] == pytest.approx(1.0)
    assert tails[-1] == 0.0
    assert np.all(np.diff(tails) < 0)


def test_unknown_profiles_are_named():
    with pytest.raises(UnknownName, match="dense"):
        load_profile("dens")


def test_a_workload_with_an_unknown_profile_is_a_fault_with_its_place(tmp_path):
    text = (Path(workloads.__file__).parent / "data/cd_seide.yaml").read_text(encoding="utf-8")
    path = tmp_path / "net.yaml"
    path.write_text(text.replace("{dense: dense}", "{dense: dens}"), encoding="utf-8")
    line = text[: text.index("{dense: dense}")].count("\n") + 1
    with pytest.raises(SpecError, match=rf"net.yaml:{line}:\d+: .*'dens'.*'dense'"):
        load_workload(path)


@given(
    st.integers(1, 4).flatmap(
        lambda groups: st.lists(
            st.lists(st.just(0.0) | st.floats(1e-6, 1e3), min_size=groups, max_size=groups),
            min_size=1,
            max_size=40,
        )
    )
)
def test_what_is_beyond_a_rank_never_grows_with_it(rows):
    spectrum = np.array(rows).T
    assume((spectrum > 0).any(axis=1).all())
    assert np.all(np.diff(tail_shares(spectrum)) <= 0)


@pytest.mark.parametrize("model", ["alexnet", "cd_seide"])
@pytest.mark.parametrize("error", [0.0, 0.02, 0.1, 0.2, 0.35, 0.9])
def test_ranks_that_keep_a_layers_limit_are_found_by_asking_each(model, error):
    asked = question("tegra_k1", model, goals=Goals(error=error))
    for stage in asked.workload.stages:
        kept = [
            rank
            for rank in rank_levels(stage, asked.options.ranks)
            if asked.workload.tail_energy(stage.name, rank) <= asked.layer_error_limit**2
        ]
        assert guarded_ranks(asked, stage) == tuple(kept)
