"""Separable resampling as published protocols define it: cubic (Keys, a = -1/2), Lanczos, area, bilinear, nearest.

A resize is two small matrices, one an axis: `rows @ pixels @ columns.T`. Shrinking widens the kernel by the factor
(antialiasing) and borders repeat the edge pixel by reflection, which is what MATLAB's `imresize` does and what super-resolution
papers mean by "bicubic". Pixel centres are half way (align_corners=False). Axes: h w height and width, c channels.
Keys, IEEE TASSP 29(6), 1981, for the cubic kernel.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Literal

import numpy as np
from jaxtyping import Float, Float32

Kernel = Literal["cubic", "lanczos3", "linear", "area", "nearest"]


def resize(
    pixels: Float32[np.ndarray, "h w c"], size_hw: tuple[int, int], *, kernel: Kernel = "cubic"
) -> Float32[np.ndarray, "h2 w2 c"]:
    """The picture at another size; values may leave [0, 1] by the kernel's overshoot."""
    rows = resize_matrix(pixels.shape[0], size_hw[0], kernel=kernel)
    columns = resize_matrix(pixels.shape[1], size_hw[1], kernel=kernel)
    return np.ascontiguousarray(_apply(columns, _apply(rows, pixels, axis=0), axis=1))


@lru_cache(maxsize=256)
def resize_matrix(size_in: int, size_out: int, *, kernel: Kernel = "cubic") -> Float[np.ndarray, "out in"]:
    """Weights of each input sample in each output sample, float32; every row sums to 1. Do not write into it."""
    indices, weights = resize_taps(size_in, size_out, kernel=kernel)
    matrix = np.zeros((size_out, size_in), np.float64)
    np.add.at(matrix, (np.arange(size_out)[:, None], indices), weights)
    result = matrix.astype(np.float32)
    result.setflags(write=False)
    return result


def resize_taps(
    size_in: int, size_out: int, *, kernel: Kernel = "cubic"
) -> tuple[np.ndarray, Float[np.ndarray, "out taps"]]:
    """For each output sample, the input samples it reads (reflected at the borders) and their float64 weights."""
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
    """`resize` of a picture that arrives in stripes from top to bottom; holds only the rows that the kernel spans."""
    indices, weights = resize_taps(size_in_hw[0], size_out_hw[0], kernel=kernel)
    columns = resize_matrix(size_in_hw[1], size_out_hw[1], kernel=kernel)
    last_row, held, first_held, done = indices.max(axis=1), None, 0, 0
    for stripe in stripes:
        narrow = stripe if size_in_hw[1] == size_out_hw[1] else _apply(columns, stripe, axis=1)
        held = narrow if held is None else np.concatenate((held, narrow))
        ready = int(np.searchsorted(np.maximum.accumulate(last_row), first_held + len(held)))
        if ready > done:
            matrix = np.zeros((ready - done, len(held)), np.float64)
            rows = np.arange(ready - done)[:, None]
            np.add.at(matrix, (rows, indices[done:ready] - first_held), weights[done:ready])
            yield np.ascontiguousarray(np.tensordot(matrix.astype(np.float32), held, axes=(1, 0)))
            done = ready
        if done < len(indices):
            keep = int(indices[done:].min())
            held, first_held = held[max(0, keep - first_held) :], max(first_held, keep)


def _apply(
    matrix: Float[np.ndarray, "out in"], pixels: Float32[np.ndarray, "..."], *, axis: int
) -> Float32[np.ndarray, "..."]:
    return np.moveaxis(np.tensordot(matrix, pixels, axes=(1, axis)), 0, axis)


def _cubic(distance: Float[np.ndarray, "..."], stretch: float) -> Float[np.ndarray, "..."]:
    a, x = -0.5, np.abs(distance / stretch)  # a: Keys's value, MATLAB's and Pillow's
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def _lanczos3(distance: Float[np.ndarray, "..."], stretch: float) -> Float[np.ndarray, "..."]:
    x = distance / stretch
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


def _linear(distance: Float[np.ndarray, "..."], stretch: float) -> Float[np.ndarray, "..."]:
    return np.maximum(0.0, 1 - np.abs(distance / stretch))


def _area(distance: Float[np.ndarray, "..."], stretch: float) -> Float[np.ndarray, "..."]:
    """Length that an output cell of width `stretch` shares with an input cell of width 1."""
    return np.clip((stretch + 1) / 2 - np.abs(distance), 0.0, 1.0)


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
