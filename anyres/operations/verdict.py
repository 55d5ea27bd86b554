"""Tell how far to trust an alignment, and the map in numbers."""

from anyres.core.alignment import DISCLAIMER, Alignment
from anyres.core.results import Report
from anyres.operations.operation import operation


@operation(version="1.0.0", size=None)
def verdict(alignment: Alignment) -> Report:
    """Tell how far to trust an alignment, and the map in numbers.

    Status (ok, low_confidence or failed), the probability that the map is right, and a sentence for each
    reason against it. The matrix, or the quadratic's factors of 1, x, y, x x, x y, y y, goes from the moving
    to the fixed picture; x to the right and y down, in pixels of the originals, the middle of the first pixel
    at 0, 0.
    """
    maps = {"matrix": alignment.matrix, "quadratic": alignment.quadratic}
    return Report(
        "How far to trust the alignment",
        {
            "probability": alignment.probability,
            "matches": float(len(alignment.scores)),
            "inliers": float(alignment.agree.sum()),
        },
        words={
            "status": alignment.status,
            "model": alignment.model or "none",
            "engine": alignment.engine,
        },
        notes=(*alignment.reasons, DISCLAIMER),
        tables={
            name: tuple(tuple(float(value) for value in row) for row in numbers)
            for name, numbers in maps.items()
            if numbers is not None
        },
    )
