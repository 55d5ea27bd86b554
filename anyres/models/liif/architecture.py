"""LIIF: a picture as a function of continuous coordinates.

Chen, Liu and Wang, CVPR 2021, https://arxiv.org/abs/2012.09161.
Axes: b batch, c channels, h w features (and input picture), q queries, y x output picture. Rows come before
columns. A coordinate is a pixel of an output grid that covers the same rectangle as the input
(core/coordinates.py); offsets are in half input pixels (one input pixel is 2), the cell is the output
pixel's extent in the same unit, 2 / scale.
Departs from the paper: at the border the nearest feature is repeated and the unfolding sees zeros, as in
the authors' code (the paper says mirrored); `skip="bilinear"` adds the four neighbours' own colours,
blended with the same weights (as in LTE, https://arxiv.org/abs/2111.08918); the published networks have
`skip="none"`.
Weights, licence and measured figures: README.md in this folder.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional

from anyres.core.errors import WeightsError
from anyres.models.liif.edsr import Edsr
from anyres.models.liif.rdn import Rdn

CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))  # lower or upper neighbour, in y and in x


@dataclass(frozen=True)
class EncoderConfig:
    """Which encoder, and how large."""

    kind: Literal["edsr", "rdn"]
    channels: int  # features per pixel
    blocks: int  # residual or dense blocks
    layers: int = 0  # rdn: convolutions in a dense block
    growth: int = 0  # rdn: channels that each of them adds

    def __post_init__(self) -> None:
        """Refuse what no network of this kind has: a weights file may ask for anything."""
        least = 1 if self.kind == "rdn" else 0
        check_range("channels", self.channels, least=1, most=1024)
        check_range("blocks", self.blocks, least=1, most=256)
        check_range("layers", self.layers, least=least, most=64)
        check_range("growth", self.growth, least=least, most=512)


@dataclass(frozen=True)
class LiifConfig:
    """All that is needed to build the network again."""

    encoder: EncoderConfig
    hidden: tuple[int, ...] = (256, 256, 256, 256)  # widths of the decoder's hidden layers
    skip: Literal["none", "bilinear"] = "none"  # added to the decoder's colour

    def __post_init__(self) -> None:
        """Refuse what no decoder has."""
        check_range("hidden layers", len(self.hidden), least=1, most=16)
        for width in self.hidden:
            check_range("hidden width", width, least=1, most=4096)


@dataclass(frozen=True)
class Queries:
    """Where colours are asked for: for each query its four neighbouring features. Made by `training.py`."""

    index: Int64[Tensor, "4 b q"]  # of the neighbour's pixel in the flattened picture, row by row
    offset: Float[Tensor, "4 b q 2"]  # query minus neighbour, (y, x), in half input pixels
    weight: Float[Tensor, "4 b q"]  # of the neighbour in the blend
    cell: Float[Tensor, "b 2"]  # extent of an output pixel, (y, x), in half input pixels


class Liif(nn.Module):
    """An encoder, and a decoder that is asked for one colour at a time."""

    def __init__(self, config: LiifConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = build_encoder(config.encoder)
        self.decoder = Decoder(config.encoder.channels, hidden=config.hidden)

    def encode(self, pixels: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c h w"]:
        """Features of a picture in [0, 1]."""
        features: Tensor = self.encoder((pixels - 0.5) / 0.5)  # LIIF's normalisation
        return features

    def forward(self, pixels: Float[Tensor, "b 3 h w"], queries: Queries) -> Float[Tensor, "b q 3"]:
        """Colours at scattered places, in [0, 1] but for overshoot; dense pictures go through `raster.py`."""
        batch, _, height, width = pixels.shape
        cell = self.decoder.cell(queries.cell)
        features = self.decoder.project(self.encode(pixels)) + cell[..., None, None]
        flat = features.permute(0, 2, 3, 1).reshape(batch * height * width, -1)
        first = torch.arange(batch, device=pixels.device).view(1, batch, 1) * (height * width)
        index = (queries.index + first).view(-1)
        hidden = flat.index_select(0, index).view(*queries.index.shape, -1)
        offset_weight = self.decoder.offset_weight.to(hidden.dtype)
        offset = functional.linear(queries.offset.to(hidden.dtype), offset_weight)
        colours = self.decoder.colours(hidden + offset)
        if self.config.skip == "bilinear":
            near = pixels.permute(0, 2, 3, 1).reshape(-1, 3).index_select(0, index)
            colours = colours + (near.view_as(colours) - 0.5) / 0.5
        return (colours * queries.weight[..., None]).sum(0) * 0.5 + 0.5


class Decoder(nn.Module):
    """A multilayer perceptron over 3x3 unfolded features, an offset and a cell, its first layer taken apart.

    The first layer is linear, so its feature columns are a 3x3 convolution of the feature map (padded by
    zeros, as the unfolding is), computed once a picture; its cell columns are a constant of one
    enlargement, its offset columns a sum of two one-dimensional terms. This is exact: only the order of
    summation differs from the published code.
    """

    def __init__(self, channels: int, *, hidden: tuple[int, ...]) -> None:
        super().__init__()
        widths = (9 * channels + 4, *hidden, 3)
        self.channels = channels
        self.layers = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(widths))

    @property
    def linears(self) -> tuple[nn.Linear, ...]:
        """The layers, first to last."""
        return tuple(layer for layer in self.layers if isinstance(layer, nn.Linear))

    @property
    def offset_weight(self) -> Float[Tensor, "k 2"]:
        """Columns of the first layer for the offset (y, x)."""
        return self.linears[0].weight[:, 9 * self.channels : 9 * self.channels + 2]

    @property
    def cell_weight(self) -> Float[Tensor, "k 2"]:
        """Columns of the first layer for the cell (y, x)."""
        return self.linears[0].weight[:, 9 * self.channels + 2 :]

    def project(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k h w"]:
        """The part of the first layer that depends on features alone, bias included."""
        first = self.linears[0]
        weight = first.weight[:, : 9 * self.channels].reshape(-1, self.channels, 3, 3)
        return functional.conv2d(features, weight, first.bias, padding=1)

    def cell(self, cell: Float[Tensor, "b 2"]) -> Float[Tensor, "b k"]:
        """The part of the first layer that depends on the cell alone."""
        return functional.linear(cell, self.cell_weight)

    def colours(self, first: Float[Tensor, "*n k"]) -> Float[Tensor, "*n 3"]:
        """Colours in [-1, 1] from the complete first layer, before its ReLU; float32."""
        hidden = first.relu()
        *inner, last = self.linears[1:]
        for layer in inner:
            hidden = layer(hidden).relu()
        colours: Tensor = last(hidden)
        return colours.float()


def check_range(name: str, value: int, *, least: int, most: int) -> None:
    """Raise WeightsError for a number of a configuration that is out of its range."""
    if not least <= value <= most:
        raise WeightsError(
            f"A LIIF network has {least} to {most} {name}; this configuration says {value}. "
            "The weights file is damaged or not meant for this program; get it again."
        )


def build_encoder(config: EncoderConfig) -> Edsr | Rdn:
    """The encoder of a configuration, with random weights."""
    if config.kind == "rdn":
        return Rdn(channels=config.channels, blocks=config.blocks, layers=config.layers, growth=config.growth)
    return Edsr(channels=config.channels, blocks=config.blocks)


COMPACT = LiifConfig(EncoderConfig("edsr", channels=48, blocks=16), hidden=(64, 64, 64), skip="bilinear")
EDSR_BASELINE = LiifConfig(EncoderConfig("edsr", channels=64, blocks=16))
RDN_A = LiifConfig(EncoderConfig("rdn", channels=64, blocks=20, layers=6, growth=32))
RDN_B = LiifConfig(EncoderConfig("rdn", channels=64, blocks=16, layers=8, growth=64))
