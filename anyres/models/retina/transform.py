"""The map that lays the moving picture on the fixed one: a projective matrix, or a quadratic polynomial.

Maps go from moving to fixed. Positions are x, y in pixels of the original pictures, pixel centres at whole
numbers, so the corner of a picture is at (-0.5, -0.5). `Projective` is a 3 x 3 matrix, a homography or an
affine map: (x', y', 1) ~ M (x, y, 1), of the sign that makes the third number positive in the picture.
`Quadratic` has 12 numbers, a row each for x' and y': the factors of 1, x, y, x x, x y, y y (Can and others,
PAMI 2002, for a retina on a sphere).
Axes: n positions, m other ones.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from jaxtyping import Float64

from anyres.core.errors import InputError

_NEWTON: Final = 12  # steps; three are enough for maps of eyes
_CLOSE: Final = 1e-6  # pixels, at which an inverse is found


@dataclass(frozen=True, eq=False)
class Projective:
    """A homography, or an affine map where the last row is 0 0 1.

    Raises:
        InputError: A matrix that has no inverse or holds no numbers.
    """

    matrix: Float64[np.ndarray, "3 3"]

    def __post_init__(self) -> None:
        """Check that the matrix can be inverted; InputError."""
        if not np.isfinite(self.matrix).all() or np.linalg.cond(self.matrix) > 1e14:  # of float64's 1e16
            raise InputError("The matrix of a map has an inverse; this one has none. Estimate it anew.")

    @property
    def kind(self) -> Literal["affine", "homography"]:
        """Which of the two it is."""
        return "affine" if not self.matrix[2, :2].any() else "homography"

    def apply(self, positions: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, "n 2"]:
        """Where positions of the moving picture lie in the fixed one; NaN on the pole and beyond it."""
        depth = self.denominator(positions)[:, None]
        depth = np.where(depth > 0, depth, np.nan)
        return np.asarray((positions @ self.matrix[:2, :2].T + self.matrix[:2, 2]) / depth)

    def apply_inverse(self, positions: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, "n 2"]:
        """Where positions of the fixed picture lie in the moving one; NaN on the pole and beyond it."""
        return self.inverse().apply(positions)

    def jacobian(self, positions: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, "n 2 2"]:
        """Derivatives of (x', y') by (x, y) at positions of the moving picture."""
        depth = self.denominator(positions)[:, None, None]
        mapped = (positions @ self.matrix[:2, :2].T + self.matrix[:2, 2]) / depth[:, 0]
        return np.asarray((self.matrix[:2, :2] - mapped[:, :, None] * self.matrix[2, :2]) / depth)

    def denominator(self, positions: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, " n"]:
        """What the projection divides by; where it is 0, the picture goes to infinity."""
        return np.asarray(positions @ self.matrix[2, :2] + self.matrix[2, 2])

    def inverse(self) -> "Projective":
        """The map from fixed to moving."""
        return Projective(np.linalg.inv(self.matrix))

    def between(self, before: Float64[np.ndarray, "3 3"], after: Float64[np.ndarray, "3 3"]) -> "Projective":
        """The map that does the projective `before`, then this one, then the projective `after`."""
        return Projective(after @ self.matrix @ before)


@dataclass(frozen=True, eq=False)
class Quadratic:
    """A polynomial of the second degree: x' = a + b x + c y + d x x + e x y + f y y, and the same for y'.

    Raises:
        InputError: Coefficients that are no numbers.
    """

    coefficients: Float64[np.ndarray, "2 6"]  # of 1, x, y, x x, x y, y y; first row x', second y'

    def __post_init__(self) -> None:
        """Check that all are numbers; InputError."""
        if not np.isfinite(self.coefficients).all():
            raise InputError("The coefficients of a map are numbers; these are not. Estimate it anew.")

    @property
    def kind(self) -> Literal["quadratic"]:
        """What it is called."""
        return "quadratic"

    def apply(self, positions: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, "n 2"]:
        """Where positions of the moving picture lie in the fixed one."""
        return np.asarray(monomials(positions) @ self.coefficients.T)

    def jacobian(self, positions: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, "n 2 2"]:
        """Derivatives of (x', y') by (x, y) at positions of the moving picture."""
        x, y = positions[:, 0, None], positions[:, 1, None]
        _, b, c, d, e, f = self.coefficients.T
        return np.stack([b + 2 * d * x + e * y, c + e * x + 2 * f * y], axis=2)

    def apply_inverse(self, positions: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, "n 2"]:
        """Where positions of the fixed picture lie in the moving one, by Newton's method; NaN where nowhere.

        Of two such places the one that its linear part leads to, which is the one in the picture.
        """
        with np.errstate(all="ignore"):  # where there is no inverse, steps lead to infinity
            linear = self.coefficients[:, 1:3]
            if abs(np.linalg.det(linear)) < 1e-12:  # no linear part: no eye
                return np.full_like(positions, np.nan)
            found = (positions - self.coefficients[:, 0]) @ np.linalg.inv(linear).T
            for _ in range(_NEWTON):
                missing = positions - self.apply(found)
                if (
                    np.abs(missing, where=np.isfinite(missing), out=np.zeros_like(missing)).max(initial=0)
                    < _CLOSE
                ):
                    break
                found = found + _solved(self.jacobian(found), missing)
            wrong = ~(np.abs(positions - self.apply(found)).max(axis=1) < 1e3 * _CLOSE)
        return np.where(wrong[:, None], np.nan, found)

    def between(self, before: Float64[np.ndarray, "3 3"], after: Float64[np.ndarray, "3 3"]) -> "Quadratic":
        """The map that does the affine `before`, then this one, then the affine `after`."""
        (a, b, c), (d, e, f) = before[:2]
        powers = np.array(  # monomials of the changed x and y, a row each, in those of the given ones
            [
                [1, 0, 0, 0, 0, 0],
                [c, a, b, 0, 0, 0],
                [f, d, e, 0, 0, 0],
                [c * c, 2 * a * c, 2 * b * c, a * a, 2 * a * b, b * b],
                [c * f, a * f + c * d, b * f + c * e, a * d, a * e + b * d, b * e],
                [f * f, 2 * d * f, 2 * e * f, d * d, 2 * d * e, e * e],
            ]
        )
        changed = after[:2, :2] @ self.coefficients @ powers
        changed[:, 0] += after[:2, 2]
        return Quadratic(changed)


Transform = Projective | Quadratic


def monomials(positions: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, "n 6"]:
    """1, x, y, x x, x y, y y of each position, the order of a quadratic's coefficients."""
    x, y = positions.T
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)


def local_scales(
    transform: Transform, positions: Float64[np.ndarray, "n 2"]
) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
    """Smallest and largest factor by which lengths grow at positions of the moving picture."""
    factors = np.linalg.svd(transform.jacobian(positions), compute_uv=False)
    return factors[:, 1], factors[:, 0]


def orientations(transform: Transform, positions: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, " n"]:
    """Determinant of the derivatives: how areas grow; negative where the picture is mirrored or folded."""
    return np.asarray(np.linalg.det(transform.jacobian(positions)))


def pole_distance(
    transform: Transform,
    moving: Float64[np.ndarray, "n 2"],
    fixed: Float64[np.ndarray, "m 2"],
) -> float:
    """Smallest denominator over both outlines divided by that at their middle, both ways: 1 is affine.

    At 0 or below, a part of the picture would lie at infinity. A quadratic has no pole: 1.
    """
    if isinstance(transform, Quadratic):
        return 1.0
    nearest = []
    for way, outline in ((transform, moving), (transform.inverse(), fixed)):
        depths = way.denominator(np.vstack([outline, outline.mean(axis=0)]))
        nearest.append(float(depths.min() / depths[-1]) if depths[-1] > 0 else -1.0)
    return min(nearest)


def return_distances(
    forward: Transform, backward: Transform, positions: Float64[np.ndarray, "n 2"]
) -> Float64[np.ndarray, " n"]:
    """How far from each position of the moving picture one comes out after going there and back, pixels.

    Infinite where one of the two leads nowhere.
    """
    distances = np.linalg.norm(backward.apply(forward.apply(positions)) - positions, axis=1)
    return np.asarray(np.where(np.isfinite(distances), distances, np.inf))


def _solved(
    matrices: Float64[np.ndarray, "n 2 2"], sides: Float64[np.ndarray, "n 2"]
) -> Float64[np.ndarray, "n 2"]:
    """Solutions of many systems of two equations; infinite or NaN where there is none."""
    (a, b), (c, d) = np.moveaxis(matrices, 0, 2)
    x, y = sides.T
    return np.asarray(np.stack([d * x - b * y, a * y - c * x], axis=1) / (a * d - b * c)[:, None])
