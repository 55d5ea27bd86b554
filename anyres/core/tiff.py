"""TIFF directories, for what libvips leaves out: EXIF in and out, and the kinds of page.

TIFF 6.0 and its supplements: a file is a chain of directories, one a page; EXIF stands in entries of the
first page and in two directories below it. Pillow's directory class reads and writes them, also in BigTIFF.
"""

import struct
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from anyres.core.decoded import broken

if TYPE_CHECKING:
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

_SUBFILE_TYPE: Final = 254
_UNIT: Final = 296  # of the resolution
_NO_UNIT: Final = 1
_REDUCED_OR_MASK: Final = 1 | 4  # bits of the subfile type: a smaller copy, a transparency mask
_SUB_DIRECTORIES: Final = (0x8769, 0x8825)  # EXIF and GPS
# Entries of a page that describe the photograph, and so belong to EXIF; the others describe its storage.
_DESCRIPTIVE: Final = frozenset(
    {270, 271, 272, 305, 306, 315, 316, 18246, 18249, 33432, 40091, 40092, 40093, 40094, 40095, 50341}
)
# What Pillow raises for directories that are damaged, and for values that are not of their tag's type.
_DAMAGE: Final = (
    struct.error,
    SyntaxError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    ArithmeticError,
    OSError,
)
_CLASSIC_HEADER: Final = (b"II*\x00" if sys.byteorder == "little" else b"MM\x00*") + bytes(4)


def pages_of(path: Path) -> int:
    """Pages of a TIFF file that are pictures of their own: thumbnails, pyramid levels and masks are not.

    Raises:
        InputError: A directory cannot be read.
    """
    try:
        with _without_warnings():
            return sum(not page.get(_SUBFILE_TYPE, 0) & _REDUCED_OR_MASK for page in _pages(path)) or 1
    except _DAMAGE as error:
        raise broken(path, f"its directory cannot be read: {error}") from error


def exif_of(path: Path) -> bytes | None:
    """The EXIF of the first page as a block of its own; None when the page tells nothing of it.

    A block that cannot be read comes back empty.
    """
    try:
        with _without_warnings():
            return _exif_of(path)
    except _DAMAGE:
        return b""


def _exif_of(path: Path) -> bytes | None:
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


def takes_exif(exif: bytes) -> bool:
    """Whether the entries of an EXIF block can be written into a TIFF file: those of a damaged one cannot."""
    try:
        _directory_bytes(exif, _CLASSIC_HEADER, len(_CLASSIC_HEADER))
    except _DAMAGE:
        return False
    return True


def add_exif(path: Path, exif: bytes) -> None:
    """Add the entries of an EXIF block, one that `takes_exif`, to the first page of a TIFF file.

    Its directory is written anew at the end: the old entries as they stand, as offsets count from the file's
    start, and the new ones among them.
    """
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    with path.open("r+b") as file:
        header = _header(file)
        page = ImageFileDirectory_v2(header)
        start = _append(file, _directory_bytes(exif, header, _end(file)))
        layout = _Layout.of(header)
        old, next_page = layout.entries(file, page.next)
        new, _ = layout.entries(file, start)
        merged = sorted((new | old).items())
        directory_start = _append(file, layout.pack(dict(merged), next_page))
        file.seek(layout.first_at)
        file.write(struct.pack(layout.order + layout.offset, directory_start))


def forget_unit(path: Path) -> None:
    """Let the first page of a TIFF file name no unit of its resolution, which then says nothing but x : y."""
    with path.open("r+b") as file:
        layout = _Layout.of(_header(file))
        file.seek(layout.first_at)
        file.seek(layout.number(file, layout.offset))
        for _ in range(layout.number(file, layout.count)):
            entry = file.read(layout.entry_bytes)
            if struct.unpack_from(layout.order + "H", entry)[0] == _UNIT:
                file.seek(layout.value_at - layout.entry_bytes, 1)
                file.write(struct.pack(layout.order + "H", _NO_UNIT))
                return


def _directory_bytes(exif: bytes, header: bytes, offset: int) -> bytes:
    """A TIFF directory of the entries of an EXIF block, as it stands at `offset` of a file of that header."""
    import PIL.Image
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    with _without_warnings():
        source = PIL.Image.Exif()
        source.load(exif)
        page = ImageFileDirectory_v2(header)
        for tag in _DESCRIPTIVE & set(source):
            page[tag] = source[tag]
        for tag in _SUB_DIRECTORIES:
            if directory := source.get_ifd(tag):
                page[tag] = dict(directory)
        content: bytes = page.tobytes(offset)
        return content


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Pillow warns of every odd entry; what cannot be kept becomes a notice of the picture instead."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@dataclass(frozen=True)
class _Layout:
    """How numbers stand in a TIFF file: the struct module's letters, classic or BigTIFF."""

    order: str
    count: str
    offset: str
    first_at: int  # where the offset of the first directory stands
    entry_bytes: int
    value_at: int  # where in an entry its value stands

    @classmethod
    def of(cls, header: bytes) -> "_Layout":
        order = "<" if header[:2] == b"II" else ">"
        return cls(order, "Q", "Q", 8, 20, 12) if len(header) == 16 else cls(order, "H", "I", 4, 12, 8)

    def entries(self, file: BinaryIO, start: int) -> tuple[dict[int, bytes], int]:
        """The entries of a directory, as they stand, by their tag; and where the next directory begins."""
        file.seek(start)
        entries: dict[int, bytes] = {}
        for _ in range(self.number(file, self.count)):
            entry = file.read(self.entry_bytes)
            entries[struct.unpack_from(self.order + "H", entry)[0]] = entry
        return entries, self.number(file, self.offset)

    def pack(self, entries: dict[int, bytes], next_page: int) -> bytes:
        """A directory of these entries, which are sorted by tag."""
        count = struct.pack(self.order + self.count, len(entries))
        return count + b"".join(entries.values()) + struct.pack(self.order + self.offset, next_page)

    def number(self, file: BinaryIO, letter: str) -> int:
        """The number that stands where the file is read next, by the struct module's letter."""
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
            page = _read(file, offset)
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
