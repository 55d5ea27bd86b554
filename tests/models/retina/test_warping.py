import numpy as np
import pytest

from anyres.core.errors import InputError
from anyres.models.retina import warping
from anyres.models.retina.opencv import cv2
from anyres.models.retina.transform import Projective, Quadratic
from anyres.models.retina.warping import Kernel, warp, warp_stripes

SHIFT = Projective(np.array([[1.0, 0, 3], [0, 1, 2], [0, 0, 1]]))  # to the right by 3, down by 2
BENT = Quadratic(np.array([[4.0, 0.98, -0.05, 1e-4, -5e-5, 2e-5], [-2.0, 0.06, 1.01, -3e-5, 8e-5, 6e-5]]))
TILTED = Projective(np.array([[0.95, 0.1, 12.0], [-0.08, 1.05, -7.0], [1e-4, -2e-4, 1.0]]))


def noise(*shape: int) -> np.ndarray:
    return np.asarray(np.random.default_rng(0).random(shape), np.float32)


def smooth_field(side: int) -> np.ndarray:
    """Two channels that are x and y themselves: a warp shows where each pixel came from."""
    y, x = np.indices((side, side), np.float32)
    return np.stack([x, y], axis=2)


@pytest.mark.parametrize("kernel", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [(), (3,), (4,)])
def test_a_shift_by_whole_pixels_keeps_every_value(
    kernel: Kernel, dtype: type, channels: tuple[int, ...]
) -> None:
    white = 1.0 if dtype == np.float32 else np.iinfo(dtype).max
    picture: np.ndarray = (noise(20, 30, *channels) * white).astype(dtype)
    moved = warp(picture, SHIFT, (22, 33), kernel=kernel)
    assert moved.dtype == dtype
    np.testing.assert_allclose(moved[3:, 4:], picture[1:, 1:], rtol=1e-6)
    assert not moved[:1].any()
    assert not moved[:, :2].any()


@pytest.mark.parametrize("transform", [TILTED, BENT])
def test_each_pixel_comes_from_where_the_inverse_says(transform: Projective | Quadratic) -> None:
    side = 200
    came_from = warp(smooth_field(side), transform, (side, side), kernel="linear", fill=-1)
    y, x = np.indices((side, side))
    expected = transform.apply_inverse(np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float64))
    inside = ((expected > 1) & (expected < side - 2)).all(axis=1)
    assert inside.mean() > 0.7
    far = np.abs(came_from.reshape(-1, 2)[inside] - expected[inside]).max()
    assert far < 0.1


@pytest.mark.parametrize("transform", [TILTED, BENT])
def test_warped_and_warped_back_each_place_is_where_it_was(transform: Projective | Quadratic) -> None:
    side = 200
    there = warp(smooth_field(side), transform, (side, side), kernel="linear", fill=np.nan)
    there[((there < 1) | (there > side - 2)).any(axis=2)] = (
        np.nan
    )  # half a pixel at the border is no gradient
    lands = transform.apply(smooth_field(side).reshape(-1, 2).astype(np.float64)).reshape(side, side, 2)
    across, down = np.moveaxis(lands.astype(np.float32), 2, 0)
    back = cv2.remap(there, across, down, cv2.INTER_LINEAR, borderValue=(np.nan, np.nan))
    distance = np.linalg.norm(np.asarray(back) - smooth_field(side), axis=2)
    assert np.isfinite(distance).mean() > 0.6
    assert np.nanmax(distance) < 0.1


@pytest.mark.parametrize("transform", [TILTED, BENT])
def test_blocks_leave_no_seams(transform: Projective | Quadratic, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = cv2.GaussianBlur(noise(100, 120, 3), (0, 0), 2)
    whole = warp(np.asarray(picture), transform, (90, 110))
    monkeypatch.setattr(warping, "_BLOCK", 32)
    stripes = list(warp_stripes(np.asarray(picture), transform, (90, 110)))
    assert [len(stripe) for stripe in stripes] == [32, 32, 26]
    np.testing.assert_allclose(np.concatenate(stripes), whole, atol=2e-3)  # OpenCV's 1/32 pixel


def test_what_shrinks_is_averaged() -> None:
    lines = np.zeros((120, 120), np.float32)
    lines[:, ::4] = 1
    small = warp(lines, Projective(np.diag([0.25, 0.25, 1])), (30, 30))
    np.testing.assert_allclose(small[2:-2, 2:-2], 0.25, atol=0.05)


def test_beyond_the_pole_and_outside_there_is_the_fill() -> None:
    poled = Projective(np.array([[1.0, 0, 0], [0, 1, 0], [-0.01, 0, 1]])).inverse()  # up to column 100
    moved = warp(np.full((50, 300), 200, np.uint8), poled, (10, 150), fill=7)
    assert (moved[2:, 2:50] == 200).all()
    assert (moved[:, 100:] == 7).all()
    away = Projective(np.array([[1.0, 0, 1e6], [0, 1, 0], [0, 0, 1]]))
    assert (warp(np.full((9, 9, 3), 200, np.uint8), away, (9, 9), fill=7) == 7).all()


def test_other_types_are_refused() -> None:
    with pytest.raises(InputError, match="not float64"):
        warp(np.zeros((4, 4)), SHIFT, (4, 4))
