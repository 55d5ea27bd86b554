"""Add a border to a picture."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Bool, Float32, Int64
from pydantic import Field

from anyres.core.image import Image, Rows, stripes_of
from anyres.core.sizes import SizeHW
from anyres.operations.operation import operation

Mode = Literal["edge", "mirror", "colour"]
_PIXELS = {"format": "pixels"}
_MOST = 1_000_000  # pixels of a border: beyond it a slip of the keyboard

Added = Annotated[
    int,
    Field(ge=0, le=_MOST, description="Pixels that are added on this side.", json_schema_extra=_PIXELS),
]
PadMode = Annotated[
    Mode, Field(description="What the border shows: the edge drawn out, the picture mirrored, or a colour.")
]
Colour = Annotated[
    str,
    Field(
        pattern=r"^#([0-9a-fA-F]{6}|[0-9a-fA-F]{8})$",
        description="Of mode colour: #rrggbb, or #rrggbbaa where 00 at the end is transparent.",
        json_schema_extra={"format": "colour"},
    ),
]


def padded_hw(size_hw: SizeHW, *, left: int, right: int, top: int, bottom: int) -> SizeHW:
    """The size rule: the picture and its border."""
    return top + size_hw[0] + bottom, left + size_hw[1] + right


@operation(version="1.0.0", size=padded_hw)
def pad(
    image: Image,
    *,
    left: Added = 0,
    right: Added = 0,
    top: Added = 0,
    bottom: Added = 0,
    mode: PadMode = "edge",
    colour: Colour = "#000000",
) -> Rows:
    """Add a border to a picture.

    A colour is taken in the picture's own colour space; one that is not opaque brings transparency with it.
    """
    size_hw = padded_hw(image.size_hw, left=left, right=right, top=top, bottom=bottom)
    red, green, blue, alpha = (int(f"{colour[1:]:f<8}"[at : at + 2], 16) / 255 for at in (0, 2, 4, 6))
    fills = mode == "colour" and size_hw != image.size_hw
    has_alpha = image.alpha is not None or (fills and alpha < 1)
    is_grey = image.encoding.is_grey and not (fills and len({red, green, blue}) > 1)
    fill = np.array((red, green, blue, alpha)[: 4 if has_alpha else 3], np.float32) if fills else None
    down = _source_of(image.height, before=top, after=bottom, mode=mode)
    across = _source_of(image.width, before=left, after=right, mode=mode)
    stripes = _stripes(image, down, across, has_alpha=has_alpha, fill=fill)
    return Rows(size_hw, has_alpha, replace(image.encoding, is_grey=is_grey), stripes, image.notices)


_Axis = tuple[Int64[np.ndarray, " _"], Bool[np.ndarray, " _"]]  # the source pixel; whether it is border


def _source_of(length: int, *, before: int, after: int, mode: Mode) -> _Axis:
    """Which pixel of an axis stands where, and where the border is."""
    place = np.arange(-before, length + after)
    if mode == "mirror":
        folded = np.mod(place, 2 * length)  # half-sample reflection: 2 1 0 | 0 1 2
        source = np.where(folded < length, folded, 2 * length - 1 - folded)
    else:
        source = np.clip(place, 0, length - 1)
    return source, (place < 0) | (place >= length)


def _stripes(
    image: Image, down: _Axis, across: _Axis, *, has_alpha: bool, fill: Float32[np.ndarray, " c"] | None
) -> Iterator[Float32[np.ndarray, "h w c"]]:
    channels = 4 if has_alpha else 3
    for start, stop in stripes_of((len(down[0]), len(across[0])), channels):
        rows, columns = down[0][start:stop, None], across[0][None]
        stripe = np.ones((stop - start, len(across[0]), channels), np.float32)
        stripe[..., :3] = image.pixels[rows, columns]
        if image.alpha is not None:
            stripe[..., 3] = image.alpha[rows, columns]
        if fill is not None:
            stripe[down[1][start:stop]] = fill
            stripe[:, across[1]] = fill
        yield stripe
