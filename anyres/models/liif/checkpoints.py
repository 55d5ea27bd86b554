"""Checkpoints of LIIF that others trained, under the names their programs gave, turned into ours.

Two layouts, of the authors (https://github.com/yinboc/liif) and of mmagic
(https://github.com/open-mmlab/mmagic), in zip, legacy or safetensors files. The architecture is inferred
from names and shapes; after that every tensor must be there, in its shape, and no other. Networks that
resemble LIIF and are not it are told by name.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import torch
from torch import Tensor

from anyres.core.errors import WeightsError
from anyres.core.foreign import named_tensors, renamed_tensors
from anyres.core.weights import ConvertedWeights, ForeignCheckpoint, listed
from anyres.models.liif.architecture import EncoderConfig, Liif, LiifConfig
from anyres.models.liif.look_alikes import arguments, other_network

TRAINED_SCALES = (1.0, 4.0)  # of all published networks; a checkpoint does not say
DEAD = tuple(f"encoder.{layer}_mean.{part}" for layer in ("sub", "add") for part in ("weight", "bias"))


@dataclass(frozen=True)
class Layout:
    """How a program names LIIF's layers; i is a block, j a layer in it, k a layer of the decoder."""

    name: str
    decoder: str
    encoders: Mapping[Literal["edsr", "rdn"], Mapping[str, str]]  # our name to theirs


LAYOUTS = (
    Layout(
        name="official",
        decoder="imnet.layers.{double_k}",  # every second layer is a ReLU
        encoders={
            "rdn": {
                "encoder.head": "encoder.SFENet1",
                "encoder.entry": "encoder.SFENet2",
                "encoder.blocks.{i}.layers.{j}": "encoder.RDBs.{i}.convs.{j}.conv.0",
                "encoder.blocks.{i}.fuse": "encoder.RDBs.{i}.LFF",
                "encoder.fuse": "encoder.GFF.0",
                "encoder.tail": "encoder.GFF.1",
            },
            "edsr": {
                "encoder.head": "encoder.head.0",
                "encoder.body.{i}.expand": "encoder.body.{i}.body.0",
                "encoder.body.{i}.contract": "encoder.body.{i}.body.2",
                "encoder.tail": "encoder.body.{blocks}",
            },
        },
    ),
    Layout(
        name="mmagic",
        decoder="generator.imnet.layers.{double_k}",
        encoders={
            "rdn": {
                "encoder.head": "generator.sfe1",
                "encoder.entry": "generator.sfe2",
                "encoder.blocks.{i}.layers.{j}": "generator.rdbs.{i}.layers.{j}.conv",
                "encoder.blocks.{i}.fuse": "generator.rdbs.{i}.lff",
                "encoder.fuse": "generator.gff.0",
                "encoder.tail": "generator.gff.1",
            },
            "edsr": {
                "encoder.head": "generator.conv_first",
                "encoder.body.{i}.expand": "generator.body.{i}.conv1",
                "encoder.body.{i}.contract": "generator.body.{i}.conv2",
                "encoder.tail": "generator.conv_after_body",
            },
        },
    ),
)


def convert(checkpoint: ForeignCheckpoint) -> ConvertedWeights:
    """LIIF's weights in float32 under our names, with the configuration inferred from them.

    The optimizer's state and EDSR's mean shift, which its program never calls, are left out.

    Raises:
        WeightsError: if it is another network (said which), or if tensors are missing, too many, of another
            shape or not finite.
        LimitError: if its tensors unfold to more than a checkpoint may hold.
    """
    tensors, spec = _named_tensors(checkpoint)
    found = other_network(tensors, spec)
    if found:
        raise WeightsError(
            f"{checkpoint.path} holds {found}; anyres reads LIIF with an EDSR or RDN encoder. "
            "`anyres weights list` names published files that it reads."
        )
    layout, config = _infer(checkpoint, tensors)
    with torch.device("meta"):
        expected = Liif(config).state_dict()
    theirs = dict(_names(layout, config))
    converted = renamed_tensors(
        checkpoint, tensors, expected=expected, theirs=theirs, network="LIIF", ignored=DEAD
    )
    factor = _residual_factor(spec)
    for name, tensor in converted.items():
        if ".contract." in name and factor != 1:
            tensor.mul_(factor)  # the block adds factor * contract(...): the same function
    record = {"layout": layout.name, "trained_scales": TRAINED_SCALES}
    return ConvertedWeights(config, converted, record)


def _named_tensors(checkpoint: ForeignCheckpoint) -> tuple[dict[str, Tensor], Mapping[str, Any]]:
    """The network's tensors, and what the authors' wrapper says of it (empty in other layouts)."""
    content: Any = checkpoint.content
    spec: Mapping[str, Any] = {}
    if isinstance(content.get("model"), Mapping) and "sd" in content["model"]:
        spec, content = content["model"], content["model"]["sd"]
    for wrapper in ("state_dict", "params_ema", "params", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    return named_tensors(checkpoint, content, wrappers="model or state_dict"), spec


def _residual_factor(spec: Mapping[str, Any]) -> float:
    """What the authors' EDSR multiplies each block's result by: 0.1 in the large one, 1 in the baseline."""
    encoder = arguments(spec).get("encoder_spec", {})
    if not isinstance(encoder, Mapping):
        return 1.0
    factor = arguments(encoder).get("res_scale", 0.1 if encoder.get("name") == "edsr" else 1.0)
    if not isinstance(factor, int | float) or not math.isfinite(factor):
        raise WeightsError(
            f"The checkpoint says that its encoder has a res_scale of {factor!r:.40}, which is no number. "
            "Save it again with the factor that its blocks were trained with."
        )
    return float(factor)


def _infer(checkpoint: ForeignCheckpoint, tensors: Mapping[str, Tensor]) -> tuple[Layout, LiifConfig]:
    """Whose names these are, and the configuration that such tensors have."""
    for layout in LAYOUTS:
        for names in layout.encoders.values():
            if f"{names['encoder.head']}.weight" in tensors:
                return layout, LiifConfig(_encoder(names, tensors), _hidden(layout, tensors))
    raise WeightsError(
        f"{checkpoint.path} holds {len(tensors)} tensors ({listed(sorted(tensors))}), not LIIF with an "
        "EDSR or RDN encoder as its authors or mmagic name them. `anyres weights list` names published files "
        "that can be read."
    )


def _encoder(names: Mapping[str, str], tensors: Mapping[str, Tensor]) -> EncoderConfig:
    channels = _width(tensors, names["encoder.head"])
    if "encoder.body.{i}.expand" in names:
        return EncoderConfig(
            "edsr", channels=channels, blocks=_count(tensors, names["encoder.body.{i}.expand"])
        )
    first_block = names["encoder.blocks.{i}.layers.{j}"].replace("{i}", "0")
    return EncoderConfig(
        "rdn",
        channels=channels,
        blocks=_count(tensors, names["encoder.blocks.{i}.fuse"]),
        layers=_count(tensors, first_block),
        growth=_width(tensors, first_block.format(j=0)),
    )


def _hidden(layout: Layout, tensors: Mapping[str, Tensor]) -> tuple[int, ...]:
    """Widths of the decoder's hidden layers: of every layer but the last."""
    count = (_count(tensors, layout.decoder) + 1) // 2  # linear layers, a ReLU between two
    return tuple(_width(tensors, layout.decoder.format(double_k=2 * k)) for k in range(count - 1))


def _count(tensors: Mapping[str, Tensor], template: str) -> int:
    """Up to which number layers of a name are there; at least 1, so that what is missing can be named."""
    number = re.compile(re.sub(r"\\{\w+\\}", r"([0-9]{1,6})", re.escape(template)) + r"\.weight")
    found = [int(match[1]) for name in tensors if (match := number.fullmatch(name))]
    return 1 + max((index for index in found if index < len(tensors)), default=0)


def _width(tensors: Mapping[str, Tensor], layer: str) -> int:
    """Output channels of a layer; 1 if it is not there, which the check of all tensors then tells."""
    weight = tensors.get(f"{layer}.weight")
    return max(weight.shape[0], 1) if weight is not None and weight.ndim else 1


def _names(layout: Layout, config: LiifConfig) -> Iterator[tuple[str, str]]:
    """Our name and theirs, of every tensor of a network."""
    encoder = config.encoder
    pairs: dict[str, str] = {}
    for ours, theirs in layout.encoders[encoder.kind].items():
        for i, j in product(range(encoder.blocks), range(max(encoder.layers, 1))):
            pairs[ours.format(i=i, j=j)] = theirs.format(i=i, j=j, blocks=encoder.blocks)
    for k in range(len(config.hidden) + 1):
        pairs[f"decoder.layers.{k}"] = layout.decoder.format(double_k=2 * k)
    for ours, theirs in pairs.items():
        for part in ("weight", "bias"):
            yield f"{ours}.{part}", f"{theirs}.{part}"
