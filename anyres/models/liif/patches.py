"""LIIF's training examples: a patch, the same shrunk by a random factor, and the colours of some pixels.

Section 4.1 of https://arxiv.org/abs/2012.09161 and the authors' configuration: factor uniform in [1, 4] for
each example, the shrunk patch 48 pixels wide, both rounded to 8 bits, flipped and transposed at random.
Ours: each photograph is also used at 0.71, 0.5 and 0.35 of its size, because 42 photographs of 1280 pixels
hold less fine texture than the 800 of the paper; pictures are chosen by their side; some examples come from
pictures that the program draws; some have their colour channels permuted.
Axes: b examples, q queries.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
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
from anyres.models.liif.drawings import VERSION, draw

Picture = UInt8[np.ndarray, "_ _ 3"]  # rows and columns differ from one to the next
SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")


@dataclass(frozen=True)
class PatchSettings:
    """How examples are cut."""

    batch: int = 16  # examples a step
    patch: int = 48  # side of the shrunk patch, pixels
    queries: int = 2304  # colours asked for in each example
    scales: tuple[float, float] = (1.0, 4.0)  # range of the factor
    levels: tuple[float, ...] = (1.0, 0.71, 0.5, 0.35)  # sizes at which each photograph is used
    permuted: float = 0.25  # share of examples whose colour channels are permuted
    drawn: float = 0.1  # share of examples cut from drawings
    drawings: int = 64  # how many are drawn, 512 pixels wide


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


@dataclass(frozen=True)
class Pictures:
    """What examples are cut from."""

    photographs: tuple[Picture, ...]  # at all levels
    drawings: tuple[Picture, ...]
    skipped: int  # photographs smaller than a patch

    def choose(self, settings: PatchSettings, generator: np.random.Generator) -> Picture:
        """A drawing in its share of cases, else a photograph, each as often as its side says.

        By area, the small levels, whose texture is the finest, would hardly be seen.
        """
        if self.drawings and generator.random() < settings.drawn:
            return self.drawings[generator.integers(len(self.drawings))]
        sides = np.array([one.shape[0] * one.shape[1] for one in self.photographs], np.float64) ** 0.5
        return self.photographs[generator.choice(len(sides), p=sides / sides.sum())]


def load_pictures(
    folder: Path,
    settings: PatchSettings,
    *,
    without: Sequence[str],
) -> Pictures:
    """The pictures of a folder at several sizes, and the drawings.

    Args:
        folder: searched for PNG, JPEG, WebP and BMP, not in subfolders.
        settings: how large a patch is, at which sizes pictures are used (one too small for a patch is
        dropped),
            and how many drawings are made.
        without: file names without suffix, kept for validation.

    Raises:
        InputError: if there is no photograph to train on.
    """
    smallest = round(settings.patch * settings.scales[1])
    paths = [path for path in picture_paths(folder) if path.stem not in without]
    drawn = range(settings.drawings if settings.drawn else 0)
    with ThreadPoolExecutor() as pool:  # NumPy and Pillow let other threads work
        drawings = pool.map(lambda n: draw(512, generator=np.random.default_rng([VERSION, n])), drawn)
        read = list(pool.map(lambda path: _at_levels(path, settings.levels, smallest=smallest), paths))
        photographs = [one for _, kept in read for one in kept]
        skipped = sum(side < smallest for side, _ in read)
        if not photographs:
            raise InputError(
                f"No picture to train on in {folder}: {len(paths)} pictures found, {skipped} of them "
                f"smaller than {smallest} x {smallest}. Give a folder of larger PNG, JPEG or WebP pictures "
                "with --data."
            )
        return Pictures(tuple(photographs), tuple(drawings), skipped)


def _at_levels(path: Path, levels: Sequence[float], *, smallest: int) -> tuple[int, list[Picture]]:
    """A photograph's shorter side, and the photograph at those levels that keep it at least `smallest`."""
    whole = read_rgb8(path)
    height, width = whole.shape[:2]
    sizes = [(round(height * level), round(width * level)) for level in levels]
    kept = [size for size in sizes if min(size) >= smallest]
    return min(height, width), [whole if size == (height, width) else shrink(whole, size) for size in kept]


def picture_paths(folder: Path) -> list[Path]:
    """The pictures of a folder by name, not those of its subfolders."""
    return sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)


def sample_batch(pictures: Pictures, settings: PatchSettings, *, generator: np.random.Generator) -> Batch:
    """Examples of one step."""
    examples = [
        _ask(
            *cut_pair(pictures.choose(settings, generator), settings, generator=generator),
            settings,
            generator,
        )
        for _ in range(settings.batch)
    ]
    index, offset, weight = (np.stack([one[place] for one in examples], axis=1) for place in (2, 3, 4))
    cell = np.stack([one[5] for one in examples])
    queries = Queries(*(torch.from_numpy(array) for array in (index, offset, weight, cell)))
    pixels = torch.from_numpy(np.stack([one[0] for one in examples])).permute(0, 3, 1, 2)
    colours = torch.from_numpy(np.stack([one[1] for one in examples]))
    return Batch(pixels, queries, colours)


def cut_pair(
    picture: Picture, settings: PatchSettings, *, generator: np.random.Generator
) -> tuple[UInt8[np.ndarray, "p p 3"], UInt8[np.ndarray, "s s 3"]]:
    """A patch shrunk by a random factor to `settings.patch` pixels, and the patch itself, turned alike."""
    side = round(settings.patch * generator.uniform(*settings.scales))
    top = generator.integers(picture.shape[0] - side + 1)
    left = generator.integers(picture.shape[1] - side + 1)
    large = picture[top : top + side, left : left + side]
    if generator.random() < settings.permuted:
        large = large[..., generator.permutation(3)]
    small = shrink(large, (settings.patch, settings.patch))
    turns, mirror = int(generator.integers(4)), generator.random() < 0.5
    return _turn(small, turns=turns, mirror=mirror), _turn(large, turns=turns, mirror=mirror)


def shrink(picture: Picture, size_hw: tuple[int, int]) -> UInt8[np.ndarray, "y x 3"]:
    """A picture shrunk by the published protocol: cubic, antialiased, rounded to 8 bits."""
    small = resize(picture.astype(np.float32), size_hw)
    return np.asarray(np.clip(np.rint(small), 0, 255), np.uint8)


def _ask(
    small: UInt8[np.ndarray, "p p 3"],
    large: UInt8[np.ndarray, "s s 3"],
    settings: PatchSettings,
    generator: np.random.Generator,
) -> tuple[np.ndarray, ...]:
    """The small patch, the colours of some pixels of the large one, and where they lie on the small one."""
    side = len(large)
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
