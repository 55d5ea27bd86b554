"""The control: LIIF's encoder with a pixel-shuffle decoder for one whole factor. What does any scale cost?

Shi et al., CVPR 2016, https://arxiv.org/abs/1609.05158, in the arrangement of EDSR. It is trained on the
same data for as many steps and ships no weights. Axes: b batch, h w height and width, y x the enlarged
picture.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn
from torch.nn import functional

from anyres.models.liif.architecture import EncoderConfig, build_encoder
from anyres.models.liif.patches import PatchSettings, Pictures, cut_pair


@dataclass(frozen=True)
class PixelShuffleConfig:
    """All that is needed to build the control again."""

    encoder: EncoderConfig
    scale: int  # the one factor it knows


@dataclass(frozen=True)
class PairBatch:
    """Whole pairs of patches."""

    pixels: Float[Tensor, "b 3 h w"]  # in [0, 1]
    large: Float[Tensor, "b 3 y x"]  # in [0, 1]

    def to(self, device: torch.device) -> "PairBatch":
        """The same batch on another device."""
        return PairBatch(self.pixels.to(device), self.large.to(device))


class PixelShuffle(nn.Module):
    """Encoder, one convolution to scale x scale times the channels, shuffle, one convolution to colour."""

    def __init__(self, config: PixelShuffleConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.encoder.channels
        self.encoder = build_encoder(config.encoder)
        self.expand = nn.Conv2d(channels, channels * config.scale**2, 3, padding=1)
        self.colour = nn.Conv2d(channels, 3, 3, padding=1)

    def forward(self, pixels: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 y x"]:
        """The enlarged picture, in [0, 1] but for overshoot."""
        normal = (pixels - 0.5) / 0.5
        fine = functional.pixel_shuffle(self.expand(self.encoder(normal)), self.config.scale)
        smooth = functional.interpolate(normal, scale_factor=self.config.scale, mode="bilinear")
        colour: Tensor = self.colour(fine)
        return (colour.float() + smooth) * 0.5 + 0.5

    def enlarge(self, pixels: Float32[Tensor, "h w 3"], size_hw: tuple[int, int]) -> Float32[Tensor, "y x 3"]:
        """A whole picture at the one factor; `size_hw` must agree."""
        assert size_hw == (pixels.shape[0] * self.config.scale, pixels.shape[1] * self.config.scale)
        made: Tensor = self(pixels.permute(2, 0, 1)[None])[0]
        return made.permute(1, 2, 0)


def sample_pairs(pictures: Pictures, settings: PatchSettings, *, generator: np.random.Generator) -> PairBatch:
    """Pairs of one step, cut as LIIF's examples are."""
    pairs = [
        cut_pair(pictures.choose(settings, generator), settings, generator=generator)
        for _ in range(settings.batch)
    ]
    small, large = (np.stack([pair[k] for pair in pairs]).astype(np.float32) / 255 for k in (0, 1))
    return PairBatch(*(torch.from_numpy(one).permute(0, 3, 1, 2) for one in (small, large)))
