"""Cut a rectangle out of a picture."""

from typing import Annotated

from pydantic import Field

from anyres.core.errors import InputError
from anyres.core.image import Image
from anyres.core.sizes import SizeHW, size_text
from anyres.core.tiles import Interval
from anyres.operations.operation import operation

_PIXELS = {"format": "pixels"}

BoxLeft = Annotated[
    int, Field(ge=0, description="Columns left out on the left side.", json_schema_extra=_PIXELS)
]
BoxTop = Annotated[int, Field(ge=0, description="Rows left out at the top.", json_schema_extra=_PIXELS)]
BoxWidth = Annotated[
    Annotated[int, Field(ge=1, json_schema_extra=_PIXELS)] | None,
    Field(description="Columns that are kept; all to the right edge if not named."),
]
BoxHeight = Annotated[
    Annotated[int, Field(ge=1, json_schema_extra=_PIXELS)] | None,
    Field(description="Rows that are kept; all to the lower edge if not named."),
]


def box_within(
    size_hw: SizeHW, *, left: int, top: int, width: int | None, height: int | None
) -> tuple[Interval, Interval]:
    """Rows and columns of a box; InputError where it leaves a picture of this (height, width)."""
    right = size_hw[1] if width is None else left + width
    bottom = size_hw[0] if height is None else top + height
    if not (left < right <= size_hw[1] and top < bottom <= size_hw[0]):
        asked = f"columns {left} to {max(left, right)} and rows {top} to {max(top, bottom)}"
        raise InputError(
            f"The box of {asked} does not lie within the picture, which has {size_text(size_hw)} pixels "
            f"(columns 0 to {size_hw[1]}, rows 0 to {size_hw[0]}). Name a smaller one."
        )
    return Interval(top, bottom), Interval(left, right)


def box_size_hw(size_hw: SizeHW, *, left: int, top: int, width: int | None, height: int | None) -> SizeHW:
    """The size rule: (height, width) of the box."""
    rows, columns = box_within(size_hw, left=left, top=top, width=width, height=height)
    return rows.length, columns.length


@operation(version="1.0.0", size=box_size_hw)
def crop(
    image: Image,
    *,
    left: BoxLeft = 0,
    top: BoxTop = 0,
    width: BoxWidth = None,
    height: BoxHeight = None,
) -> Image:
    """Cut a rectangle out of a picture.

    All is counted in pixels from the upper left corner. A box that leaves the picture is refused.
    """
    rows, columns = box_within(image.size_hw, left=left, top=top, width=width, height=height)
    pixels = image.pixels[rows.slice, columns.slice]
    alpha = None if image.alpha is None else image.alpha[rows.slice, columns.slice]
    return Image(pixels=pixels, alpha=alpha, encoding=image.encoding, notices=image.notices)
