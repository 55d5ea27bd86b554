from pathlib import Path

import numpy as np
import pytest

from anyres.core.errors import InputError
from anyres.core.files import read_rgb8
from anyres.models.retina.eye_camera import is_visible, map_points, overlap, pixel_places, to_pixels, to_world
from anyres.models.retina.eye_pairs import (
    OVERLAP,
    Pair,
    PairClass,
    choose_controls,
    draw_views,
    make_pair,
    make_pairs,
    write_pairs,
)
from anyres.models.retina.eye_styles import HELD_OUT, TRAIN, Style
from anyres.models.retina.eyes import WORLD_DEG, Eye

SIDE = 96
COUNTS: dict[PairClass, int] = {"S": 1, "P": 1, "A": 1, "N": 1}


@pytest.fixture(scope="module")
def pairs() -> dict[str, Pair]:
    made = make_pairs(COUNTS, first_seed=7, side=SIDE)
    return {pair.pair_class: pair for pair in made}


def test_the_same_seed_gives_the_same_bytes(pairs: dict[str, Pair]) -> None:
    again = make_pair("P", 8, side=SIDE)
    assert again.fixed.jpeg == pairs["P"].fixed.jpeg
    assert again.moving.jpeg == pairs["P"].moving.jpeg
    assert again.controls is not None
    assert pairs["P"].controls is not None
    assert again.controls.tobytes() == pairs["P"].controls.tobytes()
    assert make_pair("P", 9, side=SIDE).fixed.jpeg != again.fixed.jpeg


@pytest.mark.parametrize("style", [TRAIN, HELD_OUT])
@pytest.mark.parametrize("pair_class", ["S", "P", "A"])
def test_views_of_a_class_overlap_as_much_as_it_says(
    pair_class: PairClass, style: Style, generator: np.random.Generator
) -> None:
    low, high = OVERLAP[pair_class]
    for _ in range(15):
        fixed, moving = draw_views(pair_class, style, SIDE, generator)
        assert low <= overlap(fixed, moving) <= high
        gaze = np.linalg.norm(np.subtract(fixed.gaze_deg, moving.gaze_deg))
        assert (10 <= gaze <= 25) if pair_class == "P" else gaze <= 4
        assert abs(moving.torsion_deg) <= 8
        assert 0.95 <= moving.magnification <= 1.05


@pytest.mark.parametrize("style", [TRAIN, HELD_OUT])
def test_no_view_sees_past_the_edge_of_the_world(style: Style, generator: np.random.Generator) -> None:
    points = pixel_places(SIDE)
    for _ in range(40):
        for view in draw_views("P", style, SIDE, generator):
            seen = to_world(view, points[is_visible(view, points)])
            assert np.abs(seen).max() < WORLD_DEG


def test_control_points_are_ten_exact_junctions_inside_both_fields_of_view(pairs: dict[str, Pair]) -> None:
    for pair_class in "SPA":
        pair = pairs[pair_class]
        assert pair.controls is not None
        assert pair.controls.shape == (10, 4)
        fixed, moving = pair.controls[:, :2], pair.controls[:, 2:]
        assert is_visible(pair.fixed.view, fixed).all()
        assert is_visible(pair.moving.view, moving).all()
        np.testing.assert_allclose(map_points(pair.fixed.view, pair.moving.view, fixed), moving, atol=1e-6)
        junctions = to_pixels(pair.fixed.view, pair.fixed.eye.junctions.points_xy)
        assert np.linalg.norm(fixed[:, None] - junctions, axis=-1).min(axis=1).max() < 1e-6
        apart = np.linalg.norm(fixed[:, None] - fixed, axis=-1) + np.eye(10) * SIDE
        assert apart.min() > SIDE / 16


def test_where_junctions_lack_control_points_lie_on_centre_lines(
    eye: Eye, generator: np.random.Generator
) -> None:
    from dataclasses import replace

    few = replace(eye.junctions, **{name: getattr(eye.junctions, name)[:0] for name in vars(eye.junctions)})
    fixed, moving = draw_views("S", TRAIN, SIDE, generator)
    controls = choose_controls(replace(eye, junctions=few), fixed, moving)
    nodes = to_pixels(fixed, np.concatenate((eye.veins.ends_xy, eye.arteries.ends_xy)))
    assert np.linalg.norm(controls[:, None, :2] - nodes, axis=-1).min(axis=1).max() < 1e-6


def test_at_a_later_visit_vessels_keep_their_course_and_change_their_width(pairs: dict[str, Pair]) -> None:
    before, after = pairs["A"].fixed.eye, pairs["A"].moving.eye
    np.testing.assert_array_equal(before.veins.ends_xy, after.veins.ends_xy)
    assert (before.veins.width_deg != after.veins.width_deg).all()
    assert before.lesions.points_xy.shape != after.lesions.points_xy.shape
    assert pairs["S"].fixed.eye is pairs["S"].moving.eye


def test_negatives_are_different_eyes_of_one_side_and_of_both(pairs: dict[str, Pair]) -> None:
    negative = pairs["N"]
    assert negative.controls is None
    first, second = negative.fixed.eye, negative.moving.eye
    assert first.seed != second.seed
    assert first.veins.ends_xy.shape != second.veins.ends_xy.shape
    made = [make_pair("N", seed, side=16) for seed in range(2)]
    same = [one.fixed.eye.layout.is_left == one.moving.eye.layout.is_left for one in made]
    assert sorted(same) == [False, True]


def test_both_photographs_have_a_light_of_their_own(pairs: dict[str, Pair]) -> None:
    for pair in pairs.values():
        assert pair.fixed.light.seed != pair.moving.light.seed
        assert pair.fixed.light.angle != pair.moving.light.angle


def test_files_are_laid_out_as_fires(tmp_path: Path, pairs: dict[str, Pair]) -> None:
    assert write_pairs(tmp_path, pairs.values()) == ["S001", "P001", "A001", "N001"]
    images = sorted(path.name for path in (tmp_path / "Images").iterdir())
    assert images == [f"{name}001_{number}.jpg" for name in "ANPS" for number in (1, 2)]
    truths = sorted(path.name for path in (tmp_path / "Ground Truth").iterdir())
    assert truths == [f"control_points_{name}001_1_2.txt" for name in "APS"]
    for name in "SPA":
        rows = np.loadtxt(tmp_path / "Ground Truth" / f"control_points_{name}001_1_2.txt")
        assert rows.shape == (10, 4)
        controls = pairs[name].controls
        assert controls is not None
        np.testing.assert_allclose(rows, controls, atol=5e-4)
        assert is_visible(pairs[name].fixed.view, rows[:, :2]).all()
        assert is_visible(pairs[name].moving.view, rows[:, 2:]).all()
    read = read_rgb8(tmp_path / "Images" / "S001_1.jpg")
    assert np.abs(read.astype(int) - pairs["S"].fixed.pixels).max() <= 2  # two decoders of JPEG


def test_another_class_or_seed_is_refused() -> None:
    with pytest.raises(InputError, match="class of S, P, A, N"):
        make_pair("S", -1, side=SIDE)
