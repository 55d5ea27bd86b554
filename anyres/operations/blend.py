"""Lay one picture on another."""

from typing import Annotated

import numpy as np
from pydantic import Field

from anyres.core.compositing import common_notices, kept_encoding, laid_over
from anyres.core.errors import InputError
from anyres.core.image import Image
from anyres.core.sizes import SizeHW, size_text
from anyres.operations.crop import crop
from anyres.operations.operation import operation

_PIXELS = {"format": "pixels"}

PlaceLeft = Annotated[
    int,
    Field(description="Column of the lower picture where the upper one begins.", json_schema_extra=_PIXELS),
]
PlaceTop = Annotated[
    int, Field(description="Row of the lower picture where the upper one begins.", json_schema_extra=_PIXELS)
]
Opacity = Annotated[float, Field(ge=0, le=1, description="Of the upper picture: 0 not seen, 1 as it is.")]


def size_of_below(below_hw: SizeHW, above_hw: SizeHW, *, left: int, top: int) -> SizeHW:
    """The size rule: that of the lower picture; InputError where the upper one lies wholly beside it."""
    if not (-above_hw[1] < left < below_hw[1] and -above_hw[0] < top < below_hw[0]):
        raise InputError(
            f"A picture of {size_text(above_hw)} pixels at column {left} and row {top} lies beside the one "
            f"below, which has {size_text(below_hw)}. Name a place on it."
        )
    return below_hw


@operation(version="1.0.0", size=size_of_below)
def blend(
    below: Image, above: Image, *, left: PlaceLeft = 0, top: PlaceTop = 0, opacity: Opacity = 1.0
) -> Image:
    """Lay one picture on another, at a place; what hangs over is cut off.

    Transparency of both is respected. Size, depth, profile and metadata are those of the lower picture.
    """
    size_of_below(below.size_hw, above.size_hw, left=left, top=top)
    y, x = max(0, top), max(0, left)
    bottom = min(below.height, top + above.height)
    right = min(below.width, left + above.width)
    box = {"width": right - x, "height": bottom - y}
    part = crop(above, left=x - left, top=y - top, **box)
    colours, cover = laid_over(crop(below, left=x, top=y, **box), part, opacity=opacity)
    pixels, alpha = below.pixels.copy(), None if below.alpha is None else below.alpha.copy()
    pixels[y:bottom, x:right] = np.clip(colours, 0, 1)
    if alpha is not None and cover is not None:
        alpha[y:bottom, x:right] = cover
    return Image(
        pixels=pixels,
        alpha=alpha,
        encoding=kept_encoding(below, above),
        notices=common_notices((below, above)),
    )
