"""How a registration is measured on FIRE: 133 pairs of fundus photographs with ten control points each.

Hernandez-Matas and others, 2017. Image 1 of a pair is fixed (columns 1 and 2 of its control points), image
2 is moving (columns 3 and 4). A pair's errors are the distances between the mapped points of image 2 and
those of image 1: MEE their median, MAE the largest. Failed: no map; inaccurate: MAE over 50 or MEE over 20;
acceptable: the others. AUC of a category: the mean over t = 1 to 25 of the share of pairs whose *mean*
error is strictly under t; mAUC: the mean of the three categories'. The control points of P37 are wrong, and
the pair is left out. All as SuperRetina counts it (ECCV 2022, https://arxiv.org/abs/2207.07932).
All errors are in FIRE-equivalent pixels: those of a picture of 2912 a side, whatever side the given ones
have.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64

from anyres.core.errors import InputError
from anyres.core.files import read_header
from anyres.evaluation.tables import Cell, markdown_table

Category = Literal["S", "A", "P"]
CATEGORIES: Final[dict[Category, str]] = {"S": "easy (S)", "A": "moderate (A)", "P": "hard (P)"}
EXCLUDED: Final = ("P37",)  # whose control points are wrong
FIRE_SIDE: Final = 2912  # pixels
THRESHOLDS: Final = tuple(range(1, 26))
WORST_MAXIMUM, WORST_MEDIAN = 50.0, 20.0  # of an acceptable pair
SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".tif", ".tiff")
_FAILED_ERROR: Final = 1e6  # the authors'
_DRAWS: Final = 2000  # of the bootstrap


@runtime_checkable
class PointMap(Protocol):
    """What maps positions of the moving picture to the fixed one; every `Transform` does."""

    def apply(self, positions: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, "n 2"]:
        """Positions x, y in pixels of the fixed picture."""
        ...


Register = Callable[[Path, Path], PointMap | None]  # the fixed and the moving file; None: failed


@dataclass(frozen=True, eq=False)
class Pair:
    """Two pictures of a folder and their control points, in pixels of the files."""

    name: str
    category: Category
    fixed: Path
    moving: Path
    fixed_points: Float64[np.ndarray, "n 2"]
    moving_points: Float64[np.ndarray, "n 2"]


@dataclass(frozen=True)
class PairError:
    """The errors of one pair in FIRE-equivalent pixels; all None where it failed."""

    name: str
    category: Category
    mean: float | None
    median: float | None
    maximum: float | None

    @property
    def verdict(self) -> Literal["failed", "inaccurate", "acceptable"]:
        """What the protocol calls it."""
        if self.median is None or self.maximum is None:
            return "failed"
        is_far = self.maximum > WORST_MAXIMUM or self.median > WORST_MEDIAN
        return "inaccurate" if is_far else "acceptable"


@dataclass(frozen=True)
class CategoryResult:
    """One category's area under the curve, with a bootstrap interval over its pairs."""

    category: Category
    count: int
    auc: float
    interval: tuple[float, float]  # 95 %
    verdicts: dict[str, int]


@dataclass(frozen=True)
class FireResult:
    """What was measured; as text, a table and how it was counted."""

    pairs: tuple[PairError, ...]
    categories: tuple[CategoryResult, ...]
    mean_auc: float | None  # None unless all three categories are there

    def __str__(self) -> str:
        """A Markdown table of the categories, and the protocol in a sentence."""
        rows: list[list[Cell]] = []
        for one in self.categories:
            low, high = one.interval
            counted = [_percent(one.verdicts[name], one.count) for name in _VERDICTS]
            auc = [f"{one.auc:.3f}", f"{low:.3f} to {high:.3f}"]
            rows.append([CATEGORIES[one.category], str(one.count), *counted, *auc])
        everything = [one.verdict for one in self.pairs]
        counted = [_percent(everything.count(name), len(everything)) for name in _VERDICTS]
        mean = None if self.mean_auc is None else f"{self.mean_auc:.3f}"
        rows.append(["all, mAUC", str(len(self.pairs)), *counted, mean, None])
        header = ["category", "pairs", *(f"{name} %" for name in _VERDICTS), "AUC", "95 % of bootstrap"]
        return (
            f"{markdown_table(header, rows)}\n\n"
            "AUC: mean over t = 1 to 25 of the share of pairs with a mean error < t (strictly), in "
            f"FIRE-equivalent pixels (error x {FIRE_SIDE} / longer side). Without {', '.join(EXCLUDED)}."
        )


_VERDICTS: Final = ("failed", "inaccurate", "acceptable")


def evaluate_fire(folder: Path, register: Register, *, seed: int = 0) -> FireResult:
    """Register all pairs of a folder laid out as FIRE is, and measure them.

    Args:
        folder: holds `Ground Truth/control_points_{pair}_1_2.txt` and `Images/{pair}_1.jpg` and `_2.jpg`.
        register: takes the fixed and the moving file, gives the map between them or None.
        seed: of the bootstrap's draws.

    Raises:
        InputError: if there are no pairs, a picture is missing, or control points are none.
    """
    return summarise([measure(pair, register) for pair in find_pairs(folder)], seed=seed)


def find_pairs(folder: Path) -> list[Pair]:
    """The pairs of a folder but the excluded one, by name.

    Raises:
        InputError: if there are none, a picture is missing, or control points are none.
    """
    files = sorted((folder / "Ground Truth").glob("control_points_*_1_2.txt"))
    names = {file.name.removeprefix("control_points_").removesuffix("_1_2.txt"): file for file in files}
    pairs = [_pair(folder, name, file) for name, file in names.items() if name not in EXCLUDED]
    if not pairs:
        raise InputError(
            f"{folder} holds no pairs of FIRE: no control points are in its folder 'Ground Truth', called "
            "control_points_S01_1_2.txt and so on. Name the folder that holds 'Ground Truth' and 'Images'."
        )
    return pairs


def measure(pair: Pair, register: Register) -> PairError:
    """The errors of one pair, in FIRE-equivalent pixels."""
    found = register(pair.fixed, pair.moving)
    if found is None:
        return PairError(pair.name, pair.category, None, None, None)
    distances = np.linalg.norm(found.apply(pair.moving_points) - pair.fixed_points, axis=1)
    errors = np.where(np.isfinite(distances), distances, _FAILED_ERROR)
    errors = errors * FIRE_SIDE / max(read_header(pair.fixed).size_hw)
    return PairError(
        pair.name, pair.category, float(errors.mean()), float(np.median(errors)), float(errors.max())
    )


def summarise(pairs: Sequence[PairError], *, seed: int = 0) -> FireResult:
    """The figures of all categories that are there; P37 is not counted even if it was measured."""
    counted = tuple(pair for pair in pairs if pair.name not in EXCLUDED)
    generator = np.random.default_rng(seed)
    results = []
    for category in CATEGORIES:
        ours = [pair for pair in counted if pair.category == category]
        if ours:
            errors = np.array([_FAILED_ERROR if one.mean is None else one.mean for one in ours])
            verdicts = [one.verdict for one in ours]
            results.append(
                CategoryResult(
                    category,
                    len(ours),
                    area_under_curve(errors),
                    _interval(errors, generator),
                    {name: verdicts.count(name) for name in _VERDICTS},
                )
            )
    whole = len(results) == len(CATEGORIES)
    mean = float(np.mean([one.auc for one in results])) if whole else None
    return FireResult(counted, tuple(results), mean)


def area_under_curve(errors: Float64[np.ndarray, " n"]) -> float:
    """Mean over the thresholds of the share of errors that are strictly under it, from 0 to 1."""
    return float((errors[:, None] < np.array(THRESHOLDS)).mean())


def _interval(errors: Float64[np.ndarray, " n"], generator: np.random.Generator) -> tuple[float, float]:
    """95 % of the areas of as many errors, drawn again and again with repetition."""
    drawn = generator.choice(errors, (_DRAWS, len(errors)))
    areas = (drawn[:, :, None] < np.array(THRESHOLDS)).mean(axis=(1, 2))
    low, high = np.percentile(areas, (2.5, 97.5))
    return float(low), float(high)


def _pair(folder: Path, name: str, file: Path) -> Pair:
    category = next((one for one in CATEGORIES if name.startswith(one)), None)
    if category is None:
        raise InputError(
            f"{file.name} is of no category: pairs of FIRE are called S01, A01 or P01 and so on. Rename it."
        )
    try:
        points = np.loadtxt(file, dtype=np.float64, ndmin=2)
    except ValueError as error:
        raise InputError(f"{file} holds no control points: {error}. Give rows of four numbers.") from error
    if points.shape[1] != 4 or not len(points):
        raise InputError(
            f"{file} holds {len(points)} rows of {points.shape[1]} numbers. Give rows of four: x and y in "
            "image 1, x and y in image 2."
        )
    fixed, moving = (_image(folder / "Images", f"{name}_{number}") for number in (1, 2))
    return Pair(name, category, fixed, moving, points[:, :2], points[:, 2:])


def _image(folder: Path, stem: str) -> Path:
    for suffix in SUFFIXES:
        if (folder / f"{stem}{suffix}").is_file():
            return folder / f"{stem}{suffix}"
    raise InputError(f"{folder} holds no picture {stem}{SUFFIXES[0]}. Put it there, or its points away.")


def _percent(count: int, total: int) -> str:
    return f"{100 * count / total:.2f}"
