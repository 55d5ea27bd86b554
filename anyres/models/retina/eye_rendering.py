"""A made eye as a picture of its whole retina, the world that views are taken from.

Section 6.2 of the project's notes: vessels absorb light by exp(-(d / w)^2) in log intensity, d from the
centre-line and w half the vessel's width; arteries have a bright central reflex. All that adds or absorbs
is summed in log intensity, and painted before any camera.
Axes: y x world (rows downwards), c colours red, green, blue. Units: degrees of the retina; light is linear,
1 the brightest that a camera takes at exposure 1.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Float32
from scipy.ndimage import map_coordinates

from anyres.core.resample import resize
from anyres.models.retina.eye_lesions import KINDS, Lesions
from anyres.models.retina.eye_styles import draw_from
from anyres.models.retina.eyes import VERSION, WORLD_DEG, Eye, Layout, Vessels

Plane = Float32[np.ndarray, "y x"]

_VEIN: Final = np.array((0.42, 1.0, 0.75), np.float32)  # absorption by colour, green 1
_ARTERY: Final = np.array((0.22, 1.0, 0.85), np.float32)
_REFLEX: Final = 0.4  # share of a wide artery's absorption that its central reflex takes away
_BLOCK: Final = 400_000  # distances worked out at a time: few enough for the processor's cache


@dataclass(frozen=True)
class World:
    """Light from each place of the retina."""

    light: Float32[np.ndarray, "y x 3"]
    half_deg: float = WORLD_DEG  # from the middle to each edge

    @property
    def pixels_per_deg(self) -> float:
        """Resolution."""
        return float(self.light.shape[0] / (2 * self.half_deg))


def render_world(eye: Eye, *, side: int = 1536) -> World:
    """The retina of an eye as a square picture.

    Args:
        eye: what to paint.
        side: pixels. Twice the side of the views gives a little more detail than they show.

    Returns:
        Light without camera: no vignetting, blur or noise. The same eye and side give the same bytes.
    """
    generator = np.random.default_rng([VERSION, eye.seed, 1])
    grid = _grid(side)
    log_light = _ground(eye, grid, generator)
    _paint_lesions(log_light, eye.lesions, grid)
    light = _paint_disc(np.exp(log_light), eye.layout, grid, generator)
    contrast = draw_from(eye.style.vein_contrast, generator)
    share = draw_from(eye.style.artery_share, generator)
    wide = float(eye.veins.width_deg.max())
    for vessels, depth, colour in ((eye.arteries, contrast * share, _ARTERY), (eye.veins, contrast, _VEIN)):
        absorbed = absorption(vessels, side, wide, reflex=_REFLEX if colour is _ARTERY else 0.0)
        for channel in range(3):
            light[..., channel] *= np.exp(absorbed * np.float32(-depth * colour[channel]))
    return World(light)


def absorption(vessels: Vessels, side: int, wide_deg: float, *, reflex: float) -> Plane:
    """What vessels absorb, 1 on the centre-line of a wide one; thin ones and tips absorb less.

    The nearest vessel counts, nearness being measured in half-widths, so that pieces join without beads.

    Args:
        vessels: pieces in degrees.
        side: of the world, pixels.
        wide_deg: width that absorbs fully.
        reflex: share that the central reflex of the widest takes away.
    """
    scale = side / (2 * WORLD_DEG)
    nearness, piece = _nearest_piece(vessels, side)
    width = np.maximum(vessels.width_deg, 1.4 / scale)  # nothing thinner than 1.4 pixels, else it breaks up
    thin = vessels.width_deg / width  # what was widened absorbs less in turn
    depth = thin * (vessels.width_deg / wide_deg) ** 0.35 * np.clip((vessels.reach + 1) / 5, 0, 1)
    bright = reflex * np.clip(vessels.width_deg / wide_deg * 2 - 0.6, 0, 1)
    seen = np.flatnonzero(piece >= 0)
    q, piece = nearness[seen], piece[seen]
    profile = np.exp(-(q**2)) - bright[piece] * np.exp(-((q / 0.35) ** 2))
    plane = np.zeros(side * side, np.float32)
    plane[seen] = depth[piece] * profile
    return plane.reshape(side, side)


def _nearest_piece(vessels: Vessels, side: int) -> tuple[Float[np.ndarray, " p"], np.ndarray]:
    """For each pixel, row by row, the nearest piece (-1 for none) and its distance in half-widths."""
    scale = side / (2 * WORLD_DEG)
    start = (vessels.starts_xy + WORLD_DEG) * scale - 0.5
    along = (vessels.ends_xy - vessels.starts_xy) * scale
    half = np.maximum(vessels.width_deg * scale, 1.4) / 2
    length = np.maximum(np.einsum("sa,sa->s", along, along), 1e-9)
    reach = np.ceil(np.sqrt(length) / 2 + 2.2 * half).astype(int)  # exp(-2.2^2) is below 0.01
    best = np.full(side * side, np.iinfo(np.int64).max)
    for size in np.unique(reach):
        offset = np.stack(np.meshgrid(*(np.arange(-size, size + 1),) * 2), axis=-1).reshape(-1, 2)
        mine = np.flatnonzero(reach == size)
        for block in np.array_split(mine, max(1, len(mine) * len(offset) // _BLOCK)):
            pixel = np.rint(start[block] + along[block] / 2).astype(int)[:, None] + offset
            from_start = pixel - start[block, None]
            share = np.einsum("spa,sa->sp", from_start, along[block]) / length[block, None]
            share = np.clip(share, 0, 1)
            gap = from_start - share[..., None] * along[block, None]
            q = np.hypot(gap[..., 0], gap[..., 1]) / half[block, None]
            keeps = (q < 2.2) & (pixel >= 0).all(axis=-1) & (pixel < side).all(axis=-1)
            flat = pixel[..., 1] * side + pixel[..., 0]
            key = (q * 1e6).astype(np.int64) << 24 | block[:, None]  # nearness first, then the piece's number
            np.minimum.at(best, flat[keeps], key[keeps])
    piece = np.where(best < np.iinfo(np.int64).max, best & 0xFFFFFF, -1)
    return (best >> 24) / 1e6, piece


def _grid(side: int) -> Float32[np.ndarray, "2 y x"]:
    """World coordinates of all pixels, in degrees."""
    axis = ((np.arange(side) + 0.5) / side * 2 - 1) * WORLD_DEG
    x, y = np.meshgrid(axis.astype(np.float32), axis.astype(np.float32))
    return np.stack((x, y))


def _ground(
    eye: Eye, grid: Float32[np.ndarray, "2 y x"], generator: np.random.Generator
) -> Float32[np.ndarray, "y x 3"]:
    """Log light of the retina without disc, vessels and lesions."""
    style, layout, side = eye.style, eye.layout, grid.shape[1]
    red = generator.uniform(0.72, 0.85)
    green = red * draw_from(style.green, generator)
    base = np.log([red, green, green * draw_from(style.blue, generator)])
    grain = draw_from(style.pattern_dd, generator) * layout.dd_deg
    pattern = draw_from(style.tessellation, generator) * _pattern(side, grain, generator)
    fine = 0.02 * _smooth_noise(side, 0.35, generator)
    to_fovea = _distance(grid, layout.fovea_xy) / layout.dd_deg
    to_disc = _distance(grid, layout.disc_xy) / layout.dd_deg
    macula = -generator.uniform(0.22, 0.38) * np.exp(-((to_fovea / 1.05) ** 2))
    macula -= generator.uniform(0.18, 0.34) * np.exp(-((to_fovea / 0.36) ** 2))
    sheen = generator.uniform(0.06, 0.16) * np.exp(-(np.abs(to_fovea - 1.7) ** 2)) + 0.25 * np.exp(-to_disc)
    sheen -= 0.22 * (np.hypot(*grid) / WORLD_DEG) ** 2
    fibres = draw_from(style.fibres, generator) * _fibres(eye.layout, grid, generator)
    weight = ((0.75, 1.0, 0.9), (0.9, 0.8, 0.5), (0.45, 1.0, 1.0), (0.7, 1.0, 1.0))  # of each by colour
    planes = (macula, pattern + fine, sheen, fibres)
    light = np.empty((side, side, 3), np.float32)
    for channel in range(3):
        light[..., channel] = base[channel]
        for plane, by_colour in zip(planes, weight, strict=True):
            light[..., channel] += np.float32(by_colour[channel]) * plane
    return light


def _pattern(side: int, grain_deg: float, generator: np.random.Generator) -> Plane:
    """Three octaves of noise; the middle one is folded, so that it has ridges as the choroid has vessels."""
    coarse = _smooth_noise(side, grain_deg, generator)
    ridges = 0.8 - np.abs(_smooth_noise(side, grain_deg * 0.6, generator))
    fine = _smooth_noise(side, grain_deg * 0.2, generator)
    return np.asarray(0.75 * coarse + 0.7 * ridges + 0.3 * fine, np.float32)


def _smooth_noise(side: int, grain_deg: float, generator: np.random.Generator) -> Plane:
    """Noise of standard deviation about 1 whose grains are some degrees wide."""
    count = max(4, round(2 * WORLD_DEG / grain_deg))
    coarse = generator.standard_normal((count, count, 1), np.float32)
    if count >= side:
        return coarse[:side, :side, 0]
    return np.asarray(resize(coarse, (side, side))[..., 0] * np.float32(1.35))


def _fibres(layout: Layout, grid: Float32[np.ndarray, "2 y x"], generator: np.random.Generator) -> Plane:
    """Streaks of nerve fibres: noise in polar coordinates about the disc, strongest above and below it."""
    dx, dy = (grid[axis] - np.float32(layout.disc_xy[axis]) for axis in (0, 1))
    far = np.hypot(dx, dy) / np.float32(layout.dd_deg)
    angle = np.arctan2(dy, dx)
    noise = generator.standard_normal((260, 16)).astype(np.float32)
    noise = np.concatenate((noise, noise[:1]))  # the last angle is the first
    place = np.stack(((angle / (2 * np.pi) + 0.5) * 260, np.minimum(far * 2.2, 15)))
    streaks = map_coordinates(noise, place, order=1, output=np.float32)
    strength = np.exp(-((far - 1) ** 2) / 2.5) * (0.35 + 0.65 * np.abs(np.sin(angle)))
    return np.asarray(strength * (streaks + 0.5), np.float32)


def _paint_disc(
    light: Float32[np.ndarray, "y x 3"],
    layout: Layout,
    grid: Float32[np.ndarray, "2 y x"],
    generator: np.random.Generator,
) -> Float32[np.ndarray, "y x 3"]:
    """The disc with its cup, over the ground's light."""
    temple = 1 if layout.is_left else -1
    u = temple * (grid[0] - np.float32(layout.disc_xy[0])) / np.float32(layout.dd_deg)
    v = (grid[1] - np.float32(layout.disc_xy[1])) / np.float32(layout.dd_deg * layout.disc_ratio)
    far = np.hypot(u, v) + np.float32(0.012) * np.sin(3 * np.arctan2(v, u) + generator.uniform(0, 6))
    rim_colour = light[far < 0.7].mean(axis=0) * (1.4, 1.52, 1.5) * generator.uniform(1.0, 1.2)
    cup_colour = rim_colour * (1.12, 1.22, 1.45)
    crescent = 0.16 * _step(0.58 - np.hypot(u - 0.06, v), 0.03) * (u > 0)  # pale, at the temporal rim
    light = light * (1 + crescent[..., None]).astype(np.float32)
    disc = _step(0.5 - far, 0.022)[..., None]
    shade = (1 - 0.16 * np.clip(-u, -0.5, 0.5))[..., None]  # the temporal half is paler
    light = light + disc * (rim_colour.astype(np.float32) * (2 - shade) - light)
    cup = _step(layout.cup / 2 - np.hypot(u - 0.05, v), 0.045)[..., None]
    return np.asarray(light + 0.85 * cup * (cup_colour.astype(np.float32) - light), np.float32)


def _paint_lesions(
    log_light: Float32[np.ndarray, "y x 3"], lesions: Lesions, grid: Float32[np.ndarray, "2 y x"]
) -> None:
    """Lesions, each within its own window of the world."""
    side = grid.shape[1]
    scale = side / (2 * WORLD_DEG)
    for (x, y), kind, size, angle, strength in zip(
        lesions.points_xy, lesions.kind, lesions.size_deg, lesions.angle, lesions.strength, strict=True
    ):
        how = KINDS[kind]
        window = 2.2 * size * how.length
        rows, columns = (
            slice(
                *(
                    int(np.clip((place + WORLD_DEG + d) * scale, 0, side))
                    for d in (-window, window + 1 / scale)
                )
            )
            for place in (y, x)
        )
        dx, dy = grid[0, rows, columns] - x, grid[1, rows, columns] - y
        long = (np.cos(angle) * dx + np.sin(angle) * dy) / (size * how.length)
        across = (np.cos(angle) * dy - np.sin(angle) * dx) / size
        mask = strength * np.exp(-((long**2 + across**2) ** how.edge))
        log_light[rows, columns] += (mask[..., None] * np.array(how.contrast)).astype(np.float32)


def _distance(grid: Float32[np.ndarray, "2 y x"], point: Float[np.ndarray, "2"]) -> Plane:
    return np.asarray(np.hypot(grid[0] - np.float32(point[0]), grid[1] - np.float32(point[1])))


def _step(inside: Plane, soft: float) -> Plane:
    """1 where positive, 0 where negative, soft between."""
    return np.asarray(1 / (1 + np.exp(np.clip(-inside / soft, -30, 30))), np.float32)
