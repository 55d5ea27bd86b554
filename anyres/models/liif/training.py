"""How LIIF's weights are trained: the paper's recipe, and ours that fits two CPU cores.

Paper (section 4.1 of https://arxiv.org/abs/2012.09161 and the authors' configuration): 16 examples of 48 x
48 pixels and 2304 queries a step, L1 loss, Adam at 1e-4, halved at 200, 400, 600 and 800 of 1000 epochs of
1000 steps.
Ours: Adam at a higher rate with warm-up, half a cosine down, a clipped gradient, an average of the weights,
fewer queries.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import torch
from torch import Tensor, nn

from anyres.core.weights import read_header, read_weights
from anyres.models.liif.architecture import COMPACT, EDSR_BASELINE, RDN_A, RDN_B, Liif, LiifConfig
from anyres.models.liif.control import PairBatch, PixelShuffle, PixelShuffleConfig, sample_pairs
from anyres.models.liif.drawings import VERSION
from anyres.models.liif.patches import Batch, PatchSettings, load_pictures, sample_batch
from anyres.models.liif.raster import enlarge
from anyres.models.liif.validation import kept_for_validation, load_validation, score
from anyres.training.muon import Muon
from anyres.training.recipe import Recipe, Schedule

Example = TypeVar("Example", Batch, PairBatch)
Error = Literal["l1", "l2"]  # mean absolute or mean squared difference
Optimiser = Annotated[Literal["adam", "muon"], "Adam; or Muon, with which the shipped weights were finished."]
FirstEncoder = Annotated[str | None, "File of liif-compact weights whose encoder it begins with."]
Examples = Annotated[int, "Examples a step, where a GPU has room for more of them."]
Steps = Annotated[int | None, "Length of the schedule, steps; the recipe's own if not given."]


@dataclass(frozen=True)
class LiifSettings:
    """What decides the result beside the network's configuration."""

    patches: PatchSettings
    photographs: int  # how many, at all levels
    skipped: int  # too small for a patch
    optimiser: str = "adam"
    error: Error = "l1"
    drawings_version: int = VERSION
    encoder: str | None = None  # weights whose encoder the run began with


def compact(
    data: Path, *, steps: Steps = None, optimiser: Optimiser = "adam", examples: Examples = 16
) -> Recipe[Batch]:
    """`liif-compact`, the network that ships: 40 minutes to hours on two cores, by `steps`."""
    patches = PatchSettings(batch=examples, queries=1024)
    recipe = liif_recipe("liif-compact", COMPACT, _compact_schedule(steps, optimiser), patches, data=data)
    return _with_optimiser(recipe, optimiser)


def compact_finish(data: Path, *, steps: Steps = None, examples: Examples = 16) -> Recipe[Batch]:
    """A short last leg for `liif-compact`, for --warm-start: low rate, squared error, colours as they are."""
    patches = PatchSettings(batch=examples, queries=1024, permuted=0.0)
    schedule = _finish_schedule(steps)
    recipe = liif_recipe("liif-compact-finish", COMPACT, schedule, patches, data=data, error=FINISH_ERROR)
    return _with_optimiser(recipe, "muon")


def rdn(data: Path, *, steps: Steps = None, examples: Examples = 16) -> Recipe[Batch]:
    """`liif-rdn`: RDN's configuration A, by Muon; made for a GPU."""
    schedule = Schedule(20_000 if steps is None else steps, 5e-4, 5e-6, clip_norm=1.0)
    recipe = liif_recipe("liif-rdn", RDN_A, schedule, PatchSettings(batch=examples), data=data)
    return _with_optimiser(recipe, "muon")


def rdn_finish(data: Path, *, steps: Steps = None, examples: Examples = 16) -> Recipe[Batch]:
    """A short last leg for `liif-rdn`, for --warm-start: low rate, squared error, colours as they are."""
    patches = PatchSettings(batch=examples, permuted=0.0)
    schedule = _finish_schedule(steps)
    recipe = liif_recipe("liif-rdn-finish", RDN_A, schedule, patches, data=data, error=FINISH_ERROR)
    return _with_optimiser(recipe, "muon")


def paper_edsr(data: Path, *, steps: Steps = None) -> Recipe[Batch]:
    """The paper's recipe with the EDSR-baseline encoder: a million steps, meant for DIV2K and a GPU."""
    return liif_recipe("paper-edsr-baseline", EDSR_BASELINE, _paper_schedule(steps), PAPER_PATCHES, data=data)


def paper_rdn(data: Path, *, steps: Steps = None) -> Recipe[Batch]:
    """The paper's recipe with the RDN encoder (B): a million steps, meant for DIV2K and several GPUs."""
    return liif_recipe("paper-rdn", RDN_B, _paper_schedule(steps), PAPER_PATCHES, data=data)


def control(
    data: Path, *, steps: Steps = None, optimiser: Optimiser = "adam", encoder: FirstEncoder = None
) -> Recipe[PairBatch]:
    """The compact encoder with a pixel-shuffle decoder for x2 alone: what does any scale cost?"""
    schedule, patches = _compact_schedule(steps, optimiser), PatchSettings(scales=(2.0, 2.0))
    recipe = _control("pixel-shuffle-x2", schedule, patches, data=data, error="l1", encoder=encoder)
    return _with_optimiser(recipe, optimiser)


def control_finish(data: Path, *, steps: Steps = None) -> Recipe[PairBatch]:
    """The same last leg for the control, with --warm-start."""
    patches = PatchSettings(scales=(2.0, 2.0), permuted=0.0)
    schedule = _finish_schedule(steps)
    recipe = _control(
        "pixel-shuffle-x2-finish", schedule, patches, data=data, error=FINISH_ERROR, encoder=None
    )
    return _with_optimiser(recipe, "muon")


def _control(
    name: str, schedule: Schedule, patches: PatchSettings, *, data: Path, error: Error, encoder: str | None
) -> Recipe[PairBatch]:
    kept = kept_for_validation(data)
    pictures = load_pictures(data, patches, without=kept)
    validation = load_validation(data, kept)
    config = PixelShuffleConfig(COMPACT.encoder, scale=2)
    tensors = None if encoder is None else _encoder_of(Path(encoder))

    def build() -> PixelShuffle:
        network = PixelShuffle(config)
        if tensors is not None:
            network.encoder.load_state_dict(tensors)
        return network

    def validate(network: nn.Module) -> Mapping[str, float]:
        assert isinstance(network, PixelShuffle)
        return score(network.enlarge, validation, scales=(2,), device=device_of(network))

    counts = len(pictures.photographs), pictures.skipped
    return Recipe(
        name=name,
        model="liif",
        config=config,
        settings=LiifSettings(patches, *counts, error=error, encoder=encoder),
        schedule=schedule,
        build=build,
        sample=lambda generator: sample_pairs(pictures, patches, generator=generator),
        loss=lambda network, batch: _mean(network(batch.pixels) - batch.large, error),
        validate=validate,
        score="mean",
        record={"trained_scales": patches.scales},
        is_static=True,
    )


recipes: dict[str, Callable[..., Recipe[Any]]] = {
    "liif-compact": compact,
    "liif-compact-finish": compact_finish,
    "liif-rdn": rdn,
    "liif-rdn-finish": rdn_finish,
    "pixel-shuffle-x2": control,
    "pixel-shuffle-x2-finish": control_finish,
    "paper-edsr-baseline": paper_edsr,
    "paper-rdn": paper_rdn,
}
FINISH_ERROR: Error = "l2"  # of the last legs
PAPER_PATCHES = PatchSettings(permuted=0.0, drawn=0.0, levels=(1.0,))


def device_of(network: nn.Module) -> torch.device:
    """Where a network's weights lie."""
    return next(network.parameters()).device


def _encoder_of(path: Path) -> dict[str, Tensor]:
    """The encoder's tensors of a file of the compact network; raises WeightsError for another's."""
    tensors = read_weights(read_header(path), Liif(COMPACT).state_dict())
    start = "encoder."
    return {name.removeprefix(start): one for name, one in tensors.items() if name.startswith(start)}


def _mean(difference: Tensor, error: Error) -> Tensor:
    return difference.square().mean() if error == "l2" else difference.abs().mean()


def _finish_schedule(steps: int | None) -> Schedule:
    """A low rate that goes to nearly nothing."""
    return Schedule(4_000 if steps is None else steps, 1e-4, 1e-6, clip_norm=1.0)


def _compact_schedule(steps: int | None, optimiser: str) -> Schedule:
    """A high rate, warmed up and brought down by half a cosine."""
    rate = 5e-4 if optimiser == "muon" else 1e-3
    return Schedule(20_000 if steps is None else steps, rate, rate / 100, clip_norm=1.0)


def _with_optimiser(recipe: Recipe[Example], optimiser: str) -> Recipe[Example]:
    """The recipe with its optimiser by name, which its settings tell."""
    assert isinstance(recipe.settings, LiifSettings)
    settings = replace(recipe.settings, optimiser=optimiser)
    return replace(recipe, settings=settings, optimiser=Muon if optimiser == "muon" else None)


def _paper_schedule(steps: int | None) -> Schedule:
    """Adam at 1e-4, halved four times; neither warm-up nor average nor clipping."""
    return Schedule(
        1_000_000 if steps is None else steps,
        1e-4,
        0.0,
        halved_at=(0.2, 0.4, 0.6, 0.8),
        warmup_steps=0,
        average_decay=0.0,
    )


def liif_recipe(
    name: str,
    config: LiifConfig,
    schedule: Schedule,
    patches: PatchSettings,
    *,
    data: Path,
    error: Error = "l1",
) -> Recipe[Batch]:
    """A recipe on the pictures of a folder; raises InputError if it holds none large enough."""
    kept = kept_for_validation(data)
    pictures = load_pictures(data, patches, without=kept)
    validation = load_validation(data, kept)

    def loss(network: nn.Module, batch: Batch) -> Tensor:
        return _mean(network(batch.pixels, batch.queries) - batch.colours, error)

    def validate(network: nn.Module) -> Mapping[str, float]:
        assert isinstance(network, Liif)
        return score(partial(enlarge, network), validation, device=device_of(network))

    return Recipe(
        name=name,
        model="liif",
        config=config,
        settings=LiifSettings(patches, len(pictures.photographs), pictures.skipped, error=error),
        schedule=schedule,
        build=lambda: Liif(config),
        sample=lambda generator: sample_batch(pictures, patches, generator=generator),
        loss=loss,
        validate=validate,
        score="mean",
        record={"trained_scales": patches.scales, "paper": "https://arxiv.org/abs/2012.09161"},
        is_static=True,
    )
