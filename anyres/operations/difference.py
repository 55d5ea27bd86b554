"""Show where two pictures differ."""

from typing import Annotated

import numpy as np
from pydantic import Field

from anyres.core.compositing import common_encoding, common_notices, seen_on
from anyres.core.errors import InputError
from anyres.core.image import Image
from anyres.core.sizes import SizeHW, size_text
from anyres.operations.operation import operation

Gain = Annotated[float, Field(gt=0, le=1000, description="What the difference is multiplied by.")]


def common_size_hw(first_hw: SizeHW, second_hw: SizeHW) -> SizeHW:
    """The size rule: that of both; InputError where they differ."""
    if first_hw != second_hw:
        raise InputError(
            f"Pictures of one size are compared; these have {size_text(first_hw)} and {size_text(second_hw)} "
            "pixels. Resize or crop one."
        )
    return first_hw


@operation(version="1.0.0", size=common_size_hw)
def difference(first: Image, second: Image, *, gain: Gain = 1.0) -> Image:
    """Show where two pictures of one size differ: black where they are equal.

    Each colour channel is compared by itself. Transparent pictures are compared as they look on black and on
    white, and the larger difference is shown.
    """
    common_size_hw(first.size_hw, second.size_hw)
    levels = (0.0, 1.0) if first.alpha is not None or second.alpha is not None else (0.0,)
    differences = [np.abs(seen_on(first, level) - seen_on(second, level)) for level in levels]
    shown = np.maximum.reduce(differences) * np.float32(gain)
    pictures = (first, second)
    return Image(np.clip(shown, 0, 1), encoding=common_encoding(pictures), notices=common_notices(pictures))
