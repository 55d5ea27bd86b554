import itertools
import math

import numpy as np
import pytest

from anyres.core.errors import InputError
from anyres.models.retina.eye_camera import (
    NODAL,
    View,
    is_visible,
    map_points,
    overlap,
    pixel_places,
    to_pixels,
    to_world,
)
from anyres.models.retina.eye_photometry import sample_world
from anyres.models.retina.eye_rendering import World
from anyres.models.retina.eyes import WORLD_DEG

FIXED = View(128, gaze_deg=(-7.0, 2.0))
MOVING = View(
    128, fov_deg=46.0, gaze_deg=(9.0, -3.0), torsion_deg=7.0, magnification=1.04, tilt=(0.01, -0.015)
)


def places(view: View) -> np.ndarray:
    points = pixel_places(view.side)
    return np.asarray(points[is_visible(view, points)])


def literal(view: View, x: float, y: float) -> tuple[float, float]:
    """What a pixel sees, without tilt, one step of the notes after the other."""
    dx, dy = x - (view.side - 1) / 2, y - (view.side - 1) / 2
    angle = math.hypot(dx, dy) / view.radius_px * math.radians(view.fov_deg) / 2 / view.magnification
    direction = math.atan2(dy, dx) - math.radians(view.torsion_deg)
    t = NODAL * math.cos(angle) + math.sqrt(1 - NODAL**2 * math.sin(angle) ** 2)
    ray = np.array(
        (math.sin(angle) * math.cos(direction), math.sin(angle) * math.sin(direction), math.cos(angle))
    )
    hit = t * ray - (0, 0, NODAL)
    seen, towards = math.hypot(*view.gaze_deg), math.atan2(view.gaze_deg[1], view.gaze_deg[0])
    by = math.radians(seen) + math.asin(NODAL * math.sin(math.radians(seen)))
    cosine, sine = math.cos(towards), math.sin(towards)
    round_z = np.array(((cosine, -sine, 0), (sine, cosine, 0), (0, 0, 1)))
    round_y = np.array(((math.cos(by), 0, math.sin(by)), (0, 1, 0), (-math.sin(by), 0, math.cos(by))))
    turned = round_z @ round_y @ round_z.T @ hit
    far = math.degrees(math.acos(turned[2])) / math.hypot(turned[0], turned[1])
    return far * turned[0], far * turned[1]


def test_a_pixel_sees_what_the_literal_formulas_say() -> None:
    view = View(128, gaze_deg=(9.0, -3.0), torsion_deg=7.0, magnification=1.04)
    points = np.array(((20.0, 50.0), (64.0, 30.5), (100.25, 90.0)))
    expected = [literal(view, *point) for point in points]
    np.testing.assert_allclose(to_world(view, points), expected, rtol=1e-9)


def test_one_pixel_is_a_golden_number() -> None:
    seen = to_world(View(101, rim=1.0), np.array(((50.0 + 50.5, 50.0),)))  # the rim, 22.5 degrees off
    expected = 22.5 + math.degrees(math.asin(0.42 * math.sin(math.radians(22.5))))
    np.testing.assert_allclose(seen, [[expected, 0]], atol=1e-9)
    assert expected == pytest.approx(31.75, abs=0.01)


@pytest.mark.parametrize("view", [FIXED, MOVING])
def test_to_the_retina_and_back_is_the_same_pixel(view: View) -> None:
    points = places(view)
    np.testing.assert_allclose(to_pixels(view, to_world(view, points)), points, atol=1e-8)


def test_from_one_view_to_the_other_and_back_is_the_same_pixel() -> None:
    points = places(FIXED)
    there = map_points(FIXED, MOVING, points)
    np.testing.assert_allclose(map_points(MOVING, FIXED, there), points, atol=1e-6)  # asked for: 0.1
    assert np.linalg.norm(there - points, axis=1).min() > 5  # which is no small feat here


def test_the_map_is_no_homography() -> None:
    points = places(FIXED)[::37]
    mapped = map_points(FIXED, MOVING, points)
    one = np.ones((len(points), 1))
    zero = np.zeros((len(points), 3))
    left = np.concatenate((points, one), axis=1)
    rows = np.concatenate(
        (
            np.concatenate((left, zero, -mapped[:, :1] * left), axis=1),
            np.concatenate((zero, left, -mapped[:, 1:] * left), axis=1),
        )
    )
    matrix = np.linalg.svd(rows)[2][-1].reshape(3, 3)
    best = left @ matrix.T
    error = np.linalg.norm(best[:, :2] / best[:, 2:] - mapped, axis=1)
    assert 0.2 < error.max() < 12  # pixels of 128: near one, but not one


def test_the_map_agrees_with_the_pixels() -> None:
    """A world that holds its own coordinates: what is seen at a point is the point's place on the retina."""
    axis = ((np.arange(512) + 0.5) / 256 - 1) * WORLD_DEG
    x, y = np.meshgrid(axis, axis)
    world = World(np.stack((x, y, np.ones_like(x)), axis=-1).astype(np.float32))
    points = places(FIXED)
    mapped = map_points(FIXED, MOVING, points)
    pixel = np.rint(mapped)
    keeps = is_visible(MOVING, pixel, margin=1.0)
    column, row = pixel[keeps].astype(int).T
    on_moving = sample_world(world, MOVING)[row, column, :2]
    back = map_points(MOVING, FIXED, pixel[keeps])  # the fixed view's place of that very pixel
    column, row = np.rint(back).astype(int).T
    on_fixed = sample_world(world, FIXED)[row, column, :2]
    slope = to_world(FIXED, back) - to_world(FIXED, np.rint(back))  # from the pixel's middle to the point
    pixel_deg = 64 / 128
    np.testing.assert_allclose(on_fixed + slope, on_moving, atol=0.02 * pixel_deg)
    assert keeps.sum() > 2000


def test_overlap_is_one_for_the_same_view_and_falls_with_the_gaze() -> None:
    view = View(64)
    shares = [overlap(view, View(64, gaze_deg=(float(gaze), 0.0))) for gaze in (0, 4, 10, 25, 60)]
    assert shares[0] == 1
    assert all(after < before for before, after in itertools.pairwise(shares))
    assert shares[2] < 0.75  # the notes: 10 to 25 degrees are 75 to 25 percent
    assert shares[3] > 0.25
    assert shares[4] == 0


def test_what_is_cut_off_or_outside_the_rim_is_not_visible() -> None:
    view = View(100, rim=0.8, cut=0.5)
    points = np.array(((49.5, 49.5), (49.5, 72.0), (88.0, 49.5), (91.0, 49.5), (-5.0, 49.5)))
    assert is_visible(view, points).tolist() == [True, False, True, False, False]
    assert is_visible(view, points, margin=3.0).tolist() == [True, False, False, False, False]


def test_a_view_of_no_use_is_refused() -> None:
    with pytest.raises(InputError, match="side of 16"):
        View(8)
    with pytest.raises(InputError, match="magnification"):
        View(64, magnification=0.0)
