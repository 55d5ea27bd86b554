import numpy as np
import pytest

from anyres.core.alpha import fill_transparent


def disc(size: int) -> np.ndarray:
    """Alpha of a disc with a soft rim."""
    y, x = np.mgrid[:size, :size] - size / 2
    return np.asarray(np.clip((size / 4 - np.hypot(y, x)) / 3, 0, 1), np.float32)


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).random(shape, dtype=np.float32)


@pytest.mark.parametrize("size", [1, 2, 37, 300])
def test_hidden_colours_have_no_influence(size: int) -> None:
    alpha, pixels = disc(size), noise(size, size, 3)
    other = pixels.copy()
    other[alpha == 0] = 1 - other[alpha == 0]
    np.testing.assert_array_equal(fill_transparent(pixels, alpha), fill_transparent(other, alpha))


def test_visible_colours_are_exact() -> None:
    alpha, pixels = disc(301), noise(301, 301, 3)
    filled = fill_transparent(pixels, alpha)
    np.testing.assert_array_equal(filled[alpha >= 0.25], pixels[alpha >= 0.25])
    assert filled.min() >= 0
    assert filled.max() <= 1


def test_one_visible_colour_goes_on_everywhere() -> None:
    alpha, colour = disc(259), np.array([0.9, 0.2, 0.4], np.float32)
    pixels = np.where(alpha[:, :, None] > 0, colour, np.float32(0))
    np.testing.assert_allclose(
        fill_transparent(pixels, alpha), np.broadcast_to(colour, pixels.shape), atol=1e-6
    )


def test_the_continuation_is_smooth() -> None:
    alpha = np.zeros((64, 256), np.float32)
    alpha[:, :8] = alpha[:, -8:] = 1
    pixels = np.zeros((64, 256, 3), np.float32)
    pixels[:, -8:] = 1  # black on the left, white on the right, and 240 pixels that nobody knows between
    steps = np.diff(fill_transparent(pixels, alpha)[32, :, 0])
    assert np.abs(steps).max() < 0.05


def test_an_opaque_picture_is_given_back_itself() -> None:
    pixels = noise(5, 4, 3)
    assert fill_transparent(pixels, np.ones((5, 4), np.float32)) is pixels


def test_a_picture_without_a_visible_pixel_becomes_black() -> None:
    assert fill_transparent(noise(5, 4, 3), np.zeros((5, 4), np.float32)).max() == 0
