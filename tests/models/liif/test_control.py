import numpy as np
import pytest
import torch
from torch.nn import functional

from anyres.models.liif.architecture import EncoderConfig
from anyres.models.liif.control import PixelShuffle, PixelShuffleConfig, sample_pairs
from anyres.models.liif.patches import PatchSettings, Pictures, shrink

TWICE = PatchSettings(batch=3, patch=8, scales=(2.0, 2.0), permuted=0.0, drawn=0.0, levels=(1.0,))


def network(scale: int) -> PixelShuffle:
    torch.manual_seed(0)
    return PixelShuffle(PixelShuffleConfig(EncoderConfig("edsr", channels=8, blocks=1), scale)).eval()


def pictures(height: int = 40, width: int = 50) -> Pictures:
    return Pictures((np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8),), (), 0)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_batch_becomes_larger_by_the_one_factor(scale: int) -> None:
    made = network(scale)(torch.rand(2, 3, 5, 7))
    assert made.shape == (2, 3, 5 * scale, 7 * scale)


def test_a_decoder_of_zeros_is_bilinear_enlargement() -> None:
    net, pixels = network(2), torch.rand(1, 3, 6, 5)
    with torch.no_grad():
        for parameter in net.colour.parameters():
            parameter.zero_()
        made = net(pixels)
    expected = functional.interpolate(pixels, scale_factor=2, mode="bilinear")
    torch.testing.assert_close(made, expected, atol=1e-6, rtol=0)


def test_a_feature_reaches_its_own_square_of_pixels() -> None:
    """Of two pictures that differ in one corner, the enlargements differ about that corner alone."""
    net, pixels = network(2), torch.rand(1, 3, 24, 24)
    other = pixels.clone()
    other[..., 0, 0] = 1 - other[..., 0, 0]
    with torch.no_grad():
        differs = (net(pixels) - net(other)).abs().amax(1)[0] > 1e-6
    assert differs[0, 0]
    assert not differs[16:].any()
    assert not differs[:, 16:].any()


def test_a_whole_picture_is_enlarged_as_in_a_batch_and_by_no_other_factor() -> None:
    net, pixels = network(3), torch.rand(5, 6, 3)
    with torch.no_grad():
        made = net.enlarge(pixels, (15, 18))
        expected = net(pixels.permute(2, 0, 1)[None])[0].permute(1, 2, 0)
        torch.testing.assert_close(made, expected)
        with pytest.raises(AssertionError):
            net.enlarge(pixels, (15, 19))


def test_pairs_are_patches_and_the_same_shrunk() -> None:
    batch = sample_pairs(pictures(), TWICE, generator=np.random.default_rng(1))
    assert batch.pixels.shape == (3, 3, 8, 8)
    assert batch.large.shape == (3, 3, 16, 16)
    for small, large in zip(batch.pixels, batch.large, strict=True):
        stored = np.rint(large.permute(1, 2, 0).numpy() * 255).astype(np.uint8)
        shrunk = shrink(stored, (8, 8)).astype(np.float32) / 255
        np.testing.assert_allclose(
            small.permute(1, 2, 0), shrunk, atol=1.01 / 255
        )  # turned before or after: a rounding


def test_the_same_generator_gives_the_same_pairs_and_another_does_not() -> None:
    one, same, other = (
        sample_pairs(pictures(), TWICE, generator=np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(one.large, same.large)
    assert not torch.equal(one.large, other.large)


def test_a_batch_goes_to_a_device_whole() -> None:
    moved = sample_pairs(pictures(), TWICE, generator=np.random.default_rng(1)).to(torch.device("meta"))
    assert moved.pixels.is_meta
    assert moved.large.is_meta
