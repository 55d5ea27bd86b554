"""A window of a resampled picture, from the window of its source that it reads.

The same numbers as `resample.resize_stripes` of the whole, without the whole: a strip that is enlarged to
cover a square and cut to it is hundreds of times as wide as what is kept.
Axes: h w rows and columns of the window, c channels.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int64

from anyres.core.resample import BLOCK, Kernel, resize_taps
from anyres.core.tiles import Interval


@dataclass(frozen=True)
class AxisWindow:
    """How a window of one axis is resampled."""

    reads: Interval  # of the source
    indices: Int64[np.ndarray, "out taps"]  # from the start of what is read
    weights: Float[np.ndarray, "out taps"]


def axis_window(size_in: int, size_out: int, *, window: Interval, kernel: Kernel) -> AxisWindow:
    """The part of an axis of `size_in` samples that makes `window` of `size_out` samples."""
    indices, weights = (taps[window.slice] for taps in resize_taps(size_in, size_out, kernel=kernel))
    reads = Interval(int(indices.min()), int(indices.max()) + 1)
    return AxisWindow(reads, indices - reads.start, weights)


def resize_window(
    stripes: Iterable[Float32[np.ndarray, "h w c"]], down: AxisWindow, across: AxisWindow
) -> Iterator[Float32[np.ndarray, "h2 w2 c"]]:
    """The window, top to bottom in stripes of BLOCK rows at most; `stripes` hold what it reads."""
    columns, rows = _bands(across), _bands(down)
    held, first_held = np.empty((0, len(across.indices), 0), np.float32), 0
    for stripe in stripes:
        for top in range(0, len(stripe), BLOCK):
            wide = _weighted(stripe[top : top + BLOCK], columns)
            held = np.concatenate((held, wide)) if held.size else wide
            while rows and rows[0][0] + rows[0][1].shape[1] <= first_held + len(held):
                first, matrix = rows.pop(0)
                part = held[first - first_held : first - first_held + matrix.shape[1]]
                yield np.ascontiguousarray(np.tensordot(matrix, part, axes=(1, 0)))
            past = min(len(held), min((first for first, _ in rows), default=0) - first_held)
            if past > 0:
                held, first_held = held[past:], first_held + past


_Band = tuple[int, np.ndarray]  # the first source sample used; weights from there, out x in, float32


def _bands(axis: AxisWindow) -> list[_Band]:
    """The matrix of an axis in bands of BLOCK output samples."""
    bands = []
    for start in range(0, len(axis.indices), BLOCK):
        indices, weights = axis.indices[start : start + BLOCK], axis.weights[start : start + BLOCK]
        first = int(indices.min())
        matrix = np.zeros((len(indices), int(indices.max()) + 1 - first), np.float64)
        np.add.at(matrix, (np.arange(len(indices))[:, None], indices - first), weights)
        bands.append((first, matrix.astype(np.float32)))
    return bands


def _weighted(pixels: Float32[np.ndarray, "h w c"], bands: list[_Band]) -> Float32[np.ndarray, "h w2 c"]:
    lines = np.moveaxis(pixels, 1, 0)
    parts = [
        np.tensordot(matrix, lines[first : first + matrix.shape[1]], axes=(1, 0)) for first, matrix in bands
    ]
    return np.moveaxis(np.concatenate(parts), 0, 1)
