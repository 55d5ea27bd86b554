"""Picture formats: how each is recognised, named on disk, and what it can hold.

Recognition is by content, never by suffix; the suffix decides only what is written. It loads no library.
"""

from dataclasses import dataclass
from typing import Final, Literal

Format = Literal["png", "jpeg", "webp", "tiff", "bmp", "avif", "heic"]
Depth = Literal[8, 16, 32]

SIGNATURE_BYTES: Final = 64  # enough for the brands of an AVIF or HEIC file


@dataclass(frozen=True)
class Ability:
    """What one format can hold when anyres writes it."""

    suffixes: tuple[str, ...]  # the first is the one that we choose
    depths: tuple[Depth, ...]  # bits per channel of the samples that we hand over, ascending
    bits: int  # bits per channel that the file holds at most
    has_alpha: bool
    has_grey: bool  # one channel on disk
    has_metadata: bool  # colour profile, EXIF and XMP
    longest_side: int  # px


_ANY_SIDE: Final = 2**31 - 1

FORMATS: Final[dict[Format, Ability]] = {
    "png": Ability((".png",), (8, 16), 16, True, True, True, _ANY_SIDE),
    "jpeg": Ability(
        (".jpg", ".jpeg", ".jpe", ".jfif"), (8,), 8, False, True, True, 65_500
    ),  # libjpeg's limit
    "webp": Ability((".webp",), (8,), 8, True, False, True, 16_383),  # 14 bits in the container
    "tiff": Ability((".tif", ".tiff"), (8, 16, 32), 32, True, True, True, _ANY_SIDE),
    "bmp": Ability((".bmp", ".dib"), (8,), 8, False, True, False, _ANY_SIDE),
    "avif": Ability((".avif",), (8, 16), 12, True, False, True, 16_384),  # libheif's limit
    "heic": Ability((".heic", ".heif"), (8, 16), 10, True, False, True, 16_384),
}

_SIGNATURES: Final[tuple[tuple[bytes, Format], ...]] = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),  # BigTIFF
    (b"MM\x00+", "tiff"),
    (b"BM", "bmp"),
)
_HEIC_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})


def recognise(start: bytes) -> Format | None:
    """Format of a file from its first `SIGNATURE_BYTES` bytes; None when it is no picture for us."""
    for signature, picture_format in _SIGNATURES:
        if start.startswith(signature):
            return picture_format
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "webp"
    if start[4:8] == b"ftyp":
        return _brand(start)
    return None


def format_of_suffix(suffix: str) -> Format | None:
    """Format that a file suffix such as `.jpg` stands for; None when it stands for none of ours."""
    lowered = suffix.lower()
    for picture_format, ability in FORMATS.items():
        if lowered in ability.suffixes:
            return picture_format
    return None


def _brand(start: bytes) -> Format | None:
    """AVIF or HEIC by the major and compatible brands of the first box (ISO/IEC 14496-12, section 4.3)."""
    box_length = min(int.from_bytes(start[:4], "big"), len(start))
    brands = {start[8:12]} | {start[at : at + 4] for at in range(16, box_length, 4)}
    if brands & {b"avif", b"avis"}:
        return "avif"
    return "heic" if brands & _HEIC_BRANDS else None
