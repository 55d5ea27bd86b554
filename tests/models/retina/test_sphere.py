from dataclasses import replace

import numpy as np
import pytest
from jaxtyping import Float64

from anyres.models.retina.eye_camera import View, is_visible, map_points, pixel_places
from anyres.models.retina.fitting import fit_affine, fit_and_collect, fit_quadratic, robust_homography
from anyres.models.retina.matching import Matches
from anyres.models.retina.preparing import Prepared
from anyres.models.retina.sphere import as_quadratic, find_sphere, fit_sphere, lean_on, leaning_quadratic

SIDE = 400
REACH = 0.005 * SIDE
FIXED = View(SIDE, fov_deg=50.0, gaze_deg=(-8.0, 1.0), tilt=(0.01, 0.0))
MOVING = replace(FIXED, gaze_deg=(8.0, -1.0), torsion_deg=6.0, magnification=1.04, tilt=(0.0, -0.01))


def prepared(view: View) -> Prepared:
    field = is_visible(view, pixel_places(view.side)).reshape(view.side, view.side)
    return Prepared(np.zeros(field.shape, np.uint8), field, field.shape)


def true_matches(moving: View, places: Float64[np.ndarray, "k 2"], *, noise: float = 0.5) -> Matches:
    there = map_points(moving, FIXED, places) + np.random.default_rng(1).normal(0, noise, places.shape)
    return Matches(places, there, np.ones(len(places), np.float32))


def seen_by_both(moving: View, count: int, *, seed: int = 0) -> Float64[np.ndarray, "k 2"]:
    places = np.random.default_rng(seed).uniform(0, SIDE, (100 * count, 2))
    both = is_visible(moving, places) & is_visible(FIXED, map_points(moving, FIXED, places))
    return np.asarray(places[both][:count])


def with_false_ones(matches: Matches, count: int) -> Matches:
    generator = np.random.default_rng(2)
    moving, fixed = (
        np.concatenate((one, generator.uniform(0.1 * SIDE, 0.9 * SIDE, (count, 2))))
        for one in (matches.moving, matches.fixed)
    )
    order = generator.permutation(len(moving))
    return Matches(moving[order], fixed[order], np.ones(len(moving), np.float32))


@pytest.mark.parametrize("torsion", [6.0, 96.0, 180.0])
def test_a_tenth_of_true_matches_gives_the_map_where_an_affine_one_goes_astray(torsion: float) -> None:
    moving = replace(MOVING, torsion_deg=torsion)
    everywhere = seen_by_both(moving, 400)
    corner = everywhere[np.argsort(everywhere[:, 1])][:130:10]
    matches = with_false_ones(true_matches(moving, corner), 117)
    found = find_sphere(matches, prepared(FIXED), prepared(moving), 2 * REACH)
    assert found is not None
    truth = map_points(moving, FIXED, everywhere)
    missed = np.linalg.norm(found.apply(everywhere) - truth, axis=1)
    assert missed.max() < 0.025 * SIDE
    assert np.median(missed) < 0.01 * SIDE
    homography = robust_homography(matches, REACH)
    assert homography is not None
    affine = fit_and_collect(fit_affine, homography, matches, 2 * REACH)
    assert affine is not None
    assert np.linalg.norm(affine[0].apply(everywhere) - truth, axis=1).max() > 2 * missed.max()


def test_many_matches_give_the_map_to_a_pixel() -> None:
    everywhere = seen_by_both(MOVING, 200)
    matches = true_matches(MOVING, everywhere)
    start = find_sphere(matches, prepared(FIXED), prepared(MOVING), 2 * REACH)
    assert start is not None
    found = fit_sphere(matches, start, REACH)
    missed = np.linalg.norm(found.apply(everywhere) - map_points(MOVING, FIXED, everywhere), axis=1)
    assert missed.max() < 1.0


def test_a_quadratic_stands_for_the_map_where_both_see_the_eye() -> None:
    matches = true_matches(MOVING, seen_by_both(MOVING, 200), noise=0.0)
    found = find_sphere(matches, prepared(FIXED), prepared(MOVING), 2 * REACH)
    assert found is not None
    curved = as_quadratic(found, prepared(FIXED), prepared(MOVING))
    assert curved is not None
    places = lean_on(found, prepared(FIXED), prepared(MOVING))
    assert len(places) > 50
    assert is_visible(MOVING, places.moving, margin=-0.03 * SIDE).all()
    assert np.linalg.norm(curved.apply(places.moving) - found.apply(places.moving), axis=1).max() < 1.0


def test_matches_that_no_turn_joins_give_no_map() -> None:
    one = seen_by_both(MOVING, 1)
    assert find_sphere(true_matches(MOVING, one), prepared(FIXED), prepared(MOVING), REACH) is None
    far = np.array([[150.0, 200.0], [250.0, 200.0]])
    near = Matches(far, np.array([[160.0, 200.0], [240.0, 200.0]]), np.ones(2, np.float32))
    assert find_sphere(near, prepared(FIXED), prepared(MOVING), REACH) is None


def test_photographs_that_share_nothing_give_no_quadratic() -> None:
    matches = true_matches(MOVING, seen_by_both(MOVING, 50))
    found = find_sphere(matches, prepared(FIXED), prepared(MOVING), 2 * REACH)
    assert found is not None
    away = replace(found, parameters=np.array([0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0]))
    assert as_quadratic(away, prepared(FIXED), prepared(MOVING)) is None


def test_a_quadratic_of_a_corner_s_matches_leans_on_the_map_elsewhere() -> None:
    everywhere = seen_by_both(MOVING, 400)
    corner = everywhere[np.argsort(everywhere @ np.array([1.0, 1.0]))][:100:4]
    matches = true_matches(MOVING, corner, noise=1.0)
    eyes = prepared(FIXED), prepared(MOVING)
    found = find_sphere(with_false_ones(matches, 25), *eyes, 2 * REACH)
    assert found is not None
    truth = map_points(MOVING, FIXED, everywhere)
    missed = {}
    for name, fit in (("plain", fit_quadratic), ("leaning", leaning_quadratic(found, *eyes))):
        curved = fit(matches.moving, matches.fixed)
        assert curved is not None
        missed[name] = np.linalg.norm(curved.apply(everywhere) - truth, axis=1).max()
    assert missed["leaning"] < 0.02 * SIDE
    assert missed["plain"] > 3 * missed["leaning"]
