import numpy as np
import pytest

from anyres.core.resample import resize
from anyres.core.resample_window import axis_window, resize_window
from anyres.core.tiles import Interval


@pytest.mark.parametrize("size_out", [(310, 29), (41, 300), (200, 190), (11, 13)])
@pytest.mark.parametrize("heights", [3, 100])
def test_a_window_is_that_of_the_whole(size_out: tuple[int, int], heights: int) -> None:
    whole = np.random.default_rng(0).random((41, 29, 3), np.float32)
    window = [Interval(size // 3, size - size // 5) for size in size_out]
    down, across = (
        axis_window(size, made, window=one, kernel="lanczos3")
        for size, made, one in zip((41, 29), size_out, window, strict=True)
    )
    read = whole[down.reads.slice, across.reads.slice]
    stripes = (read[top : top + heights] for top in range(0, len(read), heights))
    made = np.concatenate(list(resize_window(stripes, down, across)))
    expected = resize(whole, size_out, kernel="lanczos3")[window[0].slice, window[1].slice]
    np.testing.assert_allclose(made, expected, atol=2e-6)


def test_a_window_reads_no_more_than_its_kernel_reaches() -> None:
    middle = axis_window(1000, 300_000, window=Interval(150_000, 150_300), kernel="lanczos3")
    assert (middle.reads.start, middle.reads.stop) == (496, 505)
