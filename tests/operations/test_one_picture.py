"""crop, resize and pad: operations on one picture, without a network."""

from typing import Any

import numpy as np
import pytest

from anyres.core.errors import InputError
from anyres.core.image import Encoding, Image
from anyres.core.resample import resize as resized
from anyres.operations.crop import crop
from anyres.operations.pad import pad
from anyres.operations.resize import resize


@pytest.fixture
def image() -> Image:
    generator = np.random.default_rng(0)
    pixels = generator.random((5, 7, 3), np.float32)
    return Image(pixels, encoding=Encoding(depth=16), notices=("It was CMYK.",))


@pytest.fixture
def transparent(image: Image) -> Image:
    alpha = np.zeros(image.size_hw, np.float32)
    alpha[:, :4] = 1
    level = np.where(alpha > 0, np.float32(0.5), np.float32(1))
    return Image(np.repeat(level[..., None], 3, axis=2), alpha, image.encoding)


class TestCrop:
    def test_the_box_is_cut_out(self, image: Image) -> None:
        made = crop(image, left=2, top=1, width=4, height=3)
        np.testing.assert_array_equal(made.pixels, image.pixels[1:4, 2:6])
        assert (made.encoding, made.notices) == (image.encoding, image.notices)

    def test_what_is_not_named_goes_to_the_edge(self, image: Image) -> None:
        assert crop(image, left=2).size_hw == (5, 5)

    def test_alpha_is_cut_with_it(self, transparent: Image) -> None:
        made = crop(transparent, left=3, width=2)
        assert made.alpha is not None
        np.testing.assert_array_equal(made.alpha[0], [1, 0])

    @pytest.mark.parametrize("box", [{"left": 7}, {"top": 3, "height": 3}, {"width": 8}])
    def test_a_box_that_leaves_the_picture_is_refused_with_its_size(
        self, image: Image, box: dict[str, int]
    ) -> None:
        message = "does not lie within the picture, which has 7x5 pixels"
        with pytest.raises(InputError, match=message):
            crop(image, **box)
        with pytest.raises(InputError, match=message):
            crop.output_size_hw([image.size_hw], crop.check_parameters(box))


class TestResize:
    @pytest.mark.parametrize(
        ("kernel", "own"),
        [("bicubic", "cubic"), ("lanczos3", "lanczos3"), ("area", "area"), ("nearest", "nearest")],
    )
    def test_it_is_the_resampling_of_core(self, image: Image, kernel: Any, own: Any) -> None:
        expected = np.clip(resized(image.pixels, (8, 3), kernel=own), 0, 1)
        made = resize(image, size=(8, 3), fit="stretch", kernel=kernel)
        np.testing.assert_allclose(made.pixels, expected, atol=1e-6)
        assert (made.encoding, made.notices) == (image.encoding, image.notices)

    def test_its_own_size_is_the_picture(self, image: Image) -> None:
        np.testing.assert_array_equal(resize(image, scale=1).pixels, image.pixels)

    def test_cover_is_cut_to_the_middle_of_the_whole(self, image: Image) -> None:
        whole = resize(image, height=10).pixels
        np.testing.assert_allclose(resize(image, size=(10, 8), fit="cover").pixels, whole[:, 3:11], atol=1e-6)

    def test_transparent_pixels_give_no_colour(self, transparent: Image) -> None:
        made = resize(transparent, scale=2)
        assert made.alpha is not None
        seen = made.alpha > 0.01
        assert seen.any()
        assert not seen.all()
        np.testing.assert_allclose(made.pixels[seen], 0.5, atol=1e-3)

    def test_no_target_is_refused(self, image: Image) -> None:
        with pytest.raises(InputError, match="Name the target in exactly one way"):
            resize(image)

    def test_progress_rises_to_one_and_may_stop_the_work(self, image: Image) -> None:
        seen: list[float] = []
        resize(image, scale=40, progress=seen.append)
        assert seen == sorted(seen)
        assert seen[-1] == 1
        assert len(seen) > 1

        def stop(_: float) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            resize(image, scale=40, progress=stop)


class TestPad:
    @pytest.mark.parametrize(("mode", "numpys"), [("edge", "edge"), ("mirror", "symmetric")])
    def test_edge_and_mirror_are_numpys(self, image: Image, mode: Any, numpys: Any) -> None:
        made = pad(image, left=9, right=20, top=3, bottom=12, mode=mode)
        expected = np.pad(image.pixels, ((3, 12), (9, 20), (0, 0)), mode=numpys)
        np.testing.assert_array_equal(made.pixels, expected)
        assert made.encoding == image.encoding

    def test_a_colour_fills_the_border_alone(self, image: Image) -> None:
        made = pad(image, left=2, bottom=1, mode="colour", colour="#ff0080")
        np.testing.assert_array_equal(made.pixels[:5, 2:], image.pixels)
        np.testing.assert_allclose(made.pixels[:, :2], np.broadcast_to([1, 0, 128 / 255], (6, 2, 3)))
        assert made.alpha is None

    def test_a_transparent_colour_brings_transparency(self, image: Image) -> None:
        made = pad(image, right=1, mode="colour", colour="#00000000")
        assert made.alpha is not None
        np.testing.assert_array_equal(made.alpha[0], [1] * 7 + [0])

    def test_a_coloured_border_of_a_grey_picture_is_no_longer_grey(self) -> None:
        grey = Image(np.full((2, 2, 3), 0.5, np.float32), encoding=Encoding(is_grey=True))
        assert not pad(grey, left=1, mode="colour", colour="#ff0000").encoding.is_grey
        assert pad(grey, left=1, mode="colour", colour="#808080").encoding.is_grey

    def test_a_colour_that_is_none_is_refused(self, image: Image) -> None:
        with pytest.raises(InputError, match=r"colour .*'red' was given"):
            pad(image, left=1, mode="colour", colour="red")
