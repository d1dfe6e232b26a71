"""Windows of a photograph with a face in it: RGB, (x - 127.5) / 128.

The portrait of Grace Hopper that matplotlib ships (in the public domain), so nothing is downloaded.
Square windows of any place and of half to one and a half times the width of the face, scaled.
"""

import numpy as np

from workloads.layer import Floats, Shape
from workloads.packaged import packaged_file

_SIDES = (120, 320)
"""Least and largest side in pixels; the face is some 220 wide."""


def make_windows(size: int, count: int, *, seed: int = 0) -> Floats:
    """(count, 3, size, size)."""
    from PIL import Image

    path = packaged_file(
        "matplotlib", "mpl-data/sample_data/grace_hopper.jpg", "pip install matplotlib"
    )
    rng, made = np.random.default_rng([seed, 3]), np.empty((count, size, size, 3), np.float32)
    with Image.open(path) as file:
        whole = file.convert("RGB")
    for window in made:
        side = int(rng.integers(*_SIDES))
        left, top = (int(rng.integers(extent - side)) for extent in whole.size)
        cut = whole.crop((left, top, left + side, top + side))
        window[...] = np.asarray(cut.resize((size, size), Image.Resampling.BILINEAR))
    return np.ascontiguousarray(((made - 127.5) / 128.0).transpose(0, 3, 1, 2))


def make(shape: Shape, count: int, seed: int) -> Floats:
    """One window a frame; only of shape (3, n, n)."""
    if len(shape) != 3 or shape[0] != 3 or shape[1] != shape[2]:
        raise ValueError(f"windows of a photograph are [3, n, n], not the shape {list(shape)}")
    return make_windows(shape[1], count, seed=seed)
