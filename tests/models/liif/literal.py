"""LIIF's algorithm step by step, as sections 3 and 4.1 of https://arxiv.org/abs/2012.09161 describe it.

Slow on purpose: coordinates in [-1, 1], an unfolded feature map made for each chunk of queries, every query
four times through the perceptron. It takes the weights of our network and shares none of its code; the
dtype is that of the pixels.
"""

import torch
from torch import Tensor
from torch.nn import functional

from anyres.models.liif.architecture import Liif

TIE = 1e-6  # the published shift that sends ties up


def literal_enlarge(network: Liif, pixels: Tensor, size_hw: tuple[int, int], *, chunk: int = 30000) -> Tensor:
    """Colours (h w 3) of the enlarged picture, from pixels (1 3 h w), in [0, 1] but for overshoot."""
    features: Tensor = network.encoder((pixels - 0.5) / 0.5)
    coordinates = centres(size_hw, pixels).view(-1, 2)
    parts = [
        query(network, features, pixels, coordinates[start : start + chunk], size_hw)
        for start in range(0, len(coordinates), chunk)
    ]
    return (torch.cat(parts) * 0.5 + 0.5).view(*size_hw, 3)


def query(
    network: Liif, features: Tensor, pixels: Tensor, coordinates: Tensor, size_hw: tuple[int, int]
) -> Tensor:
    """Colours in [-1, 1] at coordinates (q 2), (y, x) in [-1, 1]."""
    height, width = features.shape[2:]
    unfolded = functional.unfold(features, 3, padding=1).view(1, -1, height, width)
    grid = centres((height, width), pixels).permute(2, 0, 1)[None]
    extent = torch.tensor([height, width], dtype=pixels.dtype)
    cell = (torch.tensor([2 / size_hw[0], 2 / size_hw[1]], dtype=pixels.dtype) * extent).expand(
        len(coordinates), 2
    )
    colours, areas = [], []
    for down in (-1, 1):
        for right in (-1, 1):
            shift = torch.tensor([down / height, right / width], dtype=pixels.dtype)
            shifted = (coordinates + shift + TIE).clamp(-1 + TIE, 1 - TIE)
            offset = (coordinates - nearest(grid, shifted)) * extent
            inputs = torch.cat((nearest(unfolded, shifted), offset, cell), dim=-1)
            colour = perceptron(network, inputs)
            if network.config.skip == "bilinear":
                colour = colour + nearest((pixels - 0.5) / 0.5, shifted)
            colours.append(colour)
            areas.append((offset[:, 0] * offset[:, 1]).abs() + 1e-9)
    total = torch.stack(areas).sum(0)
    weights = [area / total for area in reversed(areas)]  # the area of the opposite corner
    blended = [colour * weight[:, None] for colour, weight in zip(colours, weights, strict=True)]
    return torch.stack(blended).sum(0)


def centres(size_hw: tuple[int, int], like: Tensor) -> Tensor:
    """Pixel centres (h w 2) of a grid over [-1, 1], (y, x)."""
    axes = [-1 + (2 * torch.arange(n, dtype=like.dtype) + 1) / n for n in size_hw]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)


def nearest(grid: Tensor, coordinates: Tensor) -> Tensor:
    """Values (q c) of the cells of a grid (1 c h w) that hold the coordinates."""
    sampled = functional.grid_sample(
        grid, coordinates.flip(-1)[None, None], mode="nearest", align_corners=False
    )
    return sampled[0, :, 0].T


def perceptron(network: Liif, inputs: Tensor) -> Tensor:
    """The decoder's layers as they are written down: linear, ReLU, ..., linear."""
    *hidden, last = network.decoder.linears
    for layer in hidden:
        inputs = functional.linear(inputs, layer.weight, layer.bias).relu()
    return functional.linear(inputs, last.weight, last.bias)
