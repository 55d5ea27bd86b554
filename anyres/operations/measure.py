"""Measure how far a picture is from a reference."""

from typing import Final

import numpy as np

from anyres.core.compositing import seen_on
from anyres.core.image import Image
from anyres.core.pixels import luma, psnr, ssim
from anyres.core.results import Report
from anyres.operations.difference import common_size_hw
from anyres.operations.operation import operation

_SMALLEST: Final = 11  # pixels of a side: SSIM's window


@operation(version="1.0.0", size=None)
def measure(image: Image, reference: Image) -> Report:
    """Measure how far a picture is from a reference of its size.

    PSNR in dB over the colours and over their luma (BT.601), SSIM of the luma, and the largest and the mean
    difference of a channel, from 0 to 1. Equal pictures have an infinite PSNR. Transparent pictures are
    measured as they look on black and on white, both together. SSIM needs 11 pixels a side and is left out of
    the figures below that.
    """
    common_size_hw(image.size_hw, reference.size_hw)
    levels = (0.0, 1.0) if image.alpha is not None or reference.alpha is not None else (0.0,)
    views = [(seen_on(image, level), seen_on(reference, level)) for level in levels]
    made, truth = (np.concatenate(pictures) for pictures in zip(*views, strict=True))
    differences = np.abs(made - truth)
    figures = {
        "psnr_db": psnr(made, truth),
        "psnr_luma_db": psnr(luma(made), luma(truth)),
        "largest_difference": float(differences.max()),
        "mean_difference": float(differences.mean(dtype=np.float64)),
    }
    if min(image.size_hw) >= _SMALLEST:
        figures["ssim"] = float(np.mean([ssim(luma(one), luma(other)) for one, other in views]))
    return Report("Distance from the reference", figures)
