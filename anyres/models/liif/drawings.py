"""Pictures that the program draws: what a few dozen photographs lack, text and man-made lines.

Each drawing is a smooth ground with discs, bars, gratings, checkerboards and lines of text in random
colours, drawn at twice its size and shrunk, so that its edges are as sharp as a good photograph's and no
sharper. A drawing is a function of its generator alone. VERSION changes whenever the pictures do.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Float32, UInt8

from anyres.core.pillow import text_mask
from anyres.core.resample import resize

VERSION = 1
LETTERS = np.array(
    list("aaabcdeeefghiiijklmnnooopqrrsstttuuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,;:!?&%@()-+")
)

Plane = Float32[np.ndarray, "h w"]
Mask = Callable[[Plane, Plane, np.random.Generator], Plane]


def draw(side: int, *, generator: np.random.Generator) -> UInt8[np.ndarray, "h w 3"]:
    """A square drawing of `side` pixels, at least 60: its shapes have a least size."""
    assert side >= 60, f"a drawing of {side} pixels holds no shapes"
    large = 2 * side
    y, x = np.meshgrid(*(np.arange(large, dtype=np.float32),) * 2, indexing="ij")
    canvas = _ground(y / large, x / large, generator)
    for _ in range(generator.integers(6, 16)):
        mask = _SHAPES[generator.integers(len(_SHAPES))](y, x, generator)
        _paint(canvas, mask, generator)
    for _ in range(generator.integers(2, 9)):
        _write(canvas, generator)
    small = np.rint(resize(canvas, (side, side)) * 255)
    drawing: UInt8[np.ndarray, "h w 3"] = np.clip(small, 0, 255).astype(np.uint8)
    return drawing


def _ground(y: Plane, x: Plane, generator: np.random.Generator) -> Float32[np.ndarray, "h w 3"]:
    corners = generator.random((4, 3), np.float32)
    across = [(1 - x)[..., None] * corners[k] + x[..., None] * corners[k + 1] for k in (0, 2)]
    ground = (1 - y)[..., None] * across[0] + y[..., None] * across[1]
    wave = np.sin(2 * np.pi * (generator.uniform(0.5, 6) * x + generator.uniform(0.5, 6) * y))
    return np.asarray(np.clip(ground + generator.uniform(0, 0.1) * wave[..., None], 0, 1), np.float32)


def _paint(canvas: Float32[np.ndarray, "h w 3"], mask: Plane, generator: np.random.Generator) -> None:
    opacity = 1.0 if generator.random() < 0.7 else generator.uniform(0.3, 1.0)
    weight = (opacity * mask)[..., None]
    canvas += weight * (generator.random(3, np.float32) - canvas)


def _write(canvas: Float32[np.ndarray, "h w 3"], generator: np.random.Generator) -> None:
    """A line of text, turned by some angle in one case of three."""
    letters = LETTERS[generator.integers(len(LETTERS), size=generator.integers(3, 24))]
    words = "".join(letter if generator.random() > 0.15 else " " for letter in letters)
    angle_deg = generator.uniform(-45, 45) if generator.random() < 0.33 else 0.0
    mask = text_mask(
        words, height=int(np.exp(generator.uniform(np.log(14), np.log(90)))), angle_deg=angle_deg
    )
    top, left = (
        generator.integers(-half // 2, side) for half, side in zip(mask.shape, canvas.shape, strict=False)
    )
    rows = slice(max(0, top), min(canvas.shape[0], top + mask.shape[0]))
    columns = slice(max(0, left), min(canvas.shape[1], left + mask.shape[1]))
    if rows.start < rows.stop and columns.start < columns.stop:
        inside = mask[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        _paint(canvas[rows, columns], inside, generator)


def _edge(distance: Float[np.ndarray, "h w"]) -> Plane:
    """1 inside (negative distance in pixels), 0 outside, one pixel between."""
    return np.asarray(np.clip(0.5 - distance, 0, 1), np.float32)


def _turned(y: Plane, x: Plane, generator: np.random.Generator) -> tuple[Plane, Plane]:
    """Coordinates about a random centre, turned by a random angle; upright in one case of three."""
    angle = generator.uniform(0, np.pi) if generator.random() < 0.67 else 0.0
    dy, dx = y - generator.uniform(0, len(y)), x - generator.uniform(0, len(x))
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return cosine * dy - sine * dx, sine * dy + cosine * dx


def _disc(y: Plane, x: Plane, generator: np.random.Generator) -> Plane:
    v, u = _turned(y, x, generator)
    radius, flat = generator.uniform(3, len(y) / 4), generator.uniform(0.4, 1)
    distance = np.hypot(v / flat, u) - radius
    return _edge(distance if generator.random() < 0.5 else np.abs(distance) - generator.uniform(1, 6))


def _bar(y: Plane, x: Plane, generator: np.random.Generator) -> Plane:
    v, u = _turned(y, x, generator)
    return _edge(np.maximum(np.abs(v) - generator.uniform(1, 60), np.abs(u) - generator.uniform(5, len(y))))


def _grating(y: Plane, x: Plane, generator: np.random.Generator) -> Plane:
    v, u = _turned(y, x, generator)
    period, duty = np.exp(generator.uniform(np.log(5), np.log(60))), generator.uniform(0.2, 0.8)
    phase = np.abs(np.mod(v, period) - period / 2)
    stripes = _edge(phase - duty * period / 2)
    return np.asarray(stripes * _edge(np.maximum(np.abs(v), np.abs(u)) - generator.uniform(30, len(y) / 3)))


def _board(y: Plane, x: Plane, generator: np.random.Generator) -> Plane:
    v, u = _turned(y, x, generator)
    side = np.exp(generator.uniform(np.log(6), np.log(60)))
    inside = np.maximum(np.abs(v), np.abs(u)) - generator.uniform(30, len(y) / 4)
    near = (1 + generator.uniform(-0.5, 0.5) * v / len(y)).astype(np.float32)  # a hint of perspective
    product = np.sin(np.pi * v / near / side) * np.sin(np.pi * u / near / side)
    return np.asarray(np.clip(0.5 + product * side / 3, 0, 1) * _edge(inside), np.float32)


_SHAPES: tuple[Mask, ...] = (_disc, _bar, _bar, _grating, _board)
