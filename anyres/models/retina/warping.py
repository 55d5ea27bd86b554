"""A whole picture of any depth, as the camera of the fixed picture would have seen it.

Each pixel of the fixed picture is looked up in the moving one, block by block: beside the two pictures
there is only one block of positions in memory. Positions are x, y, pixel centres at whole numbers.
Axes: h w the fixed picture, y x the moving one, c up to four channels, rows and columns those of a block.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from jaxtyping import Float64, Shaped

from anyres.core.errors import InputError
from anyres.core.sizes import SizeHW
from anyres.models.retina.opencv import cv2
from anyres.models.retina.transform import Quadratic, Transform

Kernel = Literal["nearest", "linear", "cubic"]
_FLAGS: Final[dict[Kernel, int]] = {
    "nearest": cv2.INTER_NEAREST,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
}
_BLOCK: Final = 512  # pixels a side of what is warped at a time: 4 MB of positions
_NODES: Final = (
    16  # pixels between places where a quadratic is inverted; between them it is straight to 0.001
)
_MOST_SAMPLES: Final = 8  # a side for one pixel, when the picture shrinks
_TYPES: Final = (np.uint8, np.uint16, np.float32)


def warp(
    picture: Shaped[np.ndarray, "y x *c"],
    transform: Transform,
    size_hw: SizeHW,
    *,
    kernel: Kernel = "cubic",
    fill: int | float = 0,
) -> Shaped[np.ndarray, "h w *c"]:
    """The moving picture as the fixed camera would have seen it, `fill` where it has nothing.

    Takes and gives uint8, uint16 or float32, h w or h w c of up to four channels. Float results of the cubic
    kernel may overshoot the picture's range.

    Raises:
        InputError: Another type.
    """
    return np.concatenate(list(warp_stripes(picture, transform, size_hw, kernel=kernel, fill=fill)))


def warp_stripes(
    picture: Shaped[np.ndarray, "y x *c"],
    transform: Transform,
    size_hw: SizeHW,
    *,
    kernel: Kernel = "cubic",
    fill: int | float = 0,
) -> Iterator[Shaped[np.ndarray, "rows w *c"]]:
    """The rows of `warp` from top to bottom, made in blocks, so that memory does not grow with the picture.

    Where the picture shrinks, several places are averaged for each pixel, so that fine vessels do not break.

    Raises:
        InputError: A picture that is neither uint8, uint16 nor float32.
    """
    if picture.dtype not in _TYPES:
        raise InputError(
            f"A picture to warp is uint8, uint16 or float32, not {picture.dtype}. Convert it first."
        )
    height, width = size_hw
    for top in range(0, height, _BLOCK):
        rows = min(_BLOCK, height - top)
        stripe = np.empty((rows, width, *picture.shape[2:]), picture.dtype)
        for left in range(0, width, _BLOCK):
            columns = min(_BLOCK, width - left)
            grid = _Grid(top, left, rows, columns)
            stripe[:, left : left + columns] = _block(picture, transform, grid, kernel, fill)
        yield stripe


@dataclass(frozen=True)
class _Grid:
    """A block of the fixed picture."""

    top: int
    left: int
    rows: int
    columns: int

    def positions(self, step: int = 1) -> Float64[np.ndarray, "rows columns 2"]:
        """Of every pixel, or of every step-th and one past the end."""
        more = 0 if step == 1 else step
        x = self.left + np.arange(0, self.columns + more, step, dtype=np.float64)
        y = self.top + np.arange(0, self.rows + more, step, dtype=np.float64)
        return np.stack(np.meshgrid(x, y), axis=2)


def _block(
    picture: Shaped[np.ndarray, "y x *c"],
    transform: Transform,
    grid: _Grid,
    kernel: Kernel,
    fill: int | float,
) -> Shaped[np.ndarray, "rows columns *c"]:
    sources = _sources(transform, grid)
    count = 1 if kernel == "nearest" else _samples(sources)
    if count == 1:
        return _sampled(picture, sources, kernel, fill)
    down, across = np.gradient(sources, axis=(0, 1))
    total = np.zeros((grid.rows, grid.columns, *picture.shape[2:]))
    for row, column in np.ndindex(count, count):
        shift = ((row + 0.5) / count - 0.5) * down + ((column + 0.5) / count - 0.5) * across
        total += _sampled(picture, sources + shift, kernel, fill)
    mean = total / count**2
    return np.asarray(mean if picture.dtype == np.float32 else np.rint(mean), picture.dtype)


def _samples(sources: Float64[np.ndarray, "rows columns 2"]) -> int:
    """Places a side to average for one pixel: how many pixels of the moving picture it covers."""
    if min(sources.shape[:2]) < 2:
        return 1
    steps = [np.linalg.norm(np.diff(sources, axis=axis), axis=2) for axis in (0, 1)]
    found = [step[np.isfinite(step)] for step in steps]
    widest = max((float(np.median(step)) for step in found if step.size), default=1.0)
    return int(np.clip(np.ceil(widest - 0.25), 1, _MOST_SAMPLES))  # up to 1.25, one is enough


def _sources(transform: Transform, grid: _Grid) -> Float64[np.ndarray, "rows columns 2"]:
    """Where each pixel of a block lies in the moving picture; NaN where nowhere."""
    step = _NODES if isinstance(transform, Quadratic) else 1
    nodes = grid.positions(step)
    found = transform.apply_inverse(nodes.reshape(-1, 2)).reshape(nodes.shape)
    if step == 1:
        return found
    rows, columns = (
        _between(length, count) for length, count in zip((grid.rows, grid.columns), nodes.shape, strict=False)
    )
    return np.asarray(np.einsum("rn,nmk,cm->rck", rows, found, columns, optimize=True))


def _between(length: int, nodes: int) -> Float64[np.ndarray, "length nodes"]:
    """Weights of linear interpolation of nodes for each pixel."""
    places = np.arange(length) / _NODES
    return np.asarray(np.maximum(0, 1 - np.abs(places[:, None] - np.arange(nodes))))


def _sampled(
    picture: Shaped[np.ndarray, "y x *c"],
    sources: Float64[np.ndarray, "rows columns 2"],
    kernel: Kernel,
    fill: int | float,
) -> Shaped[np.ndarray, "rows columns *c"]:
    """Values at places of the picture, of which only the part that is needed goes to OpenCV.

    OpenCV counts rows in 16 bits and rounds places to 1/32 pixel.
    """
    height, width = picture.shape[:2]
    x, y = sources[:, :, 0], sources[:, :, 1]
    inside = (x >= -0.5) & (x < width - 0.5) & (y >= -0.5) & (y < height - 0.5)  # false for NaN
    result = np.full((*sources.shape[:2], *picture.shape[2:]), fill, picture.dtype)
    if not inside.any():
        return result
    margin = 4  # pixels that the cubic kernel reaches, and more
    left, top = (max(0, int(np.floor(axis[inside].min())) - margin) for axis in (x, y))
    right, bottom = (int(np.ceil(axis[inside].max())) + margin for axis in (x, y))
    part = np.ascontiguousarray(picture[top : bottom + 1, left : right + 1])
    across, down = (
        np.where(inside, axis - first, 0).astype(np.float32) for axis, first in ((x, left), (y, top))
    )
    found = cv2.remap(part, across, down, _FLAGS[kernel], borderMode=cv2.BORDER_REPLICATE)
    result[inside] = np.asarray(found).reshape(result.shape)[inside]
    return result
