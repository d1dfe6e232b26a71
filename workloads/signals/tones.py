"""Harmonic tones of known pitch in noise, sampled at 16 kHz, each of mean 0 and variance 1.

What networks that find a pitch are judged on (Kim et al., CREPE, ICASSP 2018, sections 3.1, 3.3).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workloads.layer import Floats, Shape

RATE_HZ = 16_000
LOWEST_HZ, HIGHEST_HZ = 80.0, 1000.0
_HARMONICS = 8
_NOISE = 0.1
"""Power of the noise over that of the tone."""


@dataclass(frozen=True, slots=True, eq=False)
class Tones:
    """Frames of sound and their pitch."""

    frames: Floats
    """(count, samples)."""
    cents: NDArray[np.float64]
    """Above 10 Hz."""


def make_tones(count: int, *, samples: int = 1024, seed: int = 0, noise: float = _NOISE) -> Tones:
    """Eight harmonics of falling, random loudness; pitches uniform in octaves."""
    rng = np.random.default_rng([seed, 2])
    hertz = LOWEST_HZ * (HIGHEST_HZ / LOWEST_HZ) ** rng.random(count)
    time_s = np.arange(samples) / RATE_HZ
    wave = np.zeros((count, samples))
    for harmonic in range(1, _HARMONICS + 1):
        phase = rng.random((count, 1)) * 2 * np.pi
        loud = rng.uniform(0.5, 1.0, (count, 1)) / harmonic
        wave += loud * np.sin(2 * np.pi * harmonic * hertz[:, None] * time_s + phase)
    power = wave.std(axis=1, keepdims=True)
    wave += np.sqrt(noise) * power * rng.standard_normal(wave.shape)
    wave -= wave.mean(axis=1, keepdims=True)
    wave /= wave.std(axis=1, keepdims=True)
    return Tones(wave.astype(np.float32), 1200.0 * np.log2(hertz / 10.0))


def make(shape: Shape, count: int, seed: int) -> Floats:
    """One tone a frame, whose samples are the last extent; all others must be 1."""
    *others, samples = shape
    if any(extent != 1 for extent in others) or samples < 2:
        raise ValueError(f"tones have one row of samples, not the shape {list(shape)}")
    return make_tones(count, samples=samples, seed=seed).frames.reshape(count, *shape)
