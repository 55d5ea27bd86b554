from dataclasses import fields

import numpy as np
import pytest

from anyres.models.retina.eye_lesions import KINDS, change_lesions, draw_lesions
from anyres.models.retina.eye_styles import HELD_OUT, TRAIN
from anyres.models.retina.eye_vessels import Network, bend, count_children, grow_network
from anyres.models.retina.eyes import WORLD_DEG, Eye, Layout, find_junctions, make_eye

FOVEA = np.array((2.5, 0.3))
LAYOUT = Layout(True, 8.5, np.array((-10.0, -1.0)), np.array((10.0, 1.0)), 1.1, 0.4)


@pytest.fixture(scope="module")
def network() -> Network:
    return grow_network(FOVEA, TRAIN, 0.1, np.random.default_rng(1))


def test_the_same_seed_gives_the_same_eye_and_another_does_not(eye: Eye) -> None:
    again, other = make_eye(5), make_eye(6)
    for name in ("points_xy", "is_crossing", "width_deg"):
        assert getattr(eye.junctions, name).tobytes() == getattr(again.junctions, name).tobytes()
    assert eye.veins.ends_xy.tobytes() == again.veins.ends_xy.tobytes()
    assert eye.lesions.points_xy.tobytes() == again.lesions.points_xy.tobytes()
    assert eye.veins.ends_xy.shape != other.veins.ends_xy.shape


def test_the_two_families_share_no_value_of_any_parameter() -> None:
    for field in fields(TRAIN):
        if field.name != "name":
            (low, high), (other_low, other_high) = getattr(TRAIN, field.name), getattr(HELD_OUT, field.name)
            assert low <= high
            assert other_low <= other_high
            assert high < other_low or other_high < low, field.name


def test_where_a_vessel_divides_the_cubes_of_the_widths_add_up(network: Network) -> None:
    forks = network.bifurcations()
    assert len(forks) > 50
    for fork in forks:
        children = np.flatnonzero(network.parent == fork)
        if network.parent[fork] >= 0:
            np.testing.assert_allclose(
                network.width[fork] ** 3, (network.width[children] ** 3).sum(), rtol=1e-9
            )


def test_widths_go_from_the_widest_root_down_to_no_less_than_what_can_be_seen(network: Network) -> None:
    assert network.width.max() == pytest.approx(0.1)
    assert network.width[np.argmax(network.width)] == network.width[network.parent == -1].max()
    assert network.width.min() > 0.008  # DD, where the notes stop


def test_a_network_is_a_forest_of_four_trunks_that_divide_in_two(network: Network) -> None:
    assert (network.parent == -1).sum() == 4
    assert (network.parent < np.arange(len(network.parent))).all()
    assert count_children(network.parent).max() == 2
    assert (np.linalg.norm(network.points[network.parent == -1], axis=1) < 0.5).all()  # on the disc


def test_no_side_branch_is_a_stump(network: Network) -> None:
    for fork in network.bifurcations():
        assert network.reach[network.parent == fork].min() >= 5


def test_vessels_stay_off_the_fovea_and_cover_the_retina(network: Network) -> None:
    from_fovea = np.linalg.norm(network.points - FOVEA, axis=1)
    assert from_fovea.min() > 0.25
    angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    ring = FOVEA / 2 + 4.5 * np.stack((np.cos(angle), np.sin(angle)), axis=1)
    gap = np.linalg.norm(ring[:, None] - network.points, axis=-1).min(axis=1)
    assert gap.max() < 1.0


def test_bending_leaves_the_disc_where_it_is_and_moves_the_rest_by_the_amplitude() -> None:
    points = np.random.default_rng(0).uniform(-6, 6, (4000, 2))
    moved = bend(points, 0.05, np.random.default_rng(1)) - points
    assert 0.03 < np.sqrt((moved**2).sum(axis=1).mean()) < 0.08
    np.testing.assert_array_equal(bend(np.zeros((1, 2)), 0.05, np.random.default_rng(1)), [[0, 0]])


def line(start: tuple[float, float], end: tuple[float, float], width: float) -> Network:
    points = np.linspace(start, end, 5)
    return Network(points, np.arange(-1, 4), np.full(5, width), np.arange(5)[::-1].copy())


def test_two_lines_cross_where_they_do() -> None:
    junctions = find_junctions(line((1, 1), (3, 2), 0.05), line((1, 2.5), (3, 0.5), 0.08), LAYOUT)
    middle = np.array((2.0, 1.5))  # where 1 + (u - 1) / 2 = 2.5 - (u - 1)
    np.testing.assert_allclose(junctions.points_xy, LAYOUT.to_world(middle[None]), atol=1e-9)
    np.testing.assert_allclose(junctions.width_deg, [0.05 * 8.5])
    assert junctions.is_crossing.tolist() == [True]


def test_lines_that_do_not_meet_or_meet_on_the_disc_have_no_junction() -> None:
    assert len(find_junctions(line((1, 1), (3, 1), 0.05), line((1, 2), (3, 2), 0.05), LAYOUT).width_deg) == 0
    on_disc = find_junctions(line((-0.3, 0.01), (0.3, 0), 0.05), line((0.01, -0.3), (0, 0.3), 0.05), LAYOUT)
    assert len(on_disc.width_deg) == 0


def test_junctions_are_of_both_kinds_off_the_disc_and_in_the_world(eye: Eye) -> None:
    junctions = eye.junctions
    assert junctions.is_crossing.sum() > 30
    assert (~junctions.is_crossing).sum() > 60
    assert (np.linalg.norm(junctions.points_xy - eye.layout.disc_xy, axis=1) > eye.layout.dd_deg / 2).all()
    assert (np.linalg.norm(junctions.points_xy, axis=1) < WORLD_DEG).all()


@pytest.mark.parametrize("is_left", [True, False])
def test_the_disc_of_a_left_eye_lies_on_the_left_of_its_fovea(is_left: bool) -> None:
    layout = make_eye(3, is_left=is_left).layout
    assert (layout.disc_xy[0] < layout.fovea_xy[0]) == is_left
    assert layout.disc_xy[1] < layout.fovea_xy[1]  # and a little higher
    assert 2.2 < np.linalg.norm(layout.disc_xy - layout.fovea_xy) / layout.dd_deg < 2.8


def test_lesions_grow_with_their_level_and_spare_the_disc(generator: np.random.Generator) -> None:
    place = LAYOUT.fovea_xy, LAYOUT.disc_xy, LAYOUT.dd_deg
    none, *some = (draw_lesions(*place, generator, level=level) for level in (0, 4, 4, 4))
    assert len(none.kind) == 0
    assert sum(len(one.kind) for one in some) > 20
    for one in some:
        assert one.kind.max(initial=0) < len(KINDS)
        assert (np.linalg.norm(one.points_xy - LAYOUT.disc_xy, axis=1) > 0.8 * LAYOUT.dd_deg).all()


def test_at_a_later_visit_some_lesions_are_gone_and_others_new(generator: np.random.Generator) -> None:
    place = LAYOUT.fovea_xy, LAYOUT.disc_xy, LAYOUT.dd_deg
    before = draw_lesions(*place, generator, level=4)
    after = change_lesions(before, *place, generator)
    sets = [set(map(tuple, one.points_xy)) for one in (before, after)]
    assert sets[0] - sets[1]
    assert sets[1] - sets[0]
    assert sets[0] & sets[1]
