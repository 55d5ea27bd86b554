"""What a decoder gives: the samples of a picture as stored, before orientation and scaling to [0, 1]."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from anyres.core.errors import InputError
from anyres.core.image import Encoding


@dataclass(frozen=True)
class Sketch:
    """What the header of a file says, before any pixel is decoded."""

    stored_hw: tuple[int, int]  # before orientation
    pages: int = 1  # pages, or frames of an animation
    orientation: int = 1  # EXIF: 1 upright, 5 to 8 lie on their side


@dataclass(frozen=True)
class Decoded:
    """Stored samples, and what was stored with them."""

    samples: Shaped[np.ndarray, "h w c"]  # grey, grey and alpha, RGB, or RGB and alpha
    white: float  # the sample that means 1
    encoding: Encoding
    orientation: int = 1
    notices: tuple[str, ...] = ()


def broken(path: Path, reason: str) -> InputError:
    """The error of a file that cannot be decoded, with the first words of the library that tried."""
    lines = [line.strip() for line in reason.splitlines()]
    lines = [line for line in lines if line and not line.startswith("unable to") and "bad seek" not in line]
    return InputError(
        f"{path} is damaged or cut short ({'; '.join(lines[:2]) or 'no reason given'}). "
        "Copy or download it again, or open it in a picture editor and save it anew."
    )
