"""Two photographs of one eye in; the map that lays one on the other, and how far to trust it, out.

Keypoints are matched, a homography is found that most matches agree on, and with it the moving picture is
warped and matched once more: what looks alike in both by then is found in greater number (the second pass
of SuperRetina, ECCV 2022, https://arxiv.org/abs/2207.07932). Departs from it: mutual matches; MAGSAC++
in place of the least median; the second pass's places are carried back and one map is fitted to them, in
place of two maps in a row; tests of what came out, which may say `failed`. The map that a second pass begins
with is that of a round eye (`sphere`) where matches agree on one. Then places are matched near where the map
puts them, several times and closer each time: those are many more, and the map is fitted to them. How far to
trust it is told by the matches that were found without the map's help.
Positions are x, y in pixels of the originals, pixel centres at whole numbers; maps go from moving to fixed.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from jaxtyping import Bool

from anyres.models.retina.evidence import Evidence, field_points, gather_evidence
from anyres.models.retina.fitting import (
    Fit,
    fit_affine,
    fit_and_collect,
    fit_homography,
    fit_quadratic,
    leave_out_residuals,
    residuals,
    robust_homography,
)
from anyres.models.retina.judging import FEWEST_INLIERS, SCALES, Status, judge
from anyres.models.retina.matching import Keypoints, Matches, match, match_near
from anyres.models.retina.preparing import Prepared
from anyres.models.retina.sift import Detector
from anyres.models.retina.sphere import SphereMap, as_quadratic, find_sphere, fit_sphere, leaning_quadratic
from anyres.models.retina.transform import Transform, local_scales, orientations, pole_distance
from anyres.models.retina.warping import warp

Model = Literal["auto", "homography", "affine", "quadratic"]
REACH: Final = 0.005  # of the field of view: farthest that a true match lies off; 15 pixels at FIRE's 2912
START_REACH: Final = 2.0  # times that, for the map that a second pass begins with
PASSES: Final = (  # radius in which places are compared, of the field of view, and ratio
    (0.04, 0.85),
    (0.03, 0.85),
    (0.03, 0.9),
    (0.02, 0.9),
    (0.02, 0.9),
    (0.015, 0.9),
)
KEPT_SHARE: Final = 0.5  # of the unaided matches that agreed, which a map of nearer ones must not lose
SPHERE_RATIO: Final = 0.95  # looser than a detector's: the map of a round eye is found among more false ones
SPHERE_MATCHES: Final = 250  # the best of these
QUADRATIC_REACH: Final = 3.0  # times that, among which a quadratic looks for its first matches
QUADRATIC_SPREAD: Final = 20  # places apart from each other that a quadratic needs
SURE: Final = 3.0  # standard errors by which a quadratic's leave-out residuals must be smaller in the mean
_APART: Final = 0.05  # of the field of view: places nearer than that count once

Fitted = tuple[Transform, Bool[np.ndarray, " k"]]


@dataclass(frozen=True, eq=False)
class _Unaided:
    """What was found before matches were looked for near where a map puts them."""

    matches: Matches
    fitted: Fitted | None  # their homography
    sphere: SphereMap | None  # of the eye, that they agree on
    starts: list[Transform]  # maps that nearer matches may begin with
    laid: Keypoints | None  # keypoints as the first of these lays the picture


@dataclass(frozen=True, eq=False)
class Registration:
    """What came out. A failed one may have a map too: for looking, and never to be taken for an alignment."""

    status: Status
    probability: float  # that the map is right
    reasons: tuple[str, ...]  # why it is not ok, a plain sentence each
    transform: Transform | None  # from moving to fixed
    matches: Matches  # those that the map was fitted to, and others near
    agree: Bool[np.ndarray, " k"]  # which matches fit the map
    evidence: Evidence | None = None  # None if there is no map


def register(
    fixed: Prepared,
    moving: Prepared,
    detector: Detector,
    *,
    model: Model = "auto",
    is_two_pass: bool = True,
) -> Registration:
    """The map from the moving to the fixed picture.

    Args:
        fixed: stays as it is.
        moving: is to be laid on it.
        detector: finds the keypoints of both.
        model: "auto" is a homography; a quadratic where enough places are spread and it predicts matches that
            it was not fitted to better, beyond chance; affine where a homography predicts them no better.
        is_two_pass: warp by the first map and match again.

    Returns:
        Never an error for what the pictures show: then the status is `failed` and a reason says it.
    """
    for name, prepared in (("fixed", fixed), ("moving", moving)):
        if prepared.defect is not None:
            return _failed(f"The {name} picture {prepared.defect}")
    target = detector(fixed)
    first = _unaided(fixed, moving, target, detector, is_two_pass=is_two_pass)
    if first.fitted is None:
        return _failed(
            f"The pictures have {len(first.matches)} places that look alike, and no alignment that they "
            "agree on.",
            first.matches,
        )
    near, homography, sphere = first.matches, first.fitted, first.sphere
    reach = REACH * fixed.diameter
    if first.laid is not None:
        for start in first.starts:
            closer = _matched_near(first.laid, target, start, first.sphere, fixed, moving)
            if closer is not None and (near is first.matches or closer[1][1].sum() > homography[1].sum()):
                near, homography, sphere = closer
    transform, agree = _chosen(near, homography, sphere, fixed, moving, model)
    unaided = residuals(transform, first.matches) < reach
    if unaided.sum() < KEPT_SHARE * first.fitted[1].sum():
        near = first.matches
        transform, agree = _chosen(near, first.fitted, first.sphere, fixed, moving, model)
        unaided = agree
    evidence = gather_evidence(fixed, moving, transform, first.matches, unaided, fitted_to=near.where(agree))
    verdict = judge(evidence, detector.name)
    return Registration(
        verdict.status, verdict.probability, verdict.reasons, transform, near, agree, evidence
    )


def spread_count(matches: Matches, apart: float) -> int:
    """How many squares of `apart` pixels a side of the fixed picture have a match."""
    return len(np.unique(np.floor(matches.fixed / apart), axis=0))


def _unaided(
    fixed: Prepared, moving: Prepared, target: Keypoints, detector: Detector, *, is_two_pass: bool
) -> _Unaided:
    """Matches that no map helped to find, and the maps that they lead to."""
    reach = REACH * fixed.diameter
    many = match(detector(moving), target, ratio=SPHERE_RATIO)
    matches = many.where(many.scores > 1 - detector.ratio)
    fitted = _fit_homography(matches, reach)
    sphere = find_sphere(many.where(np.arange(len(many)) < SPHERE_MATCHES), fixed, moving, 2 * reach)
    starts = _starts(matches, fitted, sphere, fixed, moving) if is_two_pass else []
    if not starts:
        return _Unaided(matches, fitted, sphere, [], None)
    laid = _found_as_laid(fixed, moving, starts[0], detector)
    again = match(laid, target, ratio=detector.ratio)
    fitted_again = _fit_homography(again, reach)
    if fitted_again is not None and (fitted is None or fitted_again[1].sum() >= fitted[1].sum()):
        matches, fitted = again, fitted_again
        if sphere is not None:
            sphere = fit_sphere(matches, sphere, reach)
        starts = _starts(matches, fitted, sphere, fixed, moving) or starts
    return _Unaided(matches, fitted, sphere, starts, laid)


def _fit_homography(matches: Matches, reach: float) -> Fitted | None:
    start = robust_homography(matches, reach)
    return None if start is None else fit_and_collect(fit_homography, start, matches, reach)


def _starts(
    matches: Matches, fitted: Fitted | None, sphere: SphereMap | None, fixed: Prepared, moving: Prepared
) -> list[Transform]:
    """The maps that nearer matches may begin with; none where none is worth it.

    That of a round eye first, then an affine one: a homography of few matches, all of one corner, goes
    astray anywhere else.
    """
    reach = REACH * fixed.diameter
    found: list[Fitted] = []
    if sphere is not None:
        curved = as_quadratic(sphere, fixed, moving)
        if curved is not None:
            found.append((curved, residuals(curved, matches) < START_REACH * reach))
    if fitted is not None:
        affine = fit_and_collect(fit_affine, fitted[0], matches, START_REACH * reach)
        found += [fitted] if affine is None else [affine, fitted]
    return [
        start for start, agree in found if agree.sum() >= FEWEST_INLIERS and _is_regular(start, fixed, moving)
    ]


def _is_regular(transform: Transform, fixed: Prepared, moving: Prepared) -> bool:
    """Whether a map neither mirrors, folds, stretches too far nor has a pole in the field of view."""
    points = field_points(moving)
    smallest, largest = local_scales(transform, points)
    ratio = moving.diameter / fixed.diameter
    return bool(
        (orientations(transform, points) > 0).all()
        and smallest.min() * ratio >= SCALES[0]
        and largest.max() * ratio <= SCALES[1]
        and pole_distance(transform, moving.outline, fixed.outline) > 0
    )


def _matched_near(
    found: Keypoints,
    target: Keypoints,
    transform: Transform,
    sphere: SphereMap | None,
    fixed: Prepared,
    moving: Prepared,
) -> tuple[Matches, Fitted, SphereMap | None] | None:
    """Matches near where a map puts them, closer each time, with their maps; None if they give none."""
    reach = REACH * fixed.diameter
    last = None
    for share, ratio in PASSES:
        matches = match_near(
            found, transform.apply(found.positions), target, radius=share * fixed.diameter, ratio=ratio
        )
        fitted = _fit_homography(matches, reach)
        if fitted is None:
            break
        if sphere is not None:
            sphere = fit_sphere(matches, sphere, reach)
        last, transform = (matches, fitted, sphere), _closest(matches, fitted, sphere, fixed, moving)
    return last


def _found_as_laid(fixed: Prepared, moving: Prepared, transform: Transform, detector: Detector) -> Keypoints:
    """Keypoints of the moving picture as a map lays it, in pixels of its original."""
    at_work = transform.between(moving.to_original, np.linalg.inv(fixed.to_original))
    size_hw = fixed.picture.shape
    laid = Prepared(
        warp(moving.picture, at_work, size_hw, kernel="cubic"),
        warp(moving.field.astype(np.uint8), at_work, size_hw, kernel="nearest").astype(bool),
        fixed.size_hw,
    )
    found = detector(laid)
    back = transform.apply_inverse(found.positions)
    return replace(found, positions=back).where(np.isfinite(back).all(axis=1))


def _closest(
    matches: Matches, homography: Fitted, sphere: SphereMap | None, fixed: Prepared, moving: Prepared
) -> Transform:
    """A quadratic where the matches justify one, else the homography."""
    found = _curved(matches, homography, sphere, fixed, moving)
    return homography[0] if found is None else found[0]


def _chosen(
    matches: Matches,
    homography: Fitted,
    sphere: SphereMap | None,
    fixed: Prepared,
    moving: Prepared,
    model: Model,
) -> Fitted:
    """The map of the model that was asked for, or of the one that the matches justify."""
    reach = REACH * fixed.diameter
    if model == "homography":
        return homography
    if model == "affine":
        return fit_and_collect(fit_affine, homography[0], matches, reach) or homography
    quadratic = _curved(matches, homography, sphere, fixed, moving, is_wanted=model == "quadratic")
    if quadratic is not None:
        return quadratic
    inliers = matches.where(homography[1])
    affine = fit_and_collect(fit_affine, homography[0], matches, reach)
    if affine is None or _mean_left_out(fit_homography, inliers) < _mean_left_out(fit_affine, inliers):
        return homography
    return affine


def _curved(
    matches: Matches,
    homography: Fitted,
    sphere: SphereMap | None,
    fixed: Prepared,
    moving: Prepared,
    *,
    is_wanted: bool = False,
) -> Fitted | None:
    """A quadratic, leaning on a round eye where matches are few; None where it is not justified."""
    reach = REACH * fixed.diameter
    for prior in (sphere, None) if sphere is not None else (None,):
        fit: Fit = fit_quadratic
        start: Transform | None = homography[0]
        if prior is not None:
            start, fit = as_quadratic(prior, fixed, moving), leaning_quadratic(prior, fixed, moving)
        if start is None:
            continue
        found = fit_and_collect(fit, start, matches, reach, first_reach=QUADRATIC_REACH * reach)
        if found is None:
            continue
        if is_wanted or _is_justified(matches.where(found[1]), fit, found[0], fixed, moving):
            return found
    return None


def _is_justified(
    inliers: Matches, fit: Fit, quadratic: Transform, fixed: Prepared, moving: Prepared
) -> bool:
    """Whether a quadratic has matches enough, predicts them better than a homography, and does not fold."""
    return (
        spread_count(inliers, _APART * fixed.diameter) >= QUADRATIC_SPREAD
        and _predicts_better(fit, fit_homography, inliers)
        and _is_regular(quadratic, fixed, moving)
    )


def _predicts_better(fit: Fit, other: Fit, matches: Matches) -> bool:
    """Whether maps of one kind miss matches that they were not fitted to by less, beyond chance."""
    gain = leave_out_residuals(other, matches) - leave_out_residuals(fit, matches)
    if not np.isfinite(gain).all():
        return False
    return bool(gain.mean() > SURE * gain.std() / np.sqrt(len(gain)))


def _mean_left_out(fit: Fit, matches: Matches) -> float:
    return float(leave_out_residuals(fit, matches).mean())


def _failed(reason: str, matches: Matches | None = None) -> Registration:
    none = Matches(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0, np.float32))
    matches = none if matches is None else matches
    return Registration("failed", 0.0, (reason,), None, matches, np.zeros(len(matches), bool))
