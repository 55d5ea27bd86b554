import json
import math
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from anyres.core.errors import WeightsError
from anyres.models.retina.architecture import (
    COMPACT_CNN,
    COMPACT_LARGE_KERNEL,
    COMPACT_SWIN,
    PAPER_CNN,
    PAPER_LARGE_KERNEL,
    PAPER_SWIN,
    CnnConfig,
    Retina,
    RetinaConfig,
    SwinConfig,
    read_config,
)
from tests.models.retina.networks import SMALL, count, small_network


@pytest.mark.parametrize(
    ("config", "published", "mended"),
    [
        (PAPER_CNN, 3_001_217, 2_280_065),
        (PAPER_LARGE_KERNEL, 3_960_322, 3_239_170),
        (PAPER_SWIN, 7_900_667, 7_179_515),
        (COMPACT_CNN, 188_129, 143_009),
        (COMPACT_LARGE_KERNEL, 248_194, 203_074),
        (COMPACT_SWIN, 1_709_075, 1_663_955),
    ],
    ids=["cnn", "large kernel", "swin", "compact cnn", "compact large kernel", "compact swin"],
)
def test_the_networks_have_this_many_parameters(config: RetinaConfig, published: int, mended: int) -> None:
    with torch.device("meta"):
        assert count(Retina(replace(config, paper_exact=True))) == published
        assert count(Retina(replace(config, paper_exact=False))) == mended


def test_the_parts_of_the_published_networks_have_this_many_parameters() -> None:
    with torch.device("meta"):
        cnn, swin = Retina(PAPER_CNN), Retina(PAPER_SWIN)
    assert count(cnn.backbone.get_submodule("stages")) == 628_032
    assert count(cnn.backbone.get_submodule("ups")) + count(cnn.backbone.get_submodule("last")) == 700_993
    assert count(cnn.head) == 1_672_192
    assert round(count(swin.backbone.get_submodule("stages")) / 1e6, 2) == 1.59  # as published; millions
    assert round(count(swin.backbone.get_submodule("ups")) / 1e6, 2) == 1.83
    assert round(count(swin.head) / 1e6, 2) == 1.60


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("size", [(1, 1), (8, 90), (65, 71), (64, 96)])
def test_any_size_gives_a_heat_map_of_that_size_and_a_descriptor_every_8_pixels(
    kind: str, size: tuple[int, int]
) -> None:
    maps = small_network(SMALL[kind])(torch.rand(2, 1, *size))
    assert maps.heat_map.shape == (2, 1, *size)
    assert maps.descriptors.shape == (2, 7, math.ceil(size[0] / 8), math.ceil(size[1] / 8))
    assert bool(maps.heat_map.isfinite().all() and maps.descriptors.isfinite().all())
    assert 0 <= float(maps.heat_map.min()) <= float(maps.heat_map.max()) <= 1
    torch.testing.assert_close(
        maps.descriptors.norm(dim=1), torch.ones(()).expand(2, *maps.descriptors.shape[2:])
    )


@pytest.mark.parametrize("kind", SMALL)
def test_the_published_grid_has_two_cells_less(kind: str) -> None:
    network = small_network(replace(SMALL[kind], paper_exact=True))
    assert network(torch.rand(1, 1, 64, 96)).descriptors.shape == (1, 7, 6, 10)
    assert network(torch.rand(1, 1, 3, 3)).heat_map.shape == (1, 1, 3, 3)
    with torch.device("meta"):  # 94 cells for the 96 of 768 pixels
        assert Retina(PAPER_CNN)(torch.empty(1, 1, 768, 768)).descriptors.shape == (1, 256, 94, 94)


@pytest.mark.parametrize("kind", SMALL)
def test_a_picture_is_filled_up_by_its_last_row_and_column(kind: str) -> None:
    network, pixels = small_network(SMALL[kind]), torch.rand(1, 1, 61, 90)
    rows, columns = torch.arange(64).clamp(max=60), torch.arange(96).clamp(max=89)
    whole = network(pixels[:, :, rows][..., columns])
    torch.testing.assert_close(network(pixels).heat_map, whole.heat_map[..., :61, :90])


@pytest.mark.parametrize("kind", SMALL)
def test_pictures_of_a_batch_do_not_touch(kind: str) -> None:
    network, pixels = small_network(SMALL[kind]), torch.rand(3, 1, 64, 64)
    together = network(pixels)
    for number in range(3):
        alone = network(pixels[number : number + 1])
        torch.testing.assert_close(together.heat_map[number : number + 1], alone.heat_map)
        torch.testing.assert_close(together.descriptors[number : number + 1], alone.descriptors)


@pytest.mark.parametrize("kind", SMALL)
def test_equal_seeds_give_equal_networks_and_a_call_leaves_no_trace(kind: str) -> None:
    first, second = small_network(SMALL[kind]), small_network(SMALL[kind])
    pixels, modules = torch.rand(1, 1, 64, 64), [dict(vars(one)) for one in first.modules()]
    made = [network(pixels) for network in (first, second, first)]
    for other in made[1:]:
        assert torch.equal(other.heat_map, made[0].heat_map)
        assert torch.equal(other.descriptors, made[0].descriptors)
    assert [dict(vars(one)) for one in first.modules()] == modules
    assert not list(first.buffers())


def test_only_the_swin_network_drops_values_and_only_in_training() -> None:
    pixels = torch.rand(1, 1, 64, 64)
    for kind, config in SMALL.items():
        network = small_network(config).train()
        assert torch.equal(network(pixels).heat_map, network(pixels).heat_map) == (kind != "swin")


@pytest.mark.parametrize("paper_exact", [False, True])
@pytest.mark.parametrize("kind", SMALL)
def test_gradients_reach_every_parameter(kind: str, paper_exact: bool) -> None:
    network = small_network(replace(SMALL[kind], paper_exact=paper_exact), seed=1).requires_grad_(True)
    maps = network(torch.rand(1, 1, 64, 72))
    (maps.heat_map.square().mean() + maps.descriptors.pow(3).sum()).backward()
    lost = [name for name, one in network.named_parameters() if one.grad is None or not one.grad.any()]
    assert not lost


def wavy(kind: str) -> tuple[Retina, Tensor]:
    """A network and a picture made of sines, the same on every machine."""
    network = small_network(SMALL[kind])
    for number, parameter in enumerate(network.parameters()):
        steps = torch.arange(parameter.numel(), dtype=torch.float64)
        wave = torch.sin(1.7 * steps + number).view(parameter.shape)
        parameter.copy_(2 * wave / (parameter[0].numel() ** 0.5 if parameter.ndim > 1 else 8))
    pixels = torch.sin(torch.arange(64 * 72, dtype=torch.float64) ** 1.1).view(1, 1, 64, 72) / 2 + 0.5
    return network.double(), pixels


@pytest.mark.parametrize(
    ("kind", "heat", "described"),
    [("cnn", 0.4800754, 0.4675821), ("large kernel", 0.4367577, -0.484), ("swin", 0.4307959, -0.0175473)],
)
def test_waves_give_these_numbers(kind: str, heat: float, described: float) -> None:
    network, pixels = wavy(kind)
    maps = network(pixels)
    assert float(maps.heat_map[0, 0, 20, 33]) == pytest.approx(heat, abs=1e-6)
    assert float(maps.descriptors[0, 3, 5, 4]) == pytest.approx(described, abs=1e-6)


@pytest.mark.parametrize("config", [PAPER_CNN, COMPACT_LARGE_KERNEL, PAPER_SWIN, COMPACT_SWIN])
def test_a_configuration_comes_back_from_a_file(config: RetinaConfig) -> None:
    assert read_config(json.loads(json.dumps(asdict(config)))) == config


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda one: one.update(kind="unet"), "of kind cnn or swin; this configuration says 'unet'"),
        (lambda one: one.pop("kind"), "this configuration says None"),
        (lambda one: one.pop("descriptor"), "has the fields"),
        (lambda one: one.update(widths=[8, 8, 8]), "config.widths is"),
        (lambda one: one.update(widths=[8] * 5), "config.widths is"),
        (lambda one: one.update(widths=[8, 8, 8, True]), "is True, which is not of type"),
        (lambda one: one.update(paper_exact=1), "config.paper_exact is 1"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(
    change: Callable[[dict[str, Any]], Any], said: str
) -> None:
    values = json.loads(json.dumps(asdict(COMPACT_CNN)))
    change(values)
    with pytest.raises(WeightsError, match=said):
        read_config(values)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"widths": (0, 8, 8, 8)}, "1 to 1024 channels in a stage; this configuration says 0"),
        ({"widths": (8, 8, 8, 10**9)}, "1 to 1024 channels in a stage"),
        ({"large_kernel": 3}, "5 to 15 rows in a large kernel"),
        ({"large_kernel": -1}, "5 to 15 rows in a large kernel"),
        ({"large_kernel": 6}, "6 rows have none"),
        ({"large_kernel": 10**9 + 1}, "5 to 15 rows in a large kernel"),
        ({"descriptor": 0}, "1 to 1024 numbers in a descriptor"),
    ],
)
def test_a_convolutional_configuration_out_of_range_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(WeightsError, match=said):
        CnnConfig(**options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"embed": 0}, "1 to 128 channels in the first stage"),
        ({"embed": 10**6}, "1 to 128 channels in the first stage"),
        ({"window": 1}, "2 to 32 rows in a window"),
        ({"window": 10**6}, "2 to 32 rows in a window"),
        ({"depths": (2, 2, 2, 10**6)}, "1 to 24 blocks in a stage"),
        ({"depths": (0, 2, 2, 2)}, "1 to 24 blocks in a stage"),
        ({"heads": (3, 6, 12, 0)}, "1 to 192 attention heads"),
        ({"heads": (5, 6, 12, 24)}, "24 channels cannot be shared by 5 attention heads"),
        ({"dropout": 1.0}, "0 to 0.95 share of dropped values"),
        ({"dropout": math.nan}, "0 to 0.95 share of dropped values; this configuration says nan"),
        ({"descriptor": 10**9}, "1 to 1024 numbers in a descriptor"),
    ],
)
def test_a_swin_configuration_out_of_range_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(WeightsError, match=said):
        SwinConfig(**options)
