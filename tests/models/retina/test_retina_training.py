from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from anyres.core.errors import InputError
from anyres.core.weights import read_header, read_weights
from anyres.models.retina import training, validation
from anyres.models.retina.architecture import CnnConfig, Retina, read_config
from anyres.models.retina.eye_set import EyeSetSettings, load_eye_set
from anyres.models.retina.eye_views import ViewSettings, sample_views
from anyres.models.retina.teaching import MEMORY
from anyres.training.loop import Machine, train

CPU = Machine(torch.device("cpu"))
TINY = CnnConfig((4, 4, 8, 8), descriptor=8)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two small eyes, and everything else small too."""
    monkeypatch.setattr(training, "COMPACT_CNN", TINY)
    monkeypatch.setattr(
        training, "EyeSetSettings", lambda eyes, side=192: EyeSetSettings(eyes=eyes, side=192)
    )
    monkeypatch.setattr(
        training, "ViewSettings", lambda **values: replace(ViewSettings(**values), side=96, batch=2)
    )
    monkeypatch.setattr(validation, "COUNTS", {"S": 1})
    return tmp_path_factory.getbasetemp() / "small_eyes"


def test_a_teacher_and_then_its_student_are_trained(small: Path, tmp_path: Path) -> None:
    teacher = training.arm_cnn(small, steps=2, eyes=2)
    assert [one.step for one in train(teacher, tmp_path / "a", machine=CPU)][-1] == 2
    assert teacher.memory[MEMORY].shape == (10, 192, 192)
    best = tmp_path / "a" / "best.safetensors"
    header = read_header(best)
    network = Retina(read_config(header.config))
    network.load_state_dict(read_weights(header, network.state_dict()))
    student = training.arm_cnn_taught(small, steps=2, eyes=2, teacher=str(best))
    end = list(train(student, tmp_path / "d", machine=CPU))[-1]
    assert end.figures is not None
    assert 0 <= end.figures["closeness"] <= 1


def test_a_recipe_that_distils_asks_for_its_teacher(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--teacher"):
        training.arm_swin_taught(tmp_path)


def test_arms_see_the_same_batches(small: Path) -> None:
    one, other = training.arm_cnn(small, steps=2, eyes=2), training.arm_large_kernel(small, steps=2, eyes=2)
    batches = [recipe.sample(np.random.default_rng(0)) for recipe in (one, other)]
    assert torch.equal(batches[0].first, batches[1].first)
    assert torch.equal(batches[0].places, batches[1].places)


def test_the_shipped_network_is_taught_every_label(small: Path) -> None:
    recipe = training.compact(small, steps=2, eyes=2)
    assert recipe.memory == {}
    assert isinstance(recipe.settings, training.RetinaSettings)
    assert recipe.settings.teaching.expansion is None
    assert recipe.settings.views.label_share == 1


def test_the_shipped_network_sees_worn_views_and_is_chosen_by_worn_pairs(small: Path, tmp_path: Path) -> None:
    recipe = training.compact(small, steps=2, eyes=2)
    assert recipe.record is not None
    assert recipe.record["wear"] == [0, 2, 3]
    eyes = load_eye_set(small, EyeSetSettings(eyes=2, side=192))
    settings = ViewSettings(side=96, batch=4, noise=0.0)
    grain = []
    for share in (0.0, 1.0):
        views = sample_views(
            eyes, replace(settings, worn_share=share, worst_wear=3.0), generator=np.random.default_rng(3)
        )
        steps = views.first[..., 1:] - views.first[..., :-1]  # from pixel to pixel
        grain.append(float(steps.std()))
    assert grain[1] > 2 * grain[0]


def test_validation_pairs_come_at_each_level_of_wear(small: Path) -> None:
    clear, worn = validation.draw_validation(192), validation.draw_validation(192, wear=(0, 3))
    assert len(worn) == 2 * len(clear)
    assert np.array_equal(worn[0].moving.picture, clear[0].moving.picture)
    assert not np.array_equal(worn[1].moving.picture, worn[0].moving.picture)
    assert np.array_equal(worn[1].fixed.picture, worn[0].fixed.picture)
