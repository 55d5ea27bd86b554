"""blend, difference, sheet and measure: operations on more than one picture."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from anyres.core.errors import InputError
from anyres.core.image import Encoding, Image
from anyres.core.sheet import LINE, MARGIN, PAPER
from anyres.operations.blend import blend
from anyres.operations.difference import difference
from anyres.operations.heatmap import COLOURS, heatmap
from anyres.operations.measure import measure
from anyres.operations.sheet import sheet


def even(level: float, height: int = 6, width: int = 8, *, alpha: float | None = None) -> Image:
    cover = None if alpha is None else np.full((height, width), alpha, np.float32)
    return Image(np.full((height, width, 3), level, np.float32), cover)


class TestBlend:
    def test_an_opaque_picture_is_pasted_at_its_place(self) -> None:
        made = blend(even(0.2), even(0.9, 2, 3), left=4, top=1)
        expected = np.full((6, 8, 3), 0.2, np.float32)
        expected[1:3, 4:7] = 0.9
        np.testing.assert_array_equal(made.pixels, expected)

    def test_what_hangs_over_is_cut_off_on_any_side(self) -> None:
        made = blend(even(0.2), even(0.9, 4, 4), left=-2, top=4)
        assert (made.pixels == np.float32(0.9)).all(axis=2).sum() == 2 * 2
        assert (made.pixels[4:, :2] == np.float32(0.9)).all()

    @pytest.mark.parametrize(("left", "top"), [(8, 0), (0, 6), (-3, 0), (0, -2)])
    def test_a_picture_that_lies_beside_is_refused(self, left: int, top: int) -> None:
        with pytest.raises(InputError, match=r"3x2 pixels at column .* lies beside the one below.*8x6"):
            blend(even(0.2), even(0.9, 2, 3), left=left, top=top)

    def test_opacity_and_alpha_multiply(self) -> None:
        made = blend(even(0.0), even(1.0, alpha=0.5), opacity=0.5)
        np.testing.assert_allclose(made.pixels, 0.25)
        assert made.alpha is None

    def test_over_a_transparent_picture_only_the_upper_colour_is_seen(self) -> None:
        made = blend(even(0.1, alpha=0.0), even(0.8), opacity=0.5)
        np.testing.assert_allclose(made.pixels, 0.8, rtol=1e-6)
        assert made.alpha is not None
        np.testing.assert_allclose(made.alpha, 0.5)

    def test_two_half_transparent_pictures_are_mixed_as_porter_and_duff_do(self) -> None:
        made = blend(even(0.0, alpha=0.5), even(1.0, alpha=0.5))
        assert made.alpha is not None
        np.testing.assert_allclose(made.alpha, 0.75)
        np.testing.assert_allclose(made.pixels, 0.5 / 0.75, rtol=1e-6)

    def test_the_encoding_is_that_of_the_picture_below(self) -> None:
        below = Image(even(0.1).pixels, encoding=Encoding(depth=16, dpi=(300.0, 300.0)))
        assert blend(below, even(0.5)).encoding == below.encoding

    def test_different_profiles_are_told(self) -> None:
        other = Image(even(0.5).pixels, encoding=Encoding(icc_profile=b"another"))
        assert "different colour profiles" in blend(even(0.1), other).notices[0]


class TestDifference:
    def test_equal_pictures_are_black_and_others_show_their_gained_difference(self) -> None:
        assert difference(even(0.3), even(0.3)).pixels.max() == 0
        np.testing.assert_allclose(difference(even(0.3), even(0.2), gain=4).pixels, 0.4, rtol=1e-5)

    def test_a_difference_of_transparency_alone_is_seen(self) -> None:
        np.testing.assert_allclose(difference(even(0.0), even(0.0, alpha=0.25)).pixels, 0.75)

    def test_pictures_of_two_sizes_are_refused(self) -> None:
        with pytest.raises(InputError, match="8x6 and 8x5 pixels"):
            difference(even(0.3), even(0.3, 5))


class TestMeasure:
    def test_equal_pictures_have_an_infinite_psnr_and_an_ssim_of_one(self) -> None:
        figures = measure(even(0.3, 12, 12), even(0.3, 12, 12)).figures
        assert figures["psnr_db"] == math.inf
        assert figures["ssim"] == pytest.approx(1)
        assert figures["largest_difference"] == 0

    def test_a_difference_of_a_tenth_is_twenty_decibels(self) -> None:
        figures = measure(even(0.3), even(0.4)).figures
        assert figures["psnr_db"] == pytest.approx(20, abs=1e-4)
        assert figures["mean_difference"] == pytest.approx(0.1, abs=1e-6)
        assert "ssim" not in figures

    def test_transparency_counts(self) -> None:
        figures = measure(even(1.0, alpha=0.5), even(1.0)).figures
        assert figures["largest_difference"] == 0.5
        assert figures["mean_difference"] == 0.25  # on black a half, on white nothing


class TestSheet:
    def test_pictures_stand_beside_each_other_on_paper(self) -> None:
        made = sheet((even(0.2), even(0.4, 4, 4))).pixels
        np.testing.assert_array_equal(made[LINE : LINE + 6, MARGIN : MARGIN + 8], np.float32(0.2))
        left = 8 + 3 * MARGIN
        np.testing.assert_array_equal(made[LINE : LINE + 4, left : left + 4], np.float32(0.4))
        assert (made[LINE : LINE + 6, left + 4 : left + 8] == PAPER).all()

    def test_columns_break_rows(self) -> None:
        one, two = (sheet((even(0.2),) * 3, columns=columns).size_hw for columns in (1, 2))
        assert one == (3 * (LINE + 6 + MARGIN) + MARGIN, 8 + 2 * MARGIN)
        assert two == (2 * (LINE + 6 + MARGIN) + MARGIN, 2 * (8 + 2 * MARGIN))

    def test_labels_are_written_above_the_pictures(self) -> None:
        blank = sheet((even(0.2, 40, 90),) * 2).pixels[:LINE]
        written = sheet((even(0.2, 40, 90),) * 2, labels=("one", "")).pixels[:LINE]
        half = written.shape[1] // 2
        assert (blank == PAPER).all()
        assert (written[:, :half] < 0.5).any()
        assert (written[:, half:] == PAPER).all()

    def test_labels_may_be_text_with_commas(self) -> None:
        assert sheet.check_parameters({"labels": "one, two"}).model_dump()["labels"] == ("one", "two")

    def test_labels_of_another_count_are_refused(self) -> None:
        with pytest.raises(InputError, match="2 labels were given for 3 pictures"):
            sheet((even(0.2),) * 3, labels=("one", "two"))

    def test_a_picture_narrower_than_its_label_keeps_its_cell(self) -> None:
        assert sheet((even(0.2, 1, 1),), labels=("a long label",)).size_hw == (
            LINE + 1 + 2 * MARGIN,
            1 + 2 * MARGIN,
        )

    def test_transparent_parts_show_the_paper(self) -> None:
        made = sheet((even(0.2, alpha=0.0),))
        assert made.alpha is None
        assert (made.pixels == PAPER).all()


class TestHeatmap:
    def test_equal_pictures_are_dark_and_the_limit_is_bright(self) -> None:
        first = even(0.2)
        pixels = first.pixels.copy()
        pixels[0, 0] = 0.25, 0.2, 0.2  # half of the limit, in one channel
        pixels[0, 1] = 0.9
        second = Image(pixels)
        made = heatmap(first, second, limit=0.1)
        shown = np.rint(made.pixels * 255).astype(int)
        as_numbers = [tuple(int(one[place : place + 2], 16) for place in (1, 3, 5)) for one in COLOURS]
        assert [tuple(shown[0, 0]), tuple(shown[0, 1]), tuple(shown[1, 0])] == [
            as_numbers[2],
            as_numbers[4],
            as_numbers[0],
        ]

    def test_a_larger_limit_is_darker(self) -> None:
        means = [heatmap(even(0.2), even(0.25), limit=limit).pixels.mean() for limit in (0.05, 0.2, 1.0)]
        assert means == sorted(means, reverse=True)
        assert len(set(means)) == 3

    def test_pictures_of_two_sizes_are_refused(self) -> None:
        with pytest.raises(InputError, match="Pictures of one size are compared"):
            heatmap(even(0.2), even(0.2, 5, 5))

    def test_the_page_tells_the_same_colours(self) -> None:
        source = Path(__file__).parents[2] / "studio" / "src" / "heat.tsx"
        found = re.findall(r"#[0-9a-f]{6}", source.read_text(encoding="utf-8").partition("];")[0])
        assert tuple(found) == COLOURS
