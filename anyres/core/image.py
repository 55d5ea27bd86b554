"""Image: what every operation takes and gives; Rows: the same, arriving from top to bottom.

Axes: h rows, w columns, c channels. Colour is RGB in [0, 1], float32, in the picture's own colour space: its
profile is carried beside the pixels and not applied, but for CMYK and Lab, which become sRGB when read.
Alpha is straight (colour is not multiplied by it), 1 is opaque. A grey picture has three equal channels and
`encoding.is_grey`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32, Shaped

from anyres.core.errors import InputError
from anyres.core.formats import Depth, Format
from anyres.core.metadata import LARGEST_DPI, SMALLEST_DPI, plausible_dpi

if TYPE_CHECKING:
    import PIL.Image
    import torch

    from anyres.core.files import Limits

Samples = type[np.uint8] | type[np.uint16] | type[np.float32]  # how a picture's values are stored
_STRIPE_VALUES = 2**21  # values converted at a time: 8 MB of float32, which caches hold


@dataclass(frozen=True)
class Encoding:
    """How a picture was stored, and so how it goes back to a file.

    Raises:
        InputError: A resolution that no picture has.
    """

    format: Format | None = None  # None: the picture was not read from a file
    depth: Depth = 8  # bits per channel; 32 is float
    is_grey: bool = False
    icc_profile: bytes | None = None
    exif: bytes | None = None  # a TIFF structure, without the prefix that JPEG puts before it
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None  # dots per inch, (x, y)
    is_lossless: bool = False  # a lossless WebP, which goes back as one

    def __post_init__(self) -> None:
        """Check the resolution, which no file could hold otherwise; InputError."""
        if self.dpi is not None and plausible_dpi(*self.dpi) is None:
            raise InputError(
                f"A resolution is from {SMALLEST_DPI:g} to {LARGEST_DPI:g} dots per inch, x and y, not "
                f"{self.dpi[0]:g} and {self.dpi[1]:g}. Give None where it is not known."
            )


@dataclass(frozen=True, eq=False)
class Image:
    """A picture that has checked itself: RGB, h w 3, float32 in [0, 1], contiguous and read-only.

    The arrays are taken, not copied, where they are what is asked for already; leave them alone afterwards.

    Raises:
        InputError: Not three channels, no pixels at all, or values outside [0, 1] (NaN too).
    """

    pixels: Float32[np.ndarray, "h w 3"]
    alpha: Float32[np.ndarray, "h w"] | None = None
    encoding: Encoding = field(default_factory=Encoding)
    notices: tuple[str, ...] = ()  # what happened to the picture that its owner should know, a sentence each

    def __post_init__(self) -> None:
        """Check both arrays and make them contiguous and read-only."""
        shape = self.pixels.shape
        if len(shape) != 3 or shape[2] != 3 or 0 in shape:
            raise InputError(
                f"An image is height x width x 3, each at least 1; this array is {_shape_text(shape)}. "
                "Image.from_numpy also takes grey, alpha and whole numbers."
            )
        if self.alpha is not None and self.alpha.shape != shape[:2]:
            raise InputError(
                f"Alpha is height x width like its image, {_shape_text(shape[:2])}; "
                f"this one is {_shape_text(self.alpha.shape)}. Resize it with the image."
            )
        object.__setattr__(self, "pixels", _checked(self.pixels, "An image"))
        if self.alpha is not None:
            object.__setattr__(self, "alpha", _checked(self.alpha, "Alpha"))

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.pixels.shape[1])

    @property
    def size_hw(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.height, self.width

    @classmethod
    def open(cls, path: str | Path, *, limits: "Limits | None" = None) -> "Image":
        """The picture in a file, upright, with its alpha, depth, profile and metadata; see `read_image`."""
        from anyres.core.files import Limits, read_image

        return read_image(path, limits=limits or Limits())

    @classmethod
    def from_pil(cls, picture: "PIL.Image.Image") -> "Image":
        """The picture that a PIL image holds, of any mode, upright; see `pillow.from_pil`."""
        from anyres.core.pillow import from_pil

        return from_pil(picture)

    @classmethod
    def from_numpy(cls, array: Shaped[np.ndarray, "..."], *, encoding: Encoding | None = None) -> "Image":
        """The picture in an array: h w (grey), h w 1, h w 2 (grey, alpha), h w 3 or h w 4 (RGB, alpha).

        uint8 goes from 0 to 255, uint16 from 0 to 65535, float from 0 to 1. Without an `encoding`, uint16 is
        written with 16 bits and all else with 8.

        Raises:
            InputError: Another shape, another type, or float values outside [0, 1].
        """
        whites = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65_535.0}
        if array.dtype not in whites and not np.issubdtype(array.dtype, np.floating):
            raise InputError(
                f"An array of a picture holds uint8, uint16 or float from 0 to 1; this is {array.dtype}. "
                "Convert it, for instance with array.astype('float32')."
            )
        channels = 1 if array.ndim == 2 else array.shape[-1] if array.ndim == 3 else 0
        if channels not in (1, 2, 3, 4):
            raise InputError(
                f"An array of a picture is height x width, or height x width x 1, 2, 3 or 4; "
                f"this one is {_shape_text(array.shape)}. Move its channels to the end, or take one of many."
            )
        if encoding is None:
            encoding = Encoding(depth=16 if array.dtype == np.uint16 else 8, is_grey=channels < 3)
        return from_samples(array.reshape(*array.shape[:2], channels), whites.get(array.dtype, 1.0), encoding)

    @classmethod
    def from_torch(cls, tensor: "torch.Tensor", *, encoding: Encoding | None = None) -> "Image":
        """The picture in a tensor of 3 h w or 1 3 h w, float in [0, 1] or uint8, on any device.

        Raises:
            InputError: Another shape, another type, or values outside [0, 1].
        """
        import torch

        planes = tensor[0] if tensor.ndim == 4 and tensor.shape[0] == 1 else tensor
        if planes.ndim != 3 or planes.shape[0] != 3:
            raise InputError(
                f"A tensor of a picture is 3 x height x width, or 1 x 3 x height x width; "
                f"this one is {_shape_text(tuple(tensor.shape))}. Give one picture of three channels."
            )
        if planes.is_floating_point():
            planes = planes.to(torch.float32)
        return cls.from_numpy(planes.detach().cpu().permute(1, 2, 0).numpy(), encoding=encoding)

    def save(self, path: str | Path, *, overwrite: bool = False, strip: bool = False) -> tuple[str, ...]:
        """Write the picture in the format that the suffix names; see `files.write_image`."""
        from anyres.core.files import write_image

        return write_image(self, path, overwrite=overwrite, strip=strip)

    def to_pil(self) -> "PIL.Image.Image":
        """An 8-bit PIL image (L, LA, RGB, RGBA) with profile, EXIF, XMP and DPI; see `pillow.to_pil`."""
        from anyres.core.pillow import to_pil

        return to_pil(self)

    def to_numpy(self, dtype: "Samples | str | np.dtype[Any]" = np.uint8) -> Shaped[np.ndarray, "h w c"]:
        """A new array of h w 3, or h w 4 with alpha: uint8 or uint16, rounded half up, or float32.

        Raises:
            InputError: Another type.
        """
        channels = 3 if self.alpha is None else 4
        array = np.empty((self.height, self.width, channels), _sample_type(dtype))
        for top, bottom in stripes_of(self.size_hw, channels):
            array[top:bottom, :, :3] = quantise(self.pixels[top:bottom], dtype)
            if self.alpha is not None:
                array[top:bottom, :, 3] = quantise(self.alpha[top:bottom], dtype)
        return array

    def to_torch(self) -> "Float32[torch.Tensor, '3 h w']":
        """The colours as a new tensor of 3 h w, float32 in [0, 1], on the CPU."""
        import torch

        return torch.from_numpy(np.array(self.pixels.transpose(2, 0, 1), order="C"))

    def _repr_png_(self) -> bytes:
        """PNG of 8 bits, by which a notebook shows the picture."""
        from anyres.core.pillow import png_bytes

        return png_bytes(self)


@dataclass(frozen=True)
class Rows:
    """A picture that arrives from top to bottom: how a big result leaves a model, never whole in memory."""

    size_hw: tuple[int, int]
    has_alpha: bool
    encoding: Encoding
    stripes: Iterator[
        Float32[np.ndarray, "h w c"]
    ]  # c is 3, or 4 with alpha; their heights add up to size_hw[0]
    notices: tuple[str, ...] = ()

    @property
    def channels(self) -> int:
        """Channels of every stripe: 3, or 4 with alpha."""
        return 4 if self.has_alpha else 3

    @classmethod
    def of(cls, image: Image) -> "Rows":
        """The rows of a picture that is whole in memory."""
        return cls(image.size_hw, image.alpha is not None, image.encoding, _stripes(image), image.notices)

    def checked_stripes(self) -> Iterator[Float32[np.ndarray, "h w c"]]:
        """The stripes; an AssertionError when one, or their sum, is not of the size that was declared."""
        height = 0
        for stripe in self.stripes:
            assert stripe.shape[1:] == (self.size_hw[1], self.channels), f"a stripe of {stripe.shape}"
            height += stripe.shape[0]
            yield stripe
        assert height == self.size_hw[0], f"{height} rows came, {self.size_hw[0]} were declared"

    def collect(self) -> Image:
        """The whole picture in memory; values that overshoot [0, 1] are clipped, as a file would."""
        pixels = np.empty((*self.size_hw, 3), np.float32)
        alpha = np.empty(self.size_hw, np.float32) if self.has_alpha else None
        top = 0
        for stripe in self.checked_stripes():
            bottom = top + stripe.shape[0]
            np.clip(stripe[:, :, :3], 0, 1, out=pixels[top:bottom])
            if alpha is not None:
                np.clip(stripe[:, :, 3], 0, 1, out=alpha[top:bottom])
            top = bottom
        return Image(pixels=pixels, alpha=alpha, encoding=self.encoding, notices=self.notices)


def _stripes(image: Image) -> Iterator[Float32[np.ndarray, "h w c"]]:
    for top, bottom in stripes_of(image.size_hw, 4):
        if image.alpha is None:
            yield image.pixels[top:bottom]
        else:
            yield np.concatenate([image.pixels[top:bottom], image.alpha[top:bottom, :, None]], axis=2)


def from_samples(
    samples: Shaped[np.ndarray, "h w c"], white: float, encoding: Encoding, notices: tuple[str, ...] = ()
) -> Image:
    """Image of stored samples (grey, grey and alpha, RGB, or RGB and alpha), where `white` means 1."""
    channels = samples.shape[2]
    colours = 1 if channels < 3 else 3
    pixels = np.empty((*samples.shape[:2], 3), np.float32)
    np.divide(samples[:, :, :colours], np.float32(white), out=pixels, casting="same_kind")
    alpha = None
    if channels in (2, 4):
        alpha = np.empty(samples.shape[:2], np.float32)
        np.divide(samples[:, :, -1], np.float32(white), out=alpha, casting="same_kind")
    return Image(pixels=pixels, alpha=alpha, encoding=encoding, notices=notices)


def quantise(
    values: Float32[np.ndarray, "..."], dtype: "Samples | str | np.dtype[Any]"
) -> Shaped[np.ndarray, "..."]:
    """Values in [0, 1] as they are stored: clipped, and for whole numbers rounded half up.

    Raises:
        InputError: Another type than uint8, uint16 and float32.
    """
    dtype = _sample_type(dtype)
    if dtype == np.float32:
        return np.asarray(np.clip(values, 0, 1))
    white = np.float32(255 if dtype == np.uint8 else 65_535)
    scaled = values * white
    scaled += np.float32(0.5)
    np.clip(scaled, 0, white, out=scaled)
    return scaled.astype(dtype)  # towards zero, which after adding a half is rounding half up


def _sample_type(dtype: object) -> "np.dtype[Any]":
    """NumPy's type of a sample, by any of the names that it has."""
    try:
        found: np.dtype[Any] | None = np.dtype(dtype)  # type: ignore[call-overload]
    except TypeError:
        found = None
    if found is None or found not in (np.uint8, np.uint16, np.float32):
        raise InputError(
            f"Pixels are given as uint8, uint16 or float32, not as {dtype!r:.80}. "
            "Take float32 and convert that."
        )
    return found


def stripes_of(size_hw: tuple[int, int], channels: int) -> Iterator[tuple[int, int]]:
    """First and past-the-last row of stripes that together cover a picture, each of a few million values."""
    step = max(1, _STRIPE_VALUES // (size_hw[1] * channels))
    for top in range(0, size_hw[0], step):
        yield top, min(top + step, size_hw[0])


def _checked(values: Shaped[np.ndarray, "..."], name: str) -> Float32[np.ndarray, "..."]:
    """The values, contiguous and read-only; the caller's own array keeps its flags."""
    if values.dtype != np.float32:
        raise InputError(
            f"{name} holds float32 from 0 to 1; this one holds {values.dtype}. Use Image.from_numpy."
        )
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= 1):  # written so that NaN is refused too
        seen = "holds NaN" if np.isnan(low) else f"goes from {low:.3g} to {high:.3g}"
        raise InputError(f"{name} holds values from 0 to 1; this one {seen}. Divide 8-bit pixels by 255.")
    kept = np.ascontiguousarray(values).view()
    kept.flags.writeable = False
    return kept


def _shape_text(shape: tuple[int, ...]) -> str:
    return " x ".join(str(length) for length in shape) or "a single number"
