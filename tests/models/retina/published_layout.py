"""SuperRetina's network under its authors' names, written from the paper's table, without our package.

Layers are named as its published checkpoints name them. Axes: b c h w.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


def double(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.Conv2d(after, after, 3, padding=1), nn.ReLU()
    )


class PublishedRetina(nn.Module):
    def __init__(self, widths: tuple[int, int, int, int] = (64, 64, 128, 128), descriptor: int = 256) -> None:
        super().__init__()
        one, two, three, four = widths
        for number, (before, after) in enumerate(((1, one), (one, two), (two, three), (three, four)), 1):
            setattr(self, f"conv{number}a", nn.Conv2d(before, after, 3, padding=1))
            setattr(self, f"conv{number}b", nn.Conv2d(after, after, 3, padding=1))
        self.dconv_up3 = double(four + three, three)
        self.dconv_up2 = double(three + two, two)
        self.dconv_up1 = double(two + one, one)
        self.conv_last = nn.Conv2d(one, 1, 1)
        self.convDa = nn.Conv2d(four, descriptor, 3, padding=1)
        self.convDb = nn.Conv2d(descriptor, descriptor, 4, stride=2)
        self.convDc = nn.Conv2d(descriptor, descriptor, 1)
        self.trans_conv = nn.ConvTranspose2d(descriptor, descriptor, 2, stride=2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        kept = []
        for number in (1, 2, 3, 4):
            x = self.get_submodule(f"conv{number}a")(x).relu()
            x = self.get_submodule(f"conv{number}b")(x).relu()
            kept.append(x)
            x = functional.max_pool2d(x, 2)
        up = kept[3]
        for number in (3, 2, 1):
            up = functional.interpolate(up, scale_factor=2, mode="bilinear", align_corners=True)
            up = self.get_submodule(f"dconv_up{number}")(torch.cat((up, kept[number - 1]), 1))
        left = self.convDc(self.convDb(self.convDa(kept[3]).relu()).relu())
        descriptors = self.trans_conv(left / left.square().sum(1, keepdim=True).sqrt())
        return self.conv_last(up).sigmoid(), descriptors


def small_published(seed: int = 0) -> PublishedRetina:
    """One of few weights, each stage of a width of its own, whose maps vary as a trained one's do."""
    generator = torch.Generator().manual_seed(seed)
    network = PublishedRetina((3, 4, 5, 6), 7).requires_grad_(False)
    for parameter in network.parameters():
        fan = parameter[0].numel() if parameter.ndim > 1 else 30
        parameter.uniform_(-2.5, 2.5, generator=generator).div_(fan**0.5)
    return network


def wrapped(network: PublishedRetina) -> dict[str, Any]:
    """What the authors' training saves: the network, the optimizer with its moments, the epoch."""
    moments = {0: {"step": 7, "exp_avg": torch.zeros(3, 1, 3, 3), "exp_avg_sq": torch.zeros(3, 1, 3, 3)}}
    groups = [{"lr": 1e-4, "betas": (0.9, 0.999), "eps": 1e-8, "params": [0]}]
    return {
        "net": {name: tensor.clone() for name, tensor in network.state_dict().items()},
        "optimizer": {"state": moments, "param_groups": groups},
        "epoch": 149,
    }


def sample_published(descriptors: Tensor, keypoints_xy: Tensor) -> Tensor:
    """As the paper's program reads a map (c h w): a keypoint (x, y) at x / (8 w - 1) (w - 1), by hand."""
    channels, height, width = descriptors.shape
    made = torch.zeros(len(keypoints_xy), channels, dtype=descriptors.dtype)
    for number, (x, y) in enumerate(keypoints_xy.tolist()):
        column, row = x * (width - 1) / (8 * width - 1), y * (height - 1) / (8 * height - 1)
        for i in (int(row // 1), int(row // 1) + 1):
            for j in (int(column // 1), int(column // 1) + 1):
                if 0 <= i < height and 0 <= j < width:
                    made[number] += (1 - abs(row - i)) * (1 - abs(column - j)) * descriptors[:, i, j]
    return functional.normalize(made, dim=1)
