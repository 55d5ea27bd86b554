import numpy as np
import pytest

from anyres.core.errors import InputError
from anyres.models.retina import matching
from anyres.models.retina.matching import Keypoints, Matches, match, match_near


def keypoints(descriptors: list[list[float]], *, at: list[list[float]] | None = None) -> Keypoints:
    positions = [[10.0 * n, 5.0] for n in range(len(descriptors))] if at is None else at
    return Keypoints(
        np.array(positions, np.float64),
        np.ones(len(descriptors), np.float32),
        np.array(descriptors, np.float32),
    )


def test_mutual_nearest_neighbours_match_best_first() -> None:
    moving = keypoints([[0, 0], [10, 0], [0, 10]])
    fixed = keypoints([[0, 9], [0.5, 0], [30, 30]])
    found = match(moving, fixed, ratio=0.9)
    np.testing.assert_array_equal(found.moving, [[0, 5], [20, 5]])
    np.testing.assert_array_equal(found.fixed, [[10, 5], [0, 5]])
    np.testing.assert_allclose(found.scores, [1 - 0.5 / 9, 1 - 1 / np.hypot(0.5, 10)], rtol=1e-5)


def test_who_is_nearest_to_one_that_has_a_nearer_one_does_not_match() -> None:
    found = match(keypoints([[0, 0], [1, 0]]), keypoints([[1.1, 0], [50, 0]]), ratio=0.9)
    np.testing.assert_array_equal(found.moving, [[10, 5]])


@pytest.mark.parametrize(("ratio", "count"), [(0.4, 0), (0.6, 1)])
def test_who_is_not_clearly_nearer_than_the_second_does_not_match(ratio: float, count: int) -> None:
    assert len(match(keypoints([[0, 0], [99, 99]]), keypoints([[1, 0], [-2, 0]]), ratio=ratio)) == count


def test_bits_are_compared_by_how_many_differ() -> None:
    scores = np.ones(2, np.float32)
    one = Keypoints(np.array([[1.0, 1], [2, 2]]), scores, np.array([[0], [255]], np.uint8))
    other = Keypoints(np.array([[3.0, 3], [4, 4]]), scores, np.array([[254], [128]], np.uint8))
    found = match(one, other, ratio=0.9)  # by value 0 is as far from 128 as 255 is
    np.testing.assert_array_equal(found.moving[:, 0], [1, 2])
    np.testing.assert_array_equal(found.fixed[:, 0], [4, 3])
    np.testing.assert_allclose(found.scores, 1 - np.sqrt(1 / 7), rtol=1e-5)


def test_a_place_is_used_once_though_it_has_several_descriptors() -> None:
    moving = keypoints([[0, 0], [10, 10], [40, 0]], at=[[7, 7], [7, 7], [9, 9]])
    fixed = keypoints([[0, 1], [10, 10], [40, 1]])
    found = match(moving, fixed, ratio=0.9)
    np.testing.assert_array_equal(found.moving, [[7, 7], [9, 9]])
    np.testing.assert_array_equal(found.fixed[0], [10, 5])


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    one, other = (keypoints(generator.random((25, 4)).tolist()) for _ in range(2))
    whole = match(one, other, ratio=0.95)
    monkeypatch.setattr(matching, "_BLOCK", 4)
    in_blocks = match(one, other, ratio=0.95)
    assert len(whole) > 3
    np.testing.assert_array_equal(whole.moving, in_blocks.moving)


def test_without_a_second_there_is_no_match() -> None:
    assert len(match(keypoints([[0, 0]]), keypoints([[0, 0], [5, 5]]), ratio=0.9)) == 0


def test_keypoints_with_a_score_too_few_or_whole_numbers_are_refused() -> None:
    with pytest.raises(InputError, match="2 positions, 1 scores and 2 descriptors"):
        Keypoints(np.zeros((2, 2)), np.zeros(1, np.float32), np.zeros((2, 8), np.float32))
    with pytest.raises(InputError, match="not int64"):
        Keypoints(np.zeros((2, 2)), np.zeros(2, np.float32), np.zeros((2, 8), np.int64))


def test_descriptors_of_two_detectors_are_not_compared() -> None:
    with pytest.raises(InputError, match="Use the same detector"):
        match(keypoints([[0, 0], [1, 1]]), keypoints([[0, 0, 0], [1, 1, 1]]), ratio=0.9)


def near(moving: Keypoints, expected: list[list[float]], fixed: Keypoints, *, ratio: float = 0.9) -> Matches:
    return match_near(moving, np.array(expected, np.float64), fixed, radius=6.0, ratio=ratio)


def test_only_places_near_the_expected_one_are_compared() -> None:
    """The same descriptor is at both ends: without a map it is ambiguous, near one of them it is not."""
    moving = keypoints([[1.1, 0], [0, 1]], at=[[3, 0], [50, 50]])
    fixed = keypoints([[1, 0], [0, 3], [1, 0]], at=[[0, 0], [4, 0], [90, 0]])
    assert len(match(moving, fixed, ratio=0.9)) == 0
    found = near(moving, [[1, 0], [np.nan, np.nan]], fixed)
    np.testing.assert_array_equal(found.moving, [[3, 0]])
    np.testing.assert_array_equal(found.fixed, [[0, 0]])


def test_near_a_place_too_the_nearest_is_clearly_nearer_than_the_second() -> None:
    fixed = keypoints([[1, 0], [0, 1.1]], at=[[0, 0], [3, 0]])
    moving = keypoints([[0, 0]], at=[[7, 7]])
    assert len(near(moving, [[0, 0]], fixed, ratio=0.9)) == 0
    assert len(near(moving, [[0, 0]], fixed, ratio=0.95)) == 1


def test_a_second_at_the_same_place_is_no_second() -> None:
    """SIFT gives a place two descriptors where it has two orientations."""
    fixed = keypoints([[1, 0], [1.05, 0], [5, 5]], at=[[0, 0], [0.2, 0], [4, 0]])
    found = near(keypoints([[0, 0]], at=[[7, 7]]), [[0, 0]], fixed)
    np.testing.assert_array_equal(found.fixed, [[0, 0]])


def test_one_alone_matches_where_it_is_nearer_than_places_mostly_are() -> None:
    apart = [[0.0, 0.0], [20.0, 0.0], [40.0, 0.0], [60.0, 0.0], [80.0, 0.0]]
    moving = keypoints([[0, 0]] * 5, at=apart)
    fixed = keypoints([[0.5, 0], [2, 0], [2, 0], [2, 0], [1.9, 0]], at=apart)
    found = near(moving, apart, fixed)
    np.testing.assert_array_equal(found.fixed, [[0, 0]])


def test_nothing_near_is_no_match() -> None:
    some = keypoints([[0, 0], [1, 1]])
    assert len(near(some, [[500, 500], [700, 700]], some)) == 0
    nothing = Keypoints(np.zeros((0, 2)), np.zeros(0, np.float32), np.zeros((0, 2), np.float32))
    assert len(near(some, [[0, 0], [1, 1]], nothing)) == 0


def test_groups_do_not_match_each_other() -> None:
    positions = np.array([[0.0, 0], [1, 0], [2, 0], [3, 0]])
    descriptors = np.array([[0, 0], [9, 9], [0, 0], [9, 9]], np.float32)
    one = Keypoints(positions, np.ones(4, np.float32), descriptors, np.array([0, 0, 1, 1]))
    found = match(one, one, ratio=0.9)
    np.testing.assert_array_equal(found.moving, found.fixed)
    assert len(found) == 4
    np.testing.assert_array_equal(one.where(np.array([1, 3])).group_of_each, [0, 1])
    with pytest.raises(InputError, match="Give as many of each"):
        Keypoints(positions, np.ones(4, np.float32), descriptors, np.array([0, 0, 1]))


def test_near_a_place_too_groups_do_not_match_each_other() -> None:
    places = np.array([[0.0, 0.0], [50.0, 0.0]])
    scores = np.ones(2, np.float32)
    descriptors = np.array([[0, 0], [1, 0]], np.float32)
    one = Keypoints(places, scores, descriptors, np.array([0, 1]))
    other = Keypoints(places, scores, descriptors + np.float32(0.01), np.array([1, 1]))
    assert len(match_near(one, places, other, radius=5.0, ratio=2.0)) == 1


def seen_at_random(count: int, *, spread: float) -> tuple[Keypoints, Keypoints]:
    """Keypoints of two pictures that have nothing in common, at the same places up to `spread` pixels."""
    generator = np.random.default_rng(5)
    places = generator.uniform(0, 500, (count, 2))
    drawn = [generator.normal(size=(count, 128)).astype(np.float32) for _ in range(2)]
    shaken = places + generator.uniform(-spread, spread, (count, 2))
    ones = np.ones(count, np.float32)
    return Keypoints(places, ones, drawn[0]), Keypoints(shaken, ones, drawn[1])


def test_pictures_with_nothing_in_common_have_few_matches_near_any_map() -> None:
    moving, fixed = seen_at_random(400, spread=5.0)
    assert len(match_near(moving, moving.positions, fixed, radius=60.0, ratio=0.85)) < 40
