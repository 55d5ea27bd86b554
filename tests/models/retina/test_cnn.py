import pytest
import torch
from torch.nn import functional

from anyres.models.retina.architecture import PAPER_LARGE_KERNEL, CnnConfig, Retina
from anyres.models.retina.cnn import Cnn, DescriptorHead, LargeKernel
from tests.models.retina.networks import SMALL, small_network

SLOPE = "backbone.slope"


def test_the_prelu_is_one_parameter_that_every_stage_and_the_head_share() -> None:
    with torch.device("meta"):
        published = Retina(PAPER_LARGE_KERNEL)
    assert [name for name, one in published.named_parameters() if one.shape == (1,)] == [
        SLOPE,
        "backbone.last.bias",
    ]
    network, pixels = small_network(SMALL["large kernel"], seed=2), torch.rand(1, 1, 32, 32)
    features = network.backbone(pixels)[1]
    head = network.head(features, network.backbone.slope)
    assert float(features.min()) < 0  # what a ReLU lets through is not
    network.get_parameter(SLOPE).fill_(0.0)
    assert float(network.backbone(pixels)[1].min()) >= 0
    assert not torch.allclose(network.head(features, network.backbone.slope), head)


def test_a_large_kernel_block_is_the_sum_of_its_branches() -> None:
    torch.manual_seed(0)
    for side in (5, 7):
        block = LargeKernel(4, side=side).double()
        features = torch.randn(2, 4, 9, 6, dtype=torch.float64)
        branches = features + block.point(features) + block.small(features) + block.large(features)
        torch.testing.assert_close(block(features), branches)


def test_the_large_kernel_network_is_the_papers() -> None:  # written out, branch by branch
    network = small_network(SMALL["large kernel"]).double()
    features = pixels = torch.rand(1, 1, 32, 40, dtype=torch.float64)
    slope = network.get_parameter(SLOPE)
    assert isinstance(network.backbone, Cnn)
    for number, stage in enumerate(network.backbone.stages):
        features = functional.max_pool2d(features, 2) if number else features
        features = functional.prelu(stage.get_submodule("first")(features), slope)
        second = stage.get_submodule("second")
        added = second(features)
        if number:
            branches = (second.get_submodule(name)(features) for name in ("point", "small", "large"))
            added = features + sum(branches)
        features = functional.prelu(added, slope)
    torch.testing.assert_close(network.backbone(pixels)[1], features)


@pytest.mark.parametrize(("paper_exact", "middle"), [(False, 3.5), (True, 11.5)])
def test_a_cell_sees_as_far_to_one_side_of_its_place_as_to_the_other(
    paper_exact: bool, middle: float
) -> None:
    torch.manual_seed(0)
    network = Retina(CnnConfig((3, 3, 3, 3), descriptor=3, paper_exact=paper_exact)).double()
    for parameter in network.parameters():
        parameter.detach().abs_()
    pixels = torch.rand(1, 1, 160, 160, dtype=torch.float64, requires_grad=True)
    cells = (8, 9)  # the published head makes two neighbours of one and the same feature
    maps = network(pixels)
    sum(maps.descriptors[0, 0, cell, cell] for cell in cells[: 1 + paper_exact]).backward()
    assert pixels.grad is not None
    seen = pixels.grad[0, 0].nonzero()
    place = 8 * (8.5 if paper_exact else 8) + middle
    assert (seen.min(0).values + seen.max(0).values).tolist() == [2 * place] * 2


def test_moving_features_by_a_cell_moves_the_mended_descriptors_by_a_cell() -> None:
    torch.manual_seed(0)
    head = DescriptorHead(4, descriptor=5, is_published=False).requires_grad_(False)
    features = torch.randn(1, 4, 9, 9)
    moved = head(features.roll(1, dims=-1), None)
    torch.testing.assert_close(moved[..., 3:-2], head(features, None)[..., 2:-3])
