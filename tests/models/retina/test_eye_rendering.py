from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from anyres.models.retina.eye_camera import View, is_visible, pixel_places
from anyres.models.retina.eye_photometry import draw_light, expose, sample_world, take_photograph
from anyres.models.retina.eye_rendering import World, absorption, render_world
from anyres.models.retina.eye_styles import HELD_OUT, TRAIN
from anyres.models.retina.eyes import WORLD_DEG, Eye, Vessels, make_eye


def at(plane: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Values of a plane of the world at places in degrees."""
    place = (points + WORLD_DEG) / (2 * WORLD_DEG) * len(plane) - 0.5
    return np.asarray(map_coordinates(plane, place.T[::-1], order=1))


def test_the_same_eye_gives_the_same_world() -> None:
    first, second = (render_world(make_eye(2), side=128).light for _ in range(2))
    assert first.tobytes() == second.tobytes()
    assert (render_world(make_eye(3), side=128).light != first).mean() > 0.9


def test_junctions_lie_on_vessels(eye: Eye) -> None:
    """They are darker than two degrees of the ground around them."""
    green = np.log(
        render_world(replace(eye, lesions=eye.lesions.choose(np.array([], int))), side=1024).light[..., 1]
    )
    points = eye.junctions.points_xy[np.abs(eye.junctions.points_xy).max(axis=1) < WORLD_DEG - 3]
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    ring = 1.0 * np.stack((np.cos(angle), np.sin(angle)), axis=1)
    around = np.median([at(green, points + step) for step in ring], axis=0)
    darker = around - at(green, points)
    assert (darker > 0.02).mean() > 0.97
    assert np.median(darker) > 0.1


def test_the_disc_is_bright_and_the_fovea_dark(eye: Eye, world: World) -> None:
    green = gaussian_filter(world.light[..., 1], 3)
    temple = np.sign(eye.layout.fovea_xy[0])
    disc = at(green, eye.layout.disc_xy[None] + np.array((temple * 0.2 * eye.layout.dd_deg, 0)))[0]
    fovea = at(green, eye.layout.fovea_xy[None])[0]
    ground = np.median(green)
    assert disc > 1.4 * ground
    assert fovea < 0.85 * ground


def test_the_ground_is_orange_red(world: World) -> None:
    red, green, blue = np.median(world.light, axis=(0, 1))
    assert red > 1.8 * green
    assert green > 1.8 * blue


def test_veins_are_wider_and_darker_than_arteries(eye: Eye, world: World) -> None:
    assert eye.veins.width_deg.max() > 1.2 * eye.arteries.width_deg.max()
    green = np.log(world.light[..., 1])
    shades = []
    for vessels in (eye.arteries, eye.veins):
        wide = vessels.width_deg > 0.6 * vessels.width_deg.max()
        off_disc = np.linalg.norm(vessels.ends_xy - eye.layout.disc_xy, axis=1) > eye.layout.dd_deg
        shades.append(np.median(at(green, vessels.ends_xy[wide & off_disc])))
    assert shades[1] < shades[0]


def test_the_profile_of_a_straight_vessel_is_the_notes_own() -> None:
    """exp(-(d / w)^2), w half the width; no reflex."""
    count = 20
    x = np.linspace(-40, 40, count + 1)
    y = np.full(count, 0.3)
    vessels = Vessels(
        np.stack((x[:-1], y), 1), np.stack((x[1:], y), 1), np.full(count, 6.0), np.full(count, 99)
    )
    plane = absorption(vessels, 256, 6.0, reflex=0.0)
    axis = ((np.arange(256) + 0.5) / 128 - 1) * WORLD_DEG
    expected = np.exp(-(((axis - 0.3) / 3) ** 2))
    near = expected > 0.02
    np.testing.assert_allclose(plane[near, 128], expected[near], atol=2e-3)
    np.testing.assert_allclose(plane[near, 60:196], expected[near][:, None].repeat(136, 1), atol=2e-3)


def test_the_reflex_brightens_the_middle_of_a_wide_vessel_alone() -> None:
    vessels = Vessels(
        np.array(((-20.0, 0.0), (-20, 20))),
        np.array(((20.0, 0.0), (20, 20))),
        np.array((6.0, 1.5)),
        np.full(2, 99),
    )
    with_reflex, plain = (absorption(vessels, 512, 6.0, reflex=share) for share in (0.4, 0.0))
    places = np.array(((0.0, 0.0), (0.0, 2.2), (0.0, 20.0)))
    loss = at(plain - with_reflex, places)
    assert loss[0] > 0.3
    np.testing.assert_allclose(loss[1:], 0, atol=0.02)


def test_a_photograph_is_black_outside_its_field_of_view_and_the_same_each_time(world: World) -> None:
    view, light = View(96, rim=0.9, cut=0.9), draw_light(TRAIN, np.random.default_rng(1))
    pixels, data = take_photograph(world, view, light)
    again, same = take_photograph(world, view, light)
    assert data == same
    assert pixels.tobytes() == again.tobytes()
    inside = is_visible(view, pixel_places(96)).reshape(96, 96)
    outside = ~is_visible(View(96, rim=1.0, cut=1.0), pixel_places(96)).reshape(96, 96)
    assert pixels[outside].mean() < 4
    assert pixels[inside][:, 0].mean() > 80


def test_light_and_noise_of_two_photographs_have_nothing_in_common() -> None:
    """On a uniform retina what is left of two photographs without their slopes is noise, and not the same."""
    view = View(96)
    flat = np.full((96, 96, 3), 0.5, np.float32)
    generator = np.random.default_rng(4)
    lights = [draw_light(HELD_OUT, generator) for _ in range(2)]
    noises = []
    for light in lights:
        exposed = expose(flat, view, light)
        noises.append((exposed - gaussian_filter(exposed, (2, 2, 0)))[20:76, 20:76])
    assert min(noise.std() for noise in noises) > 0.003
    assert abs(np.corrcoef(noises[0].ravel(), noises[1].ravel())[0, 1]) < 0.03
    same = expose(flat, view, lights[0])
    np.testing.assert_array_equal(same, expose(flat, view, lights[0]))
    assert lights[0].angle != lights[1].angle


def test_a_lesion_darkens_or_brightens_its_own_place_alone(eye: Eye) -> None:
    none = replace(eye, lesions=eye.lesions.choose(np.array([], int)))
    lesions = type(eye.lesions)(
        np.array(((0.0, 12.0), (0.0, -12.0))), np.array((1, 3)), np.full(2, 1.5), np.zeros(2), np.ones(2)
    )
    before, after = (
        render_world(one, side=256).light[..., 1] for one in (none, replace(eye, lesions=lesions))
    )
    change = np.log(after) - np.log(before)
    dark, bright = at(change, lesions.points_xy)
    assert dark < -0.4
    assert bright > 0.35
    far = at(change, np.array(((20.0, 20.0), (0.0, 0.0), (-30.0, 5.0))))
    np.testing.assert_allclose(far, 0, atol=1e-3)


def test_what_a_view_sees_of_a_uniform_world_is_uniform() -> None:
    world = World(np.full((64, 64, 3), 0.25, np.float32))
    view = View(64, gaze_deg=(10.0, 0.0))
    np.testing.assert_allclose(sample_world(world, view)[10:54, 10:54], 0.25, rtol=1e-6)
