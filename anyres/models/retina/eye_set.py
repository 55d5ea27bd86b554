"""Photographs of many made eyes for training, drawn once and kept in a folder.

Each eye is photographed five times, by the ranges of its pairs: twice hardly moved, twice far moved, once at
a later visit. Photographs are kept as a network sees them (`preparing.prepare`), with the view that each was
taken from, so that any place of one can be found on another.
Axes: n photographs, h w their rows and columns, k labels. Positions are x, y in pixels.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt8

from anyres.core.errors import InputError
from anyres.core.image import Image
from anyres.models.retina.eye_camera import View, is_visible, to_pixels
from anyres.models.retina.eye_pairs import PairClass, draw_views, later_visit, photograph
from anyres.models.retina.eye_photometry import draw_light
from anyres.models.retina.eye_rendering import render_world
from anyres.models.retina.eye_styles import TRAIN
from anyres.models.retina.eyes import VERSION, Eye, make_eye
from anyres.models.retina.preparing import Prepared, prepare

PER_EYE: Final = 5
THINNEST_DEG: Final = 0.12  # vessel at a labelled junction; thinner ones are seen in few photographs
_SEED_ROLE: Final = 3  # of the generator, beside those of eyes and pairs


@dataclass(frozen=True)
class EyeSetSettings:
    """Which eyes, and how they are photographed."""

    eyes: int = 64
    first_seed: int = 1_000_000
    side: int = 768  # pixels
    version: int = VERSION


@dataclass(frozen=True, eq=False)
class EyeSet:
    """Photographs and what is known of them; eye of photograph i is i // PER_EYE."""

    settings: EyeSetSettings
    pictures: UInt8[np.ndarray, "n h w"]
    fields: Bool[np.ndarray, "n h w"]  # without the rim
    views: tuple[View, ...]
    labels: tuple[Float64[np.ndarray, "_ 2"], ...]  # junctions in the field
    real: tuple[Prepared, ...] = ()  # photographs of real eyes, numbered after the made ones; without labels

    def __len__(self) -> int:
        """How many photographs there are, made and real."""
        return len(self.pictures) + len(self.real)

    def picture(self, index: int) -> UInt8[np.ndarray, "h w"]:
        """A photograph as a network sees it."""
        made = len(self.pictures)
        return np.asarray(self.pictures[index]) if index < made else self.real[index - made].picture

    def field(self, index: int) -> Bool[np.ndarray, "h w"]:
        """Where places of it are looked for."""
        made = len(self.pictures)
        return np.asarray(self.fields[index]) if index < made else self.real[index - made].inner_field

    def siblings(self, index: int) -> Int64[np.ndarray, " s"]:
        """The other photographs of the same made eye; none of a real one."""
        if index >= len(self.pictures):
            return np.zeros(0, np.int64)
        first = index - index % PER_EYE
        all_of_eye = np.arange(first, first + PER_EYE)
        return np.asarray(all_of_eye[all_of_eye != index])


def load_eye_set(folder: Path, settings: EyeSetSettings) -> EyeSet:
    """The photographs of a folder, drawn first where the folder has none: seconds for each eye.

    Raises:
        InputError: if the folder holds other photographs, or files that are not of this program.
    """
    if not (folder / "eyes.json").exists():
        _draw(folder, settings)
    try:
        known = json.loads((folder / "eyes.json").read_text(encoding="utf-8"))
        if known["settings"] != asdict(settings):
            raise InputError(
                f"{folder} holds photographs of other settings: {known['settings']}, not {asdict(settings)}. "
                "Name another folder."
            )
        pictures, fields = (
            np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            for name in ("pictures", "fields")
        )
        views = tuple(_view(values) for values in known["views"])
        labels = tuple(np.array(rows, np.float64).reshape(-1, 2) for rows in known["labels"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder} holds no photographs of made eyes: {error}. Name another.") from error
    return EyeSet(settings, pictures, fields, views, labels)


def load_real(folder: Path, side: int) -> tuple[Prepared, ...]:
    """The photographs of a folder, JPEG, `side` pixels on the longer side; InputError if none."""
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    found = [prepare(Image.open(path), side=side) for path in paths]
    if not found:
        raise InputError(f"There is no JPEG in {folder}; name a folder of photographs of retinas.")
    return tuple(one for one in found if one.defect is None)


def photographs(seed: int, side: int) -> Iterator[tuple[Prepared, View, Float64[np.ndarray, "k 2"]]]:
    """Five photographs of an eye of the training style, ready for a network, each with view and labels."""
    generator = np.random.default_rng([VERSION, seed, _SEED_ROLE])
    eye = make_eye(seed, style=TRAIN)
    later = later_visit(eye, generator)
    worlds = {True: render_world(later, side=2 * side), False: render_world(eye, side=2 * side)}
    classes: tuple[PairClass, ...] = ("S", "P", "A")
    views = [view for one in classes for view in draw_views(one, TRAIN, side, generator)][:PER_EYE]
    for number, view in enumerate(views):
        is_later = number == PER_EYE - 1
        seen = photograph(later if is_later else eye, worlds[is_later], view, draw_light(TRAIN, generator))
        yield prepare(Image.from_numpy(seen.pixels), side=side), view, _labels(eye, view)


def _labels(eye: Eye, view: View) -> Float64[np.ndarray, "k 2"]:
    places = to_pixels(view, eye.junctions.points_xy[eye.junctions.width_deg >= THINNEST_DEG])
    return np.asarray(places[is_visible(view, places, margin=0.02 * view.side)])


def _draw(folder: Path, settings: EyeSetSettings) -> None:
    """Write a set beside its folder, then put it in place."""
    count = settings.eyes * PER_EYE
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty and holds no made eyes; name another folder.")
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent))
    try:
        shape = (count, settings.side, settings.side)
        pictures, fields = (
            np.lib.format.open_memmap(part / f"{name}.npy", "w+", kind, shape)
            for name, kind in (("pictures", np.uint8), ("fields", np.bool_))
        )
        views: list[View] = []
        labels: list[list[list[float]]] = []
        for number in range(settings.eyes):
            for prepared, view, places in photographs(settings.first_seed + number, settings.side):
                pictures[len(views)], fields[len(views)] = prepared.picture, prepared.inner_field
                views.append(view)
                labels.append(np.round(places, 3).tolist())
        known = {
            "settings": asdict(settings),
            "views": [asdict(view) for view in views],
            "labels": labels,
        }
        (part / "eyes.json").write_text(json.dumps(known), encoding="utf-8")
        if folder.exists():
            folder.rmdir()
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _view(values: dict[str, Any]) -> View:
    pairs = {name: tuple(float(one) for one in values[name]) for name in ("gaze_deg", "tilt")}
    return View(**{**values, **pairs})
