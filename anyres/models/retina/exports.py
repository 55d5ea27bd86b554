"""A registration as files that other programs read: a report, matches, and a transform for ITK.

ITK's transforms go from places of the fixed picture to places of the moving one, the other way round than
ours; its points are x, y in pixels here (spacing 1, origin 0 in the middle of the first pixel).
Axes: h w the fixed picture.
"""

import csv
import io
import math
from importlib.metadata import version
from typing import Any, Final

import numpy as np

from anyres.core.alignment import DISCLAIMER
from anyres.core.sizes import SizeHW
from anyres.models.retina.fitting import fit_homography
from anyres.models.retina.inference import Registered
from anyres.models.retina.transform import Projective, Transform

GRID: Final = 8  # pixels between displacements; a transform is smooth
_FITTED: Final = 20  # places a side, to which a homography is fitted
_NOWHERE: Final = 1e6  # displacement, pixels, of a place that the moving picture does not have


def report(registered: Registered) -> dict[str, Any]:
    """Status, probability, reasons, the transform and what speaks for it; numbers of JSON only."""
    found = registered.result
    return {
        "status": found.status,
        "probability": round(found.probability, 4),
        "reasons": list(found.reasons),
        "note": DISCLAIMER,
        "engine": registered.engine,
        "weights_sha256": list(registered.weights_sha256),
        "anyres": version("anyres"),
        "fixed_size": list(registered.fixed.size_hw[::-1]),
        "moving_size": list(registered.moving.size_hw[::-1]),
        "matches": len(found.matches),
        "inliers": int(found.agree.sum()),
        **transform_values(found.transform, registered.moving.size_hw),
        "evidence": _evidence(registered),
    }


def transform_values(transform: Transform | None, moving_hw: SizeHW) -> dict[str, Any]:
    """A transform in numbers, with its convention.

    `matrix` is 3 x 3, for (x, y, 1); of a quadratic it is the homography nearest to it in the whole picture.
    """
    if transform is None:
        return {"model": None, "matrix": None}
    values: dict[str, Any] = {
        "model": transform.kind,
        "convention": "from moving to fixed; x to the right, y down, in pixels of the originals, "
        "the middle of the first pixel at 0, 0",
    }
    if isinstance(transform, Projective):
        return {**values, "matrix": transform.matrix.tolist()}
    return {
        **values,
        "matrix": _nearest_matrix(transform, moving_hw),
        "quadratic": transform.coefficients.tolist(),
        "quadratic_terms": ["1", "x", "y", "x*x", "x*y", "y*y"],
    }


def _nearest_matrix(transform: Transform, moving_hw: SizeHW) -> list[list[float]] | None:
    y, x = (np.linspace(0, side - 1, _FITTED) for side in moving_hw)
    places = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    nearest = fit_homography(places, transform.apply(places))
    return None if nearest is None else nearest.matrix.tolist()


def matches_csv(registered: Registered) -> str:
    """A row for each match: both places in pixels of the originals, the score, whether it fits the map."""
    found = registered.result
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("moving_x", "moving_y", "fixed_x", "fixed_y", "score", "inlier"))
    matches = found.matches
    for moving, fixed, score, agrees in zip(
        matches.moving, matches.fixed, matches.scores, found.agree, strict=True
    ):
        places = [f"{value:.3f}" for value in (*moving, *fixed)]
        rows.writerow((*places, f"{score:.4f}", int(agrees)))
    return text.getvalue()


def itk_affine(transform: Projective) -> str:
    """An affine transform as ITK's text file; from fixed to moving."""
    matrix = transform.inverse().matrix
    numbers = (*matrix[:2, :2].ravel(), *matrix[:2, 2])
    return (
        "#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_2_2\n"
        f"Parameters: {' '.join(repr(float(one)) for one in numbers)}\nFixedParameters: 0 0\n"
    )


def displacement_field(transform: Transform, size_hw: SizeHW) -> bytes:
    """A transform as a MetaImage of displacements, every 8 pixels; from fixed to moving.

    For a place that the moving picture does not have, a displacement that leads far out of it.
    """
    height, width = (math.ceil((side - 1) / GRID) + 1 for side in size_hw)
    y, x = np.meshgrid(np.arange(height) * GRID, np.arange(width) * GRID, indexing="ij")
    places = np.stack((x, y), axis=-1).reshape(-1, 2).astype(np.float64)
    moved = transform.apply_inverse(places) - places
    moved = np.where(np.isfinite(moved), moved, _NOWHERE)
    header = (
        "ObjectType = Image\nNDims = 2\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
        f"CompressedData = False\nOffset = 0 0\nElementSpacing = {GRID} {GRID}\n"
        f"DimSize = {width} {height}\nElementNumberOfChannels = 2\nElementType = MET_FLOAT\n"
        "ElementDataFile = LOCAL\n"
    )
    return header.encode("ascii") + moved.astype("<f4").tobytes()


def _evidence(registered: Registered) -> dict[str, float] | None:
    evidence = registered.result.evidence
    if evidence is None:
        return None
    names = ("inlier_share", "coverage", "overlap", "agreement", "agreement_before", "agreement_peak")
    values = {name: _number(getattr(evidence, name)) for name in names}
    pixels = evidence.residual * registered.prepared_fixed.diameter
    return {**values, "residual_pixels": _number(pixels)}


def _number(value: float) -> float:
    """As JSON can hold it."""
    return round(float(value), 4) if math.isfinite(value) else 0.0
