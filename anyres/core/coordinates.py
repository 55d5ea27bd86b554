"""Pixel centres: where the pixels of one grid lie on another grid over the same picture.

Both grids cover the same rectangle, so pixel k of n_out has its centre at p = (k + 1/2) n_in / n_out - 1/2,
counted in pixels of the grid of n_in (align_corners=False). Everything is whole-number arithmetic: a tie at
a whole p is decided exactly.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64


@dataclass(frozen=True)
class Neighbours:
    """The two input pixels around each output pixel of an axis; first index 0 the lower one, 1 the upper."""

    indices: Int64[np.ndarray, "2 n"]  # clamped into the grid
    offsets: Float32[np.ndarray, "2 n"]  # p minus the clamped index, in input pixels, from -1 to 1
    weights: Float32[np.ndarray, "2 n"]  # of linear interpolation; they add up to 1


def neighbours(size_in: int, size_out: int, *, start: int = 0, stop: int | None = None) -> Neighbours:
    """Neighbours of output pixels `start` to `stop` (or the end) on an axis of `size_in` pixels."""
    index = np.arange(start, size_out if stop is None else stop, dtype=np.int64)
    doubled = (2 * index + 1) * size_in - size_out  # 2 n_out p
    lower = doubled // (2 * size_out)
    fraction = (doubled - lower * 2 * size_out) / (2 * size_out)
    unclamped = np.stack((lower, lower + 1))
    indices = np.clip(unclamped, 0, size_in - 1)
    offsets = (doubled - 2 * size_out * indices) / (2 * size_out)
    weights = np.stack((1 - fraction, fraction))
    return Neighbours(indices, offsets.astype(np.float32), weights.astype(np.float32))
