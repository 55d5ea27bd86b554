"""Pairs with a known map from one real photograph: warped by a quadratic, and both sides in other light.

Section 6.3 of the project's notes. The two sides share the photograph's own noise where it is stronger than
what is added, so that figures on such pairs flatter every detector; made eyes do not.
Axes: h w the photograph. Positions are x, y in pixels.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8

from anyres.core.errors import InputError
from anyres.core.image import Image
from anyres.core.pillow import jpeg_bytes, jpeg_pixels
from anyres.models.retina.measuring import Points, Truth
from anyres.models.retina.opencv import cv2
from anyres.models.retina.preparing import Prepared, prepare
from anyres.models.retina.transform import Quadratic, monomials

_POINTS: Final = 24  # places a side at which a map is compared with the truth
_INNER: Final = 0.58  # of the field's width; a circle's inner square is 0.71 of it, and a warp needs room
_TRIES: Final = 200


def warped_pair(image: Image, generator: np.random.Generator) -> tuple[Image, Image, Truth]:
    """The inner part of a photograph as fixed, of its warped copy as moving, and places of both.

    Both are squares inside the field of view, so that neither its rim nor black fill tells of the warp. Warps
    are drawn until that is so.

    Raises:
        InputError: if the photograph shows no retina, or too small a part of one.
    """
    prepared, square = prepare(image), inner_square(image)
    height, width = image.size_hw
    for _ in range(_TRIES):
        to_photograph = draw_quadratic(width, height, generator)
        if _is_seen(prepared, to_photograph.apply(square.rim())).all():
            break
    else:
        raise InputError(
            f"Each of {_TRIES} warps leaves the field of view of a photograph of {width} x {height} pixels. "
            "Give photographs of which the retina fills more."
        )
    to_fixed = to_photograph.between(square.matrix(1), square.matrix(-1))
    sources = to_fixed.apply(square.pixels()) + np.array([square.left, square.top])
    columns, rows = sources.reshape(square.side, square.side, 2).astype(np.float32).transpose(2, 0, 1)
    moved = cv2.remap(image.pixels, columns, rows, cv2.INTER_CUBIC)
    still = image.pixels[square.top :, square.left :][: square.side, : square.side]
    moving, fixed = (relit(np.asarray(one, np.float32), generator) for one in (moved, still))
    return fixed, moving, _truth(square.side, to_fixed)


@dataclass(frozen=True)
class Square:
    """Of a photograph, in its pixels."""

    left: int
    top: int
    side: int

    def matrix(self, sign: int) -> Float64[np.ndarray, "3 3"]:
        """From positions in the square to those in the photograph (1), or back (-1)."""
        return np.array([[1, 0, sign * self.left], [0, 1, sign * self.top], [0, 0, 1.0]])

    def pixels(self) -> Points:
        """Positions of all pixels in the square, row by row."""
        return np.stack(np.meshgrid(*2 * [np.arange(float(self.side))]), axis=-1).reshape(-1, 2)

    def rim(self) -> Points:
        """Positions of its outermost pixels in the photograph."""
        last = self.side - 1
        places = self.pixels()
        is_outermost = (places % last == 0).any(axis=1)
        return np.asarray(places[is_outermost] + np.array([self.left, self.top]))


def inner_square(image: Image) -> Square:
    """A square about the middle of the field of view, well inside it.

    Raises:
        InputError: if the photograph shows no retina.
    """
    prepared = prepare(image)
    if prepared.defect is not None:
        raise InputError(f"A photograph {prepared.defect} Take it out of the folder.")
    low, high = prepared.outline.min(axis=0), prepared.outline.max(axis=0)
    side = int(_INNER * (high - low).min())
    left, top = np.rint((low + high - (side - 1)) / 2).astype(int)
    return Square(int(left), int(top), side)


def draw_quadratic(width: int, height: int, generator: np.random.Generator) -> Quadratic:
    """From moving to fixed: turned, stretched and moved as two visits are, and bent by 1 to 3 percent."""
    angle, stretch = np.radians(generator.uniform(-8, 8)), generator.uniform(0.95, 1.05)
    cosine, sine = stretch * np.cos(angle), stretch * np.sin(angle)
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    bend = generator.normal(0, 1, (2, 3))
    rim = monomials(np.array([[np.cos(one), np.sin(one)] for one in np.linspace(0, 6.28, 24)]))[:, 3:]
    bend *= generator.uniform(0.01, 0.03) / np.abs(rim @ bend.T).max()  # at the rim, in widths
    shift = generator.uniform(-0.08, 0.08, 2)
    unit = np.array([[shift[0], cosine, -sine, *bend[0]], [shift[1], sine, cosine, *bend[1]]])
    half = max(width, height) / 2
    unit[:, 3:] *= 2  # widths are two of the unit
    into = np.array([[1 / half, 0, -middle[0] / half], [0, 1 / half, -middle[1] / half], [0, 0, 1]])
    return Quadratic(unit).between(into, np.linalg.inv(into))


def relit(pixels: Float32[np.ndarray, "h w 3"], generator: np.random.Generator) -> Image:
    """A photograph in other light and colours, less sharp, with noise of its own, as a JPEG."""
    height, width = pixels.shape[:2]
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    angle, slope = generator.uniform(0, 2 * np.pi), generator.uniform(0.05, 0.25)
    light = 1 + slope * (x * np.cos(angle) + y * np.sin(angle))
    cast = generator.uniform(0.85, 1.15, 3) * generator.uniform(0.8, 1.2)
    lit = np.clip(pixels, 0, 1) ** generator.uniform(0.8, 1.25) * light[..., None] * cast
    soft = cv2.GaussianBlur(lit.astype(np.float32), (0, 0), generator.uniform(0.3, 1.2))
    grain = generator.uniform(0.005, 0.02) * generator.standard_normal(soft.shape, np.float32)
    seen = (pixels.max(axis=2, keepdims=True) > 0.04).astype(np.float32)
    stored = np.rint(255 * np.clip(soft + grain * seen, 0, 1)).astype(np.uint8)
    return Image.from_numpy(jpeg_pixels(jpeg_bytes(stored, quality=int(generator.integers(70, 95)))))


def worn(pixels: UInt8[np.ndarray, "h w 3"], level: int, seed: int) -> UInt8[np.ndarray, "h w 3"]:
    """A photograph as a poor camera and a clouded lens give it: softer, paler, noisier by each level."""
    if level == 0:
        return pixels
    generator = np.random.default_rng([seed, level])
    soft = cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), 0.8 * level)
    seen = soft.max(axis=2, keepdims=True) > 10
    middle = soft[seen[..., 0]].mean(axis=0) if seen.any() else np.zeros(3, np.float32)
    pale = middle + (soft - middle) * 0.75**level
    noisy = pale + 2.5 * level * generator.standard_normal(pale.shape, np.float32)
    return np.asarray(np.where(seen, noisy, soft).clip(0, 255).astype(np.uint8))


def _truth(side: int, to_fixed: Quadratic) -> Truth:
    """Places on a grid of the moving square that the fixed one shows too."""
    along = np.linspace(0, side - 1, _POINTS)
    places: Points = np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2)
    there = to_fixed.apply(places)
    both = ((there >= 0) & (there <= side - 1)).all(axis=1)
    return places[both], there[both]


def _is_seen(prepared: Prepared, places: Points) -> Bool[np.ndarray, " n"]:
    """Whether positions of a photograph lie in its field of view."""
    x, y = np.rint(prepared.at_work(places)).astype(int).T
    height, width = prepared.field.shape
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return np.asarray(inside & prepared.field[y.clip(0, height - 1), x.clip(0, width - 1)])
