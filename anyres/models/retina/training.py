"""Recipes for networks that find and describe keypoints on photographs of an eye.

The arms of a comparison differ in one thing each and see the same batches: a convolutional network alone, one
with large kernels, a Swin transformer alone and more carefully trained, a Swin taught by the convolutional
one (reverse knowledge distillation, WACV 2024, https://arxiv.org/abs/2307.10698) and a convolutional one
taught by its like. `retina-compact` is the network that ships.
Photographs are drawn by the program into a folder, once (`eye_set`); networks are chosen on pairs of other
eyes of the same style, by how near the registration of each lays its control points.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from anyres.core.errors import InputError
from anyres.core.weights import file_sha256, read_header, read_weights
from anyres.models.retina.architecture import (
    COMPACT_CNN,
    COMPACT_LARGE_KERNEL,
    COMPACT_SWIN,
    Retina,
    RetinaConfig,
    read_config,
)
from anyres.models.retina.expansion import Expansion
from anyres.models.retina.eye_set import PER_EYE, EyeSet, EyeSetSettings, load_eye_set, load_real
from anyres.models.retina.eye_views import ViewBatch, ViewSettings, sample_views
from anyres.models.retina.preparing import Prepared
from anyres.models.retina.teaching import MEMORY, TeachingSettings, losses
from anyres.models.retina.validation import draw_validation, score
from anyres.training.recipe import Recipe, Schedule

Steps = Annotated[int | None, "Length of the schedule, steps; the recipe's own if not given."]
Eyes = Annotated[int, "Eyes in the folder; that many are drawn if it is new, five photographs each."]
Photographs = Annotated[str | None, "Folder of photographs of real eyes (JPEG) to be seen without labels."]
Worn = Annotated[float, "Share of views that are spoilt, 0 to 1; see docs/design on worn pairs."]
Teacher = Annotated[str | None, "File of the teacher's weights, for recipes that distil."]
PAPER: Final = "https://arxiv.org/abs/2307.10698"
REAL_SHARE: Final = 0.4  # of a batch's pictures, where real photographs are given
COMPACT_WEAR: Final = (0, 2, 3)  # levels of the validation pairs that it is chosen by
ARM_SIDE: Final = 384  # pixels of an arm's photographs: half of what ships, for a quarter of the time
LABELLED_EYES: Final = 16  # of an arm; the others are seen without labels
LABEL_SHARE: Final = 0.4  # of their labels that an arm is given


@dataclass(frozen=True)
class RetinaSettings:
    """What decides the result beside the network's configuration."""

    eyes: EyeSetSettings
    views: ViewSettings
    teaching: TeachingSettings
    real: int = 0  # photographs of real eyes
    teacher: str | None = None  # sha256 of its weights
    weight_decay: float = 0.0


def compact(
    folder: Path,
    *,
    steps: Steps = None,
    eyes: Eyes = 80,
    photographs: Photographs = None,
    worn: Worn = 0.0,
) -> Recipe[ViewBatch]:
    """`retina-compact`, the network that ships: all eyes with all labels, hours on two cores."""
    schedule = _schedule(8_000 if steps is None else steps)
    teaching = TeachingSettings(expansion=None, is_both=True)
    real = () if photographs is None else load_real(Path(photographs), EyeSetSettings().side)
    views = ViewSettings(batch=4, real_share=REAL_SHARE if real else 0.0, worn_share=worn)
    drawn = EyeSetSettings(eyes=eyes)
    return _recipe(
        "retina-compact", COMPACT_CNN, schedule, views, teaching, folder, drawn, real=real, wear=COMPACT_WEAR
    )


def arm_cnn(folder: Path, *, steps: Steps = None, eyes: Eyes = 80) -> Recipe[ViewBatch]:
    """Arm A1: the convolutional network alone, on few labelled eyes and many without labels."""
    return _arm("arm-cnn", COMPACT_CNN, folder, steps, eyes)


def arm_large_kernel(folder: Path, *, steps: Steps = None, eyes: Eyes = 80) -> Recipe[ViewBatch]:
    """Arm A2: the convolutional network with large kernels."""
    return _arm("arm-large-kernel", COMPACT_LARGE_KERNEL, folder, steps, eyes)


def arm_swin(folder: Path, *, steps: Steps = None, eyes: Eyes = 80) -> Recipe[ViewBatch]:
    """Arm B1: the Swin transformer alone, with the published dropout."""
    return _arm("arm-swin", COMPACT_SWIN, folder, steps, eyes)


def arm_swin_tuned(folder: Path, *, steps: Steps = None, eyes: Eyes = 80) -> Recipe[ViewBatch]:
    """Arm B2: the Swin transformer alone, with less dropout and with weight decay."""
    return _arm("arm-swin-tuned", replace(COMPACT_SWIN, dropout=0.1), folder, steps, eyes, weight_decay=0.05)


def arm_swin_taught(
    folder: Path, *, steps: Steps = None, eyes: Eyes = 80, teacher: Teacher = None
) -> Recipe[ViewBatch]:
    """Arm C1: the Swin transformer taught by arm A1 of the same seed; needs --teacher."""
    return _arm("arm-swin-taught", COMPACT_SWIN, folder, steps, eyes, teacher=_needed(teacher))


def arm_cnn_taught(
    folder: Path, *, steps: Steps = None, eyes: Eyes = 80, teacher: Teacher = None
) -> Recipe[ViewBatch]:
    """Arm D1: the convolutional network taught by arm A1 of the same seed; needs --teacher."""
    return _arm("arm-cnn-taught", COMPACT_CNN, folder, steps, eyes, teacher=_needed(teacher))


recipes: dict[str, Callable[..., Recipe[Any]]] = {
    "retina-compact": compact,
    "arm-cnn": arm_cnn,
    "arm-large-kernel": arm_large_kernel,
    "arm-swin": arm_swin,
    "arm-swin-tuned": arm_swin_tuned,
    "arm-swin-taught": arm_swin_taught,
    "arm-cnn-taught": arm_cnn_taught,
}


def _arm(
    name: str,
    config: RetinaConfig,
    folder: Path,
    steps: int | None,
    eyes: int,
    *,
    teacher: Path | None = None,
    weight_decay: float = 0.0,
) -> Recipe[ViewBatch]:
    labelled = min(LABELLED_EYES, eyes)
    views = ViewSettings(side=192, batch=4, jitter=16.0, labelled_eyes=labelled, label_share=LABEL_SHARE)
    teaching = TeachingSettings(expansion=Expansion(radius=6), radius=6)
    schedule = _schedule(1_000 if steps is None else steps)
    drawn = EyeSetSettings(eyes=eyes, side=ARM_SIDE)
    return _recipe(
        name, config, schedule, views, teaching, folder, drawn, teacher=teacher, weight_decay=weight_decay
    )


def _schedule(steps: int) -> Schedule:
    return Schedule(
        steps,
        1e-3,
        1e-5,
        warmup_steps=100,
        average_decay=0.995,
        clip_norm=1.0,
        validate_every=max(1, min(500, steps // 4)),
        checkpoint_every=250,
    )


def _recipe(
    name: str,
    config: RetinaConfig,
    schedule: Schedule,
    views: ViewSettings,
    teaching: TeachingSettings,
    folder: Path,
    eyes: EyeSetSettings,
    *,
    real: tuple[Prepared, ...] = (),
    teacher: Path | None = None,
    weight_decay: float = 0.0,
    wear: Sequence[int] = (0,),
) -> Recipe[ViewBatch]:
    drawn = replace(load_eye_set(folder, eyes), real=real)
    pairs = draw_validation(eyes.side, wear=wear)
    memory = _memory(drawn, views, teaching)
    taught_by = None if teacher is None else _load_teacher(teacher)
    sha256 = None if teacher is None else file_sha256(teacher)

    def loss(network: nn.Module, batch: ViewBatch) -> Tensor:
        terms = losses(network, batch, teaching, memory=memory, teacher=taught_by)
        return torch.stack(list(terms.values())).sum()

    return Recipe(
        name=name,
        model="retina",
        config=config,
        settings=RetinaSettings(eyes, views, teaching, len(real), sha256, weight_decay),
        schedule=schedule,
        build=lambda: Retina(config),
        sample=lambda generator: sample_views(drawn, views, generator=generator),
        loss=loss,
        validate=partial(score, pairs=pairs),
        score="closeness",
        record={"paper": PAPER, "side": eyes.side, "real_photographs": len(real), "wear": list(wear)},
        optimiser=_decayed(weight_decay) if weight_decay else None,
        memory=memory,
    )


def _memory(eyes: EyeSet, views: ViewSettings, teaching: TeachingSettings) -> Mapping[str, Tensor]:
    """Nothing remembered yet of the labelled photographs."""
    if teaching.expansion is None:
        return {}
    count = PER_EYE * (eyes.settings.eyes if views.labelled_eyes is None else views.labelled_eyes)
    return {MEMORY: torch.zeros(count, *np.shape(eyes.pictures)[1:], dtype=torch.uint8)}


def _decayed(weight_decay: float) -> Callable[[nn.Module], torch.optim.Optimizer]:
    return lambda network: torch.optim.AdamW(network.parameters(), weight_decay=weight_decay)


def _needed(teacher: str | None) -> Path:
    if teacher is None:
        raise InputError(
            "This recipe distils, and no teacher was named. Train arm-cnn first, and give its best weights: "
            "--teacher RUN/best.safetensors."
        )
    return Path(teacher)


def _load_teacher(path: Path) -> Retina:
    header = read_header(path)
    network = Retina(read_config(header.config))
    network.load_state_dict(read_weights(header, network.state_dict()))
    return network.eval().requires_grad_(False)
