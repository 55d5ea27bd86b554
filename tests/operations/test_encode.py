"""encode and render: what is encoded once is rendered as if it were enlarged."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from anyres.core.errors import InputError, WeightsError
from anyres.core.image import Encoding, Image
from anyres.core.results import ContinuousImage
from anyres.operations.encode import encode
from anyres.operations.render import render
from anyres.operations.upscale import upscale


@pytest.fixture(scope="module")
def image() -> Image:
    pixels = np.random.default_rng(0).random((9, 12, 3), np.float32)
    return Image(pixels, encoding=Encoding(depth=16), notices=("It was CMYK.",))


@pytest.fixture(scope="module")
def continuous(image: Image) -> ContinuousImage:
    return encode(image, precision="float32")


@pytest.mark.parametrize(
    "target",
    [{}, {"scale": 1.7}, {"scale": 6.5}, {"scale": 0.6}, {"size": (20, 20), "fit": "cover"}, {"longest": 31}],
)
def test_what_is_rendered_is_what_upscale_makes(
    image: Image, continuous: ContinuousImage, target: dict[str, Any]
) -> None:
    expected = upscale(image, precision="float32", **target)
    made = render(continuous, **target)
    np.testing.assert_allclose(made.pixels, expected.pixels, atol=1e-5)
    assert (made.encoding, made.notices) == (expected.encoding, expected.notices)


def test_transparency_is_rendered_too(image: Image) -> None:
    alpha = np.zeros(image.size_hw, np.float32)
    alpha[3:7, 2:9] = 1
    picture = replace(image, alpha=alpha)
    encoded, expected = encode(picture, precision="float32"), upscale(picture, scale=3, precision="float32")
    made = render(encoded, scale=3)
    assert len(encoded.features) == 2
    assert made.alpha is not None
    assert expected.alpha is not None
    np.testing.assert_allclose(made.alpha, expected.alpha, atol=1e-5)
    np.testing.assert_allclose(made.pixels, expected.pixels, atol=1e-5)


@pytest.mark.parametrize("target", [{"scale": 3.3}, {"scale": 7}, {"size": (30, 30), "fit": "cover"}])
def test_a_part_is_that_part_of_the_whole(continuous: ContinuousImage, target: dict[str, Any]) -> None:
    whole = render(continuous, **target)
    part = render(continuous, **target, left=5, top=4, width=11, height=7)
    np.testing.assert_allclose(part.pixels, whole.pixels[4:11, 5:16], atol=1e-5)


def test_in_bfloat16_the_features_are_its_bits_and_the_result_is_that_of_upscale(image: Image) -> None:
    encoded = encode(image, precision="bfloat16")
    assert encoded.precision == "bfloat16"
    assert encoded.features[0].dtype == np.uint16
    expected = upscale(image, scale=2, precision="bfloat16")
    np.testing.assert_allclose(render(encoded, scale=2).pixels, expected.pixels, atol=1e-5)


def test_features_encoded_in_tiles_are_those_of_the_whole(
    image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.random.default_rng(1).random((70, 75, 3), np.float32)
    whole = encode(Image(pixels), precision="float32").features[0]
    monkeypatch.setattr("anyres.models.liif.inference.Upscaler._tile_length", lambda _: 32)
    tiled = encode(Image(pixels), precision="float32").features[0]
    np.testing.assert_allclose(tiled, whole, atol=1e-5)


def test_a_window_outside_the_result_is_refused_with_its_size(continuous: ContinuousImage) -> None:
    with pytest.raises(InputError, match="the picture, which has 24x18 pixels"):
        render(continuous, scale=2, left=20, width=5)


def test_features_of_other_weights_are_refused(continuous: ContinuousImage) -> None:
    with pytest.raises(WeightsError, match="made by weights liif-compact with sha256 0000"):
        render(replace(continuous, weights_sha256="0" * 64))


def test_progress_rises_to_one_and_may_stop_the_work(image: Image) -> None:
    seen: list[float] = []
    continuous = encode(image, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode(image, progress=stop)
    with pytest.raises(KeyboardInterrupt):
        render(continuous, progress=stop)


def test_features_that_memory_does_not_hold_are_refused(
    image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    from anyres.core.errors import LimitError

    encode(image)
    monkeypatch.setattr("anyres.models.liif.inference.free_memory_bytes", lambda *_: 1000)
    with pytest.raises(LimitError, match="features of 12 x 9 pixels need"):
        encode(image)
