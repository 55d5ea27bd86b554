"""What a file format will keep of a picture: decided before a byte is written, and what is lost is said."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Shaped

from anyres.core import tiff
from anyres.core.errors import InputError
from anyres.core.formats import FORMATS, Depth, Format
from anyres.core.image import Encoding, Samples, quantise
from anyres.core.metadata import resized_exif, resized_xmp

_NAMES: dict[Format, str] = {"png": "PNG", "jpeg": "JPEG", "webp": "WebP", "tiff": "TIFF", "bmp": "BMP"}
# Bytes a pixel that encoders take which need the whole picture; the second with alpha, 16 bits or lossless.
# Measured on 2000 x 2000 pixels (libvips 8.18, pillow-heif 1.8), rounded up; other formats go row by row.
_WHOLE: dict[Format, tuple[int, int]] = {"webp": (18, 44), "avif": (40, 80), "heic": (42, 90)}
_TYPES: dict[Depth, Samples] = {8: np.uint8, 16: np.uint16, 32: np.float32}


@dataclass(frozen=True)
class Storage:
    """How one picture goes into one file."""

    format: Format
    size_hw: tuple[int, int]
    depth: Depth  # bits per channel of the samples; AVIF and HEIC keep fewer of 16
    channels: int  # grey, grey and alpha, RGB, or RGB and alpha
    metadata: Encoding  # profile, EXIF, XMP and DPI that will be in the file
    notices: tuple[str, ...]  # what the file cannot keep, a sentence each

    @property
    def dtype(self) -> Samples:
        """NumPy's type of a sample."""
        return _TYPES[self.depth]

    @property
    def bytes(self) -> int:
        """Size of all samples."""
        return self.size_hw[0] * self.size_hw[1] * self.channels * self.depth // 8

    @property
    def encoder_bytes(self) -> int:
        """Memory that the encoder takes beside its samples; 0 where it takes a few rows at a time."""
        is_rich = self.channels in (2, 4) or self.depth > 8 or self.metadata.is_lossless
        return self.size_hw[0] * self.size_hw[1] * encoder_bytes_per_pixel(self.format, is_rich=is_rich)

    def samples_of(self, stripe: Float32[np.ndarray, "h w c"]) -> Shaped[np.ndarray, "h w k"]:
        """The samples stored for a stripe of 3 channels, or 4 with alpha; grey is the mean of colours."""
        if self.channels > 2:
            return quantise(stripe, self.dtype)
        grey = stripe[:, :, :3].mean(axis=2, keepdims=True)
        return quantise(np.concatenate([grey, stripe[:, :, 3:]], axis=2), self.dtype)


def encoder_bytes_per_pixel(picture_format: Format, *, is_rich: bool) -> int:
    """Memory that an encoder takes which needs the whole picture; rich: with alpha, 16 bits or lossless."""
    return _WHOLE.get(picture_format, (0, 0))[is_rich]


def storage_for(
    picture_format: Format, encoding: Encoding, *, size_hw: tuple[int, int], has_alpha: bool, strip: bool
) -> Storage:
    """How a picture of this encoding goes into a file of this format.

    Raises:
        InputError: The format cannot hold the picture's transparency, or its size.
    """
    ability, name = FORMATS[picture_format], _name(picture_format)
    if has_alpha and not ability.has_alpha:
        raise InputError(
            f"The picture has transparency, which {name} cannot hold. Write PNG, WebP, TIFF or AVIF instead."
        )
    if max(size_hw) > ability.longest_side:
        raise InputError(
            f"{name} holds at most {ability.longest_side} pixels a side; the picture has "
            f"{size_hw[1]} x {size_hw[0]} (width x height). Write PNG or TIFF instead."
        )
    depth = max(it for it in ability.depths if it <= encoding.depth)
    metadata, notices = _metadata(picture_format, encoding, size_hw, strip)
    if ability.bits < encoding.depth:
        notices = (f"{name} holds {ability.bits} bits a channel; the picture had {encoding.depth}.", *notices)
    channels = (1 if encoding.is_grey and ability.has_grey else 3) + has_alpha
    return Storage(picture_format, size_hw, depth, channels, metadata, notices)


def _metadata(
    picture_format: Format, encoding: Encoding, size_hw: tuple[int, int], strip: bool
) -> tuple[Encoding, tuple[str, ...]]:
    """The metadata that goes into the file, and what does not."""
    ability, name = FORMATS[picture_format], _name(picture_format)
    profile, exif, xmp, dpi = encoding.icc_profile, encoding.exif, encoding.xmp, encoding.dpi
    notices: list[str] = []
    if strip:
        if profile:
            notices.append("The colour profile was stripped: programs will take the colours for sRGB.")
        profile = exif = xmp = dpi = None
    if not ability.has_metadata and (profile or exif or xmp):
        notices.append(f"{name} holds no colour profile and no metadata; they were left out.")
        profile = exif = xmp = None
    wanted = b"GRAY" if encoding.is_grey and ability.has_grey else b"RGB "
    if profile and profile[16:20] != wanted:  # ICC.1:2022, 7.2: the profile's colour space
        notices.append(
            f"The colour profile is for {profile[16:20].decode('ascii', 'replace').strip()}, the file holds "
            f"{wanted.decode().strip()}; it was left out."
        )
        profile = None
    if exif:
        exif = resized_exif(exif, size_hw)
        if exif is None or (picture_format == "tiff" and not tiff.takes_exif(exif)):
            exif = None
            notices.append("The EXIF block could not be read and was left out.")
    if xmp:
        xmp = resized_xmp(xmp, size_hw)
    return replace(encoding, icc_profile=profile, exif=exif, xmp=xmp, dpi=dpi), tuple(notices)


def _name(picture_format: Format) -> str:
    return _NAMES.get(picture_format, picture_format.upper())
