"""Two families of made eyes, for training and held out: the ranges that everything visible is drawn from.

The ranges of one parameter never overlap between the families, so that a held-out photograph differs from
every training photograph in each of them at once. Source: the ranges of spec 6.2 (blur 0 to 2 pixels, JPEG
60 to 95, green contrast 0.15 to 0.45, vein 0.09 to 0.11 disc diameters), cut in two; the rest chosen by eye
beside CHASE_DB1. Units: DD is one disc diameter; shares of light are of 1, the brightest pixel; contrasts are
differences of log intensity.
"""

from dataclasses import dataclass

import numpy as np

Range = tuple[float, float]


@dataclass(frozen=True)
class Style:
    """Ranges, low and high, of one family. The first part belongs to an eye, the second to a photograph."""

    name: str
    green: Range  # green light of the ground, as a share of its red
    blue: Range  # blue light of the ground, as a share of its green
    vein_contrast: Range  # of wide veins, green
    artery_share: Range  # an artery's contrast and width, as a share of a vein's
    vein_width_dd: Range  # of the widest vein at the disc
    spacing_dd: Range  # between the places that branches grow to
    tortuosity_dd: Range  # how far vessels are bent from their smooth course
    tessellation: Range  # contrast of the ground's pattern
    pattern_dd: Range  # its coarsest grain
    fibres: Range  # contrast of nerve fibres about the disc
    fov_deg: Range  # field of view across the circle, at the nodal point
    rim: Range  # radius of the circle, as a share of half the photograph
    exposure: Range  # factor of light
    vignetting: Range  # light lost at the rim, a share
    slope: Range  # illumination gained and lost at opposite sides, a share
    cast: Range  # change of one colour against another, a share
    gamma: Range  # the camera's curve is light to the power of 1 / gamma
    flare: Range  # stray light at one side of the rim, a share of white
    blur_px: Range  # standard deviation, at a side of 768 pixels
    noise: Range  # standard deviation, a share of white
    quality: Range  # of JPEG


TRAIN = Style(
    name="train",
    green=(0.27, 0.40),
    blue=(0.26, 0.40),
    vein_contrast=(0.44, 0.58),
    artery_share=(0.66, 0.74),
    vein_width_dd=(0.100, 0.115),
    spacing_dd=(0.44, 0.54),
    tortuosity_dd=(0.025, 0.05),
    tessellation=(0.05, 0.14),
    pattern_dd=(0.55, 0.9),
    fibres=(0.015, 0.05),
    fov_deg=(43.5, 50.0),
    rim=(0.955, 0.99),
    exposure=(1.0, 1.3),
    vignetting=(0.15, 0.38),
    slope=(0.04, 0.18),
    cast=(0.0, 0.045),
    gamma=(0.9, 1.1),
    flare=(0.0, 0.09),
    blur_px=(0.4, 1.1),
    noise=(0.004, 0.012),
    quality=(80.0, 95.0),
)
HELD_OUT = Style(
    name="held-out",
    green=(0.42, 0.52),
    blue=(0.42, 0.54),
    vein_contrast=(0.34, 0.43),
    artery_share=(0.75, 0.82),
    vein_width_dd=(0.088, 0.099),
    spacing_dd=(0.55, 0.64),
    tortuosity_dd=(0.055, 0.085),
    tessellation=(0.145, 0.19),
    pattern_dd=(0.95, 1.3),
    fibres=(0.055, 0.085),
    fov_deg=(39.0, 43.0),
    rim=(0.90, 0.95),
    exposure=(0.78, 0.98),
    vignetting=(0.40, 0.55),
    slope=(0.20, 0.32),
    cast=(0.05, 0.09),
    gamma=(1.15, 1.35),
    flare=(0.10, 0.20),
    blur_px=(1.2, 2.0),
    noise=(0.013, 0.022),
    quality=(60.0, 78.0),
)


def draw_from(bounds: Range, generator: np.random.Generator) -> float:
    """A number of a range, each as likely as the next."""
    return float(generator.uniform(*bounds))
