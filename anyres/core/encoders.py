"""From stored samples to a picture file: libvips for most, a few lines for BMP, pillow-heif for HEIC.

Samples are an array of h w c, or stand in a file, so that a picture can be larger than memory.
"""

import struct
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Shaped

from anyres.core import tiff
from anyres.core.errors import RunError
from anyres.core.formats import Format
from anyres.core.heic import encode_heic
from anyres.core.image import stripes_of
from anyres.core.metadata import EXIF_PREFIX
from anyres.core.spool import Spool
from anyres.core.storage import Storage
from anyres.core.vips import forget_errors, load_vips

_MM_PER_INCH: Final = 25.4
_NO_DPI: Final = 72.0  # what programs take for a picture that names none
_NO_PNG_RESOLUTION: Final = 2.834  # px/mm by which libvips means, and reads, none
_BIG_TIFF_BYTES: Final = 2**32 - 2**26  # classic TIFF ends at 4 GB; leave room for directories
_SAVERS: Final[dict[Format, tuple[str, dict[str, Any]]]] = {
    # Level 3 with filter `up`: under half the time of level 6, for 7 to 10 % more bytes of an enlargement.
    "png": ("pngsave", {"compression": 3, "filter": "up"}),
    # No optimised Huffman tables: for 7 % fewer bytes they hold the whole picture in memory.
    "jpeg": ("jpegsave", {"Q": 95, "subsample_mode": "off"}),
    "webp": ("webpsave", {"Q": 95, "smart_subsample": True, "effort": 2, "exact": True}),
    "tiff": ("tiffsave", {"compression": "deflate", "resunit": "inch"}),
    # Effort 1 is 20 times faster than the default 4, for a quarter more bytes.
    "avif": ("heifsave", {"compression": "av1", "Q": 90, "subsample_mode": "off", "effort": 1}),
}


def encode(samples: Shaped[np.ndarray, "h w c"] | Spool, path: Path, storage: Storage) -> None:
    """Write samples as a picture file of `storage.format`.

    Raises:
        RunError: The encoder failed, most often since the disk is full.
        InputError: HEIC is asked for without its extra.
    """
    if storage.format == "bmp":
        _encode_bmp(samples, path, storage)
        return
    if storage.format == "heic":
        whole = samples.read(0, storage.size_hw[0]) if isinstance(samples, Spool) else samples
        encode_heic(whole, path, storage.metadata)
        return
    vips = load_vips()
    forget_errors()
    try:
        _encode_vips(_vips_image(samples, storage), path, storage)
    except vips.Error as error:
        raise RunError(
            f"{path.parent} could not take the picture ({' '.join(str(error).split())}). "
            "Free some space there, or write to another folder."
        ) from error
    if storage.format == "tiff":
        if storage.metadata.dpi is None:
            tiff.forget_unit(path)
        if storage.metadata.exif:
            tiff.add_exif(path, storage.metadata.exif)


def _vips_image(samples: Shaped[np.ndarray, "h w c"] | Spool, storage: Storage) -> Any:
    if isinstance(samples, Spool):
        return samples.open()
    height, width = storage.size_hw
    kind = {8: "uchar", 16: "ushort", 32: "float"}[storage.depth]
    return load_vips().Image.new_from_memory(samples, width, height, storage.channels, kind)


def _encode_vips(image: Any, path: Path, storage: Storage) -> None:
    vips = load_vips()
    metadata = storage.metadata
    space = {8: ("b-w", "srgb"), 16: ("grey16", "rgb16"), 32: ("b-w", "scrgb")}[storage.depth]
    x_dpi, y_dpi = metadata.dpi or (_NO_DPI, _NO_DPI)
    resolution = {"xres": x_dpi / _MM_PER_INCH, "yres": y_dpi / _MM_PER_INCH}
    if storage.format == "png" and metadata.dpi is None:
        resolution = {"xres": _NO_PNG_RESOLUTION, "yres": _NO_PNG_RESOLUTION}
    image = image.copy(interpretation=space[storage.channels > 2], **resolution)
    blobs = {
        "icc": ("icc-profile-data", metadata.icc_profile),
        "exif": ("exif-data", EXIF_PREFIX + metadata.exif if metadata.exif else None),
        "xmp": ("xmp-data", metadata.xmp),
    }
    kept = []
    for keep, (name, blob) in blobs.items():
        if blob:
            image.set_type(vips.GValue.blob_type, name, blob)
            kept.append(keep)
    if metadata.dpi and storage.format in ("jpeg", "webp", "avif") and "exif" not in kept:
        kept.append("exif")  # the only place for DPI in these: libvips writes no JFIF header
    saver, options = _SAVERS[storage.format]
    getattr(image, saver)(str(path), keep="|".join(kept) or "none", **options, **_more_options(storage))


def _more_options(storage: Storage) -> dict[str, Any]:
    """Options that depend on the picture."""
    if storage.format == "tiff":
        predictor = "float" if storage.depth == 32 else "horizontal"
        return {"predictor": predictor, "bigtiff": storage.bytes > _BIG_TIFF_BYTES}
    if storage.format == "avif":
        return {"bitdepth": 12 if storage.depth == 16 else 8}
    if storage.format == "webp":
        return {"lossless": storage.metadata.is_lossless}
    return {}


def _encode_bmp(samples: Shaped[np.ndarray, "h w c"] | Spool, path: Path, storage: Storage) -> None:
    """BMP with a 40-byte BITMAPINFOHEADER: 24 bits BGR, or 8 bits with a grey palette; bottom row first."""
    height, width, channels = samples.shape
    palette = b"".join(bytes((level, level, level, 0)) for level in range(256)) if channels == 1 else b""
    stride = -(-width * channels // 4) * 4  # rows fill whole words of 4 bytes
    offset = 14 + 40 + len(palette)
    x_dots, y_dots = (round(it / _MM_PER_INCH * 1000) for it in storage.metadata.dpi or (0.0, 0.0))  # 0: none
    with path.open("wb") as file:
        file.write(struct.pack("<2sIHHI", b"BM", (offset + stride * height) % 2**32, 0, 0, offset))
        file.write(
            struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8 * channels, 0, 0, x_dots, y_dots, 0, 0)
        )
        file.write(palette)
        for top, bottom in reversed(list(stripes_of((height, width), channels))):
            rows = samples.read(top, bottom) if isinstance(samples, Spool) else samples[top:bottom]
            padded = np.zeros((bottom - top, stride), np.uint8)
            padded[:, : width * channels] = rows[::-1, :, ::-1].reshape(bottom - top, -1)
            file.write(padded.data)
