"""SuperRetina's network and its large-kernel variant: a heat map and features of a photograph of an eye.

Liu, Li, Wei and Li, ECCV 2022, https://arxiv.org/abs/2207.07932; the variant with large kernels is of Nasser,
Gupte and Sethi, WACV 2024, https://arxiv.org/abs/2307.10698, with a block of LKU-Net, Jia et al. 2022.
Axes: b batch, c channels in, k channels out, h w rows and columns; y x rows and columns of the grid of
descriptors. Pixels are one channel in [0, 1]. Neither network has a normalisation layer or dropout.
Departs from the papers: the branches of a large-kernel block are added up as kernels before one convolution,
not as results after three (the same function); `DescriptorHead` without `is_published` keeps the grid of its
features. The papers do not say in which order the decoder joins features; here the enlarged ones come first.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from anyres.core.fused import conv_relu

FIRST_SLOPE = 0.25  # of a PReLU before training; torch's own


class Cnn(nn.Module):
    """Four stages, each at half the size of the one before, and a decoder back to the picture's size.

    With `large_kernel` the second convolution of the stages 2 to 4 is a block of parallel kernels of up to
    that side, and all stages share the slope of one PReLU; without, they end in ReLU and `slope` is None.
    """

    multiple = 8  # rows and columns must be whole multiples of this many pixels
    smallest = 32  # pixels a side: the published descriptor head needs four cells of 8 pixels

    def __init__(self, *, widths: tuple[int, int, int, int], large_kernel: int) -> None:
        super().__init__()
        self.channels = widths[3]  # of the features
        self.slope = nn.Parameter(torch.full((1,), FIRST_SLOPE)) if large_kernel else None
        self.stages = nn.ModuleList(
            Stage(before, after, large_kernel=large_kernel if number else 0)
            for number, (before, after) in enumerate(zip((1, *widths[:3]), widths, strict=True))
        )
        self.ups = nn.ModuleList(
            DoubleConvolution(below + skip, skip)
            for below, skip in ((widths[3], widths[2]), (widths[2], widths[1]), (widths[1], widths[0]))
        )
        self.last = nn.Conv2d(widths[0], 1, 1)

    def forward(
        self, pixels: Float[Tensor, "b 1 h w"]
    ) -> tuple[Float[Tensor, "b 1 h w"], Float[Tensor, "b c y x"]]:
        """Logits of the heat map, and features of every 8 pixels."""
        features, skips = pixels, []
        for number, stage in enumerate(self.stages):
            if number:
                features = functional.max_pool2d(features, 2)
            features = stage(features, self.slope)
            skips.append(features)
        up = skips.pop()
        for block in self.ups:
            up = functional.interpolate(up, scale_factor=2, mode="bilinear", align_corners=True)
            up = block(torch.cat((up, skips.pop()), dim=1))
        logits: Tensor = self.last(up)
        return logits, features


class Stage(nn.Module):
    """A convolution, then a second one or a large-kernel block, each with its activation."""

    def __init__(self, before: int, after: int, *, large_kernel: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, after, 3, padding=1)
        self.second = LargeKernel(after, side=large_kernel) if large_kernel else conv3x3(after, after)

    def forward(self, features: Float[Tensor, "b c h w"], slope: Tensor | None) -> Float[Tensor, "b k h w"]:
        """Features of the same size; `slope` is the PReLU's, None for ReLU."""
        first = conv_activated(self.first, features, slope)
        if isinstance(self.second, LargeKernel):
            return activated(self.second(first), slope)
        return conv_activated(self.second, first, slope)


class LargeKernel(nn.Module):
    """What came in, plus its convolutions by kernels of 1x1, 3x3 and a large one."""

    def __init__(self, channels: int, *, side: int) -> None:
        super().__init__()
        self.side = side
        self.point = nn.Conv2d(channels, channels, 1)
        self.small = conv3x3(channels, channels)
        self.large = nn.Conv2d(channels, channels, side, padding=side // 2)

    def forward(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Features of the same shape, before their activation."""
        weight, bias = self.merged()
        return functional.conv2d(features, weight, bias, padding=self.side // 2)

    def merged(self) -> tuple[Float[Tensor, "c c k k"], Float[Tensor, " c"]]:
        """Kernel and bias of the one convolution that does what all branches and the identity do."""
        channels, side = self.large.out_channels, self.side
        same = torch.eye(channels, dtype=self.large.weight.dtype, device=self.large.weight.device)
        point = self.point.weight + same[:, :, None, None]
        weight = self.large.weight + functional.pad(point, [side // 2] * 4)
        weight = weight + functional.pad(self.small.weight, [side // 2 - 1] * 4)
        biases = [branch.bias for branch in (self.point, self.small, self.large) if branch.bias is not None]
        return weight, torch.stack(biases).sum(0)


class DoubleConvolution(nn.Module):
    """Convolution, ReLU, convolution, ReLU."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.first = conv3x3(before, after)
        self.second = conv3x3(after, after)

    def forward(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k h w"]:
        """Features of the same size."""
        return conv_relu(self.second, conv_relu(self.first, features))


class DescriptorHead(nn.Module):
    """Descriptors from features of every 8 pixels; the same for the convolutional network and the Swin one.

    As it was published the head halves the grid by a convolution of 4x4 and doubles it again: of n cells
    2 (n // 2 - 1) are left, and cell m lies at pixel 8 m + 11.5. Otherwise it keeps the grid: n cells, and
    cell m lies at pixel 8 m + 3.5, the middle of its 8.
    """

    def __init__(self, channels: int, *, descriptor: int, is_published: bool) -> None:
        super().__init__()
        self.enter = conv3x3(channels, descriptor)
        if is_published:
            self.middle = nn.Conv2d(descriptor, descriptor, 4, stride=2)
        else:
            self.middle = conv3x3(descriptor, descriptor)
        self.leave = nn.Conv2d(descriptor, descriptor, 1)
        self.enlarge = nn.ConvTranspose2d(descriptor, descriptor, 2, stride=2) if is_published else None

    def forward(self, features: Float[Tensor, "b c h w"], slope: Tensor | None) -> Float[Tensor, "b k y x"]:
        """Descriptors; of length 1 but for the published head, which enlarges them after the division."""
        entered = conv_activated(self.enter, features, slope)
        left = self.leave(conv_activated(self.middle, entered, slope))
        unit = functional.normalize(left, dim=1)
        return unit if self.enlarge is None else self.enlarge(unit)


def conv3x3(before: int, after: int) -> nn.Conv2d:
    """A convolution that keeps the size."""
    return nn.Conv2d(before, after, 3, padding=1)


def conv_activated(
    conv: nn.Conv2d, features: Float[Tensor, "b c h w"], slope: Tensor | None
) -> Float[Tensor, "b k y x"]:
    """The convolution's result through a PReLU of this slope, or through ReLU where there is none."""
    return conv_relu(conv, features) if slope is None else activated(conv(features), slope)


def activated(features: Float[Tensor, "b c h w"], slope: Tensor | None) -> Float[Tensor, "b c h w"]:
    """The features through a PReLU of this slope, or through ReLU where there is none."""
    return features.relu() if slope is None else functional.prelu(features, slope.to(features.dtype))
