"""What one step of training asks of a retina network: the losses of its two views, and of its teacher.

SuperRetina, ECCV 2022, https://arxiv.org/abs/2207.07932: Dice to the labels, expanded by what was learned;
Dice to its own heat in the other view; triplets of descriptors of the same place in both. Reverse knowledge
distillation, WACV 2024, https://arxiv.org/abs/2307.10698: Dice to the teacher's heat, and triplets whose
anchor is the teacher's descriptor and whose others are the student's. All have weight 1.
Departs from them: heat outside what both views show is compared with nothing; of a picture's places at most
`most` are described, by their score; labels of the second view may count too (`is_both`).
Axes: b pictures, s rows and columns, k places, c numbers of a descriptor.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional

from anyres.models.retina.architecture import RetinaMaps, sample_descriptors
from anyres.models.retina.expansion import Expansion, expanded, found_again, remember
from anyres.models.retina.eye_views import ViewBatch
from anyres.models.retina.heat import find_maxima, heat_target
from anyres.models.retina.losses import dice, triplet

MEMORY: Final = "expansion"  # name of the memory of learned labels
_LABEL: Final = 10.0  # heat of a labelled pixel, when places are chosen to be described
_LABELLED: Final = 0.25  # least share of a label in a pixel


@dataclass(frozen=True)
class TeachingSettings:
    """What is learned from a batch, and how."""

    expansion: Expansion | None = field(default_factory=Expansion)  # None: given labels are all
    is_both: bool = False  # labels of the second view count too
    radius: int = 8  # of the square in which one place is described
    above: float = 0.1  # least heat of such a place
    most: int = 160  # places of a picture
    heat_map_term: bool = True  # of a teacher
    descriptor_term: bool = True  # of a teacher


def losses(
    network: nn.Module,
    batch: ViewBatch,
    settings: TeachingSettings,
    *,
    memory: Mapping[str, Tensor],
    teacher: nn.Module | None = None,
) -> dict[str, Float[Tensor, ""]]:
    """The terms of the loss by name; their sum is learned by.

    Args:
        network: gives `RetinaMaps`; called once, with both views.
        batch: of views.
        settings: which terms.
        memory: of learned labels, changed in place; see `expansion`.
        teacher: a frozen network; without one there is nothing to distil.
    """
    first, second = _halves(network(torch.cat((batch.first, batch.second))))
    again = _at(second.heat_map.detach().float(), batch.there)[..., None].permute(0, 3, 1, 2) * batch.seen
    places = _places(batch, first, second, again, settings, memory)
    target = heat_target(places) * batch.field
    terms = {
        "labels": _labelled(first, target, batch),
        "consistency": _consistent(first.heat_map * batch.seen, again, batch),
        "descriptors": _described(first, second, batch, settings),
    }
    if settings.is_both:
        terms["second_labels"] = _labelled(
            second, heat_target(batch.second_places) * batch.second_field, batch
        )
    if teacher is not None:
        with torch.no_grad():
            taught: RetinaMaps = teacher(batch.first)
        if settings.heat_map_term:
            terms["teacher_heat"] = dice(first.heat_map, taught.heat_map)
        if settings.descriptor_term:
            terms["teacher_descriptors"] = _taught(taught, first, batch, settings)
    return terms


def _halves(maps: RetinaMaps) -> tuple[RetinaMaps, RetinaMaps]:
    heat, descriptors = maps.heat_map.chunk(2), maps.descriptors.chunk(2)
    return tuple(  # type: ignore[return-value]
        RetinaMaps(heat[half], descriptors[half], maps.paper_exact) for half in (0, 1)
    )


def _consistent(
    heat: Float[Tensor, "b 1 s s"], again: Float[Tensor, "b 1 s s"], batch: ViewBatch
) -> Float[Tensor, ""]:
    """Dice to the other view of pictures with labels; without, no heat at all would be consistent too."""
    if not batch.labelled.any():
        return heat.sum() * 0.0
    return dice(heat[batch.labelled], again[batch.labelled])


def _labelled(maps: RetinaMaps, target: Float[Tensor, "b 1 s s"], batch: ViewBatch) -> Float[Tensor, ""]:
    """Dice of the pictures that have labels; 0 if none has."""
    if not batch.labelled.any():
        return maps.heat_map.sum() * 0.0
    return dice(maps.heat_map[batch.labelled], target[batch.labelled])


def _places(
    batch: ViewBatch,
    first: RetinaMaps,
    second: RetinaMaps,
    again: Float[Tensor, "b 1 s s"],
    settings: TeachingSettings,
    memory: Mapping[str, Tensor],
) -> Float[Tensor, "b 1 s s"]:
    """Labels that the network is held to: those given, and those learned."""
    if settings.expansion is None or MEMORY not in memory:
        return batch.places
    side = batch.places.shape[-1]
    merged = batch.places.clone()
    for row in batch.labelled.nonzero()[:, 0].tolist():
        limits = settings.expansion
        heat = first.heat_map[row, 0].detach().float()
        found = find_maxima(
            heat * batch.seen[row, 0],
            radius=limits.radius,
            above=limits.above,
            border=limits.border,
            most=limits.most,
        )
        here, there = _pairs(first, second, batch, row, found)
        heat_again = again[row, 0, found[:, 0], found[:, 1]]
        kept = found_again(heat_again, here.detach(), there.detach(), limits)
        y, x = batch.corner_yx[row].tolist()
        window = memory[MEMORY][int(batch.photograph[row]), y : y + side, x : x + side]
        remember(window, found[kept].cpu(), limits)
        merged[row, 0] = expanded(batch.places[row, 0], window.to(heat.device), limits)
    return merged


def _described(
    first: RetinaMaps, second: RetinaMaps, batch: ViewBatch, settings: TeachingSettings
) -> Float[Tensor, ""]:
    found = []
    for row in range(len(batch.first)):
        places = _chosen(first.heat_map[row, 0], batch.places[row, 0], settings)
        places = places[batch.seen[row, 0, places[:, 0], places[:, 1]]]
        here, there = _pairs(first, second, batch, row, places)
        found.append(triplet(here, there, _random(batch, row, len(places))))
    return torch.stack(found).mean()


def _taught(
    teacher: RetinaMaps, student: RetinaMaps, batch: ViewBatch, settings: TeachingSettings
) -> Float[Tensor, ""]:
    found = []
    for row in range(len(batch.first)):
        places = _chosen(teacher.heat_map[row, 0], batch.places[row, 0], settings)
        anchors, others = (_sampled(maps, row, places.float()) for maps in (teacher, student))
        found.append(triplet(anchors, others, _random(batch, row, len(places))))
    return torch.stack(found).mean()


def _chosen(
    heat: Float[Tensor, "s s"], labels: Float[Tensor, "s s"], settings: TeachingSettings
) -> Int64[Tensor, "k 2"]:
    """Places to be described: labels first, then where the heat is highest."""
    known = torch.where(labels > _LABELLED, _LABEL + labels, heat.detach().float())
    return find_maxima(known, radius=settings.radius, above=settings.above, border=8, most=settings.most)


def _pairs(
    first: RetinaMaps, second: RetinaMaps, batch: ViewBatch, row: int, places: Int64[Tensor, "k 2"]
) -> tuple[Float[Tensor, "k c"], Float[Tensor, "k c"]]:
    """Descriptors of places of the first view, and of where the second shows them."""
    side = batch.first.shape[-1]
    there = batch.there[row, places[:, 0], places[:, 1]]
    in_pixels = ((there + 1) * side - 1) / 2
    return _sampled(first, row, places.float()), _sampled(second, row, in_pixels.flip(-1))


def _sampled(maps: RetinaMaps, row: int, places_yx: Float[Tensor, "k 2"]) -> Float[Tensor, "k c"]:
    one = RetinaMaps(maps.heat_map[row : row + 1], maps.descriptors[row : row + 1], maps.paper_exact)
    return sample_descriptors(one, places_yx[None])[0]


def _random(batch: ViewBatch, row: int, count: int) -> Int64[Tensor, " k"]:
    return (batch.draws[row, :count] * count).long()


def _at(heat: Float[Tensor, "b 1 s s"], there: Float[Tensor, "b s s 2"]) -> Float[Tensor, "b s s"]:
    return functional.grid_sample(heat, there, mode="bilinear", padding_mode="zeros", align_corners=False)[
        :, 0
    ]
