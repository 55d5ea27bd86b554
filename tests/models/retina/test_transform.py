import numpy as np
import pytest

from anyres.core.errors import InputError
from anyres.models.retina.transform import (
    Projective,
    Quadratic,
    local_scales,
    orientations,
    pole_distance,
    return_distances,
)

TILTED = Projective(np.array([[0.95, 0.1, 12.0], [-0.08, 1.05, -7.0], [1e-4, -2e-4, 1.0]]))
BENT = Quadratic(np.array([[9.0, 0.98, -0.05, 1e-4, -5e-5, 2e-5], [-4.0, 0.06, 1.03, -3e-5, 8e-5, 6e-5]]))
SQUARE = np.array([[0.0, 0], [200, 0], [200, 200], [0, 200]])
PLACES = np.random.default_rng(0).uniform(0, 200, (50, 2))


def test_the_quadratics_numbers_belong_to_1_x_y_xx_xy_yy_in_this_order() -> None:
    x, y = 3.0, 5.0
    for column, value in enumerate((1, x, y, x * x, x * y, y * y)):
        coefficients = np.zeros((2, 6))
        coefficients[0, column], coefficients[1, column] = 2, -1
        mapped = Quadratic(coefficients).apply(np.array([[x, y]]))
        np.testing.assert_array_equal(mapped, [[2 * value, -value]])


def test_a_homography_divides_by_its_third_row() -> None:
    mapped = Projective(np.array([[2.0, 0, 1], [0, 2, 0], [0.1, 0, 1]])).apply(np.array([[10.0, 4.0]]))
    np.testing.assert_allclose(mapped, [[10.5, 4.0]])


@pytest.mark.parametrize("transform", [TILTED, BENT])
def test_the_inverse_leads_back(transform: Projective | Quadratic) -> None:
    np.testing.assert_allclose(transform.apply_inverse(transform.apply(PLACES)), PLACES, atol=1e-6)


@pytest.mark.parametrize("transform", [TILTED, BENT])
def test_the_jacobian_is_the_slope_of_the_map(transform: Projective | Quadratic) -> None:
    step = 1e-4
    for axis in (0, 1):
        moved = PLACES + step * np.eye(2)[axis]
        slope = (transform.apply(moved) - transform.apply(PLACES)) / step
        np.testing.assert_allclose(transform.jacobian(PLACES)[:, :, axis], slope, atol=1e-5)


@pytest.mark.parametrize("transform", [TILTED, BENT])
def test_a_map_between_two_frames_goes_through_both(transform: Projective | Quadratic) -> None:
    before = np.array([[0.5, 0.1, 3.0], [-0.2, 0.7, 1.0], [0, 0, 1]])
    after = np.array([[2.0, 0.3, -5.0], [0.1, 1.5, 8.0], [0, 0, 1]])
    direct = transform.between(before, after).apply(PLACES)
    by_steps = Projective(after).apply(transform.apply(Projective(before).apply(PLACES)))
    np.testing.assert_allclose(direct, by_steps, atol=1e-8)


def test_beyond_the_pole_there_is_nothing() -> None:
    poled = Projective(np.array([[1.0, 0, 0], [0, 1, 0], [-0.01, 0, 1]]))  # at x = 100
    mapped = poled.apply(np.array([[50.0, 0], [100, 0], [150, 0]]))
    np.testing.assert_array_equal(np.isnan(mapped[:, 0]), [False, True, True])
    assert pole_distance(poled, SQUARE, SQUARE) <= 0
    assert pole_distance(poled, SQUARE / 4, SQUARE / 4) > 0.3


def test_an_affine_map_has_no_pole_and_is_called_affine() -> None:
    turned = Projective(np.array([[0.0, -1, 200], [1, 0, 0], [0, 0, 1]]))
    assert pole_distance(turned, SQUARE, SQUARE) == 1
    assert (turned.kind, TILTED.kind, BENT.kind) == ("affine", "homography", "quadratic")


def test_where_a_quadratic_leads_nowhere_its_inverse_says_so() -> None:
    folded = Quadratic(np.array([[0.0, 1, 0, -0.01, 0, 0], [0, 0, 1, 0, 0, 0]]))  # x' = x - x x / 100 <= 25
    found = folded.apply_inverse(np.array([[24.0, 3.0], [26.0, 3.0]]))
    np.testing.assert_allclose(found[0], [40, 3], atol=1e-6)
    assert np.isnan(found[1]).all()


def test_a_mirror_and_a_fold_turn_the_picture_inside_out() -> None:
    mirror = Projective(np.diag([-1.0, 1.0, 1.0]))
    folded = Quadratic(np.array([[0.0, 1, 0, -0.01, 0, 0], [0, 0, 1, 0, 0, 0]]))
    assert (orientations(mirror, PLACES) < 0).all()
    np.testing.assert_array_equal(orientations(folded, PLACES) < 0, PLACES[:, 0] > 50)


def test_local_scales_are_the_least_and_the_most_that_lengths_grow() -> None:
    smallest, largest = local_scales(Projective(np.diag([3.0, 0.5, 1.0])), PLACES)
    np.testing.assert_allclose(smallest, 0.5)
    np.testing.assert_allclose(largest, 3)


def test_there_and_back_by_a_map_that_is_no_inverse_comes_out_elsewhere() -> None:
    np.testing.assert_allclose(return_distances(TILTED, TILTED.inverse(), PLACES), 0, atol=1e-9)
    beside = Projective(np.array([[1.0, 0, 3], [0, 1, 4], [0, 0, 1]]))
    np.testing.assert_allclose(return_distances(beside, Projective(np.eye(3)), PLACES), 5)
    poled = Projective(np.array([[1.0, 0, 0], [0, 1, 0], [-0.01, 0, 1]]))
    assert return_distances(poled, poled.inverse(), np.array([[150.0, 0]]))[0] == np.inf


def test_no_map_is_made_of_what_has_no_inverse_or_is_no_number() -> None:
    with pytest.raises(InputError, match="this one has none"):
        Projective(np.diag([1.0, 0, 1]))
    with pytest.raises(InputError, match="are numbers"):
        Quadratic(np.full((2, 6), np.nan))
