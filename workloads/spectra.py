"""Singular spectra of layers, after profiles measured on trained networks.

Random matrices have nearly flat spectra and would make compaction look useless; trained dense
layers decay fast, trained convolutions hardly. A profile says which share of the squared singular
values lies beyond a share of full rank; `workloads/spectra/dense.yaml` exists, therefore profile
`dense` exists.
"""

from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from workloads.names import nearest_name
from workloads.reader import read_spec

_FOLDER = Path(__file__).parent / "spectra"

Floats = NDArray[np.float64]


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class MassLeft(_Spec):
    """One point of a profile."""

    rank_share: float = Field(gt=0, le=1)
    share: float = Field(gt=0, lt=1)


class Profile(_Spec):
    """A measured spectrum, independent of a layer's size."""

    kind: Literal["spectrum"]
    name: str
    description: str = Field(min_length=1)
    source: str = Field(min_length=1)
    basis: Literal["measured", "assumed"]
    leading_share: float = Field(gt=0, lt=1)
    """Share of the squared singular values that the first one has."""
    mass_left: tuple[MassLeft, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _falling(self) -> Self:
        shares = [1.0 - self.leading_share, *(point.share for point in self.mass_left)]
        ranks = [0.0, *(point.rank_share for point in self.mass_left)]
        if ranks != sorted(set(ranks)) or ranks[-1] != 1.0:
            raise ValueError("rank_share must rise strictly, up to 1")
        if shares[::-1] != sorted(set(shares)):
            raise ValueError("share must fall strictly, from 1 - leading_share")
        return self


def profile_names() -> tuple[str, ...]:
    """Names of the profiles shipped here."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


@lru_cache(maxsize=32)
def load_profile(name: str) -> Profile:
    """The profile of that name; UnknownName, SpecError."""
    if name not in profile_names():
        raise nearest_name("spectrum profile", name, profile_names())
    return read_spec(_FOLDER / f"{name}.yaml", Profile)


def singular_values(profile: str, groups: int, count: int, seed: int = 0) -> Floats:
    """(groups, count): singular values, descending, squares summing to 1 in each group.

    The mass left beyond rank i is interpolated monotonically (PCHIP, on its logarithm) between
    the profile's points; its differences are the squares. The first singular value has the
    profile's leading share whatever the count. `seed` is not used: layers of one size and
    profile share one spectrum, and differ in their singular vectors.
    """
    del seed
    one = _spectrum(profile, count)
    return np.broadcast_to(one, (groups, count)).copy()


@lru_cache(maxsize=64)
def _spectrum(name: str, count: int) -> Floats:
    from scipy.interpolate import PchipInterpolator

    profile = load_profile(name)
    if count == 1:
        return np.ones(1)
    shares = [0.0, *(point.rank_share for point in profile.mass_left)]
    masses = [1.0 - profile.leading_share, *(point.share for point in profile.mass_left)]
    curve = PchipInterpolator(shares, np.log(masses))
    left = np.exp(curve(np.arange(1, count + 1) / count))
    left = np.concatenate([[1.0, 1.0 - profile.leading_share], left[1:-1], [0.0]])
    squares = np.sort(-np.diff(left))[::-1]
    values: Floats = np.sqrt(squares / squares.sum())
    return values
