"""What a camera does to the light of a made eye: illumination, colours, blur, noise and JPEG.

Section 6.2 of the project's notes. All of it is drawn anew for each photograph, after the geometry: were
the light or the noise shared, a matcher could match them in place of vessels.
Axes: h w photograph, c colours. Lengths in pixels, or shares of the radius of the field of view where said.
"""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from jaxtyping import Float, Float32, UInt8
from scipy.ndimage import gaussian_filter, map_coordinates

from anyres.core.pillow import jpeg_bytes, jpeg_pixels
from anyres.models.retina.eye_camera import View, pixel_places, to_world
from anyres.models.retina.eye_rendering import World
from anyres.models.retina.eye_styles import Style, draw_from

_REFERENCE_SIDE: Final = 768  # pixels: the side that blur is given for


@dataclass(frozen=True)
class Light:
    """Photometry of one photograph; the meaning of each number is that of its range in `Style`."""

    exposure: float
    vignetting: float
    slope: float
    cast: tuple[float, float, float]  # factors of red, green and blue
    gamma: float
    flare: float
    blur_px: float
    noise: float
    quality: int
    angle: float  # that the light falls from, radians
    middle: tuple[float, float]  # of the vignette, shares of the radius
    spots: Float[np.ndarray, "d 4"]  # dust: place (shares of the radius), radius (the same), strength
    seed: int  # of the noise


def draw_light(style: Style, generator: np.random.Generator) -> Light:
    """Photometry from a family's ranges."""
    cast = draw_from(style.cast, generator) * generator.permutation((1.0, -1.0, generator.uniform(-1, 1)))
    names = {field.name for field in fields(Light)} & {field.name for field in fields(Style)}
    drawn = {name: draw_from(getattr(style, name), generator) for name in sorted(names - {"cast", "quality"})}
    count = int(generator.integers(0, 4))
    spots = np.concatenate(
        (
            generator.uniform(-0.8, 0.8, (count, 2)),
            generator.uniform(0.01, 0.04, (count, 1)),
            generator.uniform(-0.07, 0.07, (count, 1)),
        ),
        axis=1,
    )
    return Light(
        **drawn,
        cast=(float(1 + cast[0]), float(1 + cast[1]), float(1 + cast[2])),
        quality=round(draw_from(style.quality, generator)),
        angle=float(generator.uniform(0, 2 * np.pi)),
        middle=(float(generator.uniform(-0.2, 0.2)), float(generator.uniform(-0.2, 0.2))),
        spots=spots,
        seed=int(generator.integers(2**32)),
    )


def take_photograph(world: World, view: View, light: Light) -> tuple[UInt8[np.ndarray, "h w 3"], bytes]:
    """A photograph of a world: its pixels, and the JPEG file that they were read back from."""
    seen = sample_world(world, view)
    exposed = expose(seen, view, light)
    data = jpeg_bytes(np.rint(exposed * 255).astype(np.uint8), quality=light.quality)
    return jpeg_pixels(data), data


def sample_world(world: World, view: View) -> Float32[np.ndarray, "h w 3"]:
    """What each pixel sees, linear between the world's pixels; black outside the world."""
    place = (to_world(view, pixel_places(view.side)) + world.half_deg) * world.pixels_per_deg - 0.5
    rows_columns = place.T[::-1].reshape(2, view.side, view.side)
    seen = [
        map_coordinates(world.light[..., channel], rows_columns, order=1, output=np.float32)
        for channel in range(3)
    ]
    return np.stack(seen, axis=-1)


def expose(seen: Float32[np.ndarray, "h w 3"], view: View, light: Light) -> Float32[np.ndarray, "h w 3"]:
    """Light as the camera stores it, 0 to 1, black outside the field of view."""
    generator = np.random.default_rng(light.seed)
    place = ((pixel_places(view.side) - (view.side - 1) / 2) / view.radius_px).astype(np.float32)
    x, y = place.T.reshape(2, view.side, view.side)
    seen = seen * _illumination(x, y, light)[..., None] * np.array(light.cast, np.float32)
    side = np.clip(x * np.cos(light.angle) + y * np.sin(light.angle), 0, None)
    stray = light.flare * side**3 * np.hypot(x, y)
    seen = seen + stray[..., None].astype(np.float32) * np.array((1.0, 0.72, 0.5), np.float32)
    seen = 1 - np.exp(-1.25 * seen)  # a soft shoulder, so that the disc keeps its drawing
    blur = light.blur_px * view.side / _REFERENCE_SIDE
    seen = np.stack([gaussian_filter(seen[..., c], blur, truncate=3.0) for c in range(3)], axis=-1)
    stored = np.clip(seen, 0, 1) ** np.float32(1 / light.gamma)
    grain = generator.standard_normal(stored.shape, np.float32)
    stored = stored + grain * np.float32(light.noise) * np.sqrt(0.3 + stored)  # some of it is shot noise
    inside = np.minimum(1 - np.hypot(x, y), view.cut - np.abs(y)) * view.radius_px
    return np.asarray(np.clip(stored, 0, 1) * np.clip(inside + 0.5, 0, 1)[..., None], np.float32)


def _illumination(
    x: Float32[np.ndarray, "h w"], y: Float32[np.ndarray, "h w"], light: Light
) -> Float32[np.ndarray, "h w"]:
    """Factor of light at each pixel, by exposure, vignette, slope and dust."""
    off = (x - light.middle[0]) ** 2 + (y - light.middle[1]) ** 2
    factor = light.exposure * (1 - light.vignetting * np.clip(off, 0, 1.3) ** 1.2)
    factor *= 1 - light.slope * (x * np.cos(light.angle) + y * np.sin(light.angle))
    for spot_x, spot_y, radius, strength in light.spots:
        near = ((x - spot_x) ** 2 + (y - spot_y) ** 2) / radius**2
        factor *= 1 + strength * np.exp(-(np.clip(near, 0, 30) ** 2))
    return np.asarray(factor, np.float32)
