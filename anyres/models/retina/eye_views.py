"""Two views of one eye for a step of training, with the exact map from one to the other.

The first view is a window of a photograph as it is; the second a window of the same or of another photograph
of that eye, turned, stretched and tilted. SuperRetina (ECCV 2022, https://arxiv.org/abs/2207.07932) has two
affine views of one photograph, a wide one for the detector and a narrow one for the descriptors. Departs from
it: one second view serves both; it is a true similarity with a small shear; and it may be another photograph,
with its own light and noise, because a made eye tells where each place lies on it.
Axes: b pictures of a batch, s rows and columns of a window, k places. Positions are x, y in pixels.
"""

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Float64, Int64
from torch import Tensor
from torch.nn import functional

from anyres.models.retina.eye_camera import map_points
from anyres.models.retina.eye_set import PER_EYE, EyeSet
from anyres.models.retina.heat import splat
from anyres.models.retina.opencv import cv2

Matrix = Float64[np.ndarray, "2 3"]
_COARSE: Final = 8  # pixels between places that are mapped exactly; those between are interpolated
_WORN_NOISE: Final = 0.035  # for each level of wear: what `prepare`, which evens contrast out, makes of it


@dataclass(frozen=True)
class ViewSettings:
    """How views differ."""

    side: int = 256  # pixels of a window
    batch: int = 8
    same_photograph: float = 0.3  # share of second views of the same photograph
    turn_deg: float = 30.0  # at most
    stretch: float = 1.25  # at most, and one over it at least
    shear: float = 0.08
    jitter: float = 24.0  # pixels that the middle of the second window is off
    contrast: float = 0.3  # change at most, a share
    brightness: float = 0.15
    noise: float = 0.03
    blur_px: float = 1.0
    worn_share: float = 0.0  # of views that are softer and noisier by a level, as of `relighting.worn`
    worst_wear: float = 3.5  # the highest of these levels
    labelled_eyes: int | None = None  # of the set's first eyes; all if not given
    real_share: float = 0.0  # of the pictures of a batch that show real eyes, if the set has any
    label_share: float = 1.0  # of the labels that are given away; the others are kept from the network


@dataclass(frozen=True, eq=False)
class ViewBatch:
    """A step's pictures in [0, 1] and what is known of them."""

    first: Float32[Tensor, "b 1 s s"]
    second: Float32[Tensor, "b 1 s s"]
    there: Float32[
        Tensor, "b s s 2"
    ]  # where each pixel of the first lies in the second, as grid_sample wants
    seen: Bool[Tensor, "b 1 s s"]  # which of them the second shows
    field: Bool[Tensor, "b 1 s s"]  # of the first
    places: Float32[Tensor, "b 1 s s"]  # labels of the first, as of `heat.splat`
    second_places: Float32[Tensor, "b 1 s s"]
    second_field: Bool[Tensor, "b 1 s s"]
    labelled: Bool[Tensor, " b"]
    photograph: Int64[Tensor, " b"]
    corner_yx: Int64[Tensor, "b 2"]  # of the first window in its photograph
    draws: Float32[Tensor, "b k"]  # random numbers in [0, 1) for the loss, so that it draws none itself

    def to(self, device: torch.device) -> "ViewBatch":
        """The same on another device."""
        return replace(self, **{one.name: getattr(self, one.name).to(device) for one in fields(self)})


def sample_views(eyes: EyeSet, settings: ViewSettings, *, generator: np.random.Generator) -> ViewBatch:
    """A batch; the same generator gives the same one."""
    rows = [_sample(eyes, settings, generator) for _ in range(settings.batch)]
    return ViewBatch(**{name: torch.stack([row[name] for row in rows]) for name in rows[0]})


def given_labels(eyes: EyeSet, index: int, share: float) -> Float64[np.ndarray, "k 2"]:
    """The labels of a photograph that are given away: a fixed share, drawn once for each photograph."""
    if index >= len(eyes.labels):
        return np.zeros((0, 2))
    labels = eyes.labels[index]
    chosen = np.random.default_rng([eyes.settings.first_seed, index]).random(len(labels)) < share
    return labels[chosen]


def _sample(eyes: EyeSet, settings: ViewSettings, generator: np.random.Generator) -> dict[str, Tensor]:
    side = settings.side
    index = _drawn(eyes, settings, generator)
    corner = _corner(eyes, index, side, generator)
    other, middle = _second_photograph(eyes, index, corner + side / 2, settings, generator)
    to_window = _window(middle, settings, generator)
    there = _mapped(eyes, index, other, corner, to_window, side)
    matrix = to_window.astype(np.float64)
    moved, field = (
        cv2.warpAffine(picture, matrix, (side, side), flags=kernel, borderMode=border)
        for picture, kernel, border in (
            (eyes.picture(other), cv2.INTER_LINEAR, cv2.BORDER_REFLECT),
            (eyes.field(other).astype(np.uint8), cv2.INTER_NEAREST, cv2.BORDER_CONSTANT),
        )
    )
    rows, columns = (slice(int(corner[axis]), int(corner[axis]) + side) for axis in (1, 0))
    own_field = np.array(eyes.field(index)[rows, columns])
    place = np.rint(there).astype(np.int64).clip(0, side - 1)
    inside = ((there > 0) & (there < side - 1)).all(-1)
    seen = inside & (field[place[..., 1], place[..., 0]] > 0) & own_field
    labelled = len(eyes.pictures) if settings.labelled_eyes is None else settings.labelled_eyes * PER_EYE
    is_labelled = index < labelled
    labels = given_labels(eyes, index, settings.label_share)
    others = given_labels(eyes, other, settings.label_share) @ to_window[:, :2].T + to_window[:, 2]
    return {
        "first": _photographed(np.array(eyes.picture(index)[rows, columns]), settings, generator),
        "second": _photographed(moved, settings, generator),
        "there": torch.from_numpy((2 * there + 1) / side - 1).float(),
        "seen": torch.from_numpy(seen)[None],
        "field": torch.from_numpy(own_field)[None],
        "places": _splat(labels - corner, side) * is_labelled,
        "second_places": _splat(others, side) * is_labelled,
        "second_field": torch.from_numpy(field > 0)[None],
        "labelled": torch.tensor(is_labelled),
        "photograph": torch.tensor(index),
        "corner_yx": torch.from_numpy(corner[::-1].copy()),
        "draws": torch.from_numpy(generator.random(256, np.float32)),
    }


def _drawn(eyes: EyeSet, settings: ViewSettings, generator: np.random.Generator) -> int:
    made = len(eyes.pictures)
    if eyes.real and generator.random() < settings.real_share:
        return int(generator.integers(made, len(eyes)))
    return int(generator.integers(made))


def _corner(eyes: EyeSet, index: int, side: int, generator: np.random.Generator) -> Int64[np.ndarray, "2"]:
    """x, y of a window whose middle lies in the field."""
    field = eyes.field(index)
    height, width = field.shape
    while True:
        corner = generator.integers(0, (width - side + 1, height - side + 1))
        x, y = corner + side // 2
        if field[y, x]:
            return np.asarray(corner)


def _second_photograph(
    eyes: EyeSet,
    index: int,
    middle: Float64[np.ndarray, "2"],
    settings: ViewSettings,
    generator: np.random.Generator,
) -> tuple[int, Float64[np.ndarray, "2"]]:
    """A photograph that shows a place of another, and where; the same one if none was found."""
    size = eyes.settings.side
    if generator.random() >= settings.same_photograph:
        for other in generator.permutation(eyes.siblings(index)):
            place = map_points(eyes.views[index], eyes.views[other], middle[None])[0]
            x, y = np.rint(place).astype(int)
            if 0 <= x < size and 0 <= y < size and eyes.field(int(other))[y, x]:
                return int(other), place
    return index, middle


def _window(
    middle: Float64[np.ndarray, "2"], settings: ViewSettings, generator: np.random.Generator
) -> Matrix:
    """From a photograph to a window about a place of it: turned, stretched and sheared."""
    angle = np.radians(generator.uniform(-settings.turn_deg, settings.turn_deg))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = settings.stretch ** generator.uniform(-1, 1)
    linear = stretch * turn @ (np.eye(2) + generator.uniform(-settings.shear, settings.shear, (2, 2)))
    target = settings.side / 2 + generator.uniform(-settings.jitter, settings.jitter, 2)
    return np.concatenate((linear, (target - linear @ middle)[:, None]), axis=1)


def _mapped(
    eyes: EyeSet,
    index: int,
    other: int,
    corner: Int64[np.ndarray, "2"],
    to_window: Matrix,
    side: int,
) -> Float[np.ndarray, "s s 2"]:
    """Where each pixel of the first window lies in the second."""
    axis = np.arange(0, side + 1, _COARSE, dtype=np.float64)
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2) + corner
    if other != index:
        points = map_points(eyes.views[index], eyes.views[other], points)
    points = points @ to_window[:, :2].T + to_window[:, 2]
    grid = torch.from_numpy(points.reshape(len(axis), len(axis), 2)).permute(2, 0, 1)[None]
    fine = functional.interpolate(grid, (side + 1, side + 1), mode="bilinear", align_corners=True)
    return np.asarray(fine[0, :, :side, :side].permute(1, 2, 0).numpy())


def _splat(places: Float[np.ndarray, "k 2"], side: int) -> Float32[Tensor, "1 s s"]:
    return splat(torch.from_numpy(places[:, ::-1].copy()), (side, side))[None]


def _photographed(
    picture: np.ndarray, settings: ViewSettings, generator: np.random.Generator
) -> Float32[Tensor, "1 s s"]:
    """A window in other light, out of focus and noisy, each by chance."""
    light = np.asarray(picture, np.float32) / 255
    if generator.random() < 0.5:
        width = 0.3 + settings.blur_px * generator.random()
        light = np.asarray(cv2.GaussianBlur(light, (0, 0), width), np.float32)
    factor = 1 + settings.contrast * generator.uniform(-1, 1)
    light = (light - 0.5) * factor + 0.5 + settings.brightness * generator.uniform(-1, 1)
    light = light + settings.noise * generator.random() * generator.standard_normal(light.shape, np.float32)
    if settings.worn_share and generator.random() < settings.worn_share:
        light = _worn(light, settings.worst_wear * generator.random(), generator)
    return torch.from_numpy(np.clip(light, 0, 1).astype(np.float32))[None]


def _worn(light: Float32[np.ndarray, "s s"], level: float, generator: np.random.Generator) -> np.ndarray:
    """A prepared window as it would be of a photograph that was spoilt before it was prepared."""
    soft = cv2.GaussianBlur(light, (0, 0), max(0.1, 0.8 * level))
    return np.asarray(soft + _WORN_NOISE * level * generator.standard_normal(light.shape, np.float32))
