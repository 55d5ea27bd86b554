from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from anyres.core.errors import InputError
from anyres.models.retina.architecture import CnnConfig, Retina, RetinaMaps
from anyres.models.retina.expansion import Expansion
from anyres.models.retina.eye_set import PER_EYE, EyeSet, EyeSetSettings, load_eye_set, load_real
from anyres.models.retina.eye_views import ViewBatch, ViewSettings, given_labels, sample_views
from anyres.models.retina.heat import heat_target
from anyres.models.retina.preparing import prepare
from anyres.models.retina.teaching import MEMORY, TeachingSettings, losses
from tests.models.retina.fundi import fundus

TINY = CnnConfig((4, 4, 8, 8), descriptor=8)
EYES = EyeSetSettings(eyes=2, side=192)
VIEWS = ViewSettings(side=96, batch=3, noise=0.0, blur_px=0.0, contrast=0.0, brightness=0.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("eyes") / "set"
    load_eye_set(made, EYES)
    return made


@pytest.fixture(scope="module")
def eyes(folder: Path) -> EyeSet:
    return load_eye_set(folder, EYES)


def batch_of(eyes: EyeSet, seed: int = 0, settings: ViewSettings = VIEWS) -> ViewBatch:
    return sample_views(eyes, settings, generator=np.random.default_rng(seed))


def test_a_set_has_five_photographs_an_eye_with_labels_in_their_fields(eyes: EyeSet) -> None:
    assert eyes.pictures.shape == (2 * PER_EYE, 192, 192)
    assert eyes.siblings(6).tolist() == [5, 7, 8, 9]
    for labels, field in zip(eyes.labels, eyes.fields, strict=True):
        assert len(labels) > 10
        x, y = np.rint(labels).astype(int).T
        assert field[y, x].mean() > 0.9


def test_a_set_of_other_settings_is_not_taken_for_this_one(folder: Path) -> None:
    with pytest.raises(InputError, match="other settings"):
        load_eye_set(folder, EyeSetSettings(eyes=3, side=192))


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        load_eye_set(tmp_path, EYES)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_the_second_view_shows_the_first_where_the_map_says(eyes: EyeSet) -> None:
    settings = ViewSettings(
        side=96, batch=6, noise=0.0, blur_px=0.0, contrast=0.0, brightness=0.0, same_photograph=1.0
    )
    batch = batch_of(eyes, settings=settings)
    back = functional.grid_sample(batch.second, batch.there, align_corners=False)
    assert batch.seen.float().mean() > 0.3
    assert (back - batch.first)[batch.seen].abs().mean() < 0.015
    wrong = functional.grid_sample(batch.second, batch.there + 2 * 2 / 96, align_corners=False)
    assert (wrong - batch.first)[batch.seen].abs().mean() > 0.018


def test_other_photographs_show_the_same_labels_there(eyes: EyeSet) -> None:
    settings = ViewSettings(side=96, batch=8, same_photograph=0.0)
    batch = batch_of(eyes, settings=settings)
    back = functional.grid_sample(batch.second_places, batch.there, align_corners=False)
    here = functional.max_pool2d(batch.places, 5, 1, 2) > 0.2
    again = (back > 0.2) & batch.seen
    assert again.sum() > 20
    assert (again & here).sum() > 0.95 * again.sum()


def test_a_batch_is_a_function_of_its_generator(eyes: EyeSet) -> None:
    one, same, other = batch_of(eyes, 1), batch_of(eyes, 1), batch_of(eyes, 2)
    assert torch.equal(one.first, same.first)
    assert torch.equal(one.second, same.second)
    assert not torch.equal(one.first, other.first)


def test_labels_are_given_away_for_some_eyes_and_in_part(eyes: EyeSet) -> None:
    assert 0.2 < len(given_labels(eyes, 0, 0.4)) / len(eyes.labels[0]) < 0.6
    assert given_labels(eyes, 0, 0.4).tolist() == given_labels(eyes, 0, 0.4).tolist()
    batch = batch_of(eyes, settings=ViewSettings(side=96, batch=12, labelled_eyes=1))
    assert torch.equal(batch.labelled, batch.photograph < PER_EYE)
    assert (batch.places.sum((1, 2, 3)) > 0).eq(batch.labelled).float().mean() > 0.7
    assert batch.places[~batch.labelled].sum() == 0


def test_real_photographs_are_seen_twice_and_without_labels(eyes: EyeSet) -> None:
    real = replace(eyes, real=(prepare(fundus(), side=192),))
    batch = batch_of(real, settings=replace(VIEWS, batch=12, real_share=0.5))
    is_real = batch.photograph == 2 * PER_EYE
    assert 0 < is_real.sum() < 12
    assert torch.equal(batch.labelled, ~is_real)
    assert batch.places[is_real].sum() == 0
    back = functional.grid_sample(batch.second, batch.there, align_corners=False)
    assert (back - batch.first)[batch.seen & is_real[:, None, None, None]].abs().mean() < 0.03


def test_a_folder_of_real_photographs_is_read(tmp_path: Path) -> None:
    fundus().save(tmp_path / "eye.jpg")
    (tmp_path / "notes.txt").write_text("left eye")
    (one,) = load_real(tmp_path, 128)
    assert max(one.picture.shape) == 128
    with pytest.raises(InputError, match="no JPEG"):
        load_real(tmp_path / "none", 128)


class Seeing(nn.Module):
    """A detector that sees exactly what it is told, and describes by place in the first view."""

    def __init__(self, heat: Tensor, descriptors: Tensor) -> None:
        super().__init__()
        self.maps = RetinaMaps(heat, descriptors)

    def forward(self, pixels: Tensor) -> RetinaMaps:
        return self.maps


def test_a_network_that_says_the_labels_loses_nothing_by_them(eyes: EyeSet) -> None:
    batch = batch_of(eyes)
    target = heat_target(batch.places) * batch.field
    heat = torch.cat((target, heat_target(batch.second_places) * batch.second_field))
    network = Seeing(heat, torch.rand(6, 8, 12, 12, generator=torch.Generator().manual_seed(0)))
    terms = losses(network, batch, TeachingSettings(expansion=None, is_both=True), memory={})
    assert terms["labels"] == pytest.approx(0, abs=1e-5)
    assert terms["second_labels"] == pytest.approx(0, abs=1e-5)
    assert terms["consistency"] < 0.5


def test_the_memory_of_learned_labels_grows_where_the_network_finds_again(eyes: EyeSet) -> None:
    still = replace(VIEWS, same_photograph=1.0, turn_deg=0.0, stretch=1.0, shear=0.0, jitter=0.0)
    batch = batch_of(eyes, settings=still)  # both views are the same picture
    generator = torch.Generator().manual_seed(0)
    heat, descriptors = (
        torch.randn(3, 1, 96, 96, generator=generator).sigmoid(),
        torch.randn(3, 32, 12, 12, generator=generator),
    )
    network = Seeing(heat.repeat(2, 1, 1, 1), descriptors.repeat(2, 1, 1, 1))
    memory = {MEMORY: torch.zeros(2 * PER_EYE, 192, 192, dtype=torch.uint8)}
    rules = Expansion(radius=6)
    losses(network, batch, TeachingSettings(expansion=rules), memory=memory)
    learned = memory[MEMORY]
    assert set(learned.unique().tolist()) == {0, rules.gain}
    for row, photograph in enumerate(batch.photograph.tolist()):
        y, x = batch.corner_yx[row].tolist()
        found = learned[photograph, y : y + 96, x : x + 96].nonzero()
        assert len(found) > 5
        assert (heat[row, 0, found[:, 0], found[:, 1]] > 0.8).all()  # maxima of 13 x 13 pixels


def test_the_teacher_is_frozen_and_the_student_learns(eyes: EyeSet) -> None:
    torch.manual_seed(0)
    teacher, student = Retina(TINY).requires_grad_(False), Retina(TINY)
    batch = batch_of(eyes)
    settings = TeachingSettings(expansion=None)
    terms = losses(student, batch, settings, memory={}, teacher=teacher)
    torch.stack(list(terms.values())).sum().backward()
    assert set(terms) == {"labels", "consistency", "descriptors", "teacher_heat", "teacher_descriptors"}
    assert all(one.grad is None for one in teacher.parameters())
    assert all(one.grad is not None for one in student.parameters())


def test_a_student_equal_to_its_teacher_agrees_with_it(eyes: EyeSet) -> None:
    torch.manual_seed(0)
    teacher = Retina(TINY).eval().requires_grad_(False)
    batch = batch_of(eyes)
    own = losses(teacher, batch, TeachingSettings(expansion=None), memory={}, teacher=teacher)
    assert own["teacher_heat"] == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("term", ["heat_map_term", "descriptor_term"])
def test_each_term_of_a_teacher_can_be_left_out(eyes: EyeSet, term: str) -> None:
    torch.manual_seed(0)
    settings = TeachingSettings(None, **{term: False})
    terms = losses(Retina(TINY), batch_of(eyes), settings, memory={}, teacher=Retina(TINY))
    assert ("teacher_heat" in terms) == settings.heat_map_term
    assert ("teacher_descriptors" in terms) == settings.descriptor_term


def test_a_batch_without_labels_still_teaches(eyes: EyeSet) -> None:
    settings = ViewSettings(side=96, batch=6, labelled_eyes=0)
    network = Retina(TINY)
    terms = losses(network, batch_of(eyes, settings=settings), TeachingSettings(expansion=None), memory={})
    assert terms["labels"] == 0
    torch.stack(list(terms.values())).sum().backward()
    assert any(float(one.grad.abs().max()) > 0 for one in network.parameters() if one.grad is not None)
