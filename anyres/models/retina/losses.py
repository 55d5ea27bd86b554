"""What a retina network is taught by: Dice for heat maps, triplets for descriptors, and both across models.

SuperRetina, ECCV 2022, https://arxiv.org/abs/2207.07932; across models: Nasser, Gupte and Sethi, WACV 2024,
https://arxiv.org/abs/2307.10698. All in float32.
Axes: b maps, k keypoints, c numbers of a descriptor of length 1.
"""

from typing import Final

import torch
from jaxtyping import Float, Int64
from torch import Tensor

SMOOTHING: Final = 1e-3  # of Dice, so that two empty maps are equal
MARGIN: Final = 0.8  # by which a positive must be nearer than a negative, in 1 - cosine


def dice(one: Float[Tensor, "..."], other: Float[Tensor, "..."]) -> Float[Tensor, ""]:
    """1 minus the overlap of two maps, over the whole batch: 0 for equal ones, 1 for maps without overlap."""
    one, other = one.float().flatten(), other.float().flatten()
    common = 2 * one @ other + SMOOTHING
    return 1 - common / (one @ one + other @ other + SMOOTHING)


def triplet(
    anchors: Float[Tensor, "k c"],
    positives: Float[Tensor, "k c"],
    random_indices: Int64[Tensor, " k"],
) -> Float[Tensor, ""]:
    """How much nearer each anchor should be to its positive than to the others' positives.

    Negatives of an anchor are the nearest of the others, and one at random. The squares of their cosines are
    added, which spreads unlike descriptors over the sphere.

    Args:
        anchors: descriptors of places.
        positives: of the same places in another view, or by another network.
        random_indices: whole numbers; where one is the anchor's own, the next is taken.

    Returns:
        The mean; 0 for fewer than two places, which have no negatives.
    """
    count = len(anchors)
    if count < 2:
        return (anchors.sum() + positives.sum()) * 0.0
    anchors, positives = anchors.float(), positives.float()
    own = torch.arange(count, device=anchors.device)
    cosines = anchors @ positives.T
    hardest = cosines.detach().masked_fill(own[:, None] == own, -torch.inf).argmax(1)
    random = torch.where(random_indices == own, (own + 1) % count, random_indices)
    near, hard, far = cosines[own, own], cosines[own, hardest], cosines[own, random]
    gap = (1 - near) - 0.5 * ((1 - hard) + (1 - far))
    return (MARGIN + gap).clamp(min=0).mean() + hard.square().mean() + far.square().mean()
