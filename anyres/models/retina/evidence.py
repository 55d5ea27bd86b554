"""What speaks for and against a map between two photographs of one eye, as numbers.

After what a matched pair must show: enough matches that agree and are spread; a map that neither mirrors,
folds, nor has a pole in the picture; and vessels that lie on vessels. The last is asked of the whole
overlap and not of the matches: the correlation of both vessel maps at the map's place stands against that
at places around it.
Positions are x, y in pixels of the originals; maps go from moving to fixed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float32, Float64

from anyres.core.sizes import SizeHW
from anyres.models.retina.fitting import fit_affine, fit_homography, fit_quadratic, residuals
from anyres.models.retina.matching import Matches
from anyres.models.retina.opencv import cv2
from anyres.models.retina.preparing import Prepared, between_sizes
from anyres.models.retina.transform import (
    Projective,
    Transform,
    local_scales,
    orientations,
    pole_distance,
    return_distances,
)
from anyres.models.retina.vessels import correlation, vessel_map
from anyres.models.retina.warping import warp

_POINTS: Final = 20  # places a side of the picture at which a map is looked at
_COMPARED_SIDE: Final = 512  # pixels of the longer side, at which vessel maps are compared
_BLUR: Final = 0.003  # of that side: a vessel's width of tolerance
_SHIFTS: Final = (0.03, 0.05, 0.08)  # of that side: where else vessels are compared
_DIRECTIONS: Final = 12


@dataclass(frozen=True)
class Evidence:
    """Of one map; lengths are shares of the fixed picture's field of view, if not said otherwise."""

    match_count: int
    inlier_count: int  # matches that agree with the map
    inlier_share: float  # of all matches
    coverage: float  # area of the inliers' hull as a share of the overlap
    residual: float  # median distance of the inliers from where the map puts them
    overlap: float  # share of the field of view of one picture that the other sees too; the larger of both
    mirrored: float  # share of the field in which the map turns left into right; 0 or 1, but for folds
    smallest_scale: float  # of lengths, anywhere in the field of view, both fields taken as equally large
    largest_scale: float
    pole_distance: float  # smallest denominator by that at the middle; 1 affine, 0 infinity in the picture
    return_error: float  # largest way back by a map that was fitted the other way round
    agreement: float  # correlation of the vessel maps in the overlap, from -1 to 1
    agreement_before: float  # the same for the pictures as they are, laid on each other
    agreement_peak: float  # how many standard deviations agreement stands above that at shifted places


def gather_evidence(
    fixed: Prepared,
    moving: Prepared,
    transform: Transform,
    matches: Matches,
    agree: Bool[np.ndarray, " k"],
    *,
    fitted_to: Matches,
) -> Evidence:
    """All of it for one map, from two pictures without defects.

    `matches` are those that were found without the help of the map, `fitted_to` those that gave it.
    """
    inliers = matches.where(agree)
    points = field_points(moving)
    mirrored = float((orientations(transform, points) <= 0).mean())
    smallest, largest = local_scales(transform, points)
    common = _seen(moving, transform.apply_inverse(field_points(fixed)))
    overlap = max(float(common.mean()), float(_seen(fixed, transform.apply(points)).mean()))
    ratio = moving.diameter / fixed.diameter
    near = residuals(transform, inliers)
    agreement = vessel_agreement(fixed, moving, transform)
    return Evidence(
        match_count=len(matches),
        inlier_count=len(inliers),
        inlier_share=len(inliers) / max(1, len(matches)),
        coverage=_coverage(inliers.fixed, fixed, float(common.mean())),
        residual=float(np.median(near)) / fixed.diameter if len(near) else math.inf,
        overlap=overlap,
        mirrored=mirrored,
        smallest_scale=float(smallest.min()) * ratio,
        largest_scale=float(largest.max()) * ratio,
        pole_distance=pole_distance(transform, moving.outline, fixed.outline),
        return_error=_return_error(transform, fitted_to, points) / moving.diameter,
        agreement=agreement[0],
        agreement_before=agreement[1],
        agreement_peak=agreement[2],
    )


def field_points(prepared: Prepared) -> Float64[np.ndarray, "n 2"]:
    """Places spread over the field of view and on its outline, in pixels of the original."""
    height, width = prepared.field.shape
    rows = np.linspace(0, height - 1, _POINTS).astype(int)
    columns = np.linspace(0, width - 1, _POINTS).astype(int)
    row, column = np.nonzero(prepared.field[np.ix_(rows, columns)])
    inside = np.stack([columns[column], rows[row]], axis=1).astype(np.float64)
    return np.vstack([prepared.in_original(inside), prepared.outline])


def vessel_agreement(fixed: Prepared, moving: Prepared, transform: Transform) -> tuple[float, float, float]:
    """Correlation of both vessel maps: aligned, as the pictures are, and how far aligned stands out.

    Returns:
        Two correlations from -1 to 1, and the first less the mean of those at shifted places, in standard
        deviations of these; 0 where the pictures do not overlap.
    """
    shrink_by = max(1.0, max(fixed.picture.shape) / _COMPARED_SIDE)
    size_hw = (round(fixed.picture.shape[0] / shrink_by), round(fixed.picture.shape[1] / shrink_by))
    to_compared = between_sizes(fixed.size_hw, size_hw)
    still = Projective(np.eye(3))
    target, seen = _laid(fixed, [still], to_compared, size_hw)[0]
    ways = [transform, Projective(between_sizes(moving.size_hw, fixed.size_hw))]
    (aligned, inside), (before, inside_before) = _laid(moving, ways, to_compared, size_hw)
    at_place = correlation(target, aligned, seen & inside)
    around = [
        correlation(target, _shifted(aligned, shift), seen & _shifted(inside, shift))
        for shift in _shifts(max(size_hw))
    ]
    spread = max(float(np.std(around)), 0.01)  # below that a difference says nothing
    peak = (at_place - float(np.mean(around))) / spread
    return at_place, correlation(target, before, seen & inside_before), peak


def _laid(
    prepared: Prepared,
    ways: Sequence[Transform],
    to_compared: Float64[np.ndarray, "3 3"],
    size_hw: SizeHW,
) -> list[tuple[Float32[np.ndarray, "h w"], Bool[np.ndarray, "h w"]]]:
    """By each way the vessel map in one frame, blurred by its tolerance, and where it is seen there."""
    vessels = vessel_map(prepared.picture, prepared.field)
    seen = prepared.inner_field.astype(np.uint8)
    laid = []
    for way in ways:
        at_work = way.between(prepared.to_original, to_compared)
        there = warp(vessels, at_work, size_hw, kernel="linear")
        blurred = np.asarray(cv2.GaussianBlur(there, (0, 0), _BLUR * max(size_hw)), np.float32)
        laid.append((blurred, warp(seen, at_work, size_hw, kernel="nearest").astype(bool)))
    return laid


def _shifts(side: int) -> list[tuple[int, int]]:
    angles = np.arange(_DIRECTIONS) * 2 * np.pi / _DIRECTIONS
    return [
        (round(side * share * math.sin(angle)), round(side * share * math.cos(angle)))
        for share in _SHIFTS
        for angle in angles
    ]


def _shifted(plane: np.ndarray, shift: tuple[int, int]) -> np.ndarray:
    """The plane moved down and right, 0 where nothing comes from."""
    moved = np.zeros_like(plane)
    to, source = (
        tuple(slice(max(0, sign * way), min(0, sign * way) or None) for way in shift) for sign in (1, -1)
    )
    moved[to] = plane[source]
    return moved


def _seen(prepared: Prepared, positions: Float64[np.ndarray, "n 2"]) -> Bool[np.ndarray, " n"]:
    """Whether places of the original lie in its field of view; false for NaN."""
    at_work = prepared.at_work(positions)
    height, width = prepared.field.shape
    inside = np.all((at_work > -0.5) & (at_work < np.array([width, height]) - 0.5), axis=1)
    columns, rows = np.rint(np.where(inside[:, None], at_work, 0)).astype(np.int64).T
    return np.asarray(inside & prepared.field[rows, columns])


def _coverage(positions: Float64[np.ndarray, "n 2"], fixed: Prepared, common: float) -> float:
    if len(positions) < 3 or common == 0:
        return 0.0
    hull = cv2.convexHull(positions.astype(np.float32))
    pixels = float(fixed.field.mean()) * fixed.size_hw[0] * fixed.size_hw[1]
    return min(1.0, float(cv2.contourArea(hull)) / (common * pixels))


def _return_error(transform: Transform, inliers: Matches, points: Float64[np.ndarray, "n 2"]) -> float:
    """Largest distance there and back, the way back fitted on its own; infinite where it cannot be."""
    fits = {"affine": fit_affine, "homography": fit_homography, "quadratic": fit_quadratic}
    backward = fits[transform.kind](inliers.fixed, inliers.moving)
    if backward is None:
        return math.inf
    return float(return_distances(transform, backward, points).max())
