"""EXIF and XMP: kept as they came, but for what would be untrue of an upright picture of another size.

EXIF 2.32 (CIPA DC-008) is a TIFF structure: a directory is a count, then entries of 12 bytes (tag, type,
number of values, value or its offset), then the offset of the next directory. It is patched in place, so that
offsets inside a camera's own notes stay right. XMP is XML; its few untrue values are replaced by pattern.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from anyres.core.xmp import without_property

EXIF_PREFIX: Final = b"Exif\x00\x00"
_ORIENTATION: Final = 0x0112
_EXIF_DIRECTORY: Final = 0x8769
_THUMBNAIL_OFFSET: Final = 0x0201
_THUMBNAIL_LENGTH: Final = 0x0202
_WIDTH: Final = frozenset({0x0100, 0xA002})  # ImageWidth, PixelXDimension
_HEIGHT: Final = frozenset({0x0101, 0xA003})
_X_RESOLUTION: Final = 0x011A
_Y_RESOLUTION: Final = 0x011B
_UNIT: Final = 0x0128
SMALLEST_DPI: Final = 0.1  # a pixel of 25 cm
LARGEST_DPI: Final = 1e6  # 40 to a micrometre; every format's own numbers reach beyond
_INCH: Final = 2
_CENTIMETRE: Final = 3
_SHORT: Final = 3
_LONG: Final = 4


@dataclass(frozen=True)
class _Entry:
    tag: int
    kind: int
    position: int  # byte where the value, or its offset, stands


def upright_exif(exif: bytes) -> bytes | None:
    """The same EXIF with orientation 1 and no thumbnail, which would show the picture as it was.

    Comes back without the `Exif` prefix that JPEG puts before it; None when the block cannot be read.
    """
    block = bytearray(exif.removeprefix(EXIF_PREFIX))
    try:
        order = _byte_order(block)
        first = _unpack(order, "I", block, 4)
        for entry in _entries(order, block, first):
            if entry.tag == _ORIENTATION:
                _put(order, block, entry, 1)
        _drop_thumbnail(order, block, first)
    except struct.error:
        return None
    return bytes(block)


def resized_exif(exif: bytes, size_hw: tuple[int, int]) -> bytes | None:
    """The same EXIF with its width and height entries set to `size_hw`; entries that are not there stay away.

    Comes back without the prefix; None when the block cannot be read.
    """
    block = bytearray(exif.removeprefix(EXIF_PREFIX))
    try:
        order = _byte_order(block)
        for directory in _directories(order, block):
            for entry in _entries(order, block, directory):
                if entry.tag in _WIDTH:
                    _put(order, block, entry, size_hw[1])
                elif entry.tag in _HEIGHT:
                    _put(order, block, entry, size_hw[0])
    except struct.error:
        return None
    return bytes(block)


def exif_dpi(exif: bytes) -> tuple[float, float] | None:
    """Dots per inch, (x, y), that an EXIF block without prefix names; None for none, or none that can be."""
    block = bytearray(exif)
    try:
        order = _byte_order(block)
        found = {entry.tag: entry.position for entry in _entries(order, block, _unpack(order, "I", block, 4))}
        if not {_X_RESOLUTION, _Y_RESOLUTION} <= set(found):
            return None
        unit = _unpack(order, "H", block, found[_UNIT]) if _UNIT in found else _INCH
        per_inch = {_INCH: 1.0, _CENTIMETRE: 2.54}[unit]
        x, y = (
            _unpack(order, "I", block, at) / _unpack(order, "I", block, at + 4) * per_inch
            for at in (_unpack(order, "I", block, found[tag]) for tag in (_X_RESOLUTION, _Y_RESOLUTION))
        )
    except (struct.error, KeyError, ZeroDivisionError):
        return None
    return plausible_dpi(round(x, 3), round(y, 3))


def plausible_dpi(x: float, y: float) -> tuple[float, float] | None:
    """The resolution that a file names, or None where it is no number of dots that a picture can have."""
    is_plausible = all(SMALLEST_DPI <= dpi <= LARGEST_DPI for dpi in (x, y))  # false for NaN
    return (x, y) if is_plausible else None


def upright_xmp(xmp: bytes) -> bytes | None:
    """The same XMP with `tiff:Orientation` 1, and without a record of what made the file.

    What is made of the picture is made otherwise. None where nothing else was in it.
    """
    xmp = without_property(xmp)
    return re.sub(rb"(tiff:Orientation(?:\s*=\s*[\"']|>))\s*[0-9]+", rb"\g<1>1", xmp) or None


def resized_xmp(xmp: bytes, size_hw: tuple[int, int]) -> bytes:
    """The same XMP with the width and height that it states set to `size_hw`."""
    for names, length in (
        (rb"tiff:ImageWidth|exif:PixelXDimension", size_hw[1]),
        (rb"tiff:ImageLength|exif:PixelYDimension", size_hw[0]),
    ):
        pattern = rb"((?:" + names + rb")(?:\s*=\s*[\"']|>))\s*[0-9]+"
        xmp = re.sub(pattern, rb"\g<1>" + str(length).encode(), xmp)
    return xmp


def _byte_order(block: bytearray) -> str:
    """The struct module's sign for the byte order that the first two bytes name."""
    orders = {b"II": "<", b"MM": ">"}
    if bytes(block[:2]) not in orders:
        raise struct.error("neither II nor MM")
    return orders[bytes(block[:2])]


def _directories(order: str, block: bytearray) -> Iterator[int]:
    """Offsets of the main directory and of the camera's, one of each: a hostile block links many."""
    first = _unpack(order, "I", block, 4)
    yield first
    for entry in _entries(order, block, first):
        if entry.tag == _EXIF_DIRECTORY:
            yield _unpack(order, "I", block, entry.position)
            return


def _entries(order: str, block: bytearray, directory: int) -> Iterator[_Entry]:
    for index in range(_unpack(order, "H", block, directory)):
        start = directory + 2 + 12 * index  # the count is 2 bytes, an entry 12
        tag, kind = _unpack(order, "H", block, start), _unpack(order, "H", block, start + 2)
        yield _Entry(tag=tag, kind=kind, position=start + 8)


def _drop_thumbnail(order: str, block: bytearray, first: int) -> None:
    """Blank the thumbnail's bytes and cut the link to its directory."""
    link = first + 2 + 12 * _unpack(order, "H", block, first)
    if link + 4 > len(block):
        return
    second = _unpack(order, "I", block, link)
    if second and second + 2 <= len(block):
        values = {
            entry.tag: _unpack(order, "I", block, entry.position) for entry in _entries(order, block, second)
        }
        start, length = values.get(_THUMBNAIL_OFFSET, 0), values.get(_THUMBNAIL_LENGTH, 0)
        end = min(start + length, len(block))
        if start:
            block[start:end] = bytes(max(end - start, 0))
    struct.pack_into(order + "I", block, link, 0)


def _unpack(order: str, letter: str, block: bytearray, position: int) -> int:
    value: int = struct.unpack_from(order + letter, block, position)[0]
    return value


def _put(order: str, block: bytearray, entry: _Entry, value: int) -> None:
    """Write a whole number over an entry's value, where its type can hold it."""
    if entry.kind == _SHORT:
        struct.pack_into(
            order + "H", block, entry.position, min(value, 65_535)
        )  # the most that a SHORT holds
    elif entry.kind == _LONG:
        struct.pack_into(order + "I", block, entry.position, value)
