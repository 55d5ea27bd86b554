"""Lesions of a made eye: what bleeds, leaks and scars, by kind, and how it changes between two visits.

Kinds and colours after section 6.2 of the project's notes; counts grow with a level of severity from 0 to 4,
half of all eyes being of level 0. They are texture for a matcher to cope with and no model of any disease.
Axes: m lesions. Units: degrees of the retina, as in `eyes`; angles in radians; contrast in log intensity.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class Kind:
    """How one kind of lesion looks."""

    name: str
    often: float  # expected count for each level of severity
    size_dd: tuple[float, float]  # radius
    length: float  # of an elongated one over its width
    contrast: tuple[float, float, float]  # red, green, blue; negative is darker than the ground
    edge: float  # 1 blurred like a Gaussian, more is sharper


KINDS: Final = (
    Kind("micro-aneurysm", 5.0, (0.015, 0.03), 1.0, (-0.12, -0.45, -0.35), 1.5),
    Kind("blot haemorrhage", 1.2, (0.04, 0.14), 1.3, (-0.30, -0.65, -0.45), 2.0),
    Kind("flame haemorrhage", 0.6, (0.03, 0.07), 4.0, (-0.25, -0.60, -0.40), 1.2),
    Kind("hard exudate", 5.0, (0.015, 0.05), 1.3, (0.16, 0.55, 0.50), 2.5),
    Kind("druse", 3.0, (0.02, 0.06), 1.0, (0.07, 0.22, 0.12), 1.2),
    Kind("cotton-wool spot", 0.35, (0.09, 0.18), 1.6, (0.15, 0.55, 0.80), 1.0),
    Kind("laser scar", 0.8, (0.08, 0.13), 1.0, (0.10, 0.40, 0.50), 3.0),
)


@dataclass(frozen=True)
class Lesions:
    """Lesions in the order in which they are painted."""

    points_xy: Float[np.ndarray, "m 2"]
    kind: Int[np.ndarray, " m"]  # place in KINDS
    size_deg: Float[np.ndarray, " m"]  # radius across
    angle: Float[np.ndarray, " m"]  # of the long axis against x
    strength: Float[np.ndarray, " m"]  # factor of the kind's contrast

    def choose(self, which: np.ndarray) -> "Lesions":
        """Some of them, by number or by truth."""
        arrays = (self.points_xy, self.kind, self.size_deg, self.angle, self.strength)
        return Lesions(*(array[which] for array in arrays))


def draw_lesions(
    fovea_xy: Float[np.ndarray, "2"],
    disc_xy: Float[np.ndarray, "2"],
    dd_deg: float,
    generator: np.random.Generator,
    *,
    level: int | None = None,
) -> Lesions:
    """Lesions of one eye.

    Args:
        fovea_xy: lesions gather about it.
        disc_xy: none lies on the disc, and flames point to it.
        dd_deg: disc diameter.
        generator: all that is random comes from it.
        level: of severity, 0 (none) to 4; drawn when not given, 0 in half of all cases.
    """
    drawn = max(0, int(generator.integers(-4, 5)))
    level = drawn if level is None else level
    counts = [generator.poisson(kind.often * level * (generator.random() < 0.6)) for kind in KINDS]
    kind = np.repeat(np.arange(len(KINDS)), counts)
    points = np.zeros((len(kind), 2))
    for number in np.unique(kind):  # each kind in up to four clusters
        middles = fovea_xy + generator.normal(0, 2.2, (4, 2)) * dd_deg
        mine = np.flatnonzero(kind == number)
        spread = generator.uniform(0.25, 1.2)
        middle = middles[generator.integers(4, size=len(mine))]
        points[mine] = middle + generator.normal(0, spread, (len(mine), 2)) * dd_deg
    low, high = np.array([KINDS[number].size_dd for number in kind]).reshape(-1, 2).T
    towards = disc_xy - points
    lesions = Lesions(
        points,
        kind,
        generator.uniform(low, high) * dd_deg,
        np.arctan2(towards[:, 1], towards[:, 0]) + generator.normal(0, 0.2, len(kind)),
        generator.uniform(0.6, 1.0, len(kind)),
    )
    return lesions.choose(np.linalg.norm(towards, axis=1) > 0.8 * dd_deg)


def change_lesions(
    lesions: Lesions,
    fovea_xy: Float[np.ndarray, "2"],
    disc_xy: Float[np.ndarray, "2"],
    dd_deg: float,
    generator: np.random.Generator,
) -> Lesions:
    """The same eye at a later visit: a third of its lesions gone, others grown or faded, new ones come."""
    stays = lesions.choose(generator.random(len(lesions.kind)) > 0.35)
    new = draw_lesions(fovea_xy, disc_xy, dd_deg, generator, level=int(generator.integers(1, 4)))
    count = len(stays.kind)
    grown = stays.size_deg * generator.uniform(0.8, 1.3, count)
    strength = np.clip(stays.strength * generator.uniform(0.7, 1.3, count), 0, 1)
    return Lesions(
        np.concatenate((stays.points_xy, new.points_xy)),
        np.concatenate((stays.kind, new.kind)),
        np.concatenate((grown, new.size_deg)),
        np.concatenate((stays.angle, new.angle)),
        np.concatenate((strength, new.strength)),
    )
