"""From the bytes of a picture file to its samples: libvips for most, Pillow for BMP, pillow-heif for HEIC.

Axes: h rows, w columns, c channels (grey, grey and alpha, RGB, RGB and alpha), as stored, not yet turned.
"""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from anyres.core import tiff
from anyres.core.decoded import Decoded, Sketch, broken
from anyres.core.errors import InputError
from anyres.core.formats import Depth, Format
from anyres.core.heic import decode_heic, sketch_heic, xmp_of_heic
from anyres.core.image import Encoding
from anyres.core.metadata import exif_dpi, plausible_dpi, upright_exif, upright_xmp
from anyres.core.pillow import decode_bmp, sketch_avif_sequence, sketch_bmp
from anyres.core.vips import forget_errors, load_vips

_NO_PNG_RESOLUTION: Final = 2.834  # px/mm that libvips reports, and writes, for a PNG that names none
_MM_PER_INCH: Final = 25.4
_LOADERS: Final = {
    "png": "pngload",
    "jpeg": "jpegload",
    "webp": "webpload",
    "tiff": "tiffload",
    "avif": "heifload",
}
_DEPTHS: Final[dict[str, Depth]] = {"uchar": 8, "ushort": 16, "float": 32, "double": 32}
_WITH_A_COLOUR_SPACE: Final = ("cmyk", "lab", "labs", "labq", "xyz", "lch", "yxy")


def sketch(path: Path, picture_format: Format) -> Sketch:
    """Size, pages and orientation from the header alone.

    Raises:
        InputError: The header cannot be read, or an extra is needed for this format.
    """
    if picture_format == "bmp":
        return sketch_bmp(path)
    if picture_format == "heic":
        return sketch_heic(path)
    if picture_format == "avif" and (sequence := sketch_avif_sequence(path)):
        return sequence
    image = _open_vips(path, picture_format)
    pages = {"png": _frames_of_png, "tiff": tiff.pages_of}.get(picture_format)
    count = pages(path) if pages else _field(image, "n-pages", 1) if picture_format == "webp" else 1
    return Sketch((image.height, image.width), count, _orientation(image, picture_format))


def decode(path: Path, picture_format: Format) -> Decoded:
    """All samples of a file, in the colour space that they were stored in, or sRGB for CMYK and Lab.

    Raises:
        InputError: The file is damaged or cut short, or holds what anyres does not read.
    """
    if picture_format == "bmp":
        return decode_bmp(path)
    if picture_format == "heic":
        return decode_heic(path)
    return _decode_vips(path, picture_format)


def xmp_of(path: Path, picture_format: Format) -> bytes | None:
    """The XMP packet of a file as it stands there, without decoding a pixel; None when it holds none.

    Raises:
        InputError: The header cannot be read, or an extra is needed for this format.
    """
    if picture_format == "bmp":
        return None
    if picture_format == "heic":
        return xmp_of_heic(path)
    packet: bytes | None = _field(_open_vips(path, picture_format), "xmp-data", None)
    return packet


def _open_vips(path: Path, picture_format: Format) -> Any:
    """The file as a lazy libvips image, by a named loader: a general one would read brackets in a path."""
    vips = load_vips()
    forget_errors()
    try:
        loader = getattr(vips.Image, _LOADERS[picture_format])
        return loader(str(path), access="sequential", fail_on="error")
    except vips.Error as error:
        raise broken(path, str(error)) from error


def _decode_vips(path: Path, picture_format: Format) -> Decoded:
    vips = load_vips()
    image = _open_vips(path, picture_format)
    encoding, notices = _encoding(image, path, picture_format)
    white = {8: 255.0, 16: 65_535.0, 32: 1.0}[encoding.depth]
    try:
        if image.interpretation in _WITH_A_COLOUR_SPACE:
            image, notice = _to_srgb(image, encoding)
            encoding = replace(encoding, icc_profile=None)
            notices = (*notices, notice)
        elif picture_format == "avif" and encoding.depth == 16:
            bits = _field(image, "bits-per-sample", 16)
            white = float((2**bits - 1) << (16 - bits))  # libvips fills 16 bits from the top, zeros below
        samples = image.numpy()
    except vips.Error as error:
        raise broken(path, str(error)) from error
    samples = samples[:, :, None] if samples.ndim == 2 else samples
    if samples.shape[2] not in (1, 2, 3, 4):
        raise InputError(
            f"{path} holds {samples.shape[2]} channels; anyres reads grey or RGB, with or without alpha. "
            "Save the channels that make the picture as RGB."
        )
    encoding = replace(encoding, is_grey=samples.shape[2] < 3)
    return Decoded(samples, white, encoding, _orientation(image, picture_format), notices)


def _encoding(image: Any, path: Path, picture_format: Format) -> tuple[Encoding, tuple[str, ...]]:
    """What a libvips image says of its storage, with metadata made true of an upright picture."""
    if image.format not in _DEPTHS:
        raise InputError(
            f"{path} stores its samples as {image.format}; anyres reads 8 and 16 bits, and float. "
            "Convert it to one of these."
        )
    notices: tuple[str, ...] = ()
    exif, xmp = _field(image, "exif-data", None), _field(image, "xmp-data", None)
    if picture_format == "tiff":
        exif = tiff.exif_of(path)
    if exif is not None:
        exif = upright_exif(exif)
        if exif is None:
            notices = ("The EXIF block could not be read and was left out.",)
    encoding = Encoding(
        format=picture_format,
        depth=_DEPTHS[image.format],
        icc_profile=_field(image, "icc-profile-data", None),
        exif=exif,
        xmp=None if xmp is None else upright_xmp(xmp),
        dpi=_dpi(image, picture_format, exif),
        is_lossless=picture_format == "webp" and _is_lossless_webp(path),
    )
    return encoding, notices


def _to_srgb(image: Any, encoding: Encoding) -> tuple[Any, str]:
    """The picture in sRGB, and the sentence that says so."""
    depth = 16 if encoding.depth == 16 else 8
    if image.interpretation != "cmyk":
        space = "rgb16" if depth == 16 else "srgb"
        return image.colourspace(
            space
        ), f"The colours were converted from {image.interpretation.upper()} to sRGB."
    by = "its own profile" if encoding.icc_profile else "a general profile, as it names none"
    image = image.icc_transform(
        "srgb",
        embedded=True,
        input_profile="cmyk",
        intent="relative",
        black_point_compensation=True,
        depth=depth,
    )
    return image, f"The colours were converted from CMYK to sRGB by {by}."


def _field(image: Any, name: str, default: Any) -> Any:
    return image.get(name) if image.get_typeof(name) != 0 else default


def _orientation(image: Any, picture_format: Format) -> int:
    """EXIF orientation, 1 to 8; AVIF turns its picture by other means, which the decoder has applied."""
    orientation = _field(image, "orientation", 1)
    return orientation if picture_format != "avif" and orientation in range(1, 9) else 1


def _dpi(image: Any, picture_format: Format, exif: bytes | None) -> tuple[float, float] | None:
    if picture_format in ("webp", "avif"):  # which have no other place for it
        return exif_dpi(exif) if exif else None
    if picture_format == "png":
        is_known = not math.isclose(image.xres, _NO_PNG_RESOLUTION, rel_tol=1e-6)
    else:
        is_known = image.get_typeof("resolution-unit") != 0
    if not is_known:
        return None
    return plausible_dpi(_round_dpi(image.xres * _MM_PER_INCH), _round_dpi(image.yres * _MM_PER_INCH))


def _round_dpi(dpi: float) -> float:
    """PNG counts whole dots per metre: 300 dots per inch come back as 299.9994."""
    if not math.isfinite(dpi):
        return dpi
    return float(round(dpi)) if abs(dpi - round(dpi)) < 0.0127 else round(dpi, 3)  # half a dot per metre


def _frames_of_png(path: Path) -> int:
    """Frames that an animated PNG declares in its acTL chunk (before the first IDAT), else 1."""
    with path.open("rb") as file:
        file.seek(8)  # the signature
        while len(start := file.read(8)) == 8 and start[4:] != b"IDAT":
            length = int.from_bytes(start[:4], "big")
            if start[4:] == b"acTL":
                return int.from_bytes(file.read(4), "big")
            file.seek(length + 4, 1)  # data and checksum
    return 1


def _is_lossless_webp(path: Path) -> bool:
    """Whether the first picture chunk of a WebP file is VP8L."""
    with path.open("rb") as file:
        file.seek(12)  # RIFF, size, WEBP
        while len(start := file.read(8)) == 8:
            if start[:4] in (b"VP8L", b"VP8 "):
                return start[:4] == b"VP8L"
            length = int.from_bytes(start[4:], "little")
            file.seek(length + length % 2, 1)
    return False
