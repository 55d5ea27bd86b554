"""Pairs with a known map from one real photograph: warped by a quadratic, and both sides in other light.

Section 6.3 of the project's notes. The two sides share the photograph's own noise where it is stronger than
what is added, so that figures on such pairs flatter every detector; made eyes do not.
Axes: h w the photograph. Positions are x, y in pixels.
"""

from typing import Final

import numpy as np
from jaxtyping import Float32, UInt8

from anyres.core.image import Image
from anyres.core.pillow import jpeg_bytes, jpeg_pixels
from anyres.models.retina.measuring import Points, Truth
from anyres.models.retina.opencv import cv2
from anyres.models.retina.preparing import prepare
from anyres.models.retina.transform import Quadratic, monomials

_POINTS: Final = 24  # places a side at which a map is compared with the truth


def warped_pair(image: Image, generator: np.random.Generator) -> tuple[Image, Image, Truth]:
    """A photograph as fixed, its warped copy as moving, and places of both."""
    height, width = image.size_hw
    to_fixed = draw_quadratic(width, height, generator)
    y, x = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    places = to_fixed.apply(np.stack((x, y), axis=-1).reshape(-1, 2).astype(np.float64))
    sources = places.reshape(height, width, 2).astype(np.float32)
    moved = cv2.remap(image.pixels, sources[..., 0], sources[..., 1], cv2.INTER_CUBIC)
    moving, fixed = (relit(np.asarray(one, np.float32), generator) for one in (moved, image.pixels))
    return fixed, moving, _truth(fixed, moving, to_fixed)


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


def _truth(fixed: Image, moving: Image, to_fixed: Quadratic) -> Truth:
    """Places on a grid that both fields of view show."""
    height, width = moving.size_hw
    x, y = np.linspace(0, width - 1, _POINTS), np.linspace(0, height - 1, _POINTS)
    places: Points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    there = to_fixed.apply(places)
    seen = [_inside(image, one) for image, one in ((moving, places), (fixed, there))]
    both = seen[0] & seen[1]
    return places[both], there[both]


def _inside(image: Image, places: Points) -> np.ndarray:
    prepared = prepare(image)
    x, y = np.rint(prepared.at_work(places)).astype(int).T
    height, width = prepared.field.shape
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return np.asarray(inside & prepared.field[y.clip(0, height - 1), x.clip(0, width - 1)])
