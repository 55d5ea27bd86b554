"""The compact encoder: the most quality that two CPU cores can train and run, chosen on validation photographs.

Our own arrangement of known parts. The gate without parameters follows SPAN (Wan et al., CVPR Workshops 2024,
https://arxiv.org/abs/2311.12770); unlike there the block keeps an identity path, and all block outputs are fused.
Only 3x3 and 1x1 convolutions and pointwise functions: a feature sees a fixed neighbourhood, so tiles are exact.
Axes: b batch, c channels, h w height and width. Input in [-1, 1].
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Compact(nn.Module):
    """Gated blocks between two convolutions; the outputs of all blocks fused, and one long skip."""

    def __init__(self, *, channels: int, blocks: int) -> None:
        super().__init__()
        self.channels = channels
        self.halo = 3 * blocks + 2  # pixels that one feature sees on each side
        self.head = nn.Conv2d(3, channels, 3, padding=1)
        self.blocks = nn.ModuleList(GatedBlock(channels) for _ in range(blocks))
        self.fuse = nn.Conv2d(blocks * channels, channels, 1)
        self.tail = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, pixels: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c h w"]:
        """Features, at the size of the picture."""
        features = shallow = self.head(pixels)
        outputs = []
        for block in self.blocks:
            features = block(features)
            outputs.append(features)
        deep: Tensor = self.tail(self.fuse(torch.cat(outputs, dim=1)))
        return deep + shallow


class GatedBlock(nn.Module):
    """Three convolutions whose result is added to the input and, squashed, also multiplies it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.third = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Features of the same shape."""
        hidden = nn.functional.silu(self.first(features))
        refined: Tensor = self.third(nn.functional.silu(self.second(hidden)))
        return torch.addcmul(features, features + refined, torch.tanh(refined))
