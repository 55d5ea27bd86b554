import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from torch import Tensor

from anyres.core.errors import InputError
from anyres.models.liif.patches import shrink
from anyres.models.liif.validation import NAMED, SIDE, kept_for_validation, load_validation, score

SIX = {
    "Brown_Architecture",
    "canyon-wren",
    "high-trestle-trail",
    "samuel-zeller-337041",
    "taipei-city",
    "solaris-grapes",
}


def noise(height: int, width: int, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def put(folder: Path, names: Iterable[str], *, size_hw: tuple[int, int] = (2, 2)) -> Path:
    for number, name in enumerate(names):
        PIL.Image.fromarray(noise(*size_hw, seed=number)).save(folder / name)
    return folder


def test_the_six_named_photographs_are_kept_and_no_other(tmp_path: Path) -> None:
    put(tmp_path, [*(f"{name}.png" for name in SIX), *(f"photo{n}.png" for n in range(30))])
    assert set(kept_for_validation(tmp_path)) == SIX == set(NAMED)


def test_of_the_named_those_that_are_there_are_kept(tmp_path: Path) -> None:
    put(tmp_path, ["taipei-city.png", *(f"photo{n}.png" for n in range(30))])
    assert kept_for_validation(tmp_path) == ("taipei-city",)


@pytest.mark.parametrize(
    ("count", "kept"), [(2, [0]), (19, [0]), (20, [0, 10]), (35, [0, 11, 23]), (90, [0, 15, 30, 45, 60, 75])]
)
def test_of_other_pictures_one_in_ten_is_kept_spread_evenly_and_six_at_most(
    tmp_path: Path, count: int, kept: list[int]
) -> None:
    for number in range(count):  # only the names are looked at
        (tmp_path / f"photo{number:02}.png").touch()
    assert kept_for_validation(tmp_path) == tuple(f"photo{number:02}" for number in kept)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_pictures_are_refused_with_their_number(tmp_path: Path, count: int) -> None:
    put(tmp_path, [f"photo{number}.png" for number in range(count)])
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(InputError, match=f"needs two pictures.* holds {count}. Give a folder"):
        kept_for_validation(tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no folder .*gone. Give a folder"):
        kept_for_validation(tmp_path / "gone")


def test_the_middles_of_the_kept_pictures_are_read(tmp_path: Path) -> None:
    put(tmp_path, ["a.png", "b.png", "c.png"], size_hw=(SIDE + 6, 30))
    middles = load_validation(tmp_path, ("a", "c"))
    expected = [noise(SIDE + 6, 30, seed=seed)[3 : 3 + SIDE, 3:27] for seed in (0, 2)]  # 24 is 2 x 12
    assert len(middles) == 2
    for middle, part in zip(middles, expected, strict=True):
        np.testing.assert_array_equal(middle, part)


def test_a_kept_picture_that_holds_no_whole_step_is_left_out(tmp_path: Path) -> None:
    put(tmp_path, ["a.png"], size_hw=(11, 40))
    put(tmp_path, ["b.png"], size_hw=(13, 14))
    assert [middle.shape for middle in load_validation(tmp_path, ("a", "b"))] == [(12, 12, 3)]
    with pytest.raises(InputError, match=r"validation \(a\) has 12 x 12 pixels. Give"):
        load_validation(tmp_path, ("a",))


def test_an_enlarger_that_knows_the_truth_scores_infinitely() -> None:
    truth = torch.from_numpy(noise(24, 36).astype(np.float32) / 255)
    figures = score(lambda pixels, size_hw: truth, [noise(24, 36)])
    assert figures == {"x2": math.inf, "x3": math.inf, "x4": math.inf, "mean": math.inf}


def test_a_known_difference_scores_its_decibels_and_the_mean_is_over_the_factors() -> None:
    grey = np.full((24, 24, 3), 102, np.uint8)  # 0.4
    differences = {2: 0.1, 3: 0.2, 4: 0.05}

    def enlarged(pixels: Tensor, size_hw: tuple[int, int]) -> Tensor:
        return torch.full((*size_hw, 3), 0.4) + differences[size_hw[0] // pixels.shape[0]]

    figures = score(enlarged, [grey, grey])
    expected = {scale: -20 * math.log10(by * 219.859 / 256) for scale, by in differences.items()}  # luma
    assert figures == pytest.approx(
        {
            **{f"x{scale}": value for scale, value in expected.items()},
            "mean": sum(expected.values()) / 3,
        },
        abs=1e-4,
    )


def test_the_enlarger_gets_the_picture_shrunk_to_8_bits() -> None:
    picture, seen = noise(24, 36), []

    def enlarged(pixels: Tensor, size_hw: tuple[int, int]) -> Tensor:
        seen.append((pixels.numpy(), size_hw))
        return torch.zeros(*size_hw, 3)

    score(enlarged, [picture], scales=(3,))
    ((pixels, size_hw),) = seen
    assert size_hw == (24, 36)
    np.testing.assert_allclose(pixels * 255, shrink(picture, (8, 12)), atol=1e-4)


def test_overshoot_and_a_border_as_wide_as_the_factor_count_for_nothing() -> None:
    def enlarged(pixels: Tensor, size_hw: tuple[int, int]) -> Tensor:
        made = torch.full((*size_hw, 3), 1.5)
        made[:2] = made[-2:] = made[:, :2] = made[:, -2:] = 0
        return made

    white = np.full((24, 24, 3), 255, np.uint8)
    assert score(enlarged, [white], scales=(2,))["x2"] == math.inf

    def wider(pixels: Tensor, size_hw: tuple[int, int]) -> Tensor:
        made = enlarged(pixels, size_hw)
        made[2] = 0
        return made

    assert score(wider, [white], scales=(2,))["x2"] < 20
