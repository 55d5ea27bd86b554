"""Maps fitted to matches: robustly from matches with false ones, and by least squares from true ones.

The robust homography is MAGSAC++ (Barath and others, CVPR 2020) as OpenCV has it, always with the same draws.
Which model fits is told by leave-out residuals: the distances by which a map misses matches that it was
not fitted to.
Axes: k matches. Positions are x, y in pixels; maps go from moving to fixed.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from jaxtyping import Bool, Float64

from anyres.models.retina.matching import Matches
from anyres.models.retina.opencv import cv2
from anyres.models.retina.transform import Projective, Quadratic, Transform, monomials

Fit = Callable[[Float64[np.ndarray, "k 2"], Float64[np.ndarray, "k 2"]], Transform | None]
FOLDS: Final = 5  # parts that are left out in turn
_DRAWS: Final = 20_000  # of four matches at most
_STARTS: Final = 5  # of the draws: one alone missed a tenth of the homographies at 15 % of true matches
_ROUNDS: Final = 10  # of fitting and collecting; most end after three


def robust_homography(matches: Matches, reach: float) -> Projective | None:
    """The homography that most matches agree on; `reach` is the largest noise of a true one, pixels of fixed.

    None if there are fewer than four matches, or no homography.
    """
    if len(matches) < 4:
        return None
    found = [_drawn_homography(matches, reach, start) for start in range(_STARTS)]
    counts = [0 if one is None else int((residuals(one, matches) < reach).sum()) for one in found]
    return found[int(np.argmax(counts))]


def fit_homography(
    moving: Float64[np.ndarray, "k 2"], fixed: Float64[np.ndarray, "k 2"]
) -> Projective | None:
    """Least squares of distances in the fixed picture; None if the matches do not determine it."""
    if len(moving) < 4:
        return None
    try:
        matrix, _ = cv2.findHomography(moving, fixed, 0)
    except cv2.error:
        return None
    return _projective(matrix, moving)


def fit_affine(moving: Float64[np.ndarray, "k 2"], fixed: Float64[np.ndarray, "k 2"]) -> Projective | None:
    """Least squares of distances in the fixed picture; None if the matches do not determine it."""
    sides = np.column_stack([moving, np.ones(len(moving))])
    found, _, rank, _ = np.linalg.lstsq(sides, fixed, rcond=None)
    return _projective(np.vstack([found.T, [0, 0, 1]]), moving) if rank == 3 else None


def fit_quadratic(moving: Float64[np.ndarray, "k 2"], fixed: Float64[np.ndarray, "k 2"]) -> Quadratic | None:
    """Least squares of distances in the fixed picture; None if the matches do not determine it."""
    return quadratic_of_places(moving, fixed, np.ones(len(moving)))


def quadratic_of_places(
    moving: Float64[np.ndarray, "k 2"], fixed: Float64[np.ndarray, "k 2"], weights: Float64[np.ndarray, " k"]
) -> Quadratic | None:
    """The same, with a weight for each square; None if the places do not determine it."""
    if len(moving) < 6:
        return None
    (x, y), size = moving.mean(axis=0), max(float(moving.std()), 1e-9)
    root = np.sqrt(weights)[:, None]
    found, _, rank, _ = np.linalg.lstsq(root * monomials((moving - (x, y)) / size), root * fixed, rcond=None)
    if rank < 6:
        return None
    normed = np.array([[1 / size, 0, -x / size], [0, 1 / size, -y / size], [0, 0, 1]])
    return Quadratic(found.T).between(normed, np.eye(3))


def residuals(transform: Transform, matches: Matches) -> Float64[np.ndarray, " k"]:
    """Distances in the fixed picture between where matches are and where the map puts them, pixels."""
    distances = np.linalg.norm(transform.apply(matches.moving) - matches.fixed, axis=1)
    return np.asarray(np.where(np.isfinite(distances), distances, np.inf))


def fit_and_collect(
    fit: Fit, start: Transform, matches: Matches, reach: float, *, first_reach: float | None = None
) -> tuple[Transform, Bool[np.ndarray, " k"]] | None:
    """A map fitted to the matches that agree with it, over and over until these stay the same.

    Args:
        fit: least squares of one model.
        start: the map that says which matches agree at first.
        matches: true and false ones.
        reach: largest residual of a match that agrees, pixels.
        first_reach: the same at the start, for a model that bends more than the one it starts from.

    Returns:
        The map and which matches agree with it; None where they do not determine it.
    """
    transform = start
    agree = residuals(start, matches) < (first_reach or reach)
    for _ in range(_ROUNDS):
        fitted = fit(matches.moving[agree], matches.fixed[agree])
        if fitted is None:
            return None
        transform = fitted
        before, agree = agree, residuals(fitted, matches) < reach
        if (agree == before).all():
            break
    return transform, agree


def leave_out_residuals(fit: Fit, matches: Matches) -> Float64[np.ndarray, " k"]:
    """Distance in pixels by which a map that was not fitted to it misses each match; infinite if none fits.

    Every fifth match is left out in turn; they come best first, so that each part has good and poor ones.
    """
    fold = np.arange(len(matches)) % FOLDS
    missed = np.full(len(matches), np.inf)
    for part in range(FOLDS):
        kept = matches.where(fold != part)
        fitted = fit(kept.moving, kept.fixed)
        if fitted is not None:
            missed[fold == part] = residuals(fitted, matches.where(fold == part))
    return missed


def _drawn_homography(matches: Matches, reach: float, start: int) -> Projective | None:
    settings = cv2.UsacParams()
    settings.threshold = reach
    settings.confidence = 0.9999
    settings.maxIterations = _DRAWS
    settings.score = cv2.SCORE_METHOD_MAGSAC
    settings.sampler = cv2.SAMPLING_UNIFORM
    settings.loMethod = cv2.LOCAL_OPTIM_SIGMA
    settings.loIterations = 20
    settings.loSampleSize = 50
    settings.randomGeneratorState = start
    settings.isParallel = False
    try:
        matrix, _ = cv2.findHomography(matches.moving, matches.fixed, settings)
    except cv2.error:  # of matches on one line, say
        return None
    return _projective(matrix, matches.moving)


def _projective(matrix: object, moving: Float64[np.ndarray, "k 2"]) -> Projective | None:
    """The map of a matrix, with the sign that is positive at most matches; None if it is none."""
    if not isinstance(matrix, np.ndarray) or not np.isfinite(matrix).all():
        return None
    if np.linalg.matrix_rank(matrix / np.abs(matrix).max(), tol=1e-12) < 3:
        return None
    depth = float(np.median(moving @ matrix[2, :2] + matrix[2, 2]))
    if depth == 0:
        return None
    return Projective(np.asarray(matrix, np.float64) / depth)
