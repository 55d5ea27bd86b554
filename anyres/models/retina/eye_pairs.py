"""Pairs of photographs of made eyes, in the classes of FIRE and one of no match, with exact control points.

FIRE (Hernandez-Matas and others 2017) has S, little moved; P, 25 to 75 percent overlap; A, little moved but
changed between visits. Sections 4 and 6.3 of the project's notes give files and ranges; N, two
different eyes, is theirs.
Points on the fixed photograph (FIRE's image 1) and on the moving one (image 2) are joined by
`eye_camera.map_points`, for any point. A pair is a function of its class, seed, style and side.
Axes: h w photographs, k control points. Pixels: (x, y), (0, 0) the middle of the first pixel.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np
from jaxtyping import Bool, Float, UInt8

from anyres.core.errors import InputError
from anyres.models.retina.eye_camera import View, is_visible, overlap, to_pixels
from anyres.models.retina.eye_lesions import change_lesions
from anyres.models.retina.eye_photometry import Light, draw_light, take_photograph
from anyres.models.retina.eye_rendering import World, render_world
from anyres.models.retina.eye_styles import TRAIN, Range, Style, draw_from
from anyres.models.retina.eyes import VERSION, Eye, Vessels, make_eye

PairClass = Literal["S", "P", "A", "N"]
OVERLAP: Final[dict[PairClass, Range]] = {"S": (0.75, 1.0), "P": (0.25, 0.75), "A": (0.75, 1.0)}
CONTROLS: Final = 10  # FIRE's number of control points for each pair
_CLASSES: Final = "SPAN"
_OTHER_EYE: Final = 2**32  # added to a seed for the second eye of a negative: no seed in use is so large


@dataclass(frozen=True)
class Photograph:
    """One photograph, and all that it was made from."""

    pixels: UInt8[np.ndarray, "h w 3"]
    jpeg: bytes  # the file that the pixels were read from
    eye: Eye
    view: View
    light: Light


@dataclass(frozen=True)
class Pair:
    """Two photographs, and where ten places of the eye lie on both."""

    name: str  # class and number, such as S001
    pair_class: PairClass
    fixed: Photograph
    moving: Photograph
    controls: Float[np.ndarray, "k 4"] | None  # x1 y1 x2 y2; None for two different eyes


def make_pairs(
    counts: Mapping[PairClass, int], *, first_seed: int, style: Style = TRAIN, side: int = 768
) -> Iterator[Pair]:
    """So many pairs of each class, one after the other, each of an eye of its own.

    Args:
        counts: how many of each class.
        first_seed: the pairs use this seed and those that follow, in the order of `counts`.
        style: family of the eyes and cameras.
        side: of the photographs, pixels.
    """
    seed = first_seed
    for pair_class, count in counts.items():
        for number in range(1, count + 1):
            yield make_pair(pair_class, seed, style=style, side=side, name=f"{pair_class}{number:03d}")
            seed += 1


def make_pair(
    pair_class: PairClass, seed: int, *, style: Style = TRAIN, side: int = 768, name: str | None = None
) -> Pair:
    """The pair of a seed.

    Args:
        pair_class: S, P, A or N.
        seed: of the eye, 0 to 2**32 - 1; split seeds, and eyes are split.
        style: family of eye and cameras.
        side: of the photographs, pixels.
        name: class and seed when not given.

    Raises:
        InputError: another class or seed.
    """
    if pair_class not in _CLASSES or not 0 <= seed < _OTHER_EYE:
        raise InputError(
            f"A pair has a class of S, P, A, N and a seed from 0 to 2**32 - 1, not {pair_class}, {seed}."
        )
    generator = np.random.default_rng([VERSION, seed, 2, _CLASSES.index(pair_class)])
    eye = make_eye(seed, style=style)
    views = draw_views(pair_class, style, side, generator)
    lights = [draw_light(style, generator) for _ in range(2)]
    other = eye
    if pair_class == "A":
        other, lights[1] = later_visit(eye, generator), _shift(lights[1], generator)
    if pair_class == "N":
        is_left = eye.layout.is_left == (generator.random() < 0.5)
        other = make_eye(seed + _OTHER_EYE, style=style, is_left=is_left)
    world = render_world(eye, side=2 * side)
    other_world = world if other is eye else render_world(other, side=2 * side)
    fixed = photograph(eye, world, views[0], lights[0])
    moving = photograph(other, other_world, views[1], lights[1])
    controls = None if pair_class == "N" else choose_controls(eye, *views)
    return Pair(name or f"{pair_class}{seed:03d}", pair_class, fixed, moving, controls)


def photograph(eye: Eye, world: World, view: View, light: Light) -> Photograph:
    """One photograph of an eye whose world is painted already."""
    return Photograph(*take_photograph(world, view, light), eye, view, light)


def draw_views(
    pair_class: PairClass, style: Style, side: int, generator: np.random.Generator
) -> tuple[View, View]:
    """Fixed and moving view of a class; drawn again until their overlap is the class's."""
    while True:
        fov, rim = draw_from(style.fov_deg, generator), draw_from(style.rim, generator)  # one camera for both
        fixed = View(side, fov_deg=fov, rim=rim, cut=draw_from((0.86, 1.1), generator))
        if pair_class == "P":
            middle, apart = generator.uniform(-1.5, 1.5, 2), generator.uniform(10, 25)
        else:
            middle, apart = generator.uniform((-8, -3), (8, 3)), generator.uniform(0, 4)
        angle = generator.normal(0, np.pi / 6) + np.pi * generator.integers(2)  # mostly sideways
        half = apart / 2 * np.array((np.cos(angle), np.sin(angle)))
        tilt = generator.uniform(-0.02, 0.02, 2) / np.sqrt(2)
        moving = replace(
            fixed,
            gaze_deg=_pair_of(middle + half),
            torsion_deg=draw_from((-8.0, 8.0), generator),
            magnification=draw_from((0.95, 1.05), generator),
            tilt=_pair_of(tilt),
        )
        fixed = replace(fixed, gaze_deg=_pair_of(middle - half))
        low, high = OVERLAP.get(pair_class, (0.0, 1.0))
        if low <= overlap(fixed, moving) <= high:
            return fixed, moving


def choose_controls(eye: Eye, fixed: View, moving: View) -> Float[np.ndarray, "k 4"]:
    """Ten junctions that both views show, far from each other; centre-line points where junctions lack.

    The first is the farthest from the middle of all; each other one is the farthest from those before it,
    on the fixed view.

    Returns:
        Rows x1 y1 x2 y2 in pixels, exact.
    """
    margin = 0.02 * fixed.side
    places = eye.junctions.points_xy
    both = _both(places, fixed, moving, margin)
    if both.sum() < CONTROLS:
        places = np.concatenate((places, eye.veins.ends_xy, eye.arteries.ends_xy))
        both = _both(places, fixed, moving, margin)
    places = places[both]
    on_fixed = to_pixels(fixed, places)
    gap = np.linalg.norm(on_fixed - on_fixed.mean(axis=0), axis=1)
    chosen: list[int] = []
    for _ in range(CONTROLS):
        chosen.append(int(gap.argmax()))
        from_new = np.linalg.norm(on_fixed - on_fixed[chosen[-1]], axis=1)
        gap = from_new if len(chosen) == 1 else np.minimum(gap, from_new)
    return np.concatenate((on_fixed[chosen], to_pixels(moving, places[chosen])), axis=1)


def write_pairs(folder: Path, pairs: Iterable[Pair]) -> list[str]:
    """Pairs as files laid out as FIRE's; the names that were written.

    `Images/S001_1.jpg` is the fixed photograph and `_2` the moving one;
    `Ground Truth/control_points_S001_1_2.txt` has rows `x1 y1 x2 y2`. Negatives have no control points.
    Numbers have three digits, because evaluators leave out FIRE's own P37.
    """
    images, truth = folder / "Images", folder / "Ground Truth"
    images.mkdir(parents=True, exist_ok=True)
    truth.mkdir(exist_ok=True)
    names = []
    for pair in pairs:
        (images / f"{pair.name}_1.jpg").write_bytes(pair.fixed.jpeg)
        (images / f"{pair.name}_2.jpg").write_bytes(pair.moving.jpeg)
        if pair.controls is not None:
            rows = (" ".join(f"{number:.3f}" for number in row) for row in pair.controls)
            text = "\n".join(rows) + "\n"
            (truth / f"control_points_{pair.name}_1_2.txt").write_text(text, encoding="ascii")
        names.append(pair.name)
    return names


def _both(
    places: Float[np.ndarray, "n 2"], fixed: View, moving: View, margin: float
) -> Bool[np.ndarray, " n"]:
    seen = [is_visible(view, to_pixels(view, places), margin=margin) for view in (fixed, moving)]
    return np.asarray(seen[0] & seen[1])


def later_visit(eye: Eye, generator: np.random.Generator) -> Eye:
    """The same eye at another visit: other lesions, and vessels of other width along the same course."""
    layout = eye.layout
    lesions = change_lesions(eye.lesions, layout.fovea_xy, layout.disc_xy, layout.dd_deg, generator)
    arteries, veins = (
        _widened(eye.arteries, generator.uniform(0.85, 1.1)),
        _widened(eye.veins, generator.uniform(0.9, 1.2)),
    )
    return replace(eye, lesions=lesions, arteries=arteries, veins=veins)


def _widened(vessels: Vessels, factor: float) -> Vessels:
    return replace(vessels, width_deg=vessels.width_deg * factor)


def _shift(light: Light, generator: np.random.Generator) -> Light:
    """A photograph in stronger or weaker light and of another colour than its family's."""
    cast = np.array(light.cast) * (1 + generator.uniform(0.04, 0.1) * generator.permutation((1, -1, 0)))
    exposure = light.exposure * generator.choice((0.8, 1.25))
    return replace(light, exposure=float(exposure), cast=(float(cast[0]), float(cast[1]), float(cast[2])))


def _pair_of(numbers: Float[np.ndarray, "2"]) -> tuple[float, float]:
    return float(numbers[0]), float(numbers[1])
