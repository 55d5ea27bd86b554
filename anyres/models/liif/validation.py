"""Which pictures are kept from training, and how a network is scored on them while it trains.

Of a folder that holds the six photographs that `liif-compact` was chosen on, those are kept; of any other,
one in ten, six at most, spread evenly over the file names. The test sets are never looked at here.
Axes: h w a shrunk picture, y x the true and the enlarged one.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from anyres.core.errors import InputError
from anyres.core.files import read_rgb8
from anyres.core.pixels import psnr_luma
from anyres.models.liif.patches import picture_paths, shrink

NAMED = (
    "Brown_Architecture",
    "canyon-wren",
    "high-trestle-trail",
    "samuel-zeller-337041",
    "taipei-city",
    "solaris-grapes",
)
CPU = torch.device("cpu")
STEP = 12  # pixels; a multiple of 2, 3 and 4
SIDE = 384  # pixels of the middle of each; a multiple of STEP, as smaller middles are too


def kept_for_validation(data: Path) -> tuple[str, ...]:
    """File names, without suffix, of the pictures of a folder that are not trained on.

    Raises:
        InputError: if the folder is not there, or holds fewer than two pictures.
    """
    if not data.is_dir():
        raise InputError(
            f"There is no folder {data}. Give a folder of PNG, JPEG or WebP pictures to train on."
        )
    stems = [path.stem for path in picture_paths(data)]
    if len(stems) < 2:
        raise InputError(
            f"Training needs two pictures at least, one of them to validate on; {data} holds {len(stems)}. "
            "Give a folder of PNG, JPEG or WebP pictures."
        )
    named = tuple(stem for stem in stems if stem in NAMED)
    count = min(len(NAMED), max(1, len(stems) // 10))
    return named or tuple(stems[number * len(stems) // count] for number in range(count))


def load_validation(data: Path, kept: Sequence[str]) -> list[UInt8[np.ndarray, "y x 3"]]:
    """The middles of the pictures that are kept, as large as SIDE where they are.

    Raises:
        InputError: if each of them is smaller than STEP.
    """
    middles = []
    for path in picture_paths(data):
        if path.stem in kept:
            picture = read_rgb8(path)
            height, width = (min(SIDE, side // STEP * STEP) for side in picture.shape[:2])
            top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
            if height and width:
                middles.append(picture[top : top + height, left : left + width])
    if not middles:
        raise InputError(
            f"No picture that {data} keeps for validation ({', '.join(kept)}) has {STEP} x {STEP} pixels. "
            "Give a folder of larger pictures."
        )
    return middles


def score(
    enlarged: Callable[[Float32[Tensor, "h w 3"], tuple[int, int]], Float32[Tensor, "y x 3"]],
    pictures: Sequence[UInt8[np.ndarray, "y x 3"]],
    *,
    scales: Sequence[int] = (2, 3, 4),
    device: torch.device = CPU,
) -> dict[str, float]:
    """Mean PSNR of luma in dB at each factor, and their mean, of a way to enlarge pictures on a device."""
    figures = {}
    for scale in scales:
        values = []
        for picture in pictures:
            truth = picture.astype(np.float32) / 255
            small = shrink(picture, (picture.shape[0] // scale, picture.shape[1] // scale))
            pixels = torch.from_numpy(small.astype(np.float32) / 255).to(device)
            made = enlarged(pixels, (truth.shape[0], truth.shape[1])).clamp(0, 1).cpu().numpy()
            values.append(psnr_luma(made, truth, shave=scale))
        figures[f"x{scale}"] = float(np.mean(values))
    return figures | {"mean": float(np.mean(list(figures.values())))}
