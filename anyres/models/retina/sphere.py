"""Maps between two photographs of one eye that know that an eye is a sphere.

A map of few parameters is found from few true matches, and goes less astray beyond them. The retina is taken
for a sphere of radius 1 whose rays meet at a nodal point 0.42 radii before its middle, each photograph's
field for a circle of about 45 degrees about the camera's axis; a turn of the sphere joins the two, with a
scale and a slight tilt. That registration gains from a round eye is known from REMPE (Hernandez-Matas and
others, IEEE JBHI 2020). Real eyes and cameras differ a little: so this is where a search begins and what a
quadratic leans on where matches lack, and never the map that is given out.
Axes: k matches, n points, p pairs of matches. Positions are x, y in pixels; maps go from moving to fixed.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from anyres.models.retina.fitting import Fit, quadratic_of_places
from anyres.models.retina.matching import Matches
from anyres.models.retina.preparing import Prepared
from anyres.models.retina.transform import Quadratic

NODAL: Final = 0.42  # radii of the eye, before its middle
FIELD_DEG: Final = 45.0  # usual field of a fundus camera
_SPREAD: Final = np.array([0.1, 0.15, 0.02, 0.02])  # of log scale, log field, two tilts: a deviation each
_WIDE: Final = 0.02  # radians of the sphere that a first guess may miss a true match by
_APART: Final = 0.1  # radians between the two matches that a guess is made from
_SAME: Final = 0.1  # share by which the distance of two places may differ between the photographs
_PAIRS: Final = 6000  # guesses at most
_REFINED: Final = 5  # of the best guesses
_ROUNDS: Final = 4  # of collecting and fitting
LEANING: Final = 10.0  # matches that the sphere's map weighs as much as, all in all
_GRID: Final = 15  # places a side at which a map is handed to a quadratic


@dataclass(frozen=True, eq=False)
class Circle:
    """The field of a photograph."""

    middle: Float64[np.ndarray, "2"]
    radius: float

    @classmethod
    def of(cls, prepared: Prepared) -> "Circle":
        """About the box that holds the field."""
        low, high = prepared.outline.min(axis=0), prepared.outline.max(axis=0)
        return cls((low + high) / 2, prepared.diameter / 2)


@dataclass(frozen=True, eq=False)
class SphereMap:
    """From a moving to a fixed photograph of one sphere."""

    fixed: Circle
    moving: Circle
    parameters: Float64[np.ndarray, "7"]  # turn (3), log scale, log field over 45 degrees, tilt (2)

    def apply(self, positions: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, "n 2"]:
        """Where positions of the moving photograph lie in the fixed one."""
        *turn, scale, field, right, down = self.parameters
        half = np.radians(FIELD_DEG / 2) * np.exp(field)
        place = (positions - self.moving.middle) / self.moving.radius
        hit = _on_sphere(place * half * np.exp(scale)) @ Rotation.from_rotvec(turn).as_matrix().T
        across = np.hypot(hit[:, 0], hit[:, 1])
        angle = np.arctan2(across, hit[:, 2] + NODAL) / half
        place = (angle / np.maximum(across, 1e-12))[:, None] * hit[:, :2]
        place = place / (1 - place @ np.array([right, down]))[:, None]
        return np.asarray(place * self.fixed.radius + self.fixed.middle)

    def misses(self, matches: Matches) -> Float64[np.ndarray, " k"]:
        """Distances in the fixed photograph between where matches are and where the map puts them."""
        return np.asarray(np.linalg.norm(self.apply(matches.moving) - matches.fixed, axis=1))


def find_sphere(matches: Matches, fixed: Prepared, moving: Prepared, reach: float) -> SphereMap | None:
    """The map that most matches agree on, from all pairs of matches; None where there is none.

    Args:
        matches: true and false ones, best first.
        fixed: photograph that stays.
        moving: the other.
        reach: largest noise of a true match, pixels of the fixed photograph.
    """
    circles = Circle.of(fixed), Circle.of(moving)
    half = np.radians(FIELD_DEG / 2)
    there, here = (
        _on_sphere((places - circle.middle) / circle.radius * half)
        for places, circle in zip((matches.fixed, matches.moving), circles, strict=True)
    )
    first, second = _likely_pairs(there, here)
    if not len(first):
        return None
    turns = _frames(there[first], there[second]) @ _frames(here[first], here[second]).transpose(0, 2, 1)
    close = np.einsum("pij,kj,ki->pk", turns, here, there, optimize=True) > np.cos(_WIDE)
    best = np.argsort(-close.sum(axis=1), kind="stable")[:_REFINED]
    found = []
    for one in best:
        turn = Rotation.from_matrix(turns[one]).as_rotvec()
        start = SphereMap(*circles, np.concatenate((turn, np.zeros(4))))
        found.append(fit_sphere(matches, start, reach, agree=close[one]))
    return max(found, key=lambda one: int((one.misses(matches) < reach).sum()))


def fit_sphere(
    matches: Matches, start: SphereMap, reach: float, *, agree: Bool[np.ndarray, " k"] | None = None
) -> SphereMap:
    """A map fitted to the matches that agree with it, over and over.

    Args:
        matches: true and false ones.
        start: says which agree at first.
        reach: largest noise of a true one, pixels of the fixed photograph.
        agree: those that do at first, in place of what `start` says.
    """
    found = start
    for wider in np.linspace(2, 1, _ROUNDS):
        if agree is None:
            agree = found.misses(matches) < wider * reach
        if agree.sum() < 3:
            break
        found = _fitted(matches.where(agree), found, reach / 2)
        agree = None
    return found


def lean_on(sphere: SphereMap, fixed: Prepared, moving: Prepared) -> Matches:
    """Places of the moving photograph that the fixed one shows too, and where the map puts them."""
    low, high = moving.outline.min(axis=0), moving.outline.max(axis=0)
    x, y = np.meshgrid(*(np.linspace(low[axis], high[axis], _GRID) for axis in (0, 1)))
    places = np.stack((x.ravel(), y.ravel()), axis=1)
    there = sphere.apply(places)
    near = np.linalg.norm(there - sphere.fixed.middle, axis=1) < 1.05 * sphere.fixed.radius
    near &= np.linalg.norm(places - sphere.moving.middle, axis=1) < 1.05 * sphere.moving.radius
    return Matches(places[near], there[near], np.ones(near.sum(), np.float32))


def as_quadratic(sphere: SphereMap, fixed: Prepared, moving: Prepared) -> Quadratic | None:
    """The quadratic nearest to the map where both photographs show the eye; None where they share nothing."""
    places = lean_on(sphere, fixed, moving)
    return quadratic_of_places(places.moving, places.fixed, np.ones(len(places)))


def leaning_quadratic(sphere: SphereMap, fixed: Prepared, moving: Prepared) -> Fit:
    """Least squares of a quadratic to matches and, with less weight, to where the map puts other places."""
    places = lean_on(sphere, fixed, moving)
    weight = LEANING / max(1, len(places))

    def fit(here: Float64[np.ndarray, "k 2"], there: Float64[np.ndarray, "k 2"]) -> Quadratic | None:
        weights = np.concatenate((np.ones(len(here)), np.full(len(places), weight)))
        both = np.concatenate((here, places.moving)), np.concatenate((there, places.fixed))
        return quadratic_of_places(*both, weights)

    return fit


def _on_sphere(angles: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, "n 3"]:
    """Where rays of these angles (radians, right and down) hit the sphere."""
    angle = np.linalg.norm(angles, axis=1)
    behind = NODAL * np.cos(angle) + np.sqrt(1 - (NODAL * np.sin(angle)) ** 2)
    across = behind * np.sinc(angle / np.pi)
    return np.concatenate((across[:, None] * angles, (behind * np.cos(angle) - NODAL)[:, None]), axis=1)


def _likely_pairs(
    there: Float64[np.ndarray, "k 3"], here: Float64[np.ndarray, "k 3"]
) -> tuple[Int64[np.ndarray, " p"], Int64[np.ndarray, " p"]]:
    """Pairs of matches that are as far from each other on both photographs, those of the best first."""
    first, second = np.triu_indices(len(there), 1)
    order = np.argsort(first + second, kind="stable")
    first, second = first[order], second[order]
    apart = [np.linalg.norm(one[first] - one[second], axis=1) for one in (there, here)]
    likely = (apart[0] > _APART) & (np.abs(apart[0] - apart[1]) < _SAME * apart[0])
    return first[likely][:_PAIRS], second[likely][:_PAIRS]


def _frames(
    one: Float64[np.ndarray, "p 3"], other: Float64[np.ndarray, "p 3"]
) -> Float64[np.ndarray, "p 3 3"]:
    """Axes of each pair of places on the sphere: its middle, the way across it, and the third."""
    middle = _unit(one + other)
    side = _unit(np.cross(one, other))
    return np.stack((middle, side, np.cross(middle, side)), axis=2)


def _unit(vectors: Float64[np.ndarray, "p 3"]) -> Float64[np.ndarray, "p 3"]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def _fitted(matches: Matches, start: SphereMap, noise: float) -> SphereMap:
    def missed(parameters: Float64[np.ndarray, "7"]) -> Float64[np.ndarray, " r"]:
        off = SphereMap(start.fixed, start.moving, parameters).apply(matches.moving) - matches.fixed
        return np.concatenate((off.ravel() / noise, parameters[3:] / _SPREAD))

    found = least_squares(missed, start.parameters, loss="soft_l1", max_nfev=15)
    return SphereMap(start.fixed, start.moving, np.asarray(found.x))
