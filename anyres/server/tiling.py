"""What workers do for the viewer: previews and tiles of stored pictures, and tiles beyond their pixels.

A stored picture is a pyramid as deep zoom has it: level n has the picture with its longer side at most 2**n,
in squares of 256 pixels. Beyond its last level there are no pixels; there a picture's features are rendered,
whatever part is looked at, enlarged by 2, 4, 8 and so on. Nothing that is enlarged as a whole exists then.
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import numpy as np

from anyres.core.errors import AnyresError, InputError
from anyres.core.files import Limits, read_image
from anyres.core.image import Image
from anyres.core.pillow import png_bytes
from anyres.core.resample import resize
from anyres.core.results import ContinuousImage
from anyres.core.sizes import SizeHW

TILE: Final = 256  # pixels a side
HIGHEST_POWER: Final = 5  # the largest enlargement that is looked at is 2**5
_PICTURES: Final = 4  # pyramids that a worker holds
_ENCODED: Final = 2  # pictures whose features it holds
_RENDERED: Final = 512  # tiles


@dataclass(frozen=True)
class TileAsked:
    """A tile of a stored picture."""

    file_id: str
    path: Path
    level: int
    column: int
    row: int
    limits: Limits


@dataclass(frozen=True)
class PreviewAsked:
    """A stored picture with a longer side of so many pixels at most."""

    file_id: str
    path: Path
    side: int
    limits: Limits


@dataclass(frozen=True)
class EncodeAsked:
    """Features of a stored picture, to be held for tiles."""

    file_id: str
    path: Path
    weights: str
    limits: Limits


@dataclass(frozen=True)
class ContinuousAsked:
    """A tile of a picture enlarged by 2**power, from features that are held."""

    file_id: str
    weights: str
    power: int
    column: int
    row: int


@dataclass(frozen=True)
class Encoded:
    """What is known of features that are held."""

    size_hw: SizeHW
    trained_scales: tuple[float, float]


@dataclass(frozen=True)
class Refused:
    """Why there is no answer."""

    reason: str
    exit_code: int


def levels_of(size_hw: SizeHW) -> int:
    """The last level of a picture: the one with its own pixels."""
    return max(0, math.ceil(math.log2(max(size_hw))))


def size_at(size_hw: SizeHW, level: int) -> SizeHW:
    """(height, width) of a level."""
    factor = 2 ** (levels_of(size_hw) - level)
    height, width = (max(1, math.ceil(side / factor)) for side in size_hw)
    return height, width


def tile_box(whole_hw: SizeHW, column: int, row: int) -> tuple[int, int, int, int]:
    """left, top, width and height of a tile; InputError for one outside."""
    left, top = TILE * column, TILE * row
    if not (0 <= left < whole_hw[1] and 0 <= top < whole_hw[0]):
        raise InputError(f"There is no tile {column}, {row} in {whole_hw[1]} x {whole_hw[0]} pixels.")
    return left, top, min(TILE, whole_hw[1] - left), min(TILE, whole_hw[0] - top)


def serve_stored(connection: Connection, _stop: Any) -> None:
    """Answer with PNG bytes, or a Refused."""
    pyramids: OrderedDict[str, dict[int, Image]] = OrderedDict()

    def answer(asked: Any) -> bytes:
        pyramid = _held(pyramids, asked.file_id, _PICTURES, lambda: _base(asked))
        last = max(pyramid)
        if isinstance(asked, PreviewAsked):
            size_hw = pyramid[last].size_hw
            level = next((n for n in range(last) if max(size_at(size_hw, n)) >= asked.side), last)
            return png_bytes(_fitted(_at(pyramid, level), asked.side))
        if not 0 <= asked.level <= last:
            raise InputError(f"There is no level {asked.level}; the levels are 0 to {last}.")
        picture = _at(pyramid, asked.level)
        return png_bytes(_cut(picture, *tile_box(picture.size_hw, asked.column, asked.row)))

    _answering(connection, answer)


def serve_continuous(connection: Connection, _stop: Any) -> None:
    """Hold features and render tiles of them: Encoded, PNG bytes, or a Refused."""
    held: OrderedDict[str, ContinuousImage] = OrderedDict()
    tiles: OrderedDict[ContinuousAsked, bytes] = OrderedDict()

    def answer(asked: Any) -> Encoded | bytes:
        if isinstance(asked, EncodeAsked):
            features = _held(held, f"{asked.file_id} {asked.weights}", _ENCODED, lambda: _encoded(asked))
            return Encoded(features.size_hw, features.trained_scales)
        known = held.get(f"{asked.file_id} {asked.weights}")
        if known is None:
            raise InputError("The picture's features are not at hand. Ask for them first.")
        tile: bytes = _held(tiles, asked, _RENDERED, lambda: _rendered(known, asked))
        return tile

    _answering(connection, answer)


def _answering(connection: Connection, answer: Callable[[Any], object]) -> None:
    while True:
        asked = connection.recv()
        try:
            said = answer(asked)
        except AnyresError as error:
            said = Refused(str(error), error.exit_code)
        except Exception as error:  # a fault of ours with one tile must not end the others
            said = Refused(f"A fault in anyres, {type(error).__name__}: {error}. Please report it.", 1)
        connection.send(said)


def _held(kept: OrderedDict[Any, Any], key: Any, most: int, make: Callable[[], Any]) -> Any:
    """What is kept under a key, made where it is not; the least used goes."""
    if key not in kept:
        while len(kept) >= most:
            kept.popitem(last=False)
        kept[key] = make()
    kept.move_to_end(key)
    return kept[key]


def _base(asked: TileAsked | PreviewAsked) -> dict[int, Image]:
    image = read_image(asked.path, limits=asked.limits)
    return {levels_of(image.size_hw): image}


def _at(pyramid: dict[int, Image], level: int) -> Image:
    """A level, made from the one below it and kept."""
    if level not in pyramid:
        full_hw = pyramid[max(pyramid)].size_hw
        below = _at(pyramid, level + 1)
        pyramid[level] = _resized(below, size_at(full_hw, level))
    return pyramid[level]


def _fitted(image: Image, side: int) -> Image:
    factor = side / max(image.size_hw)
    if factor >= 1:
        return image
    height, width = (max(1, round(length * factor)) for length in image.size_hw)
    return _resized(image, (height, width))


def _resized(image: Image, size_hw: SizeHW) -> Image:
    alpha = image.alpha
    if alpha is not None:
        alpha = np.clip(resize(alpha[..., None], size_hw), 0, 1)[..., 0]
    return Image(np.clip(resize(image.pixels, size_hw), 0, 1), alpha, image.encoding)


def _cut(image: Image, left: int, top: int, width: int, height: int) -> Image:
    rows, columns = slice(top, top + height), slice(left, left + width)
    alpha = None if image.alpha is None else image.alpha[rows, columns]
    return Image(image.pixels[rows, columns], alpha, image.encoding)


def _encoded(asked: EncodeAsked) -> ContinuousImage:
    from anyres.operations.encode import encode

    return encode(read_image(asked.path, limits=asked.limits), model=asked.weights)


def _rendered(features: ContinuousImage, asked: ContinuousAsked) -> bytes:
    from anyres.operations.render import render

    if not 1 <= asked.power <= HIGHEST_POWER:
        raise InputError(f"A power is 1 to {HIGHEST_POWER}; {asked.power} was given.")
    factor = 2**asked.power
    whole_hw = (features.size_hw[0] * factor, features.size_hw[1] * factor)
    left, top, width, height = tile_box(whole_hw, asked.column, asked.row)
    rendered = render(features, scale=float(factor), left=left, top=top, width=width, height=height)
    return png_bytes(rendered)
