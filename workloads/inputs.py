"""Synthetic inputs: images with the spectrum of natural ones, speech-like features."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from workloads.graph import Workload
from workloads.signals import make_signal
from workloads.specs import Levels

Floats32 = NDArray[np.float32]

_CONTEXT = 11
"""Frames that a window of speech features spans."""
_SMOOTH = 0.9
"""Correlation of a speech feature from one frame of 10 ms to the next."""


def make_inputs(
    workload: Workload,
    *,
    count: int,
    seed: int = 0,
    variant: Literal["spectral", "integer"] = "spectral",
) -> Floats32:
    """(count, *input_shape): seeded inputs of a workload; its signal's where it names one.

    Three dimensions: images of 1/f noise (natural images' amplitude falls with spatial frequency),
    whole numbers where the workload's input has levels. One dimension that 11 frames share:
    windows over features that vary smoothly in time; otherwise independent normal numbers.
    `integer`: small whole numbers.
    """
    rng = np.random.default_rng([seed, 1])
    shape = workload.input_shape
    if variant == "integer":
        return rng.integers(0, 8, size=(count, *shape)).astype(np.float32)
    if workload.spec.input.signal is not None:
        return make_signal(workload.spec.input.signal, shape, count, seed)
    if len(shape) == 3:
        images = _images(count, shape, rng)
        levels = workload.spec.input.levels
        return images if levels is None else _levelled(images, levels)
    if len(shape) == 1 and shape[0] % _CONTEXT == 0:
        return _windows(count, shape[0] // _CONTEXT, rng)
    return rng.standard_normal((count, *shape)).astype(np.float32)


def _images(count: int, shape: tuple[int, ...], rng: np.random.Generator) -> Floats32:
    """1/f noise of mean 0 and variance 1 an image; colours share most of it."""
    channels, height, width = shape
    noise = rng.standard_normal((count, channels, height, width))
    noise += 2.0 * noise[:, :1]
    rows = np.fft.fftfreq(height)[:, None] * height
    columns = np.fft.rfftfreq(width)[None] * width
    frequency = np.hypot(rows, columns)
    frequency[0, 0] = 1.0
    images = np.fft.irfft2(np.fft.rfft2(noise) / frequency, s=(height, width))
    images -= images.mean(axis=(1, 2, 3), keepdims=True)
    images /= images.std(axis=(1, 2, 3), keepdims=True)
    return images.astype(np.float32)


def _levelled(images: Floats32, levels: Levels) -> Floats32:
    """As whole numbers in the range of levels, less the channels' means."""
    middle, spread = (levels.low + levels.high) / 2, (levels.high - levels.low) / 5
    pixels = np.clip(np.rint(middle + spread * images), levels.low, levels.high)
    mean = np.array(levels.mean, dtype=np.float32).reshape(1, -1, 1, 1)
    return np.asarray(pixels - mean, dtype=np.float32)


def _windows(count: int, features: int, rng: np.random.Generator) -> Floats32:
    """Windows of 11 frames over an autoregressive series of mean 0 and variance 1."""
    series = rng.standard_normal((count + _CONTEXT - 1, features))
    fresh = np.sqrt(1.0 - _SMOOTH**2)
    for frame in range(1, len(series)):
        series[frame] = _SMOOTH * series[frame - 1] + fresh * series[frame]
    windows = np.lib.stride_tricks.sliding_window_view(series, _CONTEXT, axis=0)
    return windows.transpose(0, 2, 1).reshape(count, -1).astype(np.float32)
