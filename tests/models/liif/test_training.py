import json
import math
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from torch import Tensor, nn

from anyres.core.errors import InputError, WeightsError
from anyres.core.image import Image
from anyres.core.weights import write_weights
from anyres.models.liif import training
from anyres.models.liif.architecture import COMPACT, EDSR_BASELINE, RDN_A, RDN_B, Liif, LiifConfig, Queries
from anyres.models.liif.control import PairBatch, PixelShuffle
from anyres.models.liif.inference import Upscaler
from anyres.models.liif.patches import Batch, PatchSettings
from anyres.models.liif.training import liif_recipe, recipes
from anyres.training.loop import Machine, train
from anyres.training.muon import Muon
from anyres.training.recipe import Recipe, Schedule
from tests.models.liif.networks import ENCODERS

TINY = PatchSettings(batch=2, patch=8, queries=16, levels=(1.0,), drawn=0.0)
SMALL = LiifConfig(ENCODERS["edsr"], hidden=(16, 12))
CPU = Machine(torch.device("cpu"))
LIIF = {
    "liif-compact": COMPACT,
    "liif-compact-finish": COMPACT,
    "liif-rdn": RDN_A,
    "liif-rdn-finish": RDN_A,
    "paper-edsr-baseline": EDSR_BASELINE,
    "paper-rdn": RDN_B,
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three pictures that hold a tiny patch, the first of which is kept, and one that does not."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, side in enumerate((36, 36, 40, 20)):
        pixels = np.random.default_rng(number).integers(0, 256, (side, 40, 3), np.uint8)
        PIL.Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def tiny_patches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes every recipe cut patches of 8 pixels and draw nothing."""

    def tiny(**options: Any) -> PatchSettings:
        return replace(
            TINY, **{name: value for name, value in options.items() if name in ("scales", "permuted")}
        )

    monkeypatch.setattr(training, "PatchSettings", tiny)
    monkeypatch.setattr(training, "PAPER_PATCHES", TINY)


def small_recipe(data: Path, *, schedule: Schedule | None = None) -> Recipe[Batch]:
    schedule = schedule or Schedule(2, 1e-3, 1e-4, validate_every=1)
    return liif_recipe("small", SMALL, schedule, TINY, data=data)


class Told(nn.Module):
    """A network that gives what it is told."""

    def __init__(self, answer: Callable[..., Tensor]) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, pixels: Tensor, queries: Queries | None = None) -> Tensor:
        return self.answer(pixels)


@pytest.mark.usefixtures("tiny_patches")
@pytest.mark.parametrize("name", recipes)
def test_every_recipe_of_the_door_builds_its_network_and_cuts_a_batch(data: Path, name: str) -> None:
    recipe: Recipe[Any] = recipes[name](data)
    assert (recipe.name, recipe.model, recipe.score) == (name, "liif", "mean")
    with torch.device("meta"):
        network = recipe.build()
    if name.startswith("pixel-shuffle-x2"):
        assert isinstance(network, PixelShuffle)
        assert network.config.encoder == COMPACT.encoder
    else:
        assert isinstance(network, Liif)
        assert network.config == recipe.config == LIIF[name]
    batch = recipe.sample(np.random.default_rng(0))
    assert batch.pixels.shape == (2, 3, 8, 8)
    json.dumps([asdict(recipe.settings), asdict(recipe.schedule), dict(recipe.record)])  # type: ignore[call-overload]


@pytest.mark.usefixtures("tiny_patches")
@pytest.mark.parametrize("name", recipes)
def test_the_steps_of_every_recipe_can_be_given_and_none_is_refused(data: Path, name: str) -> None:
    recipe: Callable[..., Recipe[Any]] = recipes[name]
    assert recipe(data, steps=7).schedule.steps == 7
    with pytest.raises(InputError, match="at least 1 step; 0 were asked for"):
        recipe(data, steps=0)


@pytest.mark.usefixtures("tiny_patches")
@pytest.mark.parametrize(
    ("name", "steps"),
    [("liif-compact", 20_000), ("pixel-shuffle-x2", 20_000), ("liif-rdn", 20_000), ("paper-rdn", 1_000_000)],
)
def test_a_recipe_has_a_length_of_its_own(data: Path, name: str, steps: int) -> None:
    assert recipes[name](data).schedule.steps == steps


@pytest.mark.usefixtures("tiny_patches")
@pytest.mark.parametrize("name", ["liif-compact", "pixel-shuffle-x2"])
def test_network_and_control_are_trained_alike_by_either_optimiser(data: Path, name: str) -> None:
    adam, muon = recipes[name](data), recipes[name](data, optimiser="muon")
    assert adam.optimiser is None
    assert muon.optimiser is Muon
    assert (adam.schedule.learning_rate, muon.schedule.learning_rate) == (1e-3, 5e-4)
    assert [vars(one.settings)["optimiser"] for one in (adam, muon)] == ["adam", "muon"]


@pytest.mark.usefixtures("tiny_patches")
@pytest.mark.parametrize("name", ["paper-edsr-baseline", "paper-rdn"])
def test_the_papers_rate_is_halved_at_every_fifth_of_a_million_steps(data: Path, name: str) -> None:
    schedule = recipes[name](data).schedule
    rates = {0: 1e-4, 199_999: 1e-4, 200_000: 5e-5, 399_999: 5e-5, 400_000: 2.5e-5, 599_999: 2.5e-5}
    rates |= {600_000: 1.25e-5, 799_999: 1.25e-5, 800_000: 6.25e-6, 990_000: 6.25e-6}
    assert {step: schedule.rate(step) for step in rates} == pytest.approx(rates, rel=1e-12)
    assert (schedule.clip_norm, schedule.average_decay) == (None, 0.0)


def test_the_papers_examples_are_those_of_its_section_4_1() -> None:
    patches = training.PAPER_PATCHES
    assert (patches.batch, patches.patch, patches.queries, patches.scales) == (16, 48, 2304, (1.0, 4.0))
    assert (patches.permuted, patches.drawn, patches.levels) == (0.0, 0.0, (1.0,))


def test_pictures_smaller_than_a_patch_and_those_kept_are_counted_apart(data: Path) -> None:
    settings = small_recipe(data).settings
    assert isinstance(settings, training.LiifSettings)
    assert (settings.photographs, settings.skipped) == (2, 1)


def test_the_loss_is_the_mean_absolute_difference(data: Path) -> None:
    recipe = small_recipe(data)
    batch = recipe.sample(np.random.default_rng(0))
    signs = torch.ones_like(batch.colours)
    signs[:, ::2] = -1
    network = Told(lambda pixels: batch.colours + 0.25 * signs)
    assert float(recipe.loss(network, batch)) == pytest.approx(0.25, abs=1e-6)


@pytest.mark.usefixtures("tiny_patches")
def test_network_and_control_are_finished_alike(data: Path) -> None:
    ours, control = recipes["liif-compact-finish"](data), recipes["pixel-shuffle-x2-finish"](data)
    assert ours.schedule == control.schedule
    for name in ("error", "optimiser"):
        assert vars(ours.settings)[name] == vars(control.settings)[name]
    batch = control.sample(np.random.default_rng(0))
    assert float(control.loss(Told(lambda pixels: batch.large + 0.5), batch)) == pytest.approx(0.25)


@pytest.mark.usefixtures("tiny_patches")
def test_the_finishing_leg_counts_squares_at_a_low_rate_in_true_colours(data: Path) -> None:
    recipe: Recipe[Any] = recipes["liif-compact-finish"](data)
    assert recipe.schedule.learning_rate == 1e-4
    assert isinstance(recipe.settings, training.LiifSettings)
    assert (recipe.settings.error, recipe.settings.optimiser, recipe.settings.patches.permuted) == (
        "l2",
        "muon",
        0,
    )
    batch = recipe.sample(np.random.default_rng(0))
    network = Told(lambda pixels: batch.colours - 0.5)
    assert float(recipe.loss(network, batch)) == pytest.approx(0.25, abs=1e-6)


def test_a_network_is_validated_at_three_factors_on_the_kept_picture(data: Path) -> None:
    recipe = small_recipe(data)
    torch.manual_seed(0)
    figures = recipe.validate(recipe.build().eval().requires_grad_(False))
    assert figures.keys() == {"x2", "x3", "x4", "mean"}
    assert all(math.isfinite(figure) for figure in figures.values())


@pytest.mark.slow
@pytest.mark.usefixtures("tiny_patches")
def test_one_step_of_compact_leaves_weights_that_the_door_opens(data: Path, tmp_path: Path) -> None:
    recipe = recipes["liif-compact"](data, steps=1)
    (progress,) = train(recipe, tmp_path / "run", machine=CPU)
    assert progress.figures is not None
    assert math.isfinite(progress.loss)
    upscaler = Upscaler.load(tmp_path / "run" / "best.safetensors", precision="float32", device="cpu")
    assert upscaler.weights.trained_scales == (1.0, 4.0)
    assert upscaler(Image(np.full((4, 5, 3), 0.5, np.float32)), size_hw=(9, 8)).size_hw == (9, 8)


@pytest.mark.usefixtures("tiny_patches")
def test_the_control_is_trained_and_validated_at_its_one_factor(data: Path) -> None:
    recipe: Recipe[Any] = recipes["pixel-shuffle-x2"](data)
    batch = recipe.sample(np.random.default_rng(0))
    assert isinstance(batch, PairBatch)
    assert batch.large.shape == (2, 3, 16, 16)
    network = Told(lambda pixels: batch.large + 0.5)
    assert float(recipe.loss(network, batch)) == pytest.approx(0.5)
    assert recipe.record["trained_scales"] == (2.0, 2.0)
    figures = recipe.validate(recipe.build().eval().requires_grad_(False))
    assert figures.keys() == {"x2", "mean"}


@pytest.mark.usefixtures("tiny_patches")
def test_the_control_begins_with_an_encoder_that_is_given(data: Path, tmp_path: Path) -> None:
    source = Liif(COMPACT)
    path = tmp_path / "compact.safetensors"
    write_weights(path, source.state_dict(), model="liif", config=COMPACT, record={})
    network = recipes["pixel-shuffle-x2"](data, encoder=str(path)).build()
    assert isinstance(network, PixelShuffle)
    torch.testing.assert_close(network.encoder.state_dict(), source.encoder.state_dict())


@pytest.mark.usefixtures("tiny_patches")
def test_the_control_refuses_the_encoder_of_another_network(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "small.safetensors"
    write_weights(path, Liif(SMALL).state_dict(), model="liif", config=SMALL, record={})
    with pytest.raises(WeightsError):
        recipes["pixel-shuffle-x2"](data, encoder=str(path))


def test_the_control_has_the_schedule_of_the_network_it_is_compared_with(
    data: Path, tiny_patches: None
) -> None:
    assert recipes["pixel-shuffle-x2"](data).schedule == recipes["liif-compact"](data).schedule


def test_a_folder_of_pictures_smaller_than_a_patch_is_refused_with_their_number(data: Path) -> None:
    settings = replace(TINY, patch=48)
    with pytest.raises(InputError, match="3 pictures found, 3 of them smaller than 192 x 192"):
        liif_recipe("small", SMALL, Schedule(2, 1e-3, 1e-4), settings, data=data)
