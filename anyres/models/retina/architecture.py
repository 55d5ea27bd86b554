"""Networks that find and describe keypoints on photographs of an eye: a heat map and a map of descriptors.

SuperRetina: Liu, Li, Wei and Li, ECCV 2022, https://arxiv.org/abs/2207.07932. Its large-kernel variant and a
Swin transformer with the same two heads: Nasser, Gupte and Sethi, WACV 2024,
https://arxiv.org/abs/2307.10698.
Axes: b batch, c channels, h w rows and columns of the picture; y x those of the grid of descriptors; k
keypoints. Rows come before columns. A keypoint is counted in pixels, 0 in the middle of the first pixel.
Departs from the papers: a descriptor belongs to 8x8 pixels and is read as if it lay in the middle of them.
As published (`paper_exact`) cell m lies at pixel 8 m + 11.5 and is read at about 8.08 m, so that descriptors
come from up to 11.5 pixels beside the keypoint. A picture of any size is taken: it is filled up to whole
multiples by repeating its last row and column.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from anyres.core.errors import WeightsError
from anyres.core.weights import parse_config
from anyres.models.retina.cnn import Cnn, DescriptorHead
from anyres.models.retina.swin import Stages, Swin

CELL = 8  # pixels of the picture in a row or column of one descriptor
DAMAGED = "The weights file is damaged or not meant for this program; get it again."


@dataclass(frozen=True)
class CnnConfig:
    """All that is needed to build a convolutional network again."""

    widths: Stages = (64, 64, 128, 128)  # channels of the four stages
    large_kernel: int = 0  # rows and columns of the large kernels; 0 is SuperRetina, without any
    descriptor: int = 256  # numbers in a descriptor
    paper_exact: bool = False  # the published grid of descriptors, and the published way to read it
    kind: Literal["cnn"] = "cnn"

    def __post_init__(self) -> None:
        """Refuse what no network of this kind has: a weights file may ask for anything."""
        for width in self.widths:
            check_range("channels in a stage", width, least=1, most=1024)
        if self.large_kernel:
            check_range("rows in a large kernel", self.large_kernel, least=5, most=15)
            if self.large_kernel % 2 == 0:
                raise WeightsError(
                    f"A large kernel has a middle row; {self.large_kernel} rows have none. {DAMAGED}"
                )
        check_range("numbers in a descriptor", self.descriptor, least=1, most=1024)


@dataclass(frozen=True)
class SwinConfig:
    """All that is needed to build a Swin network again."""

    embed: int = 24  # channels of the first stage; each later one has twice as many
    window: int = 7  # rows and columns of tokens that see one another
    depths: Stages = (2, 2, 2, 2)  # blocks in the four stages
    heads: Stages = (3, 6, 12, 24)  # of attention in each block of a stage
    dropout: float = 0.5  # share of values dropped in training, after patches, projections and perceptrons
    descriptor: int = 256  # numbers in a descriptor
    paper_exact: bool = False  # the published grid of descriptors, and the published way to read it
    kind: Literal["swin"] = "swin"

    def __post_init__(self) -> None:
        """Refuse what no network of this kind has: a weights file may ask for anything."""
        check_range("channels in the first stage", self.embed, least=1, most=128)
        check_range("rows in a window", self.window, least=2, most=32)
        for number, (depth, heads) in enumerate(zip(self.depths, self.heads, strict=True)):
            check_range("blocks in a stage", depth, least=1, most=24)
            channels = self.embed * 2**number
            check_range("attention heads", heads, least=1, most=channels)
            if channels % heads:
                raise WeightsError(
                    f"{channels} channels cannot be shared by {heads} attention heads. {DAMAGED}"
                )
        check_range("share of dropped values", self.dropout, least=0, most=0.95)
        check_range("numbers in a descriptor", self.descriptor, least=1, most=1024)


RetinaConfig = CnnConfig | SwinConfig


@dataclass(frozen=True, eq=False)
class RetinaMaps:
    """What a network says of pictures of one size."""

    heat_map: Float[Tensor, "b 1 h w"]  # how sure it is that a keypoint lies in this pixel, in [0, 1]
    descriptors: Float[Tensor, "b c y x"]  # of cells of 8x8 pixels; read them with `sample_descriptors`
    paper_exact: bool = False  # the cells lie where they were published to lie


class Retina(nn.Module):
    """A backbone that makes the heat map, and a head that makes descriptors of its features."""

    def __init__(self, config: RetinaConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = build_backbone(config)
        self.head = DescriptorHead(
            self.backbone.channels, descriptor=config.descriptor, is_published=config.paper_exact
        )

    def forward(self, pixels: Float[Tensor, "b 1 h w"]) -> RetinaMaps:
        """Maps of pictures in [0, 1], of their own size; ceil(h / 8) by ceil(w / 8) descriptors.

        The published grid (`paper_exact`) has 2 (n // 2 - 1) cells for n times 8 pixels, filled up, instead.
        """
        height, width = pixels.shape[-2:]
        logits, features = self.backbone(self.filled(pixels))
        descriptors = self.head(features, self.backbone.slope)
        if not self.config.paper_exact:
            descriptors = descriptors[..., : -(-height // CELL), : -(-width // CELL)]
        heat_map = logits[..., :height, :width].sigmoid()
        return RetinaMaps(heat_map, descriptors, self.config.paper_exact)

    def filled(self, pixels: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b 1 y x"]:
        """The pictures with as many rows and columns as the backbone takes; the last ones are repeated."""
        multiple, smallest = self.backbone.multiple, self.backbone.smallest
        below, beside = (max(-side % multiple, smallest - side) for side in pixels.shape[-2:])
        if not (below or beside):
            return pixels
        return functional.pad(pixels, (0, beside, 0, below), mode="replicate")


def sample_descriptors(maps: RetinaMaps, keypoints_yx: Float[Tensor, "b k 2"]) -> Float[Tensor, "b k c"]:
    """Descriptors of length 1 at keypoints, given in pixels, blended from the four cells around each.

    Closer to the border than the middle of the last cell, that cell's own descriptor is taken. As published
    (`maps.paper_exact`) the cells are read at a place up to 11.5 pixels off, and beyond the last one there is
    nothing: more than a cell beyond it the descriptor is zero.
    """
    *_, height, width = maps.descriptors.shape
    size = torch.tensor((width, height), dtype=keypoints_yx.dtype, device=keypoints_yx.device)
    if maps.paper_exact:
        place = 2 * keypoints_yx.flip(-1) / (CELL * size - 1) - 1  # -1 is the first cell's middle
    else:
        place = 2 * (keypoints_yx.flip(-1) + 0.5) / (CELL * size) - 1  # -1 is the first cell's edge
    sampled = functional.grid_sample(
        maps.descriptors.to(keypoints_yx.dtype),
        place[:, None],
        mode="bilinear",
        padding_mode="zeros" if maps.paper_exact else "border",
        align_corners=maps.paper_exact,
    )
    return functional.normalize(sampled[:, :, 0].transpose(1, 2), dim=-1)


def check_range(name: str, value: int | float, *, least: int, most: int | float) -> None:
    """Raise WeightsError for a number of a configuration that is out of its range."""
    if not least <= value <= most:
        raise WeightsError(
            f"A retina network has {least} to {most} {name}; this configuration says {value}. {DAMAGED}"
        )


def read_config(values: Mapping[str, object]) -> RetinaConfig:
    """The configuration that a weights file carries, as JSON.

    Raises WeightsError for a kind of network that there is not, and for fields that do not fit.
    """
    kind = values.get("kind")
    if kind == "cnn":
        return parse_config(CnnConfig, values)
    if kind == "swin":
        return parse_config(SwinConfig, values)
    raise WeightsError(
        f"A retina network is of kind cnn or swin; this configuration says {kind!r:.40}. "
        "The weights are of another model or of another version of anyres."
    )


def build_backbone(config: RetinaConfig) -> Cnn | Swin:
    """The backbone of a configuration, with random weights."""
    if isinstance(config, CnnConfig):
        return Cnn(widths=config.widths, large_kernel=config.large_kernel)
    return Swin(
        embed=config.embed,
        window=config.window,
        depths=config.depths,
        heads=config.heads,
        dropout=config.dropout,
    )


PAPER_CNN = CnnConfig(paper_exact=True)
PAPER_LARGE_KERNEL = CnnConfig(large_kernel=5, paper_exact=True)
PAPER_SWIN = SwinConfig(paper_exact=True)
COMPACT_CNN = CnnConfig((16, 16, 32, 32), descriptor=64)
COMPACT_LARGE_KERNEL = CnnConfig((16, 16, 32, 32), large_kernel=5, descriptor=64)
COMPACT_SWIN = SwinConfig(embed=12, window=8, descriptor=64)  # windows that divide maps of 256 pixels
