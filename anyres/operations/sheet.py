"""Put pictures beside each other in one, to compare them."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from jaxtyping import Float32
from pydantic import BeforeValidator, Field, WithJsonSchema

from anyres.core.compositing import common_encoding, common_notices, seen_on
from anyres.core.errors import InputError
from anyres.core.image import Image
from anyres.core.sheet import PAPER, Panel, draw_sheet, grid_size_hw
from anyres.core.sizes import SizeHW
from anyres.operations.operation import operation

_LONGEST = 200  # characters of a label: no wider than a picture could be


def _parted(value: object) -> object:
    return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


_Label = Annotated[str, Field(max_length=_LONGEST)]
_TEXTS = {"type": "array", "items": {"type": "string", "maxLength": _LONGEST}}
_LABELS_SCHEMA = {"anyOf": [{"type": "string", "format": "texts"}, _TEXTS]}

Columns = Annotated[
    Annotated[int, Field(ge=1, le=1000)] | None,
    Field(description="Pictures in a row; all in one row if not named."),
]
Labels = Annotated[
    Annotated[tuple[_Label, ...], BeforeValidator(_parted), WithJsonSchema(_LABELS_SCHEMA)] | None,
    Field(description="What is written above each picture, with commas between: bicubic, lanczos."),
]


def sheet_size_hw(
    sizes_hw: tuple[SizeHW, ...], *, columns: int | None, labels: Sequence[str] | None
) -> SizeHW:
    """The size rule: a grid of cells as large as the largest picture; InputError for too few labels."""
    if labels is not None and len(labels) != len(sizes_hw):
        raise InputError(
            f"A sheet has a label for each picture or none; {len(labels)} labels were given for "
            f"{len(sizes_hw)} pictures. Part them by commas."
        )
    across = min(columns or len(sizes_hw), len(sizes_hw))
    return grid_size_hw(_cell_hw(sizes_hw), rows=-(-len(sizes_hw) // across), columns=across)


@operation(version="1.0.0", size=sheet_size_hw)
def sheet(images: tuple[Image, ...], *, columns: Columns = None, labels: Labels = None) -> Image:
    """Put pictures beside each other in one, on white paper, to compare them.

    All cells are as large as the largest picture. Transparent parts show the paper.
    """
    size_hw = sheet_size_hw(tuple(image.size_hw for image in images), columns=columns, labels=labels)
    cell_hw = _cell_hw([image.size_hw for image in images])
    titles = labels or [""] * len(images)
    panels = [
        Panel(" ".join(title.split()), _cell(image, cell_hw))
        for title, image in zip(titles, images, strict=True)
    ]
    across = min(columns or len(panels), len(panels))
    rows = [panels[start : start + across] for start in range(0, len(panels), across)]
    drawn = draw_sheet(rows)
    assert drawn.size_hw == size_hw, f"a sheet of {drawn.size_hw}, where {size_hw} was said"
    return Image(drawn.pixels, encoding=common_encoding(images), notices=common_notices(images))


def _cell_hw(sizes_hw: Sequence[SizeHW]) -> SizeHW:
    return max(height for height, _ in sizes_hw), max(width for _, width in sizes_hw)


def _cell(image: Image, cell_hw: SizeHW) -> Float32[np.ndarray, "h w 3"]:
    down, right = cell_hw[0] - image.height, cell_hw[1] - image.width
    return np.pad(seen_on(image, PAPER), ((0, down), (0, right), (0, 0)), constant_values=np.float32(PAPER))
