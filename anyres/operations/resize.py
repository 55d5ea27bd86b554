"""Resample a picture by a classic kernel, without a network."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
from jaxtyping import Float32
from pydantic import Field

from anyres.core.compositing import premultiplied, straightened
from anyres.core.image import Image, Rows
from anyres.core.resample import Kernel, resize_stripes
from anyres.core.resample_window import axis_window, resize_window
from anyres.core.sizes import SizeHW, enlarged_size_hw, target_size_hw
from anyres.core.tiles import centre
from anyres.operations.operation import Progress, operation
from anyres.operations.targets import (
    AskedFit,
    AskedHeight,
    AskedLongest,
    AskedScale,
    AskedShortest,
    AskedSize,
    AskedWidth,
    said_by_scale_or_size,
)

KernelName = Annotated[
    Literal["bicubic", "lanczos3", "area", "nearest"],
    Field(
        description="How samples are weighted. bicubic: the cubic of publications; lanczos3: sharper; area: "
        "means of what a pixel covers, for shrinking; nearest: the nearest sample alone."
    ),
]
_KERNELS: dict[str, Kernel] = {
    "bicubic": "cubic",
    "lanczos3": "lanczos3",
    "area": "area",
    "nearest": "nearest",
}


@operation(version="1.0.0", size=target_size_hw, label=said_by_scale_or_size)
def resize(
    image: Image,
    *,
    scale: AskedScale = None,
    width: AskedWidth = None,
    height: AskedHeight = None,
    longest: AskedLongest = None,
    shortest: AskedShortest = None,
    size: AskedSize = None,
    fit: AskedFit = "inside",
    kernel: KernelName = "bicubic",
    progress: Progress | None = None,
) -> Rows:
    """Resample a picture by a classic kernel, without a network.

    Shrinking is antialiased. Transparent pixels give no colour to their neighbours. Name the target in one
    way: a scale, a side or a size.
    """
    named: dict[str, Any] = {"scale": scale, "width": width, "height": height, "size": size, "fit": fit}
    named |= {"longest": longest, "shortest": shortest}
    whole_hw, size_hw = enlarged_size_hw(image.size_hw, **named), target_size_hw(image.size_hw, **named)
    stripes = _resampled(image, whole_hw, size_hw, _KERNELS[kernel])
    return Rows(
        size_hw,
        has_alpha=image.alpha is not None,
        encoding=image.encoding,
        stripes=_told(stripes, size_hw[0], progress),
        notices=image.notices,
    )


def _resampled(
    image: Image, whole_hw: SizeHW, size_hw: SizeHW, kernel: Kernel
) -> Iterator[Float32[np.ndarray, "h w c"]]:
    """The middle of this size of the picture at its whole size, in stripes, clipped to [0, 1]."""
    has_alpha = image.alpha is not None
    source = Rows.of(image).stripes
    if has_alpha:
        source = map(premultiplied, source)
    if size_hw == whole_hw:
        made = resize_stripes(source, image.size_hw, whole_hw, kernel=kernel)
    else:
        down, across = (
            axis_window(image.size_hw[axis], length, window=centre(length, length=kept), kernel=kernel)
            for axis, (length, kept) in enumerate(zip(whole_hw, size_hw, strict=True))
        )
        read = (stripe[:, across.reads.slice] for stripe in _rows(source, down.reads.start, down.reads.stop))
        made = resize_window(read, down, across)
    return (straightened(stripe) if has_alpha else np.clip(stripe, 0, 1) for stripe in made)


def _rows(
    stripes: Iterator[Float32[np.ndarray, "h w c"]], start: int, stop: int
) -> Iterator[Float32[np.ndarray, "h w c"]]:
    """Rows `start` to `stop` of a picture in stripes."""
    top = 0
    for stripe in stripes:
        if top < stop and top + len(stripe) > start:
            yield stripe[max(0, start - top) : stop - top]
        top += len(stripe)


def _told(
    stripes: Iterator[Float32[np.ndarray, "h w c"]], height: int, progress: Progress | None
) -> Iterator[Float32[np.ndarray, "h w c"]]:
    """The stripes, with the share of rows that is done told after each."""
    done = 0
    for stripe in stripes:
        yield stripe
        done += len(stripe)
        if progress:
            progress(done / height)
