"""How one picture lies on another: what flows from registration to what lays pictures and tells of it.

Matches, map and verdict travel together, because neither of them is to be used without the others. Positions
are x, y in pixels of the originals, pixel centres at whole numbers; maps go from the moving to the fixed
picture. Axis: k matches (m, s and a are as many).
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from jaxtyping import Bool, Float32, Float64

from anyres.core.errors import InputError
from anyres.core.sizes import SizeHW

DISCLAIMER: Final = "Research software, not a medical device."  # goes with every verdict
AlignmentStatus = Literal["ok", "low_confidence", "failed"]


@dataclass(frozen=True, eq=False)
class Alignment:
    """The map between two pictures, and how far to trust it.

    Raises:
        InputError: Two maps at once, or arrays that do not go together.
    """

    fixed_hw: SizeHW  # of the picture that stays
    moving_hw: SizeHW  # of the one that is laid on it
    status: AlignmentStatus
    probability: float  # that the map is right
    reasons: tuple[str, ...]  # why it is not ok, a plain sentence each
    matrix: Float64[np.ndarray, "3 3"] | None  # a homography or an affine map of (x, y, 1)
    quadratic: Float64[np.ndarray, "2 6"] | None  # factors of 1, x, y, x x, x y, y y; a row for x, one for y
    moving: Float64[np.ndarray, "k 2"]  # places of the moving picture that look like places of the fixed one
    fixed: Float64[np.ndarray, "m 2"]  # these
    scores: Float32[np.ndarray, " s"]  # 0 ambiguous, 1 beyond doubt
    agree: Bool[np.ndarray, " a"]  # which of them fit the map
    engine: str  # that found the places
    weights_sha256: tuple[str, ...] = ()  # of networks' files

    def __post_init__(self) -> None:
        """Check that the parts go together; InputError."""
        counts = {len(one) for one in (self.moving, self.fixed, self.scores, self.agree)}
        if len(counts) > 1 or (self.matrix is not None and self.quadratic is not None):
            raise InputError(
                f"An alignment has one map or none, and as many places, scores and verdicts; these are "
                f"{sorted(counts)}. Register the pictures again."
            )

    @property
    def size_hw(self) -> SizeHW:
        """Rows and columns of the fixed picture."""
        return self.fixed_hw

    @property
    def model(self) -> Literal["homography", "affine", "quadratic"] | None:
        """The kind of its map; None where there is none."""
        if self.quadratic is not None:
            return "quadratic"
        if self.matrix is None:
            return None
        return "affine" if not self.matrix[2, :2].any() else "homography"
