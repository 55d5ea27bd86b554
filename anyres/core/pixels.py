"""PSNR and SSIM of pictures as super-resolution papers count them.

Pictures are floats in [0, 1], not rounded to 8 bits. Luma is BT.601's with studio range, as in MATLAB.
SSIM: Wang, Bovik, Sheikh and Simoncelli, IEEE TIP 13(4), 2004, Gaussian window 11x11 of 1.5 pixels.
"""

import math

import numpy as np
from jaxtyping import Float

from anyres.core.errors import InputError

LUMA = np.array((65.738, 129.057, 25.064)) / 256  # of red, green and blue in [0, 1]; black is 16/255


def psnr(
    picture: Float[np.ndarray, "h w *c"], truth: Float[np.ndarray, "h2 w2 *c2"], *, shave: int = 0
) -> float:
    """Peak signal-to-noise ratio in dB over all channels; infinity for equal pictures.

    Args:
        picture: what was made.
        truth: what it should be.
        shave: pixels left out on each side.

    Raises:
        InputError: if the sizes differ, or nothing is left inside the shave.
    """
    difference = _inside(picture, truth, shave=shave)
    error = float(np.mean(np.square(difference)))
    return -10 * math.log10(error) if error > 0 else math.inf


def luma(picture: Float[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w"]:
    """Luma of a picture in [0, 1], from 16/255 to 235/255."""
    return picture.astype(np.float64) @ LUMA + 16 / 255


def psnr_luma(
    picture: Float[np.ndarray, "h w 3"], truth: Float[np.ndarray, "h2 w2 3"], *, shave: int
) -> float:
    """Peak signal-to-noise ratio of luma in dB, as `psnr`."""
    return psnr(luma(picture), luma(truth), shave=shave)


def ssim(picture: Float[np.ndarray, "h w"], truth: Float[np.ndarray, "h2 w2"], *, shave: int = 0) -> float:
    """Mean structural similarity of two single-channel pictures in [0, 1], 1 for equal ones; as `psnr`."""
    _inside(picture, truth, shave=shave)
    inner = slice(shave, -shave or None)
    x, y = (one[inner, inner].astype(np.float64) for one in (picture, truth))
    if min(x.shape) < 11:
        raise InputError(
            f"SSIM needs at least 11 x 11 pixels inside the shave; there are {x.shape[1]} x {x.shape[0]}. "
            "Give larger pictures, or a smaller factor."
        )
    mean_x, mean_y = _blur(x), _blur(y)
    variance_x, variance_y = _blur(x * x) - mean_x**2, _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2  # the paper's constants for a range of 1
    above = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    below = (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    return float(np.mean(above / below))


def _inside(
    picture: Float[np.ndarray, "..."], truth: Float[np.ndarray, "..."], *, shave: int
) -> Float[np.ndarray, "..."]:
    if picture.shape != truth.shape:
        raise InputError(f"The pictures differ in size: {picture.shape} and {truth.shape}. Crop one.")
    if 2 * shave >= min(picture.shape[:2]):
        height, width = picture.shape[:2]
        raise InputError(
            f"Shaving {shave} pixels off each side leaves nothing of {width} x {height}. "
            "Give larger pictures, or a smaller factor."
        )
    inner = slice(shave, -shave or None)
    return picture[inner, inner].astype(np.float64) - truth[inner, inner].astype(np.float64)


def _blur(picture: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h2 w2"]:
    """Gaussian blur without padding."""
    taps = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    taps /= taps.sum()
    rows = sum(tap * picture[k : picture.shape[0] - 10 + k] for k, tap in enumerate(taps))
    assert isinstance(rows, np.ndarray)
    result = sum(tap * rows[:, k : picture.shape[1] - 10 + k] for k, tap in enumerate(taps))
    assert isinstance(result, np.ndarray)
    return result
