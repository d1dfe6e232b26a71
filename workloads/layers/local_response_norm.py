"""Local response normalisation across channels (Krizhevsky et al. 2012, section 3.3; as in Caffe).

y[c] = x[c] / (k + alpha / size x sum of x[j]^2 over |j - c| <= size // 2) ^ beta
"""

from typing import Literal

import numpy as np
from pydantic import Field

from workloads.demand import Demand, Units, amount
from workloads.layer import Count, Floats, LayerSpec, Shape, ShapeError, positions
from workloads.rounding import half
from workloads.scratch import Scratch

_CACHED_VALUES = 2**16
"""Values worked on at a time: five arrays of them fit in a second-level cache."""

PLANNED = False
RECOMPOSED = False


class Spec(LayerSpec):
    """Normalisation over `size` neighbouring channels; size is odd."""

    kind: Literal["local_response_norm"]
    size: Count
    alpha: float = Field(gt=0)
    beta: float = Field(gt=0)
    k: float = Field(gt=0)


def output_shape(spec: Spec, input_shape: Shape) -> Shape:
    """The input's."""
    if len(input_shape) != 3:
        raise ShapeError(f"input of shape {list(input_shape)}, must be [channels, height, width]")
    if spec.size % 2 == 0:
        raise ShapeError(f"size {spec.size}, must be odd, so that it reaches equally far both ways")
    return input_shape


def halo(spec: Spec) -> int:
    """size // 2."""
    return spec.size // 2


def demand(
    spec: Spec, input_shape: Shape, reads: Units, channels: Units, frames: int, item_bytes: int
) -> Demand:
    """Values x size operations."""
    values_each = positions(input_shape) * frames
    outputs, inputs = amount(channels) * values_each, amount(reads) * values_each
    return Demand(
        "local_response_norm",
        outputs * spec.size,
        0.0,
        inputs * item_bytes,
        outputs * item_bytes,
        1,
    )


def values(
    spec: Spec, x: Floats, lead: int, count: int, precision: str, scratch: Scratch
) -> Floats:
    """In place, from sums of shifted squares in an order that does not depend on the block.

    Some channels at a time, so that their intermediate values stay in the cache.
    """
    reach, (frames, channels, *extent) = halo(spec), x.shape
    squares: Floats = scratch.framed(
        f"squares {lead} {channels}", (frames, count + 2 * reach, *extent)
    )
    low, high = max(0, lead - reach), min(channels, lead + count + reach)
    np.square(x[:, low:high], out=squares[:, low - lead + reach : high - lead + reach])
    y = x[:, lead : lead + count]
    step = max(1, _CACHED_VALUES // (frames * positions(x.shape[1:])))
    for start in range(0, count, step):
        stop = min(count, start + step)
        total = _sliding_sum(squares[:, start : stop + 2 * reach], spec.size, scratch)
        total *= np.float32(spec.alpha / spec.size)
        total += np.float32(spec.k)
        part = y[:, start:stop]
        np.divide(part, _power(total, spec.beta, scratch), out=part)
    return half(y) if precision == "fp16" else y


def _sliding_sum(squares: Floats, size: int, scratch: Scratch) -> Floats:
    """Sum of `size` successive channels from each that has so many.

    Doubling: s_2m[c] = s_m[c] + s_m[c + m]; the binary digits of size pick what is added up.
    """
    frames, channels, *extent = squares.shape
    count = channels - size + 1
    total: Floats = scratch.take("sliding sum", (frames, count, *extent))
    total[...] = squares[:, :count]
    doubled, width, start = squares, 1, 1
    while 2 * width <= size:
        left, right = doubled[:, :-width], doubled[:, width:]
        doubled = np.add(left, right, out=scratch.take(f"sum of {2 * width}", left.shape))
        width *= 2
        if size & width:
            total += doubled[:, start : start + count]
            start += width
    return total


def _power(base: Floats, exponent: float, scratch: Scratch) -> Floats:
    """base ^ exponent in place; 3/4 as sqrt(b) sqrt(sqrt(b)), ten times as fast as pow."""
    if exponent == 0.75:
        np.sqrt(base, out=base)
        base *= np.sqrt(base, out=scratch.take("root", base.shape))
        return base
    return np.power(base, np.float32(exponent), out=base)
