"""How LIIF's weights are trained: the paper's recipe, and ours that fits two CPU cores.

Paper (section 4.1 of https://arxiv.org/abs/2012.09161 and the authors' configuration): 16 examples of 48 x 48 pixels and 2304
queries a step, L1 loss, Adam at 1e-4, halved at 200, 400, 600 and 800 of 1000 epochs of 1000 steps.
Ours: Adam at a higher rate with warm-up, half a cosine down, a clipped gradient, an average of the weights, fewer queries.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from anyres.core.errors import InputError
from anyres.core.files import read_rgb8
from anyres.evaluation.pixels import psnr_luma
from anyres.models.liif.architecture import EncoderConfig, Liif, LiifConfig
from anyres.models.liif.patches import Batch, PatchSettings, Picture, load_pictures, sample_batch, shrink
from anyres.models.liif.raster import enlarge
from anyres.training.recipe import Recipe, Schedule

VALIDATION = (  # kept from training; networks are chosen on them
    "Brown_Architecture",
    "canyon-wren",
    "high-trestle-trail",
    "samuel-zeller-337041",
    "taipei-city",
    "solaris-grapes",
)
VALIDATION_SIDE = 384  # pixels of the middle of each


@dataclass(frozen=True)
class LiifSettings:
    """What decides the result beside the network's configuration."""

    patches: PatchSettings
    pictures: int  # how many, at all levels
    skipped: int  # too small for a patch


def liif_recipe(name: str, config: LiifConfig, schedule: Schedule, patches: PatchSettings, *, data: Path) -> Recipe[Batch]:
    """A recipe on the pictures of a folder; raises InputError if it holds none large enough."""
    largest = round(patches.patch * patches.scales[1])
    pictures, skipped = load_pictures(data, without=VALIDATION, smallest=largest)
    validation = load_validation(data)

    def loss(network: nn.Module, batch: Batch) -> Tensor:
        difference: Tensor = network(batch.pixels, batch.queries) - batch.colours
        return difference.abs().mean()

    def validate(network: nn.Module) -> Mapping[str, float]:
        assert isinstance(network, Liif)
        return score(network, validation)

    return Recipe(
        name=name,
        model="liif",
        config=config,
        settings=LiifSettings(patches, len(pictures), skipped),
        schedule=schedule,
        build=lambda: Liif(config),
        sample=lambda generator: sample_batch(pictures, patches, generator=generator),
        loss=loss,
        validate=validate,
        score="mean",
        record={"trained_scales": patches.scales, "paper": "https://arxiv.org/abs/2012.09161"},
    )


def load_validation(data: Path) -> list[Picture]:
    """The middles of the validation photographs of a folder."""
    pictures = []
    for path in sorted(data.glob("*")):
        if path.stem in VALIDATION:
            whole = read_rgb8(path)
            top, left = ((side - VALIDATION_SIDE) // 2 for side in whole.shape[:2])
            pictures.append(whole[top : top + VALIDATION_SIDE, left : left + VALIDATION_SIDE])
    if not pictures:
        raise InputError(f"None of the validation photographs is in {data}: {', '.join(VALIDATION)}.")
    return pictures


def score(network: Liif, pictures: list[Picture], scales: tuple[int, ...] = (2, 3, 4)) -> dict[str, float]:
    """Mean PSNR of luma at each factor, and their mean."""
    figures = {}
    for scale in scales:
        values = []
        for picture in pictures:
            truth = picture.astype(np.float32) / 255
            small = shrink(picture, (picture.shape[0] // scale, picture.shape[1] // scale))
            pixels = torch.from_numpy(small.astype(np.float32) / 255)
            made = enlarge(network, pixels, (truth.shape[0], truth.shape[1])).clamp(0, 1).numpy()
            values.append(psnr_luma(made, truth, shave=scale))
        figures[f"x{scale}"] = float(np.mean(values))
    return figures | {"mean": float(np.mean(list(figures.values())))}
