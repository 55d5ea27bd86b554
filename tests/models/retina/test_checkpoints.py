import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from anyres.core.errors import LimitError, WeightsError
from anyres.core.weights import (
    ConvertedWeights,
    read_foreign_checkpoint,
    read_header,
    read_weights,
    write_tensors,
    write_weights,
)
from anyres.models.retina.architecture import PAPER_CNN, CnnConfig, Retina, read_config
from anyres.models.retina.checkpoints import THEIRS, convert
from tests.models.retina.published_layout import PublishedRetina, small_published, wrapped

SMALL = CnnConfig((3, 4, 5, 6), descriptor=7, paper_exact=True)


def converted(content: object, folder: Path) -> ConvertedWeights:
    torch.save(content, folder / "one.pth")
    return convert(read_foreign_checkpoint(folder / "one.pth"))


def changed(change: Callable[[dict[str, Tensor]], Any]) -> dict[str, Any]:
    content = wrapped(small_published())
    change(content["net"])
    return content


def test_a_published_checkpoint_gives_the_published_maps_through_our_own_file(tmp_path: Path) -> None:
    published = small_published()
    weights = converted(wrapped(published), tmp_path)
    assert weights.config == SMALL
    assert weights.record == {"layout": "official", "trained_size_hw": (768, 768)}
    path = tmp_path / "one.safetensors"
    write_weights(path, weights.tensors, model="retina", config=weights.config, record=weights.record)
    header = read_header(path)
    network = Retina(read_config(header.config)).requires_grad_(False)
    network.load_state_dict(read_weights(header, network.state_dict()))
    pixels = torch.rand(2, 1, 64, 88)
    maps, (heat_map, descriptors) = network(pixels), published(pixels)
    assert float(heat_map.std()) > 0.01
    torch.testing.assert_close(maps.heat_map, heat_map)
    torch.testing.assert_close(maps.descriptors, descriptors)
    assert maps.paper_exact


def test_the_published_network_has_a_name_for_every_tensor() -> None:
    with torch.device("meta"):
        ours, published = Retina(PAPER_CNN).state_dict(), PublishedRetina().state_dict()
    assert THEIRS.keys() == ours.keys()
    assert {theirs: ours[name].shape for name, theirs in THEIRS.items()} == {
        name: tensor.shape for name, tensor in published.items()
    }
    assert sum(tensor.numel() for tensor in published.values()) == 3_001_217


def test_bare_tensors_are_read_from_safetensors_too(tmp_path: Path) -> None:
    expected = converted(wrapped(small_published()), tmp_path)
    write_tensors(tmp_path / "one.safetensors", small_published().state_dict(), metadata={"format": "pt"})
    found = convert(read_foreign_checkpoint(tmp_path / "one.safetensors"))
    assert found.config == expected.config
    assert all(torch.equal(found.tensors[name], expected.tensors[name]) for name in expected.tensors)


def test_half_precision_becomes_float32_and_shares_no_memory(tmp_path: Path) -> None:
    weights = converted(changed(lambda net: net.update({n: t.half() for n, t in net.items()})), tmp_path)
    assert {tensor.dtype for tensor in weights.tensors.values()} == {torch.float32}
    assert len({tensor.data_ptr() for tensor in weights.tensors.values()}) == len(weights.tensors)


@pytest.mark.parametrize("name", ["conv1b.bias", "conv4a.weight", "dconv_up2.2.weight", "trans_conv.bias"])
def test_a_missing_tensor_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(WeightsError, match=f"not a whole SuperRetina: {name} missing, none too many"):
        converted(changed(lambda net: net.pop(name)), tmp_path)


def test_a_tensor_too_many_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"none missing, conv5\.weight too many"):
        converted(changed(lambda net: net.update({"conv5.weight": torch.ones(1)})), tmp_path)


@pytest.mark.parametrize("name", ["conv1b.weight", "dconv_up1.0.weight", "convDa.weight", "conv_last.bias"])
@pytest.mark.parametrize("tensor", [torch.ones(2, 3), torch.ones(()), torch.ones(0, 4)])
def test_a_tensor_of_another_shape_is_refused(tmp_path: Path, name: str, tensor: Tensor) -> None:
    with pytest.raises(WeightsError, match=r"tensor \w+[.\d]*\.\w+ is torch\.float32 of shape"):
        converted(changed(lambda net: net.update({name: tensor})), tmp_path)


def test_a_layer_wider_than_any_network_is_refused_by_its_configuration(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="1 to 1024 channels in a stage; this configuration says 5000"):
        converted(changed(lambda net: net.update({"conv3a.weight": torch.ones(5000, 1)})), tmp_path)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_tensor_with_values_that_are_not_finite_is_named(tmp_path: Path, value: float) -> None:
    with pytest.raises(WeightsError, match=r"not finite numbers, in convDc\.bias\."):
        converted(changed(lambda net: net["convDc.bias"].fill_(value)), tmp_path)


def test_a_network_of_more_numbers_than_the_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anyres.core.foreign.MAX_CHECKPOINT_BYTES", 10_000)
    with pytest.raises(LimitError, match="unfolds to 0 MB"):
        converted(wrapped(small_published()), tmp_path)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("conv1a.weight", "conv2.weight"), "the large-kernel variant of SuperRetina"),
        (("swinViT.patch_embed.proj.weight",), "a Swin UNETR"),
        (("teacher.conv1a.weight", "swinViT.x"), "a student of reverse knowledge distillation together with"),
        (("fc.weight",), r"1 tensors \(fc\.weight\), not SuperRetina as its authors name them"),
    ],
)
def test_another_network_is_told(tmp_path: Path, names: tuple[str, ...], told: str) -> None:
    with pytest.raises(WeightsError, match=f"holds {told}"):
        converted({"net": {name: torch.ones(2, 1, 3, 3) for name in names}}, tmp_path)


@pytest.mark.parametrize("content", [{"epoch": 3}, {"net": [1, 2]}, {}, {"net": {}}])
def test_a_checkpoint_without_named_tensors_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(WeightsError, match=r"holds no named tensors.*with net in it"):
        converted(content, tmp_path)
