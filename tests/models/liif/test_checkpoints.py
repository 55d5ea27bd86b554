import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from anyres.core.errors import LimitError, WeightsError
from anyres.core.image import Image
from anyres.core.weights import (
    ConvertedWeights,
    read_foreign_checkpoint,
    read_header,
    read_weights,
    write_tensors,
    write_weights,
)
from anyres.models.liif import checkpoints
from anyres.models.liif.architecture import EDSR_BASELINE, RDN_A, RDN_B, EncoderConfig, Liif, LiifConfig
from anyres.models.liif.checkpoints import convert
from anyres.models.liif.inference import Upscaler
from anyres.models.liif.raster import enlarge
from tests.models.liif import official_layout as official

SMALL = {"rdn": official.small_rdn, "edsr": official.small_edsr}
CONFIGS = {
    "rdn": LiifConfig(EncoderConfig("rdn", channels=8, blocks=3, layers=2, growth=4), (16, 12, 10, 14)),
    "edsr": LiifConfig(EncoderConfig("edsr", channels=8, blocks=3), (16, 12, 10, 14)),
}
SIZE = (13, 17)  # off the line where the published code degenerates: no odd whole factor below


def converted(content: object, path: Path, *, form: Literal["zip", "legacy"] = "zip") -> ConvertedWeights:
    return convert(read_foreign_checkpoint(official.save(content, path / "one.pth", form=form)))


def pixels(size_hw: tuple[int, int] = SIZE) -> Tensor:
    return torch.from_numpy(np.random.default_rng(5).random((*size_hw, 3), np.float32))


def loaded(weights: ConvertedWeights, path: Path) -> Path:
    write_weights(path, weights.tensors, model="liif", config=weights.config, record=weights.record)
    return path


def network_of(path: Path) -> Liif:
    header = read_header(path)
    assert header.config["skip"] == "none"
    kind = header.config["encoder"]["kind"]
    network = Liif(CONFIGS[kind])
    network.load_state_dict(read_weights(header, network.state_dict()))
    return network.requires_grad_(False)


def changed(kind: str, change: Callable[[dict[str, Any]], Any], **options: Any) -> dict[str, Any]:
    content = official.wrapped(SMALL[kind](), **options)
    change(content["model"]["sd"])
    return content


@pytest.mark.parametrize("kind", ["rdn", "edsr"])
@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_the_architecture_is_inferred_and_the_decoder_too(
    tmp_path: Path, kind: str, form: Literal["zip", "legacy"]
) -> None:
    weights = converted(official.wrapped(SMALL[kind]()), tmp_path, form=form)
    assert weights.config == CONFIGS[kind]
    assert weights.record == {"layout": "official", "trained_scales": (1.0, 4.0)}


@pytest.mark.parametrize("kind", ["rdn", "edsr"])
@pytest.mark.parametrize("size", [(26, 34), (43, 56), (104, 136)], ids=["x2", "x3.3", "x8"])
def test_an_official_checkpoint_gives_the_official_picture_through_the_door(
    tmp_path: Path, kind: str, size: tuple[int, int]
) -> None:
    network = SMALL[kind]()
    path = loaded(converted(official.wrapped(network), tmp_path), tmp_path / "one.safetensors")
    upscaler = Upscaler.load(path, precision="float32", device="cpu", decoded=math.inf)
    made = upscaler(Image(pixels=pixels().numpy()), size_hw=size).pixels
    expected = network.double().picture(pixels().double(), size).clamp(0, 1).numpy()
    assert expected.std() > 0.1
    assert np.abs(made - expected).max() <= 2e-5


@pytest.mark.parametrize("kind", ["rdn", "edsr"])
@pytest.mark.parametrize("size", [(26, 34), (43, 56), (104, 136), (30, 101)])
def test_an_official_checkpoint_gives_the_official_picture_at_any_factor(
    tmp_path: Path, kind: str, size: tuple[int, int]
) -> None:
    network = SMALL[kind]()
    path = loaded(converted(official.wrapped(network), tmp_path), tmp_path / "one.safetensors")
    made = enlarge(network_of(path), pixels(), size)
    expected = network.double().picture(pixels().double(), size)
    assert float((made - expected).abs().max()) <= 2e-5


@pytest.mark.parametrize(
    ("make", "config", "counts"),
    [
        (official.published_rdn, RDN_B, (306, 22_320_835, 22_320_835)),
        (official.published_edsr, EDSR_BASELINE, (82, 1_567_323, 1_567_299)),  # 24 dead ones
    ],
    ids=["rdn", "edsr"],
)
def test_the_published_files_have_these_counts(
    make: Callable[[], official.OfficialLiif], config: LiifConfig, counts: tuple[int, int, int]
) -> None:
    with torch.device("meta"):
        published = make().state_dict()
        ours = Liif(config).state_dict()
    tensors, numbers, kept = counts
    assert len(published) == tensors
    assert sum(tensor.numel() for tensor in published.values()) == numbers
    assert sum(tensor.numel() for tensor in ours.values()) == kept


@pytest.mark.parametrize("config", [EDSR_BASELINE, RDN_A, RDN_B])
def test_every_published_configuration_has_a_name_for_every_tensor(config: LiifConfig) -> None:
    with torch.device("meta"):
        ours = Liif(config).state_dict()
    for layout in checkpoints.LAYOUTS:
        theirs = dict(checkpoints._names(layout, config))
        assert theirs.keys() == ours.keys()
        assert len(set(theirs.values())) == len(theirs)


@pytest.mark.parametrize("kind", ["rdn", "edsr"])
def test_mmagics_layout_gives_the_same_weights(tmp_path: Path, kind: str) -> None:
    network = SMALL[kind]()
    first, second = (
        converted(official.wrapped(network), tmp_path),
        converted(official.mmagic(network), tmp_path),
    )
    assert second.config == first.config
    assert second.record["layout"] == "mmagic"
    assert all(torch.equal(second.tensors[name], first.tensors[name]) for name in first.tensors)


@pytest.mark.parametrize("kind", ["rdn", "edsr"])
def test_bare_tensors_and_safetensors_are_read_by_their_names(tmp_path: Path, kind: str) -> None:
    network = SMALL[kind]()
    expected = converted(official.wrapped(network), tmp_path)
    bare = converted(dict(network.state_dict()), tmp_path)
    write_tensors(tmp_path / "one.safetensors", network.state_dict(), metadata={"format": "pt"})
    safe = convert(read_foreign_checkpoint(tmp_path / "one.safetensors"))
    for weights in (bare, safe):
        assert weights.config == expected.config
        assert all(torch.equal(weights.tensors[name], expected.tensors[name]) for name in expected.tensors)


def test_half_precision_becomes_float32_and_shares_no_memory(tmp_path: Path) -> None:
    weights = converted(changed("rdn", lambda sd: sd.update({n: t.half() for n, t in sd.items()})), tmp_path)
    assert {tensor.dtype for tensor in weights.tensors.values()} == {torch.float32}
    assert len({tensor.data_ptr() for tensor in weights.tensors.values()}) == len(weights.tensors)


@pytest.mark.parametrize("spec", [{"name": "edsr", "args": {}}, {"args": {"res_scale": 0.1}}])
def test_the_factor_of_edsrs_large_blocks_is_folded_into_them(tmp_path: Path, spec: dict[str, Any]) -> None:
    network = official.small_edsr(factor=0.1)
    weights = converted(official.wrapped(network, encoder_spec=spec), tmp_path)
    made = enlarge(network_of(loaded(weights, tmp_path / "one")), pixels(), (26, 34))
    expected = network.double().picture(pixels().double(), (26, 34))
    assert float((made - expected).abs().max()) <= 2e-5


def test_a_factor_that_is_no_number_is_refused(tmp_path: Path) -> None:
    spec = {"name": "edsr", "args": {"res_scale": "big"}}
    with pytest.raises(WeightsError, match="res_scale of 'big'"):
        converted(official.wrapped(official.small_edsr(), encoder_spec=spec), tmp_path)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("rdn", "encoder.RDBs.1.convs.1.conv.0.weight"),
        ("rdn", "encoder.RDBs.0.convs.0.conv.0.weight"),
        ("rdn", "encoder.RDBs.2.LFF.bias"),
        ("rdn", "encoder.GFF.1.bias"),
        ("edsr", "encoder.body.3.weight"),
        ("edsr", "encoder.body.1.body.2.bias"),
        ("edsr", "imnet.layers.4.weight"),
        ("rdn", "imnet.layers.8.bias"),
    ],
)
def test_a_missing_tensor_is_named(tmp_path: Path, kind: str, name: str) -> None:
    with pytest.raises(WeightsError, match=f"not a whole LIIF: {name} missing, none too many"):
        converted(changed(kind, lambda tensors: tensors.pop(name)), tmp_path)


def test_a_tensor_too_many_is_named(tmp_path: Path) -> None:
    more = {"encoder.extra.weight": torch.ones(1)}
    with pytest.raises(WeightsError, match=r"none missing, encoder\.extra\.weight too many"):
        converted(changed("edsr", lambda tensors: tensors.update(more)), tmp_path)


@pytest.mark.parametrize("name", ["encoder.GFF.1.weight", "imnet.layers.4.weight", "encoder.RDBs.1.LFF.bias"])
def test_a_tensor_of_another_shape_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(WeightsError, match=rf"tensor {name} is torch\.float32 of shape \(1, 2\)"):
        converted(changed("rdn", lambda tensors: tensors.update({name: torch.ones(1, 2)})), tmp_path)


@pytest.mark.parametrize(
    "replaced",
    [
        lambda tensor: tensor.to(torch.int32),
        lambda tensor: tensor.to(torch.complex64),
        lambda tensor: tensor.to_sparse(),
        lambda tensor: tensor.to("meta"),
    ],
    ids=["integers", "complex", "sparse", "without values"],
)
def test_a_tensor_of_no_plain_numbers_is_named(tmp_path: Path, replaced: Callable[[Tensor], Tensor]) -> None:
    name = "encoder.head.0.bias"
    with pytest.raises(WeightsError, match=f"tensor {name} is"):
        converted(changed("edsr", lambda sd: sd.update({name: replaced(sd[name])})), tmp_path)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_tensor_with_values_that_are_not_finite_is_named(tmp_path: Path, value: float) -> None:
    with pytest.raises(WeightsError, match=r"not finite numbers, in imnet\.layers\.0\.bias\."):
        converted(changed("rdn", lambda sd: sd["imnet.layers.0.bias"].fill_(value)), tmp_path)


def test_a_network_of_more_numbers_than_the_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anyres.core.foreign.MAX_CHECKPOINT_BYTES", 10_000)
    with pytest.raises(LimitError, match="unfolds to 0 MB"):
        converted(official.wrapped(official.small_rdn()), tmp_path)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("lte", "LTE"),
        ("metasr", "Meta-SR"),
        ("lmliif", "LMF"),
        ("sronet", "SRNO"),
        ("swinir", "a network registered as 'swinir'"),
    ],
)
def test_another_network_is_told_by_what_it_was_registered_as(tmp_path: Path, name: str, told: str) -> None:
    content = official.wrapped(official.small_rdn())
    content["model"]["name"] = name
    with pytest.raises(WeightsError, match=f"holds {told}"):
        converted(content, tmp_path)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("coef.weight", "LTE"),
        ("hypernet.layers.0.weight", "LMF"),
        ("generator.imnet_q.layers.0.weight", "CiaoSR"),
        ("conv00.weight", "SRNO"),
        (
            "encoder.layers.0.residual_group.blocks.0.attn.relative_position_bias_table",
            "a network with a SwinIR encoder",
        ),
        ("encoder.body.0.body.0.body.3.conv_du.0.weight", "a network with an RCAN encoder"),
        ("encoder.UPNet.0.weight", "RDN with its own upsampler"),
        ("body.0.rdb1.conv1.weight", "ESRGAN or Real-ESRGAN"),
        ("upsample.0.weight", "a network with a pixel-shuffle upsampler"),
    ],
)
@pytest.mark.parametrize("wrapper", ["state_dict", "params_ema", None])
def test_another_network_is_told_by_its_tensors(
    tmp_path: Path, name: str, told: str, wrapper: str | None
) -> None:
    tensors = {"encoder.SFENet1.weight": torch.ones(4, 3, 3, 3), name: torch.ones(2)}
    with pytest.raises(WeightsError, match=f"holds {told}"):
        converted({wrapper: tensors} if wrapper else tensors, tmp_path)


def test_meta_sr_is_told_by_its_filters(tmp_path: Path) -> None:
    tensors = dict(official.small_rdn().state_dict())
    for number in (4, 6, 8):
        del tensors[f"imnet.layers.{number}.weight"], tensors[f"imnet.layers.{number}.bias"]
    tensors["imnet.layers.2.weight"] = torch.ones(8 * 9 * 3, 16)
    with pytest.raises(WeightsError, match="holds Meta-SR"):
        converted(tensors, tmp_path)


@pytest.mark.parametrize("part", ["local_ensemble", "feat_unfold", "cell_decode"])
def test_liif_without_one_of_its_parts_is_told(tmp_path: Path, part: str) -> None:
    with pytest.raises(WeightsError, match=f"holds LIIF without {part}"):
        converted(official.wrapped(official.small_rdn(), **{part: False}), tmp_path)


def test_tensors_of_an_unknown_network_are_listed(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"holds 2 tensors \(fc\.bias, fc\.weight\), not LIIF"):
        converted({"fc.weight": torch.ones(2, 2), "fc.bias": torch.ones(2)}, tmp_path)


@pytest.mark.parametrize("content", [{"epoch": 3}, {"model": {"sd": [1, 2]}}, {}, {"state_dict": {}}])
def test_a_checkpoint_without_named_tensors_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(WeightsError, match="holds no named tensors"):
        converted(content, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "config"),
    [(official.published_edsr, EDSR_BASELINE), (official.published_rdn, RDN_B)],
    ids=["edsr", "rdn"],
)
def test_networks_of_the_published_size_give_the_official_picture(
    tmp_path: Path, make: Callable[[], official.OfficialLiif], config: LiifConfig
) -> None:
    network = official.seeded(make())
    weights = converted(official.wrapped(network), tmp_path)
    assert weights.config == config
    ours = Liif(config).requires_grad_(False)
    ours.load_state_dict(weights.tensors)
    network.double()
    for size in ((12, 16), (20, 26), (48, 64)):  # x2, x3.3, x8
        expected = network.picture(pixels((6, 8)).double(), size)
        made = enlarge(ours, pixels((6, 8)), size)
        assert float(expected.std()) > 0.1
        assert float((made - expected).abs().max()) <= 2e-5
