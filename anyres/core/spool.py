"""Samples on disk, on their way to an encoder: what does not fit memory.

They stand in an uncompressed BigTIFF, which libvips reads strip by strip. A file of bare samples would be
simpler, but libvips maps it as a whole, and its pages then count as memory of this process.
"""

import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Shaped

from anyres.core.storage import Storage
from anyres.core.vips import load_vips

_DATA_START: Final = 16  # bytes of a BigTIFF header
_ROWS_PER_STRIP: Final = 16
_TYPES: Final = {"H": 3, "I": 4, "Q": 16}  # TIFF's SHORT, LONG and LONG8


@dataclass(frozen=True)
class Spool:
    """A file that holds the samples of one picture."""

    path: Path
    storage: Storage

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns and channels."""
        return (*self.storage.size_hw, self.storage.channels)

    def write(self, stripes: Iterable[Shaped[np.ndarray, "h w c"]]) -> None:
        """Fill the file with samples that arrive from top to bottom."""
        header = b"II+\x00" if sys.byteorder == "little" else b"MM\x00+"
        header += (8).to_bytes(2, sys.byteorder) + bytes(2)  # offsets of 8 bytes
        with self.path.open("wb") as file:
            file.write(header + bytes(8))
            for stripe in stripes:
                file.write(np.ascontiguousarray(stripe).data)
            end = file.tell() + file.write(bytes(file.tell() % 2))  # a directory begins on a word
            file.write(self._directory(end))
            file.seek(len(header))
            file.write(end.to_bytes(8, sys.byteorder))

    def read(self, top: int, bottom: int) -> Shaped[np.ndarray, "rows w c"]:
        """The samples of rows `top` to `bottom`."""
        _, width, channels = self.shape
        row, dtype = width * channels, np.dtype(self.storage.dtype)
        start = _DATA_START + top * row * dtype.itemsize
        rows: Shaped[np.ndarray, ...] = np.fromfile(self.path, dtype, (bottom - top) * row, offset=start)
        return rows.reshape(bottom - top, width, channels)

    def open(self) -> Any:
        """The samples as a libvips image that is read once, from top to bottom."""
        return load_vips().Image.tiffload(str(self.path), access="sequential")

    def _directory(self, offset: int) -> bytes:
        """The BigTIFF directory (TIFF 6.0, section 8, with offsets of 8 bytes), as it stands at `offset`."""
        height, width, channels = self.shape
        tops = range(0, height, _ROWS_PER_STRIP)
        row_bytes = self.storage.bytes // height
        entries: dict[int, tuple[str, list[int]]] = {
            256: ("I", [width]),
            257: ("I", [height]),
            258: ("H", [self.storage.depth] * channels),
            259: ("H", [1]),  # not compressed
            262: ("H", [2 if channels > 2 else 1]),  # RGB, or black is 0
            273: ("Q", [_DATA_START + top * row_bytes for top in tops]),
            277: ("H", [channels]),
            278: ("I", [_ROWS_PER_STRIP]),
            279: ("Q", [(min(top + _ROWS_PER_STRIP, height) - top) * row_bytes for top in tops]),
            339: ("H", [3 if self.storage.depth == 32 else 1] * channels),  # float, or whole numbers
        }
        if channels in (2, 4):
            entries[338] = ("H", [2])  # alpha, and colours are not multiplied by it
        table, data = struct.pack("=Q", len(entries)), b""
        data_start = offset + 8 + 20 * len(entries) + 8  # count, entries, offset of the next directory
        for tag, (letter, values) in sorted(entries.items()):
            packed = struct.pack(f"={len(values)}{letter}", *values)
            if len(packed) > 8:  # too long to stand in its entry
                position = data_start + len(data)
                data += packed + bytes(-len(packed) % 8)
                packed = struct.pack("=Q", position)
            table += struct.pack("=HHQ", tag, _TYPES[letter], len(values)) + packed.ljust(8, b"\x00")
        return table + bytes(8) + data
