"""Keypoints with descriptors, and which of two pictures' are each other's nearest.

Two keypoints match when each is the other's nearest and the nearest is clearly nearer than the second: Lowe's
ratio, IJCV 2004. Descriptors of floats are compared by Euclidean distance, packed bits (uint8) by the square
root of the number of bits that differ, so that one ratio means much the same for both.
Axes: n and m keypoints, d the descriptor's length, k matches. Positions are x, y in pixels of the original
picture, pixel centres at whole numbers.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, Shaped

from anyres.core.errors import InputError

_BLOCK: Final = 1024  # keypoints compared at a time with all others: 16 MB for 4000 of them


@dataclass(frozen=True, eq=False)
class Keypoints:
    """Places that can be found again, and what each looks like.

    Raises:
        InputError: Another count of scores or descriptors than of positions, or descriptors of another type.
    """

    positions: Float64[np.ndarray, "n 2"]
    scores: Float32[np.ndarray, " s"]  # higher is better; only their order means something
    descriptors: Shaped[np.ndarray, "m d"]  # float32, or uint8 holding 8 bits each

    def __post_init__(self) -> None:
        """Check counts and the type of the descriptors; InputError."""
        counts = len(self.positions), len(self.scores), len(self.descriptors)
        if len(set(counts)) > 1:
            raise InputError(
                f"Keypoints have one score and one descriptor each; these are {counts[0]} positions, "
                f"{counts[1]} scores and {counts[2]} descriptors. Give as many of each."
            )
        if self.descriptors.dtype not in (np.float32, np.uint8):
            raise InputError(
                f"Descriptors are float32, or bits packed into uint8, not {self.descriptors.dtype}. "
                "Convert them."
            )

    def __len__(self) -> int:
        """How many there are."""
        return len(self.positions)


@dataclass(frozen=True, eq=False)
class Matches:
    """Places of the moving picture, and where the fixed one shows the same."""

    moving: Float64[np.ndarray, "k 2"]
    fixed: Float64[np.ndarray, "k 2"]
    scores: Float32[np.ndarray, " k"]  # 1 - nearest / second nearest distance: 0 ambiguous, 1 beyond doubt

    def __len__(self) -> int:
        """How many there are."""
        return len(self.moving)

    def where(self, chosen: Bool[np.ndarray, " k"]) -> "Matches":
        """Only the chosen ones."""
        return Matches(self.moving[chosen], self.fixed[chosen], self.scores[chosen])


def match(moving: Keypoints, fixed: Keypoints, *, ratio: float) -> Matches:
    """Mutual nearest neighbours whose distance is under `ratio` times that to the second, best first.

    Each place is used once: of several descriptors at one position the best match stays.

    Raises:
        InputError: Descriptors of different types or lengths.
    """
    one, other = moving.descriptors, fixed.descriptors
    if one.dtype != other.dtype or one.shape[1] != other.shape[1]:
        raise InputError(
            f"Descriptors of one kind are compared; these are {one.shape[1]} of {one.dtype} and "
            f"{other.shape[1]} of {other.dtype}. Use the same detector for both pictures."
        )
    if len(moving) < 2 or len(fixed) < 2:  # without a second there is no ratio
        return Matches(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0, np.float32))
    nearest, distance, second = _two_nearest(one, other)
    back, _, _ = _two_nearest(other, one)
    share = distance / np.maximum(second, 1e-12)
    kept = np.flatnonzero((back[nearest] == np.arange(len(moving))) & (share < ratio))
    kept = kept[np.argsort(share[kept], kind="stable")]
    found = Matches(
        moving.positions[kept], fixed.positions[nearest[kept]], (1 - share[kept]).astype(np.float32)
    )
    return found.where(_first_of_each(found.moving) & _first_of_each(found.fixed))


def _two_nearest(
    queries: Shaped[np.ndarray, "n d"], others: Shaped[np.ndarray, "m d"]
) -> tuple[Int64[np.ndarray, " n"], Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
    """Index of the nearest, its distance, and the distance of the second nearest."""
    table = _as_floats(others)
    lengths = (table**2).sum(axis=1)
    nearest = np.empty(len(queries), np.int64)
    distances = np.empty((2, len(queries)))
    for start in range(0, len(queries), _BLOCK):
        block = _as_floats(queries[start : start + _BLOCK])
        squares = (block**2).sum(axis=1)[:, None] + lengths - 2 * block @ table.T
        rows = np.arange(len(block))
        stop = start + len(block)
        nearest[start:stop] = squares.argmin(axis=1)
        distances[0, start:stop] = squares[rows, nearest[start:stop]]
        squares[rows, nearest[start:stop]] = np.inf
        distances[1, start:stop] = squares.min(axis=1)
    first, second = np.sqrt(np.maximum(distances, 0))
    return nearest, first, second


def _as_floats(descriptors: Shaped[np.ndarray, "n d"]) -> Float32[np.ndarray, "n d2"]:
    if descriptors.dtype == np.uint8:
        return np.unpackbits(descriptors, axis=1).astype(np.float32)
    return np.asarray(descriptors, np.float32)


def _first_of_each(positions: Float64[np.ndarray, "k 2"]) -> Bool[np.ndarray, " k"]:
    """True for the first row of each place, to a tenth of a pixel."""
    _, first = np.unique(np.rint(positions * 10), axis=0, return_index=True)
    chosen = np.zeros(len(positions), bool)
    chosen[first] = True
    return chosen
