"""Made photographs of a retina: dark branching lines on orange, in a dark surround; always the same."""

import math
from functools import cache

import numpy as np
from jaxtyping import Float32

from anyres.core.image import Image
from anyres.models.retina.opencv import cv2

ORANGE = np.array([0.85, 0.45, 0.2], np.float32)
SIDE = 320


def draw_retina(seed: int = 0, *, side: int = SIDE) -> Float32[np.ndarray, "h w 3"]:
    """A retina without a camera: vessels from a disc on the left, fine texture below them."""
    generator = np.random.default_rng(seed)
    scale = side / SIDE
    absorbed = np.zeros((side, side), np.float32)

    def grow(x: float, y: float, angle: float, width: float) -> None:
        steps = int(generator.integers(12, 24))
        for _ in range(steps):
            angle += generator.normal(0, 0.12)
            end = (x + 4 * scale * math.cos(angle), y + 4 * scale * math.sin(angle))
            points = [(round(16 * a), round(16 * b)) for a, b in ((x, y), end)]
            cv2.line(absorbed, points[0], points[1], 0.3, max(1, round(width * scale)), cv2.LINE_AA, shift=4)
            x, y = end
        if width > 1.2 and 0 < x < side and 0 < y < side:
            for turn in (-1, 1):
                grow(x, y, angle + turn * generator.uniform(0.3, 0.8), width * 0.75)

    for root in range(7):
        start = 2 * math.pi * root / 7 + generator.uniform(-0.3, 0.3)
        grow(
            side * (0.3 + generator.uniform(-0.05, 0.05)),
            side * (0.5 + generator.uniform(-0.1, 0.1)),
            start,
            5,
        )
    absorbed = np.asarray(cv2.GaussianBlur(absorbed, (0, 0), 0.8 * scale), np.float32)
    ground = generator.normal(0, 1, (side // 8, side // 8)).astype(np.float32)
    ground = np.asarray(cv2.resize(ground, (side, side), interpolation=cv2.INTER_CUBIC), np.float32)
    light = 1 - absorbed + 0.03 * ground
    return np.asarray(np.clip(light[:, :, None] * ORANGE, 0, 1), np.float32)


def photograph(
    retina: Float32[np.ndarray, "h w 3"], *, seed: int = 0, surround: bool = True
) -> Float32[np.ndarray, "h w 3"]:
    """What a camera makes of it: a round field, uneven light, noise."""
    generator = np.random.default_rng(1000 + seed)
    side = retina.shape[0]
    y, x = np.indices(retina.shape[:2]) / side - 0.5
    light = generator.uniform(0.7, 0.95) + generator.uniform(-0.3, 0.3) * x + generator.uniform(-0.3, 0.3) * y
    seen = retina * light[:, :, None] + generator.normal(0, 0.01, retina.shape)
    if surround:
        seen[x * x + y * y > 0.48**2] = 0.01
    return np.asarray(np.clip(seen, 0, 1), np.float32)


@cache
def fundus(seed: int = 0, *, view: int = 0) -> Image:
    """A photograph of the eye of a seed; views differ by light and noise."""
    return Image(photograph(draw_retina(seed), seed=view))
