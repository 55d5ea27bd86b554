"""Keypoints with descriptors, and which of two pictures' are each other's nearest.

Two keypoints match when each is the other's nearest and the nearest is clearly nearer than the second: Lowe's
ratio, IJCV 2004. Where a map says about where each lies, only those near there are compared. Descriptors of
floats are compared by Euclidean distance, packed bits (uint8) by the square root of the number of bits that
differ, so that one ratio means much the same for both.
Axes: n and m keypoints, d the descriptor's length, k matches. Positions are x, y in pixels of the original
picture, pixel centres at whole numbers.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, Shaped
from scipy.spatial import cKDTree

from anyres.core.errors import InputError

_SAME_PLACE: Final = 0.1  # of the radius in which places are compared: nearer ones are one place
_PAIRS: Final = 2**15  # descriptors compared at a time one by one: 32 MB of them
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
    groups: Int64[np.ndarray, " g"] | None = None  # only those of one group can match; None: all are of one

    def __post_init__(self) -> None:
        """Check counts and the type of the descriptors; InputError."""
        counts = [len(self.positions), len(self.scores), len(self.descriptors)]
        if self.groups is not None:
            counts.append(len(self.groups))
        if len(set(counts)) > 1:
            raise InputError(
                f"Keypoints have one score and one descriptor each; these are {counts[0]} positions, "
                f"{counts[1]} scores and {counts[2]} descriptors. Give as many of each, and of groups."
            )
        if self.descriptors.dtype not in (np.float32, np.uint8):
            raise InputError(
                f"Descriptors are float32, or bits packed into uint8, not {self.descriptors.dtype}. "
                "Convert them."
            )

    def __len__(self) -> int:
        """How many there are."""
        return len(self.positions)

    @property
    def group_of_each(self) -> Int64[np.ndarray, " n"]:
        """The group that each belongs to."""
        return np.zeros(len(self), np.int64) if self.groups is None else self.groups

    def where(self, chosen: Shaped[np.ndarray, " k"]) -> "Keypoints":
        """Only the chosen ones, by index or by True."""
        groups = None if self.groups is None else self.groups[chosen]
        return Keypoints(self.positions[chosen], self.scores[chosen], self.descriptors[chosen], groups)


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
    nearest, share = np.zeros(len(moving), np.int64), np.full(len(moving), np.inf)
    for group in np.unique(moving.group_of_each):
        rows, columns = (np.flatnonzero(side.group_of_each == group) for side in (moving, fixed))
        if len(rows) < 2 or len(columns) < 2:  # without a second there is no ratio
            continue
        near, distance, second = _two_nearest(one[rows], other[columns])
        back, _, _ = _two_nearest(other[columns], one[rows])
        is_mutual = back[near] == np.arange(len(rows))
        nearest[rows] = columns[near]
        share[rows] = np.where(is_mutual, distance / np.maximum(second, 1e-12), np.inf)
    return _best_first(moving, fixed, np.flatnonzero(share < ratio), nearest, share)


def match_near(
    moving: Keypoints,
    expected: Float64[np.ndarray, "n 2"],
    fixed: Keypoints,
    *,
    radius: float,
    ratio: float,
) -> Matches:
    """The same where it is known about where each place lies: only those within `radius` are compared.

    So few are compared that more of them are told apart. The second is the nearest at another place; where
    there is none, it is as far as places mostly are that only lie near each other.

    Args:
        moving: keypoints, n.
        expected: where they are thought to lie in the fixed picture; NaN is nowhere.
        fixed: keypoints of the fixed picture.
        radius: in pixels of the fixed picture.
        ratio: largest share of the nearest to the second nearest distance of a match.
    """
    rows, columns, distances = _compared_near(moving, expected, fixed, radius)
    if not len(rows):
        return Matches(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0, np.float32))
    usual = _usual_of_each(moving, rows, distances)
    nearest, first = _least_of_each(rows, columns, distances, len(moving))
    back, _ = _least_of_each(columns, rows, distances, len(fixed))
    apart = np.linalg.norm(fixed.positions[nearest[rows]] - fixed.positions[columns], axis=1)
    is_other = apart > _SAME_PLACE * radius
    _, second = _least_of_each(rows[is_other], columns[is_other], distances[is_other], len(moving))
    second = np.where(np.isfinite(second), second, usual)
    share = np.where(np.isfinite(first), first / np.maximum(second, 1e-12), np.inf)
    kept = np.flatnonzero((share < ratio) & (back[nearest] == np.arange(len(moving))))
    return _best_first(moving, fixed, kept, nearest, share)


def _compared_near(
    moving: Keypoints, expected: Float64[np.ndarray, "n 2"], fixed: Keypoints, radius: float
) -> tuple[Int64[np.ndarray, " p"], Int64[np.ndarray, " p"], Float64[np.ndarray, " p"]]:
    """All pairs of places within the radius: rows of moving, rows of fixed, distances of descriptors."""
    known = np.flatnonzero(np.isfinite(expected).all(axis=1))
    if not len(known) or not len(fixed):
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    near = cKDTree(expected[known]).sparse_distance_matrix(
        cKDTree(fixed.positions), radius, output_type="coo_matrix"
    )
    rows, columns = known[near.row].astype(np.int64), near.col.astype(np.int64)
    is_alike = moving.group_of_each[rows] == fixed.group_of_each[columns]
    rows, columns = rows[is_alike], columns[is_alike]
    one, other = _as_floats(moving.descriptors), _as_floats(fixed.descriptors)
    distances = np.empty(len(rows))
    for start in range(0, len(rows), _PAIRS):
        part = slice(start, start + _PAIRS)
        apart = one[rows[part]] - other[columns[part]]
        distances[part] = np.sqrt(np.einsum("pd,pd->p", apart, apart))
    return rows, columns, distances


def _usual_of_each(
    moving: Keypoints, rows: Int64[np.ndarray, " p"], distances: Float64[np.ndarray, " p"]
) -> Float64[np.ndarray, " n"]:
    """By row, the median distance of compared descriptors of its group: few of them are matches."""
    usual = np.ones(len(moving))
    groups = moving.group_of_each
    for group in np.unique(groups[rows]):
        usual[groups == group] = np.median(distances[groups[rows] == group])
    return usual


def _least_of_each(
    rows: Int64[np.ndarray, " p"],
    columns: Int64[np.ndarray, " p"],
    distances: Float64[np.ndarray, " p"],
    count: int,
) -> tuple[Int64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
    """By row, the column of the least distance and that distance; 0 and infinite where there is none."""
    order = np.lexsort((distances, rows))
    first = order[np.unique(rows[order], return_index=True)[1]]
    column, least = np.zeros(count, np.int64), np.full(count, np.inf)
    column[rows[first]], least[rows[first]] = columns[first], distances[first]
    return column, least


def _best_first(
    moving: Keypoints,
    fixed: Keypoints,
    kept: Int64[np.ndarray, " k"],
    nearest: Int64[np.ndarray, " n"],
    share: Float64[np.ndarray, " n"],
) -> Matches:
    """The matches of these rows, the surest first, each place once."""
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
