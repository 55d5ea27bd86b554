"""The camera that photographs made eyes: which place on the retina each pixel sees, and the other way.

Section 6.3 of the project's notes. The eye is a sphere of radius 1; rays meet in a nodal point `NODAL` before
its middle, at equal angles for equal distances on the picture, and hit the sphere behind. A gaze turns the
sphere about its middle, and the nodal point stays with the camera: two views of one eye are therefore not
joined by a homography. Both directions are closed formulas.
Ours: a gaze is given as the angle that the picture moves by, and turns the eye by what this angle covers of
the retina, about 1.42 times as much. With 10 to 25 degrees the overlap is then FIRE's 25 to 75 percent.
Axes: n points. Pixels: (x, y), x right and y down, (0, 0) the middle of the first pixel. World: degrees of
the retina, as in `eyes`.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float

from anyres.core.errors import InputError

NODAL: Final = 0.42  # radii of the eye, before its middle


@dataclass(frozen=True)
class View:
    """Geometry of one photograph."""

    side: int  # pixels; photographs are square
    fov_deg: float = 45.0  # across the circle, at the nodal point, at magnification 1
    rim: float = 0.97  # radius of the circle, as a share of half the side
    cut: float = 1.0  # rows farther from the middle than this share of the radius are black
    gaze_deg: tuple[float, float] = (0.0, 0.0)  # right and down: what the middle of the picture sees
    torsion_deg: float = 0.0  # turn of the picture, from x towards y
    magnification: float = 1.0
    tilt: tuple[float, float] = (0.0, 0.0)  # projective terms of a tilted camera, at the rim

    def __post_init__(self) -> None:
        if self.side < 16 or not 0 < self.fov_deg <= 90 or not 0 < self.rim <= 1 or self.magnification <= 0:
            raise InputError(
                f"A view has a side of 16 pixels or more (here {self.side}), 0 to 90 degrees "
                f"({self.fov_deg:g}), a rim from 0 to 1 ({self.rim:g}) and a magnification over 0 "
                f"({self.magnification:g})."
            )

    @property
    def radius_px(self) -> float:
        """Radius of the circle."""
        return self.rim * self.side / 2


def to_world(view: View, points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
    """The place on the retina, in degrees, that each place of a photograph sees."""
    place = (points - (view.side - 1) / 2) / view.radius_px
    place = place / (1 + place @ np.array(view.tilt))[:, None] @ _turn(-view.torsion_deg).T
    radius = np.linalg.norm(place, axis=1)
    angle = np.radians(view.fov_deg / 2 / view.magnification) * radius
    behind = NODAL * np.cos(angle) + np.sqrt(1 - (NODAL * np.sin(angle)) ** 2)
    across = (behind * np.sin(angle) / np.where(radius > 0, radius, 1))[:, None] * place
    hit = np.concatenate((across, (behind * np.cos(angle) - NODAL)[:, None]), axis=1) @ _gaze(view).T
    off = np.hypot(hit[:, 0], hit[:, 1])
    factor = np.degrees(np.arctan2(off, hit[:, 2])) / np.where(off > 0, off, 1)
    return np.asarray(factor[:, None] * hit[:, :2])


def to_pixels(view: View, points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
    """The place on a photograph, in pixels, of each place on the retina, shown there or not."""
    off = np.radians(np.linalg.norm(points, axis=1))
    factor = np.where(off > 0, np.sin(off) / np.where(off > 0, off, 1), 1)
    hit = np.concatenate((factor[:, None] * np.radians(points), np.cos(off)[:, None]), axis=1) @ _gaze(view)
    across = np.hypot(hit[:, 0], hit[:, 1])
    angle = np.arctan2(across, hit[:, 2] + NODAL)
    radius = angle / np.radians(view.fov_deg / 2 / view.magnification)
    place = (radius / np.where(across > 0, across, 1))[:, None] * hit[:, :2] @ _turn(view.torsion_deg).T
    place = place / (1 - place @ np.array(view.tilt))[:, None]
    return np.asarray(place * view.radius_px + (view.side - 1) / 2)


def map_points(fixed: View, moving: View, points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
    """Where one photograph shows what another shows at these places, in pixels, exactly.

    Args:
        fixed: view that the points lie on.
        moving: view of the same eye that they are asked for in.
        points: (x, y) in pixels of `fixed`.
    """
    return to_pixels(moving, to_world(fixed, points))


def is_visible(
    view: View, points: Float[np.ndarray, "n 2"], *, margin: float = 0.0
) -> Bool[np.ndarray, " n"]:
    """Whether places of a photograph, in pixels, lie in its field of view, `margin` pixels from the rim."""
    place = points - (view.side - 1) / 2
    inside = np.linalg.norm(place, axis=1) < view.radius_px - margin
    inside &= np.abs(place[:, 1]) < view.radius_px * view.cut - margin
    return np.asarray(inside & (np.abs(place) < view.side / 2 - margin).all(axis=1))


def overlap(fixed: View, moving: View) -> float:
    """Share of what the fixed view shows that the moving one shows too, 0 to 1, to about 0.01."""
    axis = np.linspace(0, fixed.side - 1, 64)
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    points = points[is_visible(fixed, points)]
    return float(is_visible(moving, map_points(fixed, moving, points)).mean())


def pixel_places(side: int) -> Float[np.ndarray, "n 2"]:
    """(x, y) of all pixels of a square, row by row."""
    y, x = np.divmod(np.arange(side * side), side)
    return np.stack((x, y), axis=1).astype(np.float64)


def _turn(angle_deg: float) -> Float[np.ndarray, "2 2"]:
    cosine, sine = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    return np.array([[cosine, -sine], [sine, cosine]])


def _gaze(view: View) -> Float[np.ndarray, "3 3"]:
    """The rotation that takes the middle of the picture to the place that is gazed at (Rodrigues)."""
    seen = math.hypot(*view.gaze_deg)
    if seen == 0:
        return np.eye(3)
    right, down = view.gaze_deg[0] / seen, view.gaze_deg[1] / seen
    angle = math.radians(seen) + math.asin(NODAL * math.sin(math.radians(seen)))
    turn = np.array([[0, 0, right], [0, 0, down], [-right, -down, 0]])
    return np.asarray(np.eye(3) + math.sin(angle) * turn + (1 - math.cos(angle)) * turn @ turn)
