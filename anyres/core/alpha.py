"""Alpha without fringes: what the colour under transparent pixels is, once nobody can say.

A program may store any colour where alpha is 0, and a filter or a network that looks at neighbours would
carry it into the visible rim. Here it gives way to a smooth continuation of the visible colours: push-pull,
after Gortler, Grzeszczuk, Szeliski and Cohen, The Lumigraph, SIGGRAPH 1996, section 3.4.
Axes: h rows, w columns; a colour carries a weight from 0, unknown, to 1, known.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from jaxtyping import Float32

_TRUSTED_ALPHA: Final = 0.25  # below it, 8-bit colours that were once multiplied by alpha are 2 levels off
_BLOCK_ROWS: Final = 128  # worked on at a time, so that the pyramid is small beside the picture; even


def fill_transparent(
    pixels: Float32[np.ndarray, "h w 3"], alpha: Float32[np.ndarray, "h w"]
) -> Float32[np.ndarray, "h w 3"]:
    """The colours, in [0, 1], with those under transparent pixels continued smoothly from the visible ones.

    They are exact where alpha is at least a quarter, free of what was there where it is 0, blended between.
    The same array comes back where there is nothing to fill; a picture with no visible pixel becomes black.
    """
    if float(alpha.min()) >= _TRUSTED_ALPHA:
        return pixels
    weight = np.minimum(alpha / np.float32(_TRUSTED_ALPHA), 1)[:, :, None]
    return _filled(pixels, weight)


def _filled(
    colours: Float32[np.ndarray, "h w 3"], weight: Float32[np.ndarray, "h w 1"]
) -> Float32[np.ndarray, "h w 3"]:
    """The colours, blended by their weight with those of the next level, which is half the size."""
    if weight.min() == 1 or colours.shape[:2] == (1, 1):
        return np.where(weight > 0, colours, np.float32(0))
    below = _filled(*_reduced(colours, weight))
    filled = np.empty(colours.shape, np.float32)
    for top, bottom in _blocks(colours.shape[0]):
        known = weight[top:bottom]
        rows = _enlarged(below, top, bottom)[:, : colours.shape[1]]
        np.copyto(filled[top:bottom], colours[top:bottom] * known + rows * (1 - known))
        np.copyto(filled[top:bottom], colours[top:bottom], where=known == 1)
    return np.clip(filled, 0, 1, out=filled)


def _reduced(
    colours: Float32[np.ndarray, "h w 3"], weight: Float32[np.ndarray, "h w 1"]
) -> tuple[Float32[np.ndarray, "h2 w2 3"], Float32[np.ndarray, "h2 w2 1"]]:
    """Half the size, rounded up: weighted means of 2 x 2; their weights are added, to 1 at most."""
    height, width = colours.shape[:2]
    half_hw = (height + 1) // 2, (width + 1) // 2
    means, sums = np.zeros((*half_hw, 3), np.float32), np.zeros((*half_hw, 1), np.float32)
    for top, bottom in _blocks(height):
        known = weight[top:bottom]
        weighted = colours[top:bottom] * known
        rows = slice(top // 2, (bottom + 1) // 2)
        for y in (0, 1):
            for x in (0, 1):
                part = weighted[y::2, x::2]
                means[rows][: part.shape[0], : part.shape[1]] += part
                sums[rows][: part.shape[0], : part.shape[1]] += known[y::2, x::2]
    np.divide(means, sums, out=means, where=sums > 0)
    return means, np.minimum(sums, 1)


def _enlarged(
    colours: Float32[np.ndarray, "h2 w2 3"], top: int, bottom: int
) -> Float32[np.ndarray, "rows w 3"]:
    """Rows `top` (even) to `bottom` of twice the size, by linear interpolation between pixel centres."""
    near, far = np.float32(0.75), np.float32(0.25)  # a new centre is a quarter of an old pixel off an old one
    rows = np.arange(top // 2, (bottom + 1) // 2)
    middle = near * colours[rows]
    above, below = colours[np.maximum(rows - 1, 0)], colours[np.minimum(rows + 1, colours.shape[0] - 1)]
    tall = np.empty((2 * len(rows), *colours.shape[1:]), np.float32)
    tall[0::2], tall[1::2] = middle + far * above, middle + far * below
    middle = near * tall
    wide = np.empty((tall.shape[0], 2 * tall.shape[1], 3), np.float32)
    wide[:, 0::2] = middle
    wide[:, 1::2] = middle
    wide[:, 2::2] += far * tall[:, :-1]
    wide[:, 1:-1:2] += far * tall[:, 1:]
    wide[:, [0, -1]] += far * tall[:, [0, -1]]  # beyond the edge the edge goes on
    return wide[: bottom - top]


def _blocks(height: int) -> Iterator[tuple[int, int]]:
    for top in range(0, height, _BLOCK_ROWS):
        yield top, min(top + _BLOCK_ROWS, height)
