"""TIFF directories, for what libvips leaves out: EXIF in and out, and the kinds of page.

TIFF 6.0 and its supplements: a file is a chain of directories, one a page; EXIF stands in entries of the
first page and in two directories below it. Pillow's directory class reads and writes them, also in BigTIFF.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from anyres.core.decoded import broken

if TYPE_CHECKING:
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

_SUBFILE_TYPE: Final = 254
_REDUCED_OR_MASK: Final = 1 | 4  # bits of the subfile type: a smaller copy, a transparency mask
_SUB_DIRECTORIES: Final = (0x8769, 0x8825)  # EXIF and GPS
# Entries of a page that describe the photograph, and so belong to EXIF; the others describe its storage.
_DESCRIPTIVE: Final = frozenset(
    {270, 271, 272, 305, 306, 315, 316, 18246, 18249, 33432, 40091, 40092, 40093, 40094, 40095, 50341}
)


def pages_of(path: Path) -> int:
    """Pages of a TIFF file that are pictures of their own: thumbnails, pyramid levels and masks are not."""
    return sum(not page.get(_SUBFILE_TYPE, 0) & _REDUCED_OR_MASK for page in _pages(path)) or 1


def exif_of(path: Path) -> bytes | None:
    """The EXIF of the first page as a block of its own; None when the page tells nothing of it."""
    import PIL.Image
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    exif = PIL.Image.Exif()
    with path.open("rb") as file:
        page = _read(file, None)
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
    """Add the entries of an EXIF block to the first page of a TIFF file.

    Its directory is written anew at the end: the old entries as they stand, as offsets count from the file's
    start, and the new ones among them.
    """
    import PIL.Image
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    source = PIL.Image.Exif()
    source.load(exif)
    with path.open("r+b") as file:
        header = _header(file)
        page = ImageFileDirectory_v2(header)
        for tag in _DESCRIPTIVE & set(source):
            page[tag] = source[tag]
        for tag in _SUB_DIRECTORIES:
            if directory := source.get_ifd(tag):
                page[tag] = dict(directory)
        start = _append(file, page.tobytes(_end(file)))
        layout = _Layout.of(header)
        old, next_page = layout.entries(file, page.next)
        new, _ = layout.entries(file, start)
        merged = sorted((new | old).items())
        directory_start = _append(file, layout.pack(dict(merged), next_page))
        file.seek(layout.first_at)
        file.write(struct.pack(layout.order + layout.offset, directory_start))


@dataclass(frozen=True)
class _Layout:
    """How numbers stand in a TIFF file: the struct module's letters, classic or BigTIFF."""

    order: str
    count: str
    offset: str
    first_at: int  # where the offset of the first directory stands
    entry_bytes: int

    @classmethod
    def of(cls, header: bytes) -> "_Layout":
        order = "<" if header[:2] == b"II" else ">"
        return cls(order, "Q", "Q", 8, 20) if len(header) == 16 else cls(order, "H", "I", 4, 12)

    def entries(self, file: BinaryIO, start: int) -> tuple[dict[int, bytes], int]:
        """The entries of a directory, as they stand, by their tag; and where the next directory begins."""
        file.seek(start)
        entries: dict[int, bytes] = {}
        for _ in range(self._number(file, self.count)):
            entry = file.read(self.entry_bytes)
            entries[struct.unpack_from(self.order + "H", entry)[0]] = entry
        return entries, self._number(file, self.offset)

    def pack(self, entries: dict[int, bytes], next_page: int) -> bytes:
        """A directory of these entries, which are sorted by tag."""
        count = struct.pack(self.order + self.count, len(entries))
        return count + b"".join(entries.values()) + struct.pack(self.order + self.offset, next_page)

    def _number(self, file: BinaryIO, letter: str) -> int:
        layout = self.order + letter
        number: int = struct.unpack(layout, file.read(struct.calcsize(layout)))[0]
        return number


def _end(file: BinaryIO) -> int:
    """Where the next directory can begin: the file's end, made even."""
    end = file.seek(0, 2)
    return end + file.write(bytes(end % 2))


def _append(file: BinaryIO, block: bytes) -> int:
    """Write a block at the file's end; where it begins."""
    start = _end(file)
    file.write(block)
    return start


def _pages(path: Path) -> Iterator["ImageFileDirectory_v2"]:
    with path.open("rb") as file:
        seen: set[int] = set()
        offset: int | None = None
        while offset != 0 and offset not in seen:  # a chain may bite its own tail
            if offset is not None:
                seen.add(offset)
            try:
                page = _read(file, offset)
            except (struct.error, SyntaxError, KeyError, OSError, ValueError) as error:
                raise broken(path, f"its directory cannot be read: {error}") from error
            yield page
            offset = page.next


def _read(file: BinaryIO, offset: int | None) -> "ImageFileDirectory_v2":
    """The directory at `offset`; None stands for the first one."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    directory = ImageFileDirectory_v2(_header(file))
    file.seek(directory.next if offset is None else offset)
    directory.load(file)
    return directory


def _header(file: BinaryIO) -> bytes:
    """The first 8 bytes, or 16 of a BigTIFF."""
    file.seek(0)
    header = file.read(8)
    return header + file.read(8) if 43 in (header[2], header[3]) else header
