"""Progressive keypoint expansion: labels that nobody gave, learned from what a network finds again.

SuperRetina, ECCV 2022, https://arxiv.org/abs/2207.07932. A place that the network sees in a photograph and in
another view of it, and whose descriptor finds itself among all, is remembered; what is remembered often
enough becomes a label.
Departs from it: the limit of places goes by score, not by reading order, and heat between pixels is read
there. The memory is one map of whole numbers for each photograph, and what the batch shows is a window of it.
Axes: h w the window, k places, as y, x in pixels of the window.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor

from anyres.models.retina.heat import find_maxima


@dataclass(frozen=True)
class Expansion:
    """Which places are remembered, and when they count as labels; the published numbers."""

    radius: int = 10  # of the square with one candidate
    above: float = 0.1  # least heat of a candidate
    border: int = 8  # pixels at the edges without candidates
    most: int = 1024  # candidates of a picture
    least_again: float = 0.5  # heat in the other view
    ratio: float = 0.7  # largest, of the distances to its own and to the nearest other descriptor
    gain: int = 5  # in memory of a place that was found
    area: int = 8  # of the window in which a place is known already
    learned_above: int = 5  # least memory of a label


def found_again(
    heat_again: Float[Tensor, " k"],
    here: Float[Tensor, "k c"],
    there: Float[Tensor, "k c"],
    settings: Expansion,
) -> Bool[Tensor, " k"]:
    """Which candidates are seen in the other view, and are nearest to themselves by far among those that are.

    Args:
        heat_again: heat at each place in the other view; below zero outside it.
        here: descriptors of length 1.
        there: of the same places in the other view.
        settings: limits.
    """
    kept = heat_again >= settings.least_again
    rows = kept.nonzero()[:, 0]
    if len(rows) < 2:
        return torch.zeros_like(kept)
    distance = torch.cdist(here[rows].float(), there[rows].float())
    nearest, which = distance.topk(2, dim=1, largest=False)
    is_own = which[:, 0] == torch.arange(len(rows), device=rows.device)
    chosen = torch.zeros_like(kept)
    chosen[rows] = is_own & (nearest[:, 0] < settings.ratio * nearest[:, 1])
    return chosen


def remember(memory: UInt8[Tensor, "h w"], places_yx: Int64[Tensor, "k 2"], settings: Expansion) -> None:
    """Put places into the memory, in place; all else in it fades by one.

    A place that is new, or exactly known, gains `gain`; near a known one, that one gains 1.
    """
    before = memory.clone()
    half = settings.area // 4
    height, width = memory.shape
    changed = torch.zeros_like(memory, dtype=torch.bool)
    for y, x in places_yx.tolist():
        rows = slice(max(0, y - half), min(height, y + half))
        columns = slice(max(0, x - half), min(width, x + half))
        known = memory[rows, columns] > 0
        if memory[y, x] > 0 or not known.any():
            memory[y, x] = min(255, int(memory[y, x]) + settings.gain)
            changed[y, x] = True
        else:
            window = memory[rows, columns]
            window[known] = (window[known].int() + 1).clamp(max=255).to(torch.uint8)
            changed[rows, columns] |= known
    memory[(before > 0) & ~changed] -= 1


def expanded(
    labels: Float[Tensor, "h w"], memory: UInt8[Tensor, "h w"], settings: Expansion
) -> Float[Tensor, "h w"]:
    """Given labels, and learned ones where no given one is near.

    Args:
        labels: a map of given labels, as of `heat.splat`.
        memory: of the same window.
        settings: limits.

    Returns:
        A map of labels; learned ones at whole pixels.
    """
    learned = find_maxima(memory.float(), radius=2 * settings.area, above=settings.learned_above - 0.5)
    given = torch.nn.functional.max_pool2d(
        labels[None, None], 2 * settings.radius + 1, stride=1, padding=settings.radius
    )[0, 0]
    new = learned[given[learned[:, 0], learned[:, 1]] == 0]
    merged = labels.clone()
    merged[new[:, 0], new[:, 1]] = 1.0
    return merged
