"""How much each place looks like a vessel: a dark ridge, by the curvature of the picture at several widths.

After Frangi and others, MICCAI 1998, without their blob and contrast terms: the larger curvature less what
there is across it, positive where the ridge is dark. The picture is first divided by its local contrast, so
that a vessel in the shade counts like one in the light. Two maps are compared by their correlation where
both see.
Axes: h w.
"""

from typing import Final

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from anyres.models.retina.opencv import cv2
from anyres.models.retina.preparing import shrink

WIDTHS: Final = (
    0.0025,
    0.004,
    0.007,
)  # standard deviations, of the longer side; a vein at the disc has 0.004
_BACKGROUND: Final = 0.03  # standard deviation of what is taken as light, of the longer side
_RIM: Final = 0.03  # of the longer side, where the field's edge looks like a ridge


def vessel_map(
    picture: UInt8[np.ndarray, "h w"], field: Bool[np.ndarray, "h w"]
) -> Float32[np.ndarray, "h w"]:
    """From 0 (no vessel) to 1, in a prepared picture; 0 outside the field and at its rim."""
    side = max(picture.shape)
    even = _evened(picture.astype(np.float32), _BACKGROUND * side)
    ridges = np.max([_ridges(even, width * side) for width in WIDTHS], axis=0)
    inside = shrink(field, max(2, round(_RIM * side)))
    ridges = np.where(inside, ridges, 0)
    top = float(np.percentile(ridges[inside], 99)) if inside.any() else 0.0
    return np.asarray(np.clip(ridges / max(top, 1e-6), 0, 1), np.float32)


def correlation(
    one: Float32[np.ndarray, "h w"],
    other: Float32[np.ndarray, "h w"],
    where: Bool[np.ndarray, "h w"],
) -> float:
    """Of two maps where both see, from -1 to 1; 0 where one of them is flat."""
    if where.sum() < 2:
        return 0.0
    first, second = one[where] - one[where].mean(), other[where] - other[where].mean()
    lengths = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / lengths if lengths > 1e-9 else 0.0


def _evened(picture: Float32[np.ndarray, "h w"], reach: float) -> Float32[np.ndarray, "h w"]:
    """The picture less its local mean, divided by its local contrast."""
    flat = picture - cv2.GaussianBlur(picture, (0, 0), reach)
    contrast = np.sqrt(cv2.GaussianBlur(flat * flat, (0, 0), reach))
    return np.asarray(flat / (contrast + 4), np.float32)  # 4 levels of grey: noise is not raised to vessels


def _ridges(picture: Float32[np.ndarray, "h w"], width: float) -> Float32[np.ndarray, "h w"]:
    smooth = cv2.GaussianBlur(picture, (0, 0), width)
    down, across = np.gradient(smooth)
    yy, yx = np.gradient(down)
    xx = np.gradient(across, axis=1)
    mean, spread = (xx + yy) / 2, np.sqrt(((xx - yy) / 2) ** 2 + yx**2)
    return np.asarray(np.maximum(0, mean + spread - np.abs(mean - spread)) * width**2, np.float32)
