"""Residual dense network as an encoder: features of a picture at the picture's own resolution.

Zhang, Tian, Kong, Zhong and Fu, CVPR 2018, https://arxiv.org/abs/1802.08797.
Axes: b batch, c channels, h w height and width. Input in [-1, 1].
Departs from the paper: no upsampler (LIIF's decoder takes its place), as LIIF's authors trained it. The 1x1
fusion of all blocks is summed block by block instead of over their concatenation: the same function in less
memory.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from anyres.core.fused import conv_add, conv_relu


class Rdn(nn.Module):
    """Dense blocks, all of them fused, and one long skip."""

    def __init__(self, *, channels: int, blocks: int, layers: int, growth: int) -> None:
        super().__init__()
        self.channels = channels
        self.halo = blocks * layers + 3  # pixels that one feature sees on each side
        self.head = nn.Conv2d(3, channels, 3, padding=1)
        self.entry = nn.Conv2d(channels, channels, 3, padding=1)
        self.blocks = nn.ModuleList(DenseBlock(channels, layers=layers, growth=growth) for _ in range(blocks))
        self.fuse = nn.Conv2d(blocks * channels, channels, 1)
        self.tail = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, pixels: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c h w"]:
        """Features, at the size of the picture."""
        shallow: Tensor = self.head(pixels)
        features = self.entry(shallow)
        assert self.fuse.bias is not None
        fused = self.fuse.bias.view(1, -1, 1, 1)
        for block, weight in zip(self.blocks, self.fuse.weight.split(self.channels, dim=1), strict=True):
            features = block(features)
            fused = fused + nn.functional.conv2d(features, weight)
        return conv_add(self.tail, fused, shallow)


class DenseBlock(nn.Module):
    """Each layer sees the block's input and all layers before it; a 1x1 fusion, plus what came in."""

    def __init__(self, channels: int, *, layers: int, growth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv2d(channels + growth * layer, growth, 3, padding=1) for layer in range(layers)
        )
        self.fuse = nn.Conv2d(channels + growth * layers, channels, 1)

    def forward(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Features of the same shape."""
        dense = features
        for layer in self.layers:
            assert isinstance(layer, nn.Conv2d)
            dense = torch.cat((dense, conv_relu(layer, dense)), dim=1)
        return conv_add(self.fuse, dense, features)
