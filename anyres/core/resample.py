"""Separable resampling as published protocols define it: cubic (Keys), Lanczos, area, linear, nearest.

A resize is two banded matrices, one an axis: `rows @ pixels @ columns.T`. Shrinking widens the kernel by the
factor (antialiasing) and borders repeat the edge pixel by reflection, which is what MATLAB's `imresize` does
and what super-resolution papers mean by "bicubic". Pixel centres are half way (align_corners=False).
Axes: h w height and width, c channels. Keys, IEEE TASSP 29(6), 1981, for the cubic kernel.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Literal

import numpy as np
from jaxtyping import Float, Float32, Int64

Kernel = Literal["cubic", "lanczos3", "linear", "area", "nearest"]
BLOCK = 64  # output samples of an axis at a time: a matrix of the whole axis would grow with its square
CUT = 32  # input rows that are widened at a time
REMEMBERED_SIDE = (
    1024  # pixels; matrices of axes up to that long are kept: training asks for them all the time
)


def resize(
    pixels: Float32[np.ndarray, "h w c"], size_hw: tuple[int, int], *, kernel: Kernel = "cubic"
) -> Float32[np.ndarray, "h2 w2 c"]:
    """The picture at another size; values may leave [0, 1] by the kernel's overshoot."""
    narrow = _weighted(pixels, _bands_of(pixels.shape[1], size_hw[1], kernel), axis=1)
    return np.ascontiguousarray(_weighted(narrow, _bands_of(pixels.shape[0], size_hw[0], kernel), axis=0))


def resize_taps(
    size_in: int, size_out: int, *, kernel: Kernel = "cubic"
) -> tuple[Int64[np.ndarray, "out taps"], Float[np.ndarray, "out taps"]]:
    """For each output sample, the input samples it reads (reflected at the borders) and their weights."""
    function, support = _KERNELS[kernel]
    scale = size_out / size_in
    stretch = 1.0 if kernel == "nearest" else max(1.0, 1.0 / scale)
    reach = support * stretch + (0.5 if kernel == "area" else 0.0)
    position = (np.arange(size_out) + 0.5) / scale - 0.5
    first = np.floor(position - reach).astype(np.int64)
    indices = first[:, None] + np.arange(int(np.ceil(2 * reach)) + 2)
    weights = function(position[:, None] - indices, stretch)
    weights /= weights.sum(axis=1, keepdims=True)
    period = 2 * size_in  # half-sample reflection: 2 1 0 | 0 1 2 ... n-1 | n-1 n-2
    folded = np.mod(indices, period)
    return np.where(folded < size_in, folded, period - 1 - folded), weights


def resize_stripes(
    stripes: Iterable[Float32[np.ndarray, "h w c"]],
    size_in_hw: tuple[int, int],
    size_out_hw: tuple[int, int],
    *,
    kernel: Kernel = "cubic",
) -> Iterator[Float32[np.ndarray, "h2 w2 c"]]:
    """`resize` of a picture that arrives in stripes, top to bottom, in stripes of BLOCK rows at most.

    It holds only the rows that are still needed, however far the picture is enlarged.
    """
    indices, weights = resize_taps(size_in_hw[0], size_out_hw[0], kernel=kernel)
    across = _bands_of(size_in_hw[1], size_out_hw[1], kernel)
    last_row, held, first_held, done = np.maximum.accumulate(indices.max(axis=1)), None, 0, 0
    for lines in _cut(stripes):
        wide = _weighted(lines, across, axis=1)
        held = wide if held is None else np.concatenate((held, wide))
        ready = int(np.searchsorted(last_row, first_held + len(held)))
        for start in range(done, ready, BLOCK):
            block = slice(start, min(start + BLOCK, ready))
            first, matrix = _band(indices[block], weights[block])
            rows = held[first - first_held : first - first_held + matrix.shape[1]]
            yield np.ascontiguousarray(np.tensordot(matrix, rows, axes=(1, 0)))
        done = max(done, ready)
        if done < len(indices):
            past = min(max(0, int(indices[done:].min()) - first_held), len(held))
            held, first_held = held[past:], first_held + past


def _cut(
    stripes: Iterable[Float32[np.ndarray, "h w c"]],
) -> Iterator[Float32[np.ndarray, "h w c"]]:
    """The same rows in stripes of a few, so that widening them stays small."""
    for stripe in stripes:
        for start in range(0, len(stripe), CUT):
            yield stripe[start : start + CUT]


_Band = tuple[int, np.ndarray]  # the first input sample used; weights from there, out x in, float32


def _weighted(
    pixels: Float32[np.ndarray, "..."], bands: list[_Band] | None, *, axis: int
) -> Float32[np.ndarray, "..."]:
    if bands is None:
        return pixels
    lines = np.moveaxis(pixels, axis, 0)
    parts = [
        np.tensordot(matrix, lines[first : first + matrix.shape[1]], axes=(1, 0)) for first, matrix in bands
    ]
    return np.moveaxis(np.concatenate(parts), 0, axis)


def _bands_of(size_in: int, size_out: int, kernel: Kernel) -> list[_Band] | None:
    """The matrix of an axis in bands; None where nothing changes."""
    if size_in == size_out:
        return None
    make = _remembered_bands if max(size_in, size_out) <= REMEMBERED_SIDE else _bands
    return make(size_in, size_out, kernel)


def _bands(size_in: int, size_out: int, kernel: Kernel) -> list[_Band]:
    indices, weights = resize_taps(size_in, size_out, kernel=kernel)
    blocks = (slice(start, start + BLOCK) for start in range(0, size_out, BLOCK))
    return [_band(indices[block], weights[block]) for block in blocks]


_remembered_bands = lru_cache(maxsize=512)(_bands)


def _band(indices: Int64[np.ndarray, "out taps"], weights: Float[np.ndarray, "out taps"]) -> _Band:
    """The weights of some output samples as a matrix over the stretch of input samples that they read."""
    first, last = int(indices.min()), int(indices.max())
    matrix = np.zeros((len(indices), last + 1 - first), np.float64)
    np.add.at(matrix, (np.arange(len(indices))[:, None], indices - first), weights)
    return first, matrix.astype(np.float32)


def _cubic(distance: Float[np.ndarray, "..."], stretch: float) -> Float[np.ndarray, "..."]:
    a, x = -0.5, np.abs(distance / stretch)  # a: Keys's value, MATLAB's and Pillow's
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def _lanczos3(distance: Float[np.ndarray, "..."], stretch: float) -> Float[np.ndarray, "..."]:
    x = distance / stretch
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


def _linear(distance: Float[np.ndarray, "..."], stretch: float) -> Float[np.ndarray, "..."]:
    return np.asarray(np.maximum(0.0, 1 - np.abs(distance / stretch)))


def _area(distance: Float[np.ndarray, "..."], stretch: float) -> Float[np.ndarray, "..."]:
    """Length that an output cell of width `stretch` shares with an input cell of width 1."""
    return np.asarray(np.clip((stretch + 1) / 2 - np.abs(distance), 0.0, 1.0))


def _nearest(distance: Float[np.ndarray, "..."], stretch: float) -> Float[np.ndarray, "..."]:
    return ((distance >= -0.5) & (distance < 0.5)).astype(np.float64)


_Weight = Callable[[Float[np.ndarray, "..."], float], Float[np.ndarray, "..."]]
_KERNELS: dict[Kernel, tuple[_Weight, float]] = {  # the weight of a tap, and the reach at stretch 1
    "cubic": (_cubic, 2.0),
    "lanczos3": (_lanczos3, 3.0),
    "linear": (_linear, 1.0),
    "area": (_area, 0.5),
    "nearest": (_nearest, 0.5),
}
