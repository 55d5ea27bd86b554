"""LIIF's training examples: a patch, the same patch shrunk by a random factor, and the colours of some of its pixels.

Section 4.1 of https://arxiv.org/abs/2012.09161 and the authors' configuration: factor uniform in [1, 4] for each example, the
shrunk patch 48 pixels wide, both rounded to 8 bits, flipped and transposed at random.
Ours: each photograph is also used at 0.71 and 0.5 of its size, because 42 photographs of 1280 pixels hold less fine texture
than the 800 of the paper, and the colour channels are permuted in some examples.
Axes: b examples, q queries.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from anyres.core.coordinates import Neighbours, neighbours
from anyres.core.errors import InputError
from anyres.core.files import read_rgb8
from anyres.core.resample import resize
from anyres.models.liif.architecture import CORNERS, Queries

Picture = UInt8[np.ndarray, "h w 3"]
SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")


@dataclass(frozen=True)
class PatchSettings:
    """How examples are cut."""

    batch: int = 16  # examples a step
    patch: int = 48  # side of the shrunk patch, pixels
    queries: int = 2304  # colours asked for in each example
    scales: tuple[float, float] = (1.0, 4.0)  # range of the factor
    permuted: float = 0.25  # share of examples whose colour channels are permuted


@dataclass(frozen=True)
class Batch:
    """Examples of one step."""

    pixels: Float[Tensor, "b 3 h w"]  # shrunk patches, in [0, 1]
    queries: Queries
    colours: Float[Tensor, "b q 3"]  # the truth, in [0, 1]

    def to(self, device: torch.device) -> "Batch":
        """The same batch on another device."""
        queries = Queries(*(getattr(self.queries, name).to(device) for name in Queries.__annotations__))
        return Batch(self.pixels.to(device), queries, self.colours.to(device))


def load_pictures(
    folder: Path, *, without: Sequence[str], smallest: int, levels: Sequence[float] = (1.0, 0.71, 0.5)
) -> tuple[list[Picture], int]:
    """The pictures of a folder at several sizes, and how many were left out for being smaller than a patch.

    Args:
        folder: searched for PNG, JPEG, WebP and BMP, not in subfolders.
        without: file names, with or without suffix, kept for validation.
        smallest: side of the largest patch, pixels.
        levels: sizes at which each picture is used; one too small for a patch is dropped.

    Raises:
        InputError: if nothing is left to train on.
    """
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
    paths = [path for path in paths if path.stem not in without and path.name not in without]
    pictures, skipped = [], 0
    for path in paths:
        whole = read_rgb8(path)
        height, width = whole.shape[:2]
        skipped += min(height, width) < smallest
        for level in levels:
            size_hw = round(height * level), round(width * level)
            if min(size_hw) >= smallest:
                pictures.append(whole if level == 1 else shrink(whole, size_hw))
    if not pictures:
        raise InputError(
            f"No picture to train on in {folder}: {len(paths)} pictures found, {skipped} of them smaller than "
            f"{smallest} x {smallest}. Give a folder of larger PNG, JPEG or WebP pictures with --data."
        )
    return pictures, skipped


def sample_batch(
    pictures: Sequence[Picture], settings: PatchSettings, *, generator: np.random.Generator
) -> Batch:
    """Examples drawn from pictures, each picture as often as its area says."""
    areas = np.array([picture.shape[0] * picture.shape[1] for picture in pictures], np.float64)
    chosen = generator.choice(len(pictures), size=settings.batch, p=areas / areas.sum())
    examples = [_sample(pictures[index], settings, generator=generator) for index in chosen]
    index, offset, weight = (np.stack([one[place] for one in examples], axis=1) for place in (2, 3, 4))
    cell = np.stack([one[5] for one in examples])
    queries = Queries(*(torch.from_numpy(array) for array in (index, offset, weight, cell)))
    pixels = torch.from_numpy(np.stack([one[0] for one in examples])).permute(0, 3, 1, 2)
    colours = torch.from_numpy(np.stack([one[1] for one in examples]))
    return Batch(pixels, queries, colours)


def shrink(picture: Picture, size_hw: tuple[int, int]) -> Picture:
    """A picture shrunk by the published protocol: cubic, antialiased, rounded to 8 bits."""
    small = resize(picture.astype(np.float32), size_hw)
    return np.clip(np.rint(small), 0, 255).astype(np.uint8)


def _sample(
    picture: Picture, settings: PatchSettings, *, generator: np.random.Generator
) -> tuple[np.ndarray, ...]:
    side = round(settings.patch * generator.uniform(*settings.scales))
    top = generator.integers(picture.shape[0] - side + 1)
    left = generator.integers(picture.shape[1] - side + 1)
    large = picture[top : top + side, left : left + side]
    if generator.random() < settings.permuted:
        large = large[..., generator.permutation(3)]
    small = shrink(large, (settings.patch, settings.patch))
    turns, mirror = generator.integers(4), generator.random() < 0.5
    small, large = (_turn(one, turns=turns, mirror=mirror) for one in (small, large))
    place = generator.choice(side * side, size=min(settings.queries, side * side), replace=False)
    if len(place) < settings.queries:  # a factor close to 1 has fewer pixels than queries
        place = np.concatenate((place, generator.choice(side * side, size=settings.queries - len(place))))
    row, column = np.divmod(place, side)
    table = neighbours(settings.patch, side)
    colours = large[row, column].astype(np.float32) / 255
    cell = np.full(2, 2 * settings.patch / side, np.float32)
    return small.astype(np.float32) / 255, colours, *_corners(table, row, column, settings.patch), cell


def _turn(picture: Picture, *, turns: int, mirror: bool) -> Picture:
    turned = np.rot90(picture, turns)
    return turned[:, ::-1] if mirror else turned


def _corners(
    table: Neighbours, row: np.ndarray, column: np.ndarray, width: int
) -> tuple[np.ndarray, Float32[np.ndarray, "4 q 2"], Float32[np.ndarray, "4 q"]]:
    """Flat index, offset and weight of the four neighbours of scattered pixels of a square grid."""
    index = [table.indices[a, row] * width + table.indices[b, column] for a, b in CORNERS]
    offset = [np.stack((table.offsets[a, row], table.offsets[b, column]), axis=-1) * 2 for a, b in CORNERS]
    weight = [table.weights[a, row] * table.weights[b, column] for a, b in CORNERS]
    return np.stack(index), np.stack(offset), np.stack(weight)
