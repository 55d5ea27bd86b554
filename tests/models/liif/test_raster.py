import copy

import pytest
import torch
from torch import Tensor

from anyres.core.pixels import psnr
from anyres.models.liif.architecture import Liif, Queries
from anyres.models.liif.raster import FeatureTile, Span, encode, enlarge, render
from tests.models.liif.literal import literal_enlarge
from tests.models.liif.networks import ENCODERS, degenerate, every_query, random_pixels, small_network

SIZES = {  # input, output
    "x1": ((9, 12), (9, 12)),
    "x1.7": ((9, 13), (15, 22)),
    "x2": ((8, 11), (16, 22)),
    "x3": ((7, 9), (21, 27)),
    "x4.3": ((7, 8), (30, 34)),
    "x5": ((5, 7), (25, 35)),
    "x8": ((5, 4), (40, 32)),
    "unequal axes": ((7, 9), (25, 13)),
    "one axis": ((9, 5), (9, 17)),
    "a single pixel": ((1, 1), (6, 4)),
    "a row": ((1, 13), (5, 29)),
    "a column": ((11, 1), (31, 4)),
    "shrinking": ((13, 17), (5, 9)),
    "one up, one down": ((6, 17), (13, 7)),
}


def literal(network: Liif, pixels: Tensor, size_hw: tuple[int, int]) -> Tensor:
    exact = copy.deepcopy(network).double()
    return literal_enlarge(exact, pixels.permute(2, 0, 1)[None].double(), size_hw)


def off_the_line(size_in: tuple[int, int], size_out: tuple[int, int]) -> Tensor:
    rows, columns = (~degenerate(n_in, n_out) for n_in, n_out in zip(size_in, size_out, strict=True))
    return torch.from_numpy(rows[:, None] & columns)


@pytest.mark.parametrize("skip", ["none", "bilinear"])
@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("name", SIZES)
def test_the_fast_path_is_the_literal_algorithm(name: str, kind: str, skip: str) -> None:
    size_in, size_out = SIZES[name]
    network, pixels = small_network(kind, skip=skip), random_pixels(*size_in)
    expected, made = literal(network, pixels, size_out), enlarge(network, pixels, size_out)
    kept = off_the_line(size_in, size_out)
    assert made.dtype == torch.float32
    assert kept.any()
    assert expected.std() > 0.05  # a network that answers grey would prove nothing
    assert float((made - expected).abs()[kept].max()) <= 2e-5


def test_where_an_output_pixel_lies_on_the_last_input_pixel_the_literal_areas_vanish() -> None:
    """Both clamped neighbours have offset 0 there, so published weights are 1/4 each; ours stay linear."""
    size_in, size_out = (4, 7), (12, 21)
    network, pixels = small_network(), random_pixels(*size_in)
    line = torch.from_numpy(degenerate(4, 12))
    assert line.nonzero().flatten().tolist() == [10]
    queries = every_query(size_in, size_out)
    even = Queries(queries.index, queries.offset, torch.full_like(queries.weight, 0.25), queries.cell)
    batch = pixels.permute(2, 0, 1)[None]
    published = literal(network, pixels, size_out)[line].float()
    torch.testing.assert_close(network(batch, even).view(*size_out, 3)[line], published, atol=2e-5, rtol=0)
    made = enlarge(network, pixels, size_out)[line]
    torch.testing.assert_close(network(batch, queries).view(*size_out, 3)[line], made, atol=2e-6, rtol=0)
    assert not torch.allclose(made, published, atol=1e-3)


@pytest.mark.parametrize("skip", ["none", "bilinear"])
@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("name", ["x1.7", "x3", "unequal axes", "shrinking"])
def test_scattered_queries_and_the_raster_are_one_function(name: str, kind: str, skip: str) -> None:
    size_in, size_out = SIZES[name]
    network, pixels = small_network(kind, skip=skip), random_pixels(*size_in)
    queried = network(pixels.permute(2, 0, 1)[None], every_query(size_in, size_out)).view(*size_out, 3)
    torch.testing.assert_close(queried, enlarge(network, pixels, size_out), atol=3e-6, rtol=0)


@pytest.mark.parametrize("skip", ["none", "bilinear"])
def test_a_rectangle_is_the_part_of_the_whole(skip: str) -> None:
    network, pixels = small_network(skip=skip), random_pixels(9, 12)
    whole = enlarge(network, pixels, (31, 29))
    tile = encode(network, pixels, origin=(0, 0), size_hw=(9, 12))
    part = render(network, tile, Span(4, 19, 31), Span(11, 28, 29))
    torch.testing.assert_close(part, whole[4:19, 11:28], atol=2e-6, rtol=0)


def test_a_tile_that_starts_inside_the_picture_gives_the_pictures_colours() -> None:
    network, pixels = small_network(skip="bilinear"), random_pixels(9, 12)
    whole = encode(network, pixels, origin=(0, 0), size_hw=(9, 12))
    tile = FeatureTile(whole.projected[2:8, 3:11], pixels[2:8, 3:11], (2, 3), (9, 12))
    expected = render(network, whole, Span(10, 20, 27), Span(12, 30, 36))
    torch.testing.assert_close(render(network, tile, Span(10, 20, 27), Span(12, 30, 36)), expected)


def test_the_block_of_queries_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    network, pixels = small_network("rdn"), random_pixels(6, 7)
    whole = enlarge(network, pixels, (20, 23))
    monkeypatch.setattr("anyres.models.liif.raster.BLOCK_VALUES", 800)
    torch.testing.assert_close(enlarge(network, pixels, (20, 23)), whole, atol=2e-6, rtol=0)


@pytest.mark.parametrize("kind", ENCODERS)
def test_bfloat16_stays_within_50_db_of_float32(kind: str) -> None:
    network, pixels = small_network(kind, skip="bilinear"), random_pixels(16, 17)
    exact = enlarge(network, pixels, (40, 43))
    rough = enlarge(copy.deepcopy(network).to(torch.bfloat16), pixels, (40, 43))
    assert rough.dtype == torch.float32
    assert psnr(rough.numpy(), exact.numpy()) >= 50


def test_the_network_and_the_picture_are_left_as_they_were() -> None:
    network, pixels = small_network(), random_pixels(5, 6)
    before, state = pixels.clone(), {name: value.clone() for name, value in network.state_dict().items()}
    enlarge(network, pixels, (11, 17))
    assert torch.equal(pixels, before)
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())


def test_one_enlargement_is_a_golden_number() -> None:  # weights and picture without a random choice
    network = small_network("edsr", skip="bilinear")
    for parameter in network.parameters():
        wave = torch.arange(parameter.numel(), dtype=torch.float64).sin()
        parameter.copy_((wave * 1.5 / max(1, parameter[0].numel()) ** 0.5).view_as(parameter))
    made = enlarge(network, (torch.arange(36, dtype=torch.float64) * 0.37 % 1).view(3, 4, 3).float(), (7, 9))
    expected = [
        [1.9433084, 2.6752085, 1.9009944],
        [2.1206128, 2.1243403, 1.3858650],
    ]  # by the literal algorithm
    torch.testing.assert_close(made[[2, 5], [3, 8]], torch.tensor(expected), atol=2e-5, rtol=0)
