"""HEIC through pillow-heif, an extra: its codec is patented in places, so the base install has none."""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from jaxtyping import Shaped

from anyres.core.decoded import Decoded, Sketch, broken
from anyres.core.errors import InputError
from anyres.core.image import Encoding
from anyres.core.metadata import EXIF_PREFIX, exif_dpi, upright_exif, upright_xmp

_QUALITY = 90  # as AVIF's: no visible loss, a quarter of a JPEG


def sketch_heic(path: Path) -> Sketch:
    """Size of the primary picture, which is upright already, and how many pictures the file holds.

    Raises:
        InputError: The extra is not installed, or the file is damaged.
    """
    pictures = _open(path)
    width, height = pictures.size
    return Sketch((height, width), pages=len(pictures))


def xmp_of_heic(path: Path) -> bytes | None:
    """The XMP packet of the primary picture; None when it has none.

    Raises:
        InputError: The extra is not installed, or the file is damaged.
    """
    packet: bytes | None = _open(path).info.get("xmp")
    return packet


def decode_heic(path: Path) -> Decoded:
    """Samples of the primary picture; 10 and 12 bits come back as 16.

    Raises:
        InputError: The extra is not installed, or the file is damaged.
    """
    picture = _open(path)
    try:
        samples = np.asarray(picture)
    except (ValueError, OSError, RuntimeError, EOFError) as error:
        raise broken(path, str(error)) from error
    bits = int(picture.info.get("bit_depth", 8))
    white = 255.0 if bits == 8 else float((2**bits - 1) << (16 - bits))  # 16 bits are filled from the top
    exif, xmp = picture.info.get("exif"), picture.info.get("xmp")
    exif = upright_exif(exif) if exif else None
    encoding = Encoding(
        format="heic",
        depth=8 if bits == 8 else 16,
        is_grey=samples.ndim == 2,
        icc_profile=picture.info.get("icc_profile"),
        exif=exif,
        xmp=upright_xmp(xmp) if xmp else None,
        dpi=exif_dpi(exif) if exif else None,
    )
    return Decoded(samples if samples.ndim == 3 else samples[:, :, None], white, encoding)


def encode_heic(samples: Shaped[np.ndarray, "h w c"], path: Path, encoding: Encoding) -> None:
    """Write 8-bit or 16-bit samples (as 10 bits) of 3 or 4 channels.

    Raises:
        InputError: The extra is not installed.
    """
    heif = _library()
    mode = ("RGBA" if samples.shape[2] == 4 else "RGB") + (";16" if samples.dtype == np.uint16 else "")
    picture = heif.from_bytes(
        mode, (samples.shape[1], samples.shape[0]), np.ascontiguousarray(samples).tobytes()
    )
    options: dict[str, Any] = {"icc_profile": encoding.icc_profile, "xmp": encoding.xmp}
    if encoding.exif:
        options["exif"] = EXIF_PREFIX + encoding.exif
    with path.open("wb") as file:
        picture.save(file, quality=_QUALITY, chroma=444, **{name: it for name, it in options.items() if it})


def _open(path: Path) -> Any:
    heif = _library()
    try:
        return heif.open_heif(path, convert_hdr_to_8bit=False)
    except (ValueError, OSError, RuntimeError, EOFError, SyntaxError) as error:
        raise broken(path, str(error)) from error


def _library() -> ModuleType:
    try:
        import pillow_heif
    except ImportError as error:
        raise InputError(
            "HEIC needs the extra `heic`, which is not installed. Run `pip install 'anyres[heic]'`, "
            "or convert the picture to AVIF, TIFF or PNG."
        ) from error
    module: ModuleType = pillow_heif
    return module
