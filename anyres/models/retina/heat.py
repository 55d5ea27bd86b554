"""Heat maps of keypoints: what a network should say for known places, and the places that it says.

SuperRetina, ECCV 2022, https://arxiv.org/abs/2207.07932, spreads a label over 13 x 13 pixels and takes local
maxima. Departs from it: a label between pixels is spread to where it lies, not to the pixel before; of equal
maxima the first in reading order is taken, not a random one; a maximum is placed by a parabola through its
neighbours, to a part of a pixel.
Axes: b maps, h w rows and columns, k keypoints. A keypoint is y, x in pixels, 0 in the middle of the first.
"""

from typing import Final

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional

SPREAD: Final = 13  # rows and columns that a label is spread over
_DEVIATIONS: Final = 2.0  # of the normal distribution, from the middle of the kernel to its last pixel


def label_kernel(side: int = SPREAD) -> Float[Tensor, "s s"]:
    """Root of the product of a binned normal with itself, from 0 in the corners to 1 in the middle."""
    bin_width = (2 * _DEVIATIONS + 1) / side
    edges = torch.linspace(
        -_DEVIATIONS - bin_width / 2, _DEVIATIONS + bin_width / 2, side + 1, dtype=torch.float64
    )
    share = torch.special.ndtr(edges).diff()
    kernel = torch.outer(share, share).sqrt()
    return ((kernel - kernel.min()) / (kernel.max() - kernel.min())).float()


def heat_target(places: Float[Tensor, "b 1 h w"], *, side: int = SPREAD) -> Float[Tensor, "b 1 h w"]:
    """What a detector should say: each label spread by `label_kernel`, 1 at most."""
    kernel = label_kernel(side).to(places)
    return functional.conv2d(places, kernel[None, None], padding=side // 2).clamp(max=1)


def splat(keypoints_yx: Float[Tensor, "k 2"], size_hw: tuple[int, int]) -> Float[Tensor, "h w"]:
    """A map with a label at each place, shared out to the four pixels around it; places outside are left."""
    height, width = size_hw
    places = torch.zeros(height * width)
    first = keypoints_yx.floor()
    beyond = keypoints_yx - first
    for down in (0, 1):
        for right in (0, 1):
            y, x = (first + torch.tensor((down, right))).long().unbind(1)
            weight = (beyond[:, 0] if down else 1 - beyond[:, 0]) * (
                beyond[:, 1] if right else 1 - beyond[:, 1]
            )
            inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
            places.index_add_(0, (y * width + x)[inside], weight[inside].float())
    return places.view(height, width)


def find_maxima(
    heat: Float[Tensor, "h w"],
    *,
    radius: int,
    above: float,
    border: int = 0,
    most: int | None = None,
) -> Int64[Tensor, "k 2"]:
    """Pixels that no pixel within `radius` rows and columns exceeds, best first.

    Args:
        heat: a map.
        radius: of the square in which one maximum is taken; of equal ones the first in reading order.
        above: least value.
        border: rows and columns at the edges that are left out.
        most: count of the best that are kept; all if not given.
    """
    highest = _pooled(heat, radius)
    candidate = (heat == highest) & (heat > above)
    order = torch.arange(heat.numel(), 0, -1, device=heat.device, dtype=torch.float32).view_as(heat)
    rank = torch.where(candidate, order, torch.zeros_like(order))  # exact in float32 up to 4096 x 4096
    chosen = candidate & (rank == _pooled(rank, radius)) & _inner(heat, border)
    found = chosen.nonzero()
    values = heat[found[:, 0], found[:, 1]]
    return found[values.argsort(descending=True, stable=True)][:most]


def refine(heat: Float[Tensor, "h w"], maxima_yx: Int64[Tensor, "k 2"]) -> Float[Tensor, "k 2"]:
    """Places of maxima to a part of a pixel: the top of a parabola through three pixels, along each axis."""
    height, width = heat.shape
    y, x = maxima_yx[:, 0], maxima_yx[:, 1]
    shift = []
    for before, after in (
        (heat[(y - 1).clamp(min=0), x], heat[(y + 1).clamp(max=height - 1), x]),
        (heat[y, (x - 1).clamp(min=0)], heat[y, (x + 1).clamp(max=width - 1)]),
    ):
        bend = 2 * heat[y, x] - before - after
        shift.append(torch.where(bend > 1e-9, 0.5 * (after - before) / bend, torch.zeros_like(bend)))
    return maxima_yx + torch.stack(shift, 1).clamp(-0.5, 0.5)


def _pooled(heat: Float[Tensor, "h w"], radius: int) -> Float[Tensor, "h w"]:
    return functional.max_pool2d(heat[None, None], 2 * radius + 1, stride=1, padding=radius)[0, 0]


def _inner(heat: Float[Tensor, "h w"], border: int) -> Bool[Tensor, "h w"]:
    height, width = heat.shape
    inner = torch.zeros(height, width, dtype=torch.bool, device=heat.device)
    inner[border : max(border, height - border), border : max(border, width - border)] = True
    return inner
