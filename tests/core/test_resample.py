import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyres.core.files import read_rgb8
from anyres.core.pixels import psnr_luma
from anyres.core.resample import Kernel, resize, resize_stripes, resize_taps

KERNELS: tuple[Kernel, ...] = ("cubic", "lanczos3", "linear", "area", "nearest")
PUBLISHED_SET5 = {2: 33.66, 3: 30.39, 4: 28.42}  # bicubic, luma, as every paper prints it


def picture(height: int, width: int, *, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(height * 1000 + width).random((height, width, channels), np.float32)


def weight_by_definition(kernel: str, distance: float) -> float:
    x = abs(distance)
    if kernel == "linear":
        return max(0.0, 1 - x)
    if kernel == "lanczos3":
        if x == 0:
            return 1.0
        return 3 * math.sin(math.pi * x) * math.sin(math.pi * x / 3) / (math.pi * x) ** 2 if x < 3 else 0.0
    if x <= 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def line_by_definition(line: np.ndarray, size_out: int, kernel: str) -> list[float]:
    """One axis, output by output, over an input that was reflected far enough beforehand."""
    size_in = len(line)
    stretch = max(1.0, size_in / size_out)
    mirrored = np.concatenate((line, line[::-1]))
    result = []
    for k in range(size_out):
        centre = (k + 0.5) * size_in / size_out - 0.5
        reach = range(math.floor(centre - 4 * stretch), math.ceil(centre + 4 * stretch) + 1)
        weights = [weight_by_definition(kernel, (centre - i) / stretch) for i in reach]
        values = [float(mirrored[i % (2 * size_in)]) for i in reach]
        total = sum(weight * value for weight, value in zip(weights, values, strict=True))
        result.append(total / sum(weights))
    return result


@pytest.mark.parametrize("kernel", ["cubic", "lanczos3", "linear"])
@pytest.mark.parametrize("sizes", [(13, 13), (13, 31), (13, 29), (31, 13), (29, 4), (3, 40), (40, 1), (1, 7)])
def test_a_resize_equals_the_sum_that_defines_it(kernel: Kernel, sizes: tuple[int, int]) -> None:
    line = picture(sizes[0], 1, channels=1)
    expected = line_by_definition(line[:, 0, 0], sizes[1], kernel)
    np.testing.assert_allclose(resize(line, (sizes[1], 1), kernel=kernel)[:, 0, 0], expected, atol=2e-6)


@pytest.mark.parametrize("kernel", KERNELS)
def test_rows_and_columns_are_resized_alike(kernel: Kernel) -> None:
    upright = picture(17, 11)
    lying = np.ascontiguousarray(upright.transpose(1, 0, 2))
    expected = resize(lying, (25, 6), kernel=kernel).transpose(1, 0, 2)
    np.testing.assert_allclose(resize(upright, (6, 25), kernel=kernel), expected, atol=1e-6)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_same_size_is_the_same_picture(kernel: Kernel) -> None:
    pixels = picture(9, 14)
    np.testing.assert_allclose(resize(pixels, (9, 14), kernel=kernel), pixels, atol=1e-6)


@given(size_in=st.integers(1, 60), size_out=st.integers(1, 200), kernel=st.sampled_from(KERNELS))
def test_the_weights_of_every_output_add_up_to_one_and_stay_inside(
    size_in: int, size_out: int, kernel: Kernel
) -> None:
    indices, weights = resize_taps(size_in, size_out, kernel=kernel)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-12)
    assert indices.min() >= 0
    assert indices.max() < size_in


def test_area_is_the_mean_of_the_block_where_the_factor_is_whole() -> None:
    pixels = picture(12, 20)
    blocks = pixels.reshape(4, 3, 5, 4, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(resize(pixels, (4, 5), kernel="area"), blocks, atol=1e-6)


def test_area_is_the_exact_share_of_each_input_cell_where_the_factor_is_not_whole() -> None:
    indices, weights = resize_taps(7, 3, kernel="area")
    found = np.zeros((3, 7))
    np.add.at(found, (np.arange(3)[:, None], indices), weights)
    for k in range(3):
        low, high = Fraction(7 * k, 3), Fraction(7 * (k + 1), 3)
        cells = [(Fraction(i), Fraction(i + 1)) for i in range(7)]
        shares = [max(Fraction(0), min(high, end) - max(low, start)) / (high - low) for start, end in cells]
        np.testing.assert_allclose(found[k], [float(share) for share in shares], atol=1e-12)


def test_nearest_repeats_each_pixel_where_the_factor_is_whole() -> None:
    pixels = picture(3, 4)
    repeated = pixels.repeat(3, axis=0).repeat(2, axis=1)
    np.testing.assert_array_equal(resize(pixels, (9, 8), kernel="nearest"), repeated)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("size_out", [(57, 90), (200, 31), (41, 41), (5, 3), (1, 1)])
@pytest.mark.parametrize("heights", [(1,), (7,), (41,), (1, 20, 3)])
def test_stripes_give_the_whole_pictures_resize(
    kernel: Kernel, size_out: tuple[int, int], heights: tuple[int, ...]
) -> None:
    pixels = picture(41, 29)

    def stripes() -> Iterator[np.ndarray]:
        top, turn = 0, 0
        while top < len(pixels):
            bottom = top + heights[turn % len(heights)]
            yield pixels[top:bottom]
            top, turn = bottom, turn + 1

    made = np.concatenate(list(resize_stripes(stripes(), (41, 29), size_out, kernel=kernel)))
    np.testing.assert_allclose(made, resize(pixels, size_out, kernel=kernel), atol=2e-6)


def test_stripes_leave_as_soon_as_their_rows_are_known() -> None:
    taken = []

    def stripes() -> Iterator[np.ndarray]:
        for number in range(10):
            taken.append(number)
            yield picture(8, 4)

    first = next(resize_stripes(stripes(), (80, 4), (160, 4)))
    assert first.shape[0] > 0
    assert taken == [0]


def test_a_wide_enlargement_takes_memory_by_its_taps_not_by_the_square_of_its_width() -> None:
    import tracemalloc

    narrow = picture(1, 4000)
    tracemalloc.start()
    resize(narrow, (1, 24000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64e6  # a dense matrix of 24,000 x 4,000 would be 384 MB


def test_a_step_overshoots_by_keys_kernel_and_no_other() -> (
    None
):  # the golden number: half-way weights of a = -1/2
    step = np.array([0, 0, 0, 0, 1, 1, 1, 1], np.float32).reshape(8, 1, 1)
    doubled = resize(step, (16, 1))[:, 0, 0]
    np.testing.assert_array_equal(
        doubled[5:11], [-3 / 128, -9 / 128, 26 / 128, 102 / 128, 137 / 128, 131 / 128]
    )


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_bicubic_reaches_its_published_figure_on_set5(data_dir: Path, scale: int) -> None:
    values = []
    for path in sorted((data_dir / "set5").glob("*.webp")):
        whole = read_rgb8(path)
        height, width = (side // scale * scale for side in whole.shape[:2])
        truth = whole[:height, :width].astype(np.float32) / 255
        small = np.rint(np.clip(resize(truth, (height // scale, width // scale)), 0, 1) * 255) / 255
        made = np.clip(resize(small.astype(np.float32), (height, width)), 0, 1)
        values.append(psnr_luma(made, truth, shave=scale))
    assert len(values) == 5
    assert np.mean(values) == pytest.approx(PUBLISHED_SET5[scale], abs=0.03)


@pytest.mark.parametrize("times", [3, 20])
def test_stripes_stay_small_however_far_the_picture_is_enlarged(times: int) -> None:
    whole = np.random.default_rng(0).random((70, 30, 3), np.float32)
    size = (70 * times, 30 * times)
    stripes = list(resize_stripes([whole], (70, 30), size))
    assert max(len(stripe) for stripe in stripes) <= 64
    np.testing.assert_allclose(np.concatenate(stripes), resize(whole, size), atol=1e-6)
