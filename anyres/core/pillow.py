"""PIL images in and out, and BMP, which libvips does not read."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from jaxtyping import Float32, Shaped, UInt8

from anyres.core.decoded import Decoded, Sketch, broken
from anyres.core.image import Encoding, Image, from_samples
from anyres.core.metadata import EXIF_PREFIX, plausible_dpi, upright_exif, upright_xmp

if TYPE_CHECKING:
    import PIL.Image

_ORIENTATION: Final = 0x0112
_SIXTEEN_BIT: Final = ("I;16", "I;16L", "I;16B", "I;16N")


def from_pil(picture: "PIL.Image.Image") -> Image:
    """The picture that a PIL image of any mode holds, upright, with profile, EXIF, XMP and DPI.

    Palettes become RGB, one bit becomes eight, CMYK and Lab become sRGB (with a notice). Mode F holds 0 to 1.

    Raises:
        InputError: Float values outside [0, 1].
    """
    orientation = picture.getexif().get(_ORIENTATION, 1)
    samples, white, notices = _samples(picture)
    exif, xmp = picture.info.get("exif"), picture.info.get("xmp")
    dpi = picture.info.get("dpi")
    encoding = Encoding(
        depth=16 if white == 65_535 else 8,
        is_grey=samples.shape[2] < 3,
        icc_profile=None if notices else picture.info.get("icc_profile"),
        exif=upright_exif(exif) if exif else None,
        xmp=upright_xmp(xmp) if isinstance(xmp, bytes) else None,
        dpi=plausible_dpi(float(dpi[0]), float(dpi[1])) if dpi else None,
    )
    return from_samples(turned(samples, orientation), white, encoding, notices)


def to_pil(image: Image) -> "PIL.Image.Image":
    """An 8-bit PIL image of mode L, LA, RGB or RGBA, with the metadata in its `info`, where PIL keeps it."""
    import PIL.Image

    array = image.to_numpy()
    if image.encoding.is_grey:
        colours = array[:, :, :3].mean(axis=2, dtype=np.float32) + np.float32(0.5)
        array = np.concatenate([colours.astype(np.uint8)[:, :, None], array[:, :, 3:]], axis=2)
    picture = PIL.Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)
    encoding = image.encoding
    info = {
        "icc_profile": encoding.icc_profile,
        "exif": EXIF_PREFIX + encoding.exif if encoding.exif else None,
        "xmp": encoding.xmp,
        "dpi": encoding.dpi,
    }
    picture.info.update({name: value for name, value in info.items() if value is not None})
    return picture


def png_bytes(image: Image) -> bytes:
    """An 8-bit PNG file in memory, with the colour profile."""
    buffer = io.BytesIO()
    to_pil(image).save(buffer, "PNG", compress_level=1, icc_profile=image.encoding.icc_profile)
    return buffer.getvalue()


def turned(samples: Shaped[np.ndarray, "h w c"], orientation: int) -> Shaped[np.ndarray, "h2 w2 c"]:
    """The samples upright, as a view, by EXIF's orientation 1 to 8 (EXIF 2.32, section 4.6.4 A)."""
    if orientation >= 5:  # 5 to 8 are stored on their side
        samples = samples.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    return samples


def sketch_bmp(path: Path) -> Sketch:
    """Size of a BMP file.

    Raises:
        InputError: The header cannot be read.
    """
    with _open_bmp(path) as picture:
        return Sketch((picture.height, picture.width))


def decode_bmp(path: Path) -> Decoded:
    """Samples of a BMP file of 1 to 32 bits a pixel.

    Raises:
        InputError: The file is damaged or cut short.
    """
    with _open_bmp(path) as picture:
        try:
            samples, white, _ = _samples(picture)
        except (OSError, SyntaxError, ValueError) as error:
            raise broken(path, str(error)) from error
        dpi = picture.info.get("dpi")
        dpi = plausible_dpi(float(round(dpi[0])), float(round(dpi[1]))) if dpi else None
    return Decoded(samples, white, Encoding(format="bmp", is_grey=samples.shape[2] < 3, dpi=dpi))


def sketch_avif_sequence(path: Path) -> Sketch | None:
    """Size and frames of an AVIF file that is an animation; None when it is a still picture.

    Raises:
        InputError: The header cannot be read.
    """
    from PIL import AvifImagePlugin

    with path.open("rb") as file:
        if file.read(12)[8:] != b"avis":
            return None
    try:
        with AvifImagePlugin.AvifImageFile(path) as picture:
            return Sketch((picture.height, picture.width), pages=picture.n_frames)
    except (OSError, SyntaxError, ValueError) as error:
        raise broken(path, str(error)) from error


def _open_bmp(path: Path) -> "PIL.Image.Image":
    from PIL import BmpImagePlugin

    try:
        return BmpImagePlugin.BmpImageFile(
            path
        )  # not PIL.Image.open: our own limits have been, or will be, checked
    except (OSError, SyntaxError, ValueError) as error:
        raise broken(path, str(error)) from error


def _samples(picture: "PIL.Image.Image") -> tuple[Shaped[np.ndarray, "h w c"], float, tuple[str, ...]]:
    """Samples of 1 to 4 channels, the sample that means 1, and what was converted."""
    mode, white = picture.mode, 255.0
    notices: tuple[str, ...] = ()
    if mode in _SIXTEEN_BIT or mode == "I":
        array = np.clip(np.array(picture), 0, 65_535).astype(np.uint16)  # PIL's I holds 16-bit PNG
        white = 65_535.0
    elif mode == "F":
        array, white = np.array(picture), 1.0
    elif mode in ("1", "L", "LA", "RGB", "RGBA"):
        has_transparency = mode in ("L", "RGB") and "transparency" in picture.info
        array = np.array(picture.convert("RGBA" if has_transparency else "L" if mode == "1" else mode))
    elif mode in ("P", "PA"):
        has_alpha = mode == "PA" or "transparency" in picture.info
        is_grey = picture.palette is not None and picture.palette.mode == "L"
        array = np.array(picture.convert("RGBA" if has_alpha else "L" if is_grey else "RGB"))
    elif mode in ("La", "RGBa"):
        array = np.array(picture.convert(mode.upper()))
    else:
        array, notices = _to_srgb(picture)
    return array if array.ndim == 3 else array[:, :, None], white, notices


def _to_srgb(picture: "PIL.Image.Image") -> tuple[UInt8[np.ndarray, "h w 3"], tuple[str, ...]]:
    """CMYK by its profile where it has one; YCbCr, HSV and Lab by PIL's own formulas."""
    from PIL import ImageCms

    profile = picture.info.get("icc_profile")
    notice = f"The colours were converted from {picture.mode} to sRGB"
    if picture.mode == "CMYK" and profile:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(
            picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
        assert converted is not None  # None comes only from a conversion in place
        return np.array(converted), (f"{notice} by their own profile.",)
    if picture.mode == "LAB":
        transform = ImageCms.buildTransform(
            ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
        )
        return np.array(ImageCms.applyTransform(picture, transform)), (f"{notice}.",)
    return np.array(picture.convert("RGB")), (f"{notice}.",)


def text_mask(words: str, *, height: int, angle_deg: float = 0.0) -> Float32[np.ndarray, "h w"]:
    """A line of text in PIL's own typeface, 1 on the strokes and 0 beside them, turned against the clock.

    Args:
        words: one line.
        height: of the letters, pixels.
        angle_deg: turned by so much; the mask grows to hold it.
    """
    import PIL.Image
    import PIL.ImageDraw
    import PIL.ImageFont

    font = PIL.ImageFont.load_default(height)
    left, top, right, bottom = font.getbbox(words)
    size = max(1, round(right - left)), max(1, round(bottom - top))
    picture = PIL.Image.new("L", size)
    PIL.ImageDraw.Draw(picture).text((-left, -top), words, fill=255, font=font)
    if angle_deg:
        picture = picture.rotate(angle_deg, PIL.Image.Resampling.BICUBIC, expand=True)
    return np.asarray(picture, np.float32) / 255


def jpeg_bytes(pixels: UInt8[np.ndarray, "h w 3"], *, quality: int) -> bytes:
    """A JPEG file in memory, without metadata, of `quality` 1 to 95."""
    import PIL.Image

    buffer = io.BytesIO()
    PIL.Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def jpeg_pixels(data: bytes) -> UInt8[np.ndarray, "h w 3"]:
    """The pixels of a JPEG file that this program made."""
    import PIL.Image

    with PIL.Image.open(io.BytesIO(data), formats=("JPEG",)) as picture:
        return np.array(picture.convert("RGB"))


def gif_bytes(frames: Sequence[UInt8[np.ndarray, "h w"]], *, seconds: float) -> bytes:
    """A GIF that shows grey pictures of one size in turn, each for so long, for ever."""
    import PIL.Image

    buffer = io.BytesIO()
    first, *rest = (PIL.Image.fromarray(frame) for frame in frames)
    first.save(
        buffer,
        "GIF",
        save_all=True,
        append_images=rest,
        duration=round(1000 * seconds),
        loop=0,
        optimize=False,
    )
    return buffer.getvalue()
