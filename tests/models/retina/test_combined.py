from dataclasses import dataclass, replace

import numpy as np
import pytest

from anyres.core.errors import InputError
from anyres.models.retina.combined import CombinedDetector
from anyres.models.retina.engines import load_detector
from anyres.models.retina.matching import Keypoints, match
from anyres.models.retina.preparing import Prepared, prepare
from tests.models.retina.fundi import fundus

EMPTY = Prepared(np.zeros((64, 64), np.uint8), np.ones((64, 64), bool), (64, 64))


@dataclass(frozen=True)
class Fixed:
    """Gives the same keypoints of every picture, one after the other along a row of its own."""

    name: str
    ratio: float
    descriptors: np.ndarray
    row: float

    def __call__(self, prepared: Prepared) -> Keypoints:
        count = len(self.descriptors)
        places = np.stack((np.arange(count) * 5.0, np.full(count, self.row)), axis=1)
        return Keypoints(places, np.ones(count, np.float32), self.descriptors)


def unit(count: int, length: int, seed: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(size=(count, length)).astype(np.float32)
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))


def test_places_match_within_their_kind_as_they_would_alone() -> None:
    one, other = Fixed("one", 0.9, unit(6, 3, 0), 9.0), Fixed("other", 0.8, unit(5, 8, 1), 30.0)
    both = CombinedDetector((one, other))
    assert (both.name, both.ratio) == ("one+other", 0.8)
    found = both(EMPTY)
    assert len(found) == 11
    assert found.group_of_each.tolist() == [0] * 6 + [1] * 5
    turned = replace(found, positions=found.positions + 1)
    matches = match(turned, found, ratio=both.ratio)
    assert len(matches) == len(found)
    np.testing.assert_array_equal(matches.moving, matches.fixed + 1)


def test_engines_are_combined_by_name() -> None:
    both, sift = load_detector("rootsift+retina-compact"), load_detector("rootsift")
    assert both.name == "rootsift+retina-compact"
    eye = prepare(fundus())
    assert len(both(eye)) > len(sift(eye)) > 50
    with pytest.raises(InputError, match="no engine 'surf'"):
        load_detector("rootsift+surf")


def test_bits_are_not_combined_with_floats() -> None:
    with pytest.raises(InputError, match="orb describes places by bits"):
        load_detector("rootsift+orb")(prepare(fundus()))
