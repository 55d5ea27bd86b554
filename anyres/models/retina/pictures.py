"""Pictures that show how well one photograph lies on another: overlay, checkerboard, flicker, difference.

All are of the fixed photograph's size, in green of even contrast, because vessels show best there.
Axes: h w rows and columns of the fixed photograph.
"""

from typing import Final

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from anyres.core.image import Image
from anyres.models.retina.opencv import cv2

_TILES: Final = 12  # of a checkerboard, a side, where that gives 32 to 64 pixels or more
_SMALLEST_TILE: Final = 32
_SURROUNDINGS: Final = 0.03  # of the longer side: deviation of the Gaussian that says how bright they are
_RANGE: Final = 6.0  # deviations between black and white
FLICKER_SIDE: Final = 1024  # pixels of the longer side
FLICKER_SECONDS: Final = 0.6  # of each picture
Plane = Float32[np.ndarray, "h w"]


def overlay(fixed: Image, laid: Image) -> Image:
    """The fixed photograph in green and the moving one in red: what lies on its like is yellow."""
    one, other = _even(fixed), _even(laid)
    return Image(pixels=np.stack((other, one, np.zeros_like(one)), axis=-1))


def checkerboard(fixed: Image, laid: Image) -> Image:
    """Tiles of the one and of the other in turn: a vessel that breaks at an edge is out of place."""
    height, width = fixed.size_hw
    side = max(_SMALLEST_TILE, max(height, width) // _TILES)
    is_first = (np.add.outer(np.arange(height) // side, np.arange(width) // side) % 2 == 0)[..., None]
    return Image(pixels=np.where(is_first, fixed.pixels, laid.pixels).astype(np.float32))


def difference(fixed: Image, laid: Image) -> Image:
    """Half grey where both are alike, brighter where the fixed one is; black where not both are seen."""
    one, other = _even(fixed), _even(laid)
    both = _seen(fixed) & _seen(laid)
    grey = np.where(both, 0.5 + (one - other) / 2, 0).clip(0, 1).astype(np.float32)
    return Image(pixels=np.repeat(grey[..., None], 3, axis=2))


def flicker(fixed: Image, laid: Image) -> tuple[UInt8[np.ndarray, "y x"], UInt8[np.ndarray, "y x"]]:
    """Two small pictures to be shown in turn: what does not jump lies in place."""
    height, width = fixed.size_hw
    ratio = min(1.0, FLICKER_SIDE / max(height, width))
    size = max(1, round(width * ratio)), max(1, round(height * ratio))
    one, other = (cv2.resize(_even(image), size, interpolation=cv2.INTER_AREA) for image in (fixed, laid))
    return _bytes(one), _bytes(other)


def _even(image: Image) -> Plane:
    """Green against its surroundings: 0.5 where it is as bright as they are, 0 outside the field of view."""
    green, seen = image.pixels[..., 1], _seen(image)
    weight = seen.astype(np.float32)
    width = max(image.size_hw) * _SURROUNDINGS
    share = np.maximum(_blurred(weight, width), 1e-3)
    against = (green - _blurred(green * weight, width) / share) * weight
    spread = float(np.sqrt(np.mean(against[seen] ** 2))) if seen.any() else 1.0
    return np.asarray((0.5 + against / (_RANGE * max(spread, 1e-3))).clip(0, 1) * weight, np.float32)


def _blurred(plane: Plane, width: float) -> Plane:
    """By a Gaussian, at an eighth of the size: it is wide."""
    height, columns = plane.shape
    small = cv2.resize(plane, (-(-columns // 8), -(-height // 8)), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), max(width / 8, 0.5))
    return np.asarray(cv2.resize(soft, (columns, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _seen(image: Image) -> Bool[np.ndarray, "h w"]:
    return np.asarray(image.pixels.max(axis=2) > 0.02)


def _bytes(plane: np.ndarray) -> UInt8[np.ndarray, "y x"]:
    return np.asarray(np.rint(plane * 255), np.uint8)
