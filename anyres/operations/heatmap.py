"""Show how far two pictures differ, as colours that a legend explains."""

from typing import Annotated, Final

import numpy as np
from jaxtyping import Float32
from pydantic import Field

from anyres.core.compositing import common_encoding, common_notices
from anyres.core.image import Image
from anyres.operations.difference import common_size_hw, difference
from anyres.operations.operation import operation

COLOURS: Final = ("#0b0524", "#5b1a7a", "#b83a5e", "#f5852f", "#fdf3a6")  # from nothing to the limit, evenly

Limit = Annotated[
    float,
    Field(gt=0, le=1, description="Difference that has the brightest colour; 1 is from black to white."),
]


@operation(version="1.0.0", size=common_size_hw)
def heatmap(first: Image, second: Image, *, limit: Limit = 0.1) -> Image:
    """Show how far two pictures of one size differ, as colours: dark where they are equal.

    Of the channels of a pixel the one that differs most counts. From nothing to the limit colours go from
    dark violet over red and orange to pale yellow.
    """
    apart = difference(first, second).pixels.max(axis=2) / np.float32(limit)
    pictures = (first, second)
    return Image(_coloured(apart), encoding=common_encoding(pictures), notices=common_notices(pictures))


def _coloured(values: Float32[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w 3"]:
    """0 has the first colour, 1 and above the last."""
    stops = np.linspace(0, 1, len(COLOURS))
    channels = [[int(colour[place : place + 2], 16) / 255 for colour in COLOURS] for place in (1, 3, 5)]
    planes = [np.interp(values, stops, channel) for channel in channels]
    return np.stack(planes, axis=2).astype(np.float32)
