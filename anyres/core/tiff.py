"""TIFF directories, for what libvips leaves out: EXIF in and out, the kinds of page, the kind of alpha.

TIFF 6.0 and its supplements: a file is a chain of directories, one a page; EXIF stands in entries of the
first page and in two directories below it. Pillow's directory class reads and writes them, also in BigTIFF.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from anyres.core.decoded import broken

if TYPE_CHECKING:
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

_SUBFILE_TYPE: Final = 254
_REDUCED_OR_MASK: Final = 1 | 4  # bits of the subfile type: a smaller copy, a transparency mask
_EXTRA_SAMPLES: Final = 338
_PREMULTIPLIED: Final = 1
_SUB_DIRECTORIES: Final = (0x8769, 0x8825)  # EXIF and GPS
# Entries of a page that describe the photograph, and so belong to EXIF; the others describe its storage.
_DESCRIPTIVE: Final = frozenset(
    {270, 271, 272, 305, 306, 315, 316, 18246, 18249, 33432, 40091, 40092, 40093, 40094, 40095, 50341}
)


def pages_of(path: Path) -> int:
    """Pages of a TIFF file that are pictures of their own: thumbnails, pyramid levels and masks are not."""
    return sum(not page.get(_SUBFILE_TYPE, 0) & _REDUCED_OR_MASK for page in _pages(path)) or 1


def is_premultiplied(path: Path) -> bool:
    """Whether the colours of the first page are stored multiplied by alpha."""
    return _PREMULTIPLIED in next(_pages(path)).get(_EXTRA_SAMPLES, ())[:1]


def exif_of(path: Path) -> bytes | None:
    """The EXIF of the first page as a block of its own; None when the page tells nothing of it."""
    import PIL.Image
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    exif = PIL.Image.Exif()
    with path.open("rb") as file:
        page, _ = _read(file, None)
        for tag in _DESCRIPTIVE & set(page):
            exif[tag] = page[tag]
        for tag in _SUB_DIRECTORIES:
            if isinstance(page.get(tag), int):
                directory = ImageFileDirectory_v2(_header(file))
                file.seek(page[tag])
                directory.load(file)
                exif.get_ifd(tag).update(dict(directory))
    has_any = bool(dict(exif)) or any(exif.get_ifd(tag) for tag in _SUB_DIRECTORIES)
    return exif.tobytes().removeprefix(b"Exif\x00\x00") if has_any else None


def add_exif(path: Path, exif: bytes) -> None:
    """Add the entries of an EXIF block to the first page of a TIFF file, by a new directory at its end."""
    import PIL.Image

    source = PIL.Image.Exif()
    source.load(exif)
    with path.open("r+b") as file:
        page, is_big = _read(file, None)
        for tag in _DESCRIPTIVE & set(source):
            page[tag] = source[tag]
        for tag in _SUB_DIRECTORIES:
            if entries := source.get_ifd(tag):
                page[tag] = dict(entries)
        end = file.seek(0, 2)
        end += file.write(b"\x00" * (end % 2))  # a directory begins on a word
        file.write(page.tobytes(end))
        file.seek(8 if is_big else 4)
        order = "<" if _header(file)[:2] == b"II" else ">"
        file.seek(8 if is_big else 4)
        file.write(struct.pack(order + ("Q" if is_big else "I"), end))


def _pages(path: Path) -> Iterator["ImageFileDirectory_v2"]:
    with path.open("rb") as file:
        seen: set[int] = set()
        offset: int | None = None
        while offset != 0 and offset not in seen:  # a chain may bite its own tail
            if offset is not None:
                seen.add(offset)
            try:
                page, _ = _read(file, offset)
            except (struct.error, SyntaxError, KeyError, OSError, ValueError) as error:
                raise broken(path, f"its directory cannot be read: {error}") from error
            yield page
            offset = page.next


def _read(file: BinaryIO, offset: int | None) -> tuple["ImageFileDirectory_v2", bool]:
    """The directory at `offset` (None: the first one), and whether the file is a BigTIFF."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    header = _header(file)
    directory = ImageFileDirectory_v2(header)
    is_big = 43 in (header[2], header[3])
    file.seek(directory.next if offset is None else offset)
    directory.load(file)
    return directory, is_big


def _header(file: BinaryIO) -> bytes:
    file.seek(0)
    header = file.read(8)
    return header + file.read(8) if 43 in (header[2], header[3]) else header
