"""Pictures in and out of files: `read_image`, `write_image`, and their limits.

A file is recognised by its content and checked against the limits by its header, before a pixel is decoded.
It is written beside its target under another name and then renamed, so that a failure leaves nothing behind.
"""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Shaped, UInt8

from anyres.core.budget import MEMORY_SHARE
from anyres.core.decoded import broken
from anyres.core.decoders import decode, sketch, xmp_of
from anyres.core.encoders import encode
from anyres.core.errors import InputError, LimitError, RunError
from anyres.core.formats import FORMATS, SIGNATURE_BYTES, Format, format_of_suffix, recognise
from anyres.core.image import Image, Rows, from_samples, quantise, stripes_of
from anyres.core.memory import free_machine_bytes
from anyres.core.pillow import from_pil, turned
from anyres.core.regular import refuse_special
from anyres.core.spool import Spool
from anyres.core.storage import Storage, storage_for

_SPOOLED_FROM_BYTES: Final = 4_000_000  # samples of rows: fewer stay in memory on their way to the encoder
_READABLE: Final = "PNG, JPEG, WebP, TIFF, BMP, AVIF and (with the extra `heic`) HEIC"


@dataclass(frozen=True)
class Limits:
    """What is read at most; each can be raised by its name."""

    max_megapixels: float = 100.0  # millions of pixels, by the header
    max_megabytes: float = 256.0  # millions of bytes on disk


@dataclass(frozen=True)
class Header:
    """What is known of a picture file without decoding it."""

    size_hw: tuple[int, int]  # upright
    format: Format
    bytes: int
    pages: int  # pages, or frames of an animation
    stamp: tuple[int, int] | None = field(default=None, compare=False)  # inode and time of change


def read_header(path: str | Path, *, limits: Limits | None = None) -> Header:
    """Size and format of a picture file, from its first bytes.

    Raises:
        InputError: Nothing there, a folder, a pipe, empty, not a picture, or a header that cannot be read.
        LimitError: More bytes than the limits allow (only where limits are given).
    """
    source = Path(path)
    stamp = _stamp(source)
    size, picture_format = _recognised(source, limits)
    seen = sketch(source, picture_format)
    size_hw = seen.stored_hw if seen.orientation < 5 else seen.stored_hw[::-1]  # 5 to 8 lie on their side
    return Header(size_hw, picture_format, bytes=size, pages=seen.pages, stamp=stamp)


def read_image(path: str | Path, *, limits: Limits | None = None, header: Header | None = None) -> Image:
    """The picture in a file: upright, with alpha, depth, colour profile, EXIF, XMP and DPI.

    1, 2 and 4 bits become 8, a palette becomes RGB, CMYK and Lab become sRGB (with a notice). EXIF
    orientation is applied and set to 1; the EXIF thumbnail, which would show the old picture, is dropped.
    Without `limits`, the default ones hold. A `header` that was read from this file under the same limits is
    not read again, unless the file was changed since.

    Raises:
        InputError: Not a picture, damaged, cut short, several pages or frames, float outside [0, 1].
        LimitError: More pixels or bytes than the limits allow.
    """
    source, limits = Path(path), limits or Limits()
    if header is None or header.stamp != _stamp(source):
        header = read_header(source, limits=limits)
    check_header(source, header, limits)
    decoded = decode(source, header.format)
    samples = turned(decoded.samples, decoded.orientation)
    if decoded.encoding.depth == 32:
        _check_float(source, samples)
    encoding = decoded.encoding
    if decoded.orientation >= 5 and encoding.dpi:  # stored on its side
        encoding = replace(encoding, dpi=encoding.dpi[::-1])
    return from_samples(samples, decoded.white, encoding, decoded.notices)


def read_xmp(path: str | Path, *, limits: Limits | None = None) -> bytes | None:
    """The XMP packet of a picture file as it stands there; no pixel is decoded. None when it holds none.

    Raises:
        InputError: Not a picture, or one whose header cannot be read.
        LimitError: More bytes than the limits allow (only where limits are given).
    """
    _, picture_format = _recognised(Path(path), limits)
    return xmp_of(Path(path), picture_format)


def read_rgb8(path: str | Path) -> UInt8[np.ndarray, "h w 3"]:
    """The upright colours of a picture in 8 bits, by Pillow alone: for folders of training pictures.

    Raises:
        InputError: Not a picture, one that is damaged or cut short, or one that has transparent pixels.
    """
    import PIL.Image
    from PIL import ImageOps

    refuse_special(path)
    try:
        with PIL.Image.open(path) as picture:
            if picture.mode in ("1", "L", "RGB") and "transparency" not in picture.info:
                return np.array(ImageOps.exif_transpose(picture).convert("RGB"))
            image = from_pil(picture)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError) as error:
        raise broken(Path(path), str(error)) from error
    if image.alpha is not None and float(image.alpha.min()) < 1:
        raise InputError(
            f"{path} has transparent pixels, whose colours nobody sees; training and evaluation take opaque "
            "pictures. Save it without transparency, or leave it out."
        )
    return quantise(image.pixels, np.uint8)


def output_format(path: str | Path) -> Format:
    """The format that a file of this name is written in.

    Raises:
        InputError: A suffix that names none.
    """
    found = format_of_suffix(Path(path).suffix)
    if found is None:
        known = " ".join(ability.suffixes[0] for ability in FORMATS.values())
        raise InputError(
            f"{Path(path).name!r} does not end like a picture that anyres writes. Choose one of {known}."
        )
    return found


def write_image(
    picture: Image | Rows, path: str | Path, *, overwrite: bool = False, strip: bool = False
) -> tuple[str, ...]:
    """Write a picture in the format that the suffix names, with the depth, mode and metadata it came with.

    Many rows go through a temporary file beside the target, so that memory stays small whatever their number;
    only WebP, AVIF and HEIC have encoders that take the whole picture at once.
    `strip` leaves out the colour profile, EXIF, XMP and DPI.

    Returns:
        What the format could not keep, a sentence each.

    Raises:
        InputError: An unknown suffix, transparency or a size that the format cannot hold, a folder that is
            not there or cannot be written to, or a file that exists, without `overwrite`.
        LimitError: Rows that would not fit the disk; in WebP, AVIF and HEIC, a picture that would not fit
            memory.
        RunError: The disk is full, or the encoder failed.
    """
    target = Path(path)
    rows = Rows.of(picture) if isinstance(picture, Image) else picture
    storage = storage_for(
        output_format(target), rows.encoding, size_hw=rows.size_hw, has_alpha=rows.has_alpha, strip=strip
    )
    _check_target(target, overwrite)
    _check_memory(storage)
    with _temporary(target) as finished:
        if isinstance(picture, Image) or storage.bytes <= _SPOOLED_FROM_BYTES:
            encode(_gather(rows, storage), finished, storage)
        else:
            _check_disk(target, storage)
            with _temporary(target) as raw:
                spool = Spool(raw, storage)
                spool.write(_stored(rows, storage))
                encode(spool, finished, storage)
        _check_target(target, overwrite)  # someone may have written there meanwhile
        finished.replace(target)
    return storage.notices


def _stamp(path: Path) -> tuple[int, int] | None:
    """What tells whether a file is the same as before; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _recognised(path: Path, limits: Limits | None) -> tuple[int, Format]:
    """Bytes and format of a file that has been looked at, not decoded."""
    if path.is_dir():
        raise InputError(f"{path} is a folder, not a picture. Name a file in it.")
    refuse_special(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(SIGNATURE_BYTES)
    except FileNotFoundError as error:
        raise InputError(f"There is no file {path}. Check the name and the folder.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}). Check who may read it.") from error
    if size == 0:
        raise InputError(f"{path} is empty (0 bytes). Copy or download it again.")
    if limits is not None and size > limits.max_megabytes * 1e6:
        raise LimitError(
            f"{path} has {size / 1e6:.1f} MB; the limit is {limits.max_megabytes:g}. "
            f"Raise it by max_megabytes (--max-megabytes {int(size / 1e6) + 1}) if you trust the file."
        )
    found = recognise(start)
    if found is None:
        raise InputError(
            f"{path} is not a picture that anyres reads (it begins with {start[:8]!r}). "
            f"It reads {_READABLE}; convert the file to one of these."
        )
    return size, found


def check_header(path: Path, header: Header, limits: Limits) -> None:
    """InputError for a file of several pictures, LimitError for more pixels than the limits allow."""
    height, width = header.size_hw
    if header.pages > 1:
        raise InputError(
            f"{path} holds {header.pages} pages or frames; anyres takes one picture a file. "
            "Save the page that you want as a file of its own."
        )
    megapixels = height * width / 1e6
    if megapixels > limits.max_megapixels:
        raise LimitError(
            f"{path} says that it has {width} x {height} pixels, {megapixels:.1f} megapixels; the limit is "
            f"{limits.max_megapixels:g}. Raise it by max_megapixels (--max-megapixels {int(megapixels) + 1}) "
            "if you trust the file."
        )


def _check_float(path: Path, samples: Shaped[np.ndarray, "h w c"]) -> None:
    low, high = float(samples.min()), float(samples.max())
    if not (low >= 0 and high <= 1):  # written so that NaN is refused too
        seen = "they hold NaN" if np.isnan(low) else f"they go from {low:.4g} to {high:.4g}"
        raise InputError(
            f"The float values of {path} must be from 0 to 1; {seen}. "
            "Tone-map or scale the picture to 0 to 1 first."
        )


def _check_target(target: Path, overwrite: bool) -> None:
    if target.is_dir():
        raise InputError(f"{target} is a folder. Name a file in it.")
    if not target.parent.is_dir():
        raise InputError(f"There is no folder {target.parent} to write {target.name} to. Create it first.")
    if target.exists() and not overwrite:
        raise InputError(
            f"{target} exists already. Choose another name, or allow replacing it (--overwrite)."
        )


def _check_disk(target: Path, storage: Storage) -> None:
    """Refuse what the disk cannot hold: the samples, and as much again for a file that does not shrink."""
    needed, free = 2 * storage.bytes, shutil.disk_usage(target.parent).free
    if needed > free:
        height, width = (int(length * (free / needed) ** 0.5) for length in storage.size_hw)
        raise LimitError(
            f"{storage.size_hw[1]} x {storage.size_hw[0]} pixels need {needed / 1e6:.0f} MB on the disk of "
            f"{target.parent}; {free / 1e6:.0f} are free. Free some, or ask for {width} x {height} at most."
        )


def _check_memory(storage: Storage) -> None:
    """Refuse what memory cannot hold, in the formats whose encoders take the whole picture at once."""
    needed, free = storage.encoder_bytes, int(MEMORY_SHARE * free_machine_bytes())
    if needed > free:
        height, width = (int(length * (free / needed) ** 0.5) for length in storage.size_hw)
        raise LimitError(
            f"Writing {storage.size_hw[1]} x {storage.size_hw[0]} pixels as {storage.format} needs "
            f"{needed / 1e6:.0f} MB of memory; {free / 1e6:.0f} can be used. Write PNG, TIFF or JPEG, which "
            f"need little, or ask for {width} x {height} at most."
        )


@contextmanager
def _temporary(target: Path) -> Iterator[Path]:
    """A new empty file beside the target, removed at the end unless it was renamed.

    Raises:
        InputError: The folder cannot be written to.
        RunError: The disk is full.
    """
    path = target.with_name(f".{target.name[:40]}.{uuid.uuid4().hex[:12]}.part")
    try:
        path.touch(exist_ok=False)
    except OSError as error:
        raise InputError(
            f"{target.parent} cannot be written to ({error.strerror}). "
            f"Choose another folder for {target.name}."
        ) from error
    try:
        yield path
    except OSError as error:
        raise RunError(
            f"{target} could not be written ({os.strerror(error.errno) if error.errno else error}). "
            "Free some space there, or choose another folder."
        ) from error
    finally:
        path.unlink(missing_ok=True)


def _gather(rows: Rows, storage: Storage) -> Shaped[np.ndarray, "h w c"]:
    """All samples in memory."""
    samples = np.empty((*storage.size_hw, storage.channels), storage.dtype)
    top = 0
    for stripe in _stored(rows, storage):
        samples[top : top + stripe.shape[0]] = stripe
        top += stripe.shape[0]
    return samples


def _stored(rows: Rows, storage: Storage) -> Iterator[Shaped[np.ndarray, "h w c"]]:
    """The samples of rows, a few million at a time."""
    for stripe in rows.checked_stripes():
        if np.isnan(stripe.max()):
            raise RunError("The result holds values that are not numbers. Try --precision float32.")
        for top, bottom in stripes_of((stripe.shape[0], stripe.shape[1]), rows.channels):
            yield storage.samples_of(stripe[top:bottom])
