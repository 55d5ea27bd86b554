"""EDSR-baseline as an encoder: features of a picture at the picture's own resolution.

Lim, Son, Kim, Nah and Lee, CVPR Workshops 2017, https://arxiv.org/abs/1707.02921.
Axes: b batch, c channels, h w height and width. Input in [-1, 1].
Departs from the paper: no upsampler (LIIF's decoder takes its place), no mean shift, as LIIF's authors
trained it.
"""

from jaxtyping import Float
from torch import Tensor, nn

from anyres.core.fused import conv_add, conv_relu


class Edsr(nn.Module):
    """Residual blocks without normalisation between two convolutions, and one long skip."""

    def __init__(self, *, channels: int, blocks: int) -> None:
        super().__init__()
        self.channels = channels
        self.halo = 2 * blocks + 2  # pixels that one feature sees on each side
        self.head = nn.Conv2d(3, channels, 3, padding=1)
        self.body = nn.Sequential(*(ResidualBlock(channels) for _ in range(blocks)))
        self.tail = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, pixels: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c h w"]:
        """Features, at the size of the picture."""
        shallow: Tensor = self.head(pixels)
        return conv_add(self.tail, self.body(shallow), shallow)


class ResidualBlock(nn.Module):
    """Convolution, ReLU, convolution, plus what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.expand = nn.Conv2d(channels, channels, 3, padding=1)
        self.contract = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Features of the same shape."""
        return conv_add(self.contract, conv_relu(self.expand, features), features)
