"""Pairs of made eyes that a network in training is chosen by, and how near its registration comes.

Axes: p pairs. Errors are FIRE's: the mean distance of a pair's control points, in pixels of a side of 2912.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float64
from torch import nn

from anyres.core.image import Image
from anyres.models.retina.eye_pairs import PairClass, make_pairs
from anyres.models.retina.fire import FIRE_SIDE
from anyres.models.retina.network_detector import NetworkDetector
from anyres.models.retina.preparing import Prepared, prepare
from anyres.models.retina.registration import register
from anyres.models.retina.relighting import worn

FIRST_SEED: Final = 2_000_000  # training's eyes are before it
COUNTS: Final[Mapping[PairClass, int]] = {"S": 4, "P": 8, "A": 4}
FARTHEST: Final = 25.0  # pixels at 2912: a pair that is farther off counts as that


@dataclass(frozen=True, eq=False)
class ValidationPair:
    """Two photographs of an eye, and control points of both: x1 y1 x2 y2."""

    fixed: Prepared
    moving: Prepared
    controls: Float64[np.ndarray, "k 4"]


def draw_validation(side: int, *, wear: Sequence[int] = (0,)) -> list[ValidationPair]:
    """The pairs, photographs of `side` pixels: always the same.

    Args:
        side: of the photographs, pixels.
        wear: levels to which the moving photographs are spoilt (`relighting.worn`); each pair comes at each.
    """
    found = []
    for number, pair in enumerate(make_pairs(COUNTS, first_seed=FIRST_SEED, side=side)):
        assert pair.controls is not None
        fixed = prepare(Image.from_numpy(pair.fixed.pixels), side=side)
        for level in wear:
            spoilt = worn(pair.moving.pixels, level, number)
            moving = prepare(Image.from_numpy(spoilt), side=side)
            found.append(ValidationPair(fixed, moving, np.asarray(pair.controls, np.float64)))
    return found


def score(network: nn.Module, *, pairs: Sequence[ValidationPair]) -> dict[str, float]:
    """Figures of a network: `closeness`, the area under FIRE's curve if its thresholds lay close together.

    Returns:
        `closeness` in [0, 1]; `error`, the median of pairs; `matches`, the mean number of those that agree.
    """
    detector = NetworkDetector(network, side=pairs[0].fixed.size_hw[0])
    errors, agreeing = [], []
    for pair in pairs:
        found = register(pair.fixed, pair.moving, detector)
        agreeing.append(float(found.agree.sum()))
        if found.transform is None:
            errors.append(FARTHEST)
            continue
        placed = found.transform.apply(pair.controls[:, 2:])
        distance = (
            np.linalg.norm(placed - pair.controls[:, :2], axis=1).mean() * FIRE_SIDE / pair.fixed.size_hw[0]
        )
        errors.append(float(min(distance, FARTHEST)))
    return {
        "closeness": 1 - float(np.mean(errors)) / FARTHEST,
        "error": float(np.median(errors)),
        "matches": float(np.mean(agreeing)),
    }
