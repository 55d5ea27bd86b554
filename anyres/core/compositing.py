"""Several pictures in one: over each other, seen on a background, and what their encodings have in common.

Porter and Duff, Compositing Digital Images, SIGGRAPH 1984, for "over", here with straight alpha.
Axes: h rows, w columns. Colours are mixed as they are stored, in the pictures' own colour spaces.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float32

from anyres.core.image import Encoding, Image

_FAINTEST = np.float32(0.5 / 65_535)  # an alpha that 16 bits store as 0: its colour is of nothing


def premultiplied(straight: Float32[np.ndarray, "h w 4"]) -> Float32[np.ndarray, "h w 4"]:
    """Colours multiplied by their alpha, as they are mixed and resampled."""
    return np.concatenate((straight[..., :3] * straight[..., 3:], straight[..., 3:]), axis=2)


def straightened(mixed: Float32[np.ndarray, "h w 4"]) -> Float32[np.ndarray, "h w 4"]:
    """Straight colours again, all in [0, 1]; black where nothing is seen.

    A kernel overshoots in colour and alpha alike, so alpha is clipped only after it has divided.
    """
    alpha = mixed[..., 3:]
    colours = mixed[..., :3] / np.maximum(alpha, _FAINTEST)
    colours *= alpha > _FAINTEST
    return np.asarray(np.clip(np.concatenate((colours, alpha), axis=2), 0, 1))


def laid_over(
    below: Image, above: Image, *, opacity: float
) -> tuple[Float32[np.ndarray, "h w 3"], Float32[np.ndarray, "h w"] | None]:
    """Colours and alpha of one picture over another of its size; no alpha where `below` has none."""
    cover = np.float32(opacity) * _alpha(above)
    if below.alpha is None:
        mix = cover[..., None]
        return above.pixels * mix + below.pixels * (1 - mix), None
    rest = below.alpha * (1 - cover)
    mixed = above.pixels * cover[..., None] + below.pixels * rest[..., None]
    result = straightened(np.dstack((mixed, cover + rest)))
    return result[..., :3], result[..., 3]


def seen_on(image: Image, level: float) -> Float32[np.ndarray, "h w 3"]:
    """The colours that are seen when the picture lies on an even grey of that level, 0 black to 1 white."""
    if image.alpha is None:
        return image.pixels
    alpha = image.alpha[..., None]
    return np.asarray(image.pixels * alpha + np.float32(level) * (1 - alpha))


def common_encoding(images: Sequence[Image]) -> Encoding:
    """How a picture made of several is stored: the greatest depth, the first's profile, nobody's metadata."""
    first = images[0].encoding
    return Encoding(
        depth=max(image.encoding.depth for image in images),
        is_grey=all(image.encoding.is_grey for image in images),
        icc_profile=first.icc_profile,
        format=first.format,
    )


def kept_encoding(below: Image, above: Image) -> Encoding:
    """That of the picture below, but grey only where both are."""
    return replace(below.encoding, is_grey=below.encoding.is_grey and above.encoding.is_grey)


def common_notices(images: Sequence[Image]) -> tuple[str, ...]:
    """The notices of all, once each, and one more where colours of several profiles meet."""
    notices = [notice for image in images for notice in image.notices]
    if len({image.encoding.icc_profile for image in images}) > 1:
        notices.append(
            "The pictures have different colour profiles; their numbers were mixed as they are, with the "
            "profile of the first."
        )
    return tuple(dict.fromkeys(notices))


def _alpha(image: Image) -> Float32[np.ndarray, "h w"]:
    return np.ones(image.size_hw, np.float32) if image.alpha is None else image.alpha
