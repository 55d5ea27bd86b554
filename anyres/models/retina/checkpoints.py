"""Checkpoints of SuperRetina, under the names its authors' program gave, turned into ours.

The layout is {"net": tensors, "optimizer": ..., "epoch": ...} of Liu, Li, Wei and Li, ECCV 2022,
https://arxiv.org/abs/2207.07932; bare tensors (a safetensors file) are read too. Widths are inferred from
shapes; after that every tensor must be there, in its shape, and no other. Their network has the published
grid of descriptors, so the configuration says `paper_exact`. No published file was at hand to compare maps
with: names and shapes are checked, the order in which the decoder joins features is not (cnn.py).
Checkpoints of the large-kernel and the Swin network are told by name and not read: their layouts are not
described anywhere that we may read.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from anyres.core.errors import WeightsError
from anyres.core.foreign import named_tensors, renamed_tensors
from anyres.core.weights import ConvertedWeights, ForeignCheckpoint, listed
from anyres.models.retina.architecture import CnnConfig, Retina

TRAINED_SIZE_HW = (768, 768)  # of every picture that the published network saw; a checkpoint does not say
LAYERS = {  # our name to theirs
    **{f"backbone.stages.{i}.first": f"conv{i + 1}a" for i in range(4)},
    **{f"backbone.stages.{i}.second": f"conv{i + 1}b" for i in range(4)},
    **{f"backbone.ups.{i}.first": f"dconv_up{3 - i}.0" for i in range(3)},
    **{f"backbone.ups.{i}.second": f"dconv_up{3 - i}.2" for i in range(3)},
    "backbone.last": "conv_last",
    "head.enter": "convDa",
    "head.middle": "convDb",
    "head.leave": "convDc",
    "head.enlarge": "trans_conv",
}
THEIRS = {
    f"{ours}.{part}": f"{theirs}.{part}" for ours, theirs in LAYERS.items() for part in ("weight", "bias")
}


def convert(checkpoint: ForeignCheckpoint) -> ConvertedWeights:
    """SuperRetina's weights in float32 under our names, with the configuration inferred from them.

    The optimizer's state is left out.

    Raises:
        WeightsError: if it is another network (said which, if known), or if tensors are missing, too many, of
            another shape or not finite.
        LimitError: if its tensors unfold to more than a checkpoint may hold.
    """
    content = checkpoint.content
    tensors = named_tensors(checkpoint, content.get("net", content), wrappers="net")
    config = _infer(checkpoint, tensors)
    with torch.device("meta"):
        expected = Retina(config).state_dict()
    converted = renamed_tensors(checkpoint, tensors, expected=expected, theirs=THEIRS, network="SuperRetina")
    return ConvertedWeights(config, converted, {"layout": "official", "trained_size_hw": TRAINED_SIZE_HW})


def _infer(checkpoint: ForeignCheckpoint, tensors: Mapping[str, Tensor]) -> CnnConfig:
    """The configuration that such tensors have; what is missing counts as 1 wide, and is named later."""
    if any(name.startswith("teacher.") for name in tensors):
        told = "a student of reverse knowledge distillation together with its teacher"
    elif any(name.startswith("swinViT.") for name in tensors):
        told = "a Swin UNETR"
    elif "conv1a.weight" in tensors and "conv2.weight" in tensors:
        told = "the large-kernel variant of SuperRetina"
    elif "conv1a.weight" not in tensors:
        told = f"{len(tensors)} tensors ({listed(sorted(tensors))}), not SuperRetina as its authors name them"
    else:
        first, second, third, fourth = (_width(tensors, f"conv{stage}a.weight") for stage in range(1, 5))
        descriptor = _width(tensors, "convDa.weight")
        return CnnConfig((first, second, third, fourth), descriptor=descriptor, paper_exact=True)
    raise WeightsError(
        f"{checkpoint.path} holds {told}; anyres reads SuperRetina's own checkpoints. Give the file that "
        "SuperRetina's training saved, with net in it."
    )


def _width(tensors: Mapping[str, Tensor], name: str) -> int:
    """Output channels of a layer; 1 if it is not there, which the check of all tensors then tells."""
    weight = tensors.get(name)
    return max(weight.shape[0], 1) if weight is not None and weight.ndim else 1
