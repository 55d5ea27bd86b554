"""How LIIF's weights are trained: the paper's recipe, and ours that fits two CPU cores.

Paper (section 4.1 of https://arxiv.org/abs/2012.09161 and the authors' configuration): 16 examples of 48 x
48 pixels and 2304 queries a step, L1 loss, Adam at 1e-4, halved at 200, 400, 600 and 800 of 1000 epochs of
1000 steps.
Ours: Adam at a higher rate with warm-up, half a cosine down, a clipped gradient, an average of the weights,
fewer queries.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor, nn

from anyres.core.errors import InputError
from anyres.core.files import read_rgb8
from anyres.evaluation.pixels import psnr_luma
from anyres.models.liif.architecture import COMPACT, EDSR_BASELINE, RDN_A, RDN_B, Liif, LiifConfig
from anyres.models.liif.control import PairBatch, PixelShuffle, PixelShuffleConfig, sample_pairs
from anyres.models.liif.drawings import VERSION
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
    photographs: int  # how many, at all levels
    skipped: int  # too small for a patch
    drawings_version: int = VERSION


def compact(data: Path, *, steps: int | None = None) -> Recipe[Batch]:
    """`liif-compact`, the network that ships: 40 minutes to hours on two cores, by `steps`."""
    schedule = Schedule(steps or 20_000, 1e-3, 1e-5, clip_norm=1.0)
    return liif_recipe("liif-compact", COMPACT, schedule, PatchSettings(queries=1024), data=data)


def rdn(data: Path, *, steps: int | None = None) -> Recipe[Batch]:
    """`liif-rdn`: RDN's configuration A on a GPU, or as far as a CPU goes."""
    schedule = Schedule(steps or 100_000, 2e-4, 2e-6, clip_norm=1.0)
    return liif_recipe("liif-rdn", RDN_A, schedule, PatchSettings(), data=data)


def paper_edsr(data: Path, *, steps: int | None = None) -> Recipe[Batch]:
    """The paper's recipe with the EDSR-baseline encoder: a million steps, meant for DIV2K and a GPU."""
    return liif_recipe("paper-edsr-baseline", EDSR_BASELINE, _paper_schedule(steps), PAPER_PATCHES, data=data)


def paper_rdn(data: Path, *, steps: int | None = None) -> Recipe[Batch]:
    """The paper's recipe with the RDN encoder (B): a million steps, meant for DIV2K and several GPUs."""
    return liif_recipe("paper-rdn", RDN_B, _paper_schedule(steps), PAPER_PATCHES, data=data)


def control(data: Path, *, steps: int | None = None) -> Recipe[PairBatch]:
    """The compact encoder with a pixel-shuffle decoder for x2 alone: what does any scale cost?"""
    recipe = compact(data, steps=steps)
    patches = PatchSettings(scales=(2.0, 2.0))
    pictures = load_pictures(data, patches, without=VALIDATION)
    validation = load_validation(data)
    config = PixelShuffleConfig(COMPACT.encoder, scale=2)

    def validate(network: nn.Module) -> Mapping[str, float]:
        assert isinstance(network, PixelShuffle)
        return score(network.enlarge, validation, scales=(2,))

    return Recipe(
        name="pixel-shuffle-x2",
        model="liif",
        config=config,
        settings=LiifSettings(patches, len(pictures.photographs), pictures.skipped),
        schedule=recipe.schedule,
        build=lambda: PixelShuffle(config),
        sample=lambda generator: sample_pairs(pictures, patches, generator=generator),
        loss=lambda network, batch: (network(batch.pixels) - batch.large).abs().mean(),
        validate=validate,
        score="mean",
        record={"trained_scales": patches.scales},
    )


recipes = {
    "liif-compact": compact,
    "liif-rdn": rdn,
    "pixel-shuffle-x2": control,
    "paper-edsr-baseline": paper_edsr,
    "paper-rdn": paper_rdn,
}
PAPER_PATCHES = PatchSettings(permuted=0.0, drawn=0.0, levels=(1.0,))


def _paper_schedule(steps: int | None) -> Schedule:
    """Adam at 1e-4, halved four times; neither warm-up nor average nor clipping."""
    return Schedule(
        steps or 1_000_000, 1e-4, 0.0, halved_at=(0.2, 0.4, 0.6, 0.8), warmup_steps=0, average_decay=0.0
    )


def liif_recipe(
    name: str, config: LiifConfig, schedule: Schedule, patches: PatchSettings, *, data: Path
) -> Recipe[Batch]:
    """A recipe on the pictures of a folder; raises InputError if it holds none large enough."""
    pictures = load_pictures(data, patches, without=VALIDATION)
    validation = load_validation(data)

    def loss(network: nn.Module, batch: Batch) -> Tensor:
        difference: Tensor = network(batch.pixels, batch.queries) - batch.colours
        return difference.abs().mean()

    def validate(network: nn.Module) -> Mapping[str, float]:
        assert isinstance(network, Liif)
        return score(partial(enlarge, network), validation)

    return Recipe(
        name=name,
        model="liif",
        config=config,
        settings=LiifSettings(patches, len(pictures.photographs), pictures.skipped),
        schedule=schedule,
        build=lambda: Liif(config),
        sample=lambda generator: sample_batch(pictures, patches, generator=generator),
        loss=loss,
        validate=validate,
        score="mean",
        record={"trained_scales": patches.scales, "paper": "https://arxiv.org/abs/2012.09161"},
    )


def load_validation(data: Path) -> list[Picture]:
    """The middles of the validation photographs of a folder; InputError if it has none of them."""
    pictures = []
    for path in sorted(data.glob("*")):
        if path.stem in VALIDATION:
            whole = read_rgb8(path)
            top, left = ((side - VALIDATION_SIDE) // 2 for side in whole.shape[:2])
            pictures.append(whole[top : top + VALIDATION_SIDE, left : left + VALIDATION_SIDE])
    if not pictures:
        raise InputError(f"None of the validation photographs is in {data}: {', '.join(VALIDATION)}.")
    return pictures


def score(
    enlarged: Callable[[Float32[Tensor, "h w 3"], tuple[int, int]], Float32[Tensor, "y x 3"]],
    pictures: Sequence[Picture],
    *,
    scales: Sequence[int] = (2, 3, 4),
) -> dict[str, float]:
    """Mean PSNR of luma in dB at each factor, and their mean, of a way to enlarge pictures."""
    figures = {}
    for scale in scales:
        values = []
        for picture in pictures:
            truth = picture.astype(np.float32) / 255
            small = shrink(picture, (picture.shape[0] // scale, picture.shape[1] // scale))
            pixels = torch.from_numpy(small.astype(np.float32) / 255)
            made = enlarged(pixels, (truth.shape[0], truth.shape[1])).clamp(0, 1).numpy()
            values.append(psnr_luma(made, truth, shave=scale))
        figures[f"x{scale}"] = float(np.mean(values))
    return figures | {"mean": float(np.mean(list(figures.values())))}
