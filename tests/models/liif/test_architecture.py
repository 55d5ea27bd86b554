from typing import Any

import pytest
import torch

from anyres.core.errors import WeightsError
from anyres.models.liif.architecture import (
    EDSR_BASELINE,
    RDN_A,
    RDN_B,
    Decoder,
    EncoderConfig,
    Liif,
    LiifConfig,
    Queries,
    build_encoder,
)
from tests.models.liif.networks import ENCODERS, HALOS, every_query, random_pixels, small_network


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("config", "encoder", "whole"),
    [
        (RDN_B, 21_973_952, 22_320_835),
        (RDN_A, 5_467_072, 5_813_955),
        (EDSR_BASELINE, 1_220_416, 1_567_299),  # the published file holds 24 dead ones more
    ],
)
def test_the_published_networks_have_the_published_number_of_parameters(
    config: LiifConfig, encoder: int, whole: int
) -> None:
    with torch.device("meta"):
        network = Liif(config)
    assert count(network.encoder) == encoder
    assert count(network.decoder) == 346_883
    assert count(network) == whole


@pytest.mark.parametrize(
    ("config", "tensors"), [(RDN_B, 306), (EDSR_BASELINE, 78)]
)  # edsr: 82 with 4 dead ones
def test_the_published_networks_have_the_published_tensors(config: LiifConfig, tensors: int) -> None:
    with torch.device("meta"):
        assert len(Liif(config).state_dict()) == tensors


@pytest.mark.parametrize(("config", "halo"), [(RDN_B, 131), (RDN_A, 123), (EDSR_BASELINE, 34)])
def test_the_published_encoders_see_this_many_pixels(config: LiifConfig, halo: int) -> None:
    with torch.device("meta"):
        assert build_encoder(config.encoder).halo == halo


@pytest.mark.parametrize("kind", ENCODERS)
def test_a_feature_sees_its_halo_and_not_a_pixel_more(kind: str) -> None:
    encoder = small_network(kind).encoder
    halo = HALOS[kind]
    assert encoder.halo == halo
    size = 2 * halo + 5
    pixels = torch.randn(1, 3, size, size, dtype=torch.float64, requires_grad=True)
    encoder.double()(pixels)[0, :, halo + 2, halo + 2].sum().backward()
    assert pixels.grad is not None
    seen = pixels.grad[0].abs().sum(0).nonzero()
    assert seen.min(0).values.tolist() == [2, 2]
    assert seen.max(0).values.tolist() == [2 * halo + 2, 2 * halo + 2]


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 3)])
def test_an_encoder_keeps_the_size_of_any_picture(kind: str, size: tuple[int, int]) -> None:
    assert small_network(kind).encoder(torch.zeros(1, 3, *size)).shape == (1, 8, *size)


def test_the_first_layer_taken_apart_is_the_layer_itself() -> None:
    decoder = Decoder(5, hidden=(7, 6)).double()
    features = torch.randn(1, 5, 4, 6, dtype=torch.float64)
    offset, cell = torch.randn(24, 2, dtype=torch.float64), torch.randn(1, 2, dtype=torch.float64)
    unfolded = torch.nn.functional.unfold(features, 3, padding=1)[0].T
    whole = decoder.layers[0](torch.cat((unfolded, offset, cell.expand(24, 2)), dim=1))
    parts = decoder.project(features)[0].flatten(1).T + offset @ decoder.offset_weight.T + decoder.cell(cell)
    torch.testing.assert_close(parts, whole)


def test_the_four_weights_add_up_to_one() -> None:  # a decoder of zeros must give mid grey everywhere
    network = small_network()
    for parameter in network.decoder.parameters():
        parameter.zero_()
    colours = network(torch.rand(1, 3, 5, 7), every_query((5, 7), (13, 16)))
    torch.testing.assert_close(colours, torch.full_like(colours, 0.5))


def test_a_decoder_of_zeros_with_a_skip_is_bilinear_enlargement() -> None:
    network = small_network(skip="bilinear")
    for parameter in network.decoder.parameters():
        parameter.zero_()
    pixels = random_pixels(6, 5).permute(2, 0, 1)[None]
    colours = network(pixels, every_query((6, 5), (15, 20))).view(1, 15, 20, 3).permute(0, 3, 1, 2)
    expected = torch.nn.functional.interpolate(pixels, size=(15, 20), mode="bilinear")
    torch.testing.assert_close(colours, expected, atol=1e-6, rtol=0)


def test_constant_features_without_offset_and_cell_give_a_constant_inside() -> None:
    network = small_network()
    network.decoder.get_parameter("layers.0.weight")[:, -4:] = 0
    for parameter in network.encoder.parameters():
        parameter.zero_()
    network.encoder.get_parameter("tail.bias").fill_(0.7)
    colours = network(torch.rand(1, 3, 8, 8), every_query((8, 8), (24, 24))).view(24, 24, 3)
    inside = colours[6:-6, 6:-6].reshape(-1, 3)
    torch.testing.assert_close(inside, inside[:1].expand_as(inside))
    assert not torch.allclose(colours[0, 0], inside[0])  # at the border the unfolding sees zeros


def test_pictures_of_a_batch_do_not_touch() -> None:
    network = small_network("rdn", skip="bilinear")
    pixels, queries = torch.rand(3, 3, 5, 6), every_query((5, 6), (8, 9))
    index, offset, weight = (
        one.repeat_interleave(3, dim=1) for one in (queries.index, queries.offset, queries.weight)
    )
    together = Queries(index, offset, weight, queries.cell.repeat(3, 1))
    expected = torch.cat([network(one[None], queries) for one in pixels])
    torch.testing.assert_close(network(pixels, together), expected)


def test_the_picture_is_normalised_once_inside_the_network() -> None:
    network = small_network()
    pixels = torch.rand(1, 3, 4, 4)
    torch.testing.assert_close(network.encode(pixels), network.encoder(pixels * 2 - 1))


def test_gradients_reach_every_parameter() -> None:
    for kind in ENCODERS:
        network = Liif(small_network(kind).config)
        network(torch.rand(1, 3, 6, 6), every_query((6, 6), (9, 9))).square().mean().backward()
        lost = [name for name, one in network.named_parameters() if one.grad is None or not one.grad.any()]
        assert not lost


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"kind": "edsr", "channels": 0, "blocks": 1}, "1 to 1024 channels; this configuration says 0"),
        ({"kind": "edsr", "channels": 8, "blocks": 10**9}, "1 to 256 blocks"),
        ({"kind": "rdn", "channels": 8, "blocks": 1, "layers": 0, "growth": 4}, "1 to 64 layers"),
        ({"kind": "edsr", "channels": 8, "blocks": 1, "growth": -1}, "0 to 512 growth"),
    ],
)
def test_a_configuration_out_of_range_is_refused(config: dict[str, Any], said: str) -> None:
    with pytest.raises(WeightsError, match=said):
        EncoderConfig(**config)


@pytest.mark.parametrize("hidden", [(), (0,), (64, 10**9)])
def test_a_decoder_out_of_range_is_refused(hidden: tuple[int, ...]) -> None:
    with pytest.raises(WeightsError, match="this configuration says"):
        LiifConfig(EncoderConfig("edsr", channels=8, blocks=1), hidden=hidden)
