import math

import numpy as np
import pytest

from anyres.core.errors import InputError
from anyres.core.pixels import luma, psnr, psnr_luma, ssim


def picture(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, np.float32)


@pytest.mark.parametrize("difference", [0.5, 0.1, 1 / 255])
def test_psnr_of_a_constant_difference_is_its_logarithm(difference: float) -> None:
    truth = np.full((20, 30, 3), 0.25)
    assert psnr(truth + difference, truth) == pytest.approx(-20 * math.log10(difference))


def test_a_grey_error_counts_859_thousandths_in_luma() -> None:  # 219.859 / 256, so 1.32 dB more than in RGB
    truth = np.full((20, 30, 3), 0.25)
    expected = -20 * math.log10(0.1 * 219.859 / 256)
    assert psnr_luma(truth + 0.1, truth, shave=2) == pytest.approx(expected)
    assert expected - psnr(truth + 0.1, truth) == pytest.approx(1.32, abs=0.005)


def test_luma_goes_from_16_to_235_and_weighs_green_most() -> None:
    colours = np.array([[[0, 0, 0], [1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]], np.float32)
    expected = [16.0, 235.0, 81.481, 144.553, 40.966]  # of 255, to the rounding of the published coefficients
    np.testing.assert_allclose(luma(colours)[0] * 255, expected, atol=0.005)


def test_equal_pictures_have_infinite_psnr_and_an_ssim_of_one() -> None:
    pixels = picture(16, 16, 3)
    assert psnr(pixels, pixels) == math.inf
    assert ssim(pixels[..., 0], pixels[..., 0]) == pytest.approx(1)


def test_the_shave_leaves_out_that_many_pixels_on_each_side_and_no_more() -> None:
    truth = np.zeros((16, 20, 3), np.float32)
    spoilt = truth.copy()
    spoilt[2, 10] = 1
    assert psnr(spoilt, truth, shave=3) == math.inf
    assert psnr(spoilt, truth, shave=2) == pytest.approx(10 * math.log10(12 * 16))
    spoilt = truth.copy()
    spoilt[10, 17] = 1
    assert psnr(spoilt, truth, shave=3) == math.inf
    assert psnr(spoilt, truth, shave=2) == pytest.approx(10 * math.log10(12 * 16))


def test_ssim_equals_the_sums_that_define_it() -> None:
    x, y = picture(14, 13).astype(np.float64), picture(14, 13, seed=1).astype(np.float64)
    offsets = np.arange(11) - 5
    window = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    values = []
    for top in range(4):
        for left in range(3):
            a, b = x[top : top + 11, left : left + 11], y[top : top + 11, left : left + 11]
            mean_a, mean_b = (window * a).sum(), (window * b).sum()
            variance_a, variance_b = (window * (a - mean_a) ** 2).sum(), (window * (b - mean_b) ** 2).sum()
            covariance = (window * (a - mean_a) * (b - mean_b)).sum()
            above = (2 * mean_a * mean_b + 1e-4) * (2 * covariance + 9e-4)
            values.append(above / ((mean_a**2 + mean_b**2 + 1e-4) * (variance_a + variance_b + 9e-4)))
    assert ssim(x, y) == pytest.approx(np.mean(values), abs=1e-10)


def test_ssim_of_a_lost_contrast_is_a_golden_number() -> None:
    checks = np.indices((24, 24)).sum(axis=0) % 2 * 1.0
    assert ssim(checks, 0.5 + 0.5 * (checks - 0.5)) == pytest.approx(0.8006, abs=2e-4)


def test_ssim_shaves_like_psnr() -> None:
    x, y = picture(30, 30), picture(30, 30, seed=1)
    assert ssim(x, y, shave=4) == pytest.approx(ssim(x[4:-4, 4:-4], y[4:-4, 4:-4]))


def test_pictures_of_different_size_are_refused() -> None:
    with pytest.raises(InputError, match="differ in size"):
        psnr(picture(8, 9, 3), picture(9, 8, 3))


@pytest.mark.parametrize("shave", [4, 5, 100])
def test_a_shave_that_leaves_nothing_is_refused(shave: int) -> None:
    with pytest.raises(InputError, match="leaves nothing"):
        psnr(picture(8, 20, 3), picture(8, 20, 3), shave=shave)


def test_ssim_of_less_than_its_window_is_refused() -> None:
    with pytest.raises(InputError, match="11 x 11"):
        ssim(picture(12, 30), picture(12, 30), shave=1)
