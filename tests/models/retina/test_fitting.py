import numpy as np
import pytest

from anyres.models.retina.fitting import (
    fit_affine,
    fit_and_collect,
    fit_homography,
    fit_quadratic,
    leave_out_residuals,
    residuals,
    robust_homography,
)
from anyres.models.retina.matching import Matches
from anyres.models.retina.transform import Projective, Quadratic, Transform

AFFINE = Projective(np.array([[0.0, -1.02, 900], [0.98, 0.1, 5], [0, 0, 1]]))
TILTED = Projective(np.array([[0.95, 0.1, 12.0], [-0.08, 1.05, -7.0], [3e-5, -6e-5, 1.0]]))
BENT = Quadratic(np.array([[9.0, 0.98, -0.05, 3e-5, -2e-5, 1e-5], [-4.0, 0.06, 1.03, -3e-5, 2e-5, 4e-5]]))


def matches(transform: Transform, count: int, *, wrong: int = 0, noise: float = 0.0) -> Matches:
    generator = np.random.default_rng(1)
    moving = generator.uniform(0, 1000, (count, 2))
    fixed = transform.apply(moving) + generator.normal(0, noise, (count, 2))
    fixed[:wrong] = generator.uniform(0, 1000, (wrong, 2))
    order = generator.permutation(count)
    return Matches(moving[order], fixed[order], np.ones(count, np.float32))


@pytest.mark.parametrize(
    ("fit", "transform"), [(fit_affine, AFFINE), (fit_homography, TILTED), (fit_quadratic, BENT)]
)
def test_exact_matches_give_the_map_back(fit, transform) -> None:  # type: ignore[no-untyped-def]
    found = fit(*(lambda it: (it.moving, it.fixed))(matches(transform, 12)))
    places = np.array([[0.0, 0], [1000, 0], [500, 900]])
    np.testing.assert_allclose(found.apply(places), transform.apply(places), atol=1e-2)


@pytest.mark.parametrize("fit", [fit_affine, fit_homography, fit_quadratic])
def test_places_on_a_line_determine_no_map(fit) -> None:  # type: ignore[no-untyped-def]
    line = np.linspace(0, 100, 12)[:, None] * [1.0, 2.0]
    found = fit(line, line)
    assert found is None or np.linalg.cond(found.matrix) > 1e6


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_the_robust_homography_is_found_among_wrong_matches(share: float) -> None:
    given = matches(TILTED, 150, wrong=int(150 * share), noise=1.0)
    start = robust_homography(given, 5.0)
    assert start is not None
    fitted = fit_and_collect(fit_homography, start, given, 5.0)
    assert fitted is not None
    places = np.random.default_rng(2).uniform(100, 900, (50, 2))
    assert np.linalg.norm(fitted[0].apply(places) - TILTED.apply(places), axis=1).max() < 3
    assert fitted[1].sum() == pytest.approx(150 * (1 - share), abs=4)


def test_the_robust_homography_is_the_same_each_time() -> None:
    given = matches(TILTED, 60, wrong=40, noise=1.0)
    one, other = (robust_homography(given, 5.0) for _ in range(2))
    assert one is not None
    assert other is not None
    np.testing.assert_array_equal(one.matrix, other.matrix)


def test_three_matches_give_no_homography() -> None:
    assert robust_homography(matches(TILTED, 3), 5.0) is None


def test_a_quadratic_grows_from_the_homography_over_all_its_matches() -> None:
    given = matches(BENT, 200, noise=0.5)
    start = robust_homography(given, 5.0)
    assert start is not None
    fitted = fit_and_collect(fit_quadratic, start, given, 5.0, first_reach=15.0)
    assert fitted is not None
    assert fitted[1].all()
    assert np.median(residuals(fitted[0], given)) < 0.8


def test_leave_out_residuals_are_least_for_the_model_that_made_the_matches() -> None:
    bent, tilted = matches(BENT, 60, noise=0.5), matches(TILTED, 60, noise=0.5)
    quadratic, homography = (leave_out_residuals(fit, bent) for fit in (fit_quadratic, fit_homography))
    assert quadratic.mean() < 0.5 * homography.mean()
    assert leave_out_residuals(fit_homography, tilted).mean() < leave_out_residuals(fit_affine, tilted).mean()
    assert np.isinf(leave_out_residuals(fit_quadratic, matches(BENT, 6))).all()
