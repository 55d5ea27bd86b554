"""Made eyes: where disc and fovea lie, which vessels there are, and where exactly these branch and cross.

Ours, by section 6.2 of the project's notes on retinal registration: no photograph is used. An eye is a
function of its seed and style alone; VERSION changes whenever the eyes do.
Axes: n nodes, k junctions, s pieces of vessel. Units: degrees of the retina, seen from the middle of the
eyeball, in azimuthal-equidistant coordinates: (x, y) lies hypot(x, y) degrees from the origin, which is half
way between disc and fovea. x to the right, y down, as in a photograph that is taken straight ahead.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

from anyres.models.retina.eye_lesions import Lesions, draw_lesions
from anyres.models.retina.eye_styles import TRAIN, Style, draw_from
from anyres.models.retina.eye_vessels import Network, bend, grow_network

VERSION: Final = 1
WORLD_DEG: Final = 58.0  # half the side of a world: what the widest pair of views can see


@dataclass(frozen=True)
class Layout:
    """Disc, fovea and side."""

    is_left: bool  # which has its disc on the left of its fovea
    dd_deg: float  # disc diameter, from left to right
    disc_xy: Float[np.ndarray, "2"]
    fovea_xy: Float[np.ndarray, "2"]
    disc_ratio: float  # height over width
    cup: float  # diameter over the disc's

    def to_world(self, points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
        """From the frame of `eye_vessels` (DD, towards the temple and down) to degrees."""
        temple = 1 if self.is_left else -1
        return np.asarray(self.disc_xy + points * np.array([temple, 1]) * self.dd_deg)


@dataclass(frozen=True)
class Vessels:
    """Pieces of vessel between neighbouring nodes."""

    starts_xy: Float[np.ndarray, "s 2"]
    ends_xy: Float[np.ndarray, "s 2"]
    width_deg: Float[np.ndarray, " s"]
    reach: Int[np.ndarray, " s"]  # pieces from here to the farthest tip beyond; 0 for the last


@dataclass(frozen=True)
class Junctions:
    """Exact keypoints: where a vessel divides, or an artery and a vein cross; none on the disc."""

    points_xy: Float[np.ndarray, "k 2"]
    is_crossing: Bool[np.ndarray, " k"]
    width_deg: Float[np.ndarray, " k"]  # of the thinnest vessel that takes part


@dataclass(frozen=True)
class Eye:
    """All that does not change from one photograph of an eye to the next, if nothing heals or bleeds."""

    seed: int
    style: Style
    layout: Layout
    arteries: Vessels
    veins: Vessels
    junctions: Junctions
    lesions: Lesions


def make_eye(seed: int, *, style: Style = TRAIN, is_left: bool | None = None) -> Eye:
    """The eye of a seed.

    Args:
        seed: 0 or more.
        style: family that its parameters come from.
        is_left: side; drawn when not given. The two sides of a seed have mirrored vessels.

    Returns:
        The eye, with some hundreds of junctions in the world of `WORLD_DEG`.
    """
    generator = np.random.default_rng([VERSION, seed, 0])
    layout = _draw_layout(generator, is_left)
    temple = 1 if layout.is_left else -1
    fovea = (layout.fovea_xy - layout.disc_xy) * np.array([temple, 1]) / layout.dd_deg
    width = draw_from(style.vein_width_dd, generator)
    veins = grow_network(fovea, style, width, generator)
    arteries = grow_network(fovea, style, width * draw_from(style.artery_share, generator), generator)
    waves, amplitude = int(generator.integers(2**32)), draw_from(style.tortuosity_dd, generator)
    veins, arteries = (
        replace(one, points=bend(one.points, amplitude, np.random.default_rng(waves)))
        for one in (veins, arteries)
    )
    pieces = {name: _pieces(one, layout) for name, one in (("arteries", arteries), ("veins", veins))}
    junctions = find_junctions(arteries, veins, layout)
    lesions = draw_lesions(layout.fovea_xy, layout.disc_xy, layout.dd_deg, generator)
    return Eye(seed, style, layout, pieces["arteries"], pieces["veins"], junctions, lesions)


def find_junctions(arteries: Network, veins: Network, layout: Layout) -> Junctions:
    """Where vessels divide or cross, outside the disc and inside the world."""
    forks = [(one, one.bifurcations()) for one in (arteries, veins)]
    places = [one.points[nodes] for one, nodes in forks]
    widths = [_thinnest_child(one)[nodes] for one, nodes in forks]
    crossings, crossing_widths = _crossings(arteries, veins)
    points = layout.to_world(np.concatenate((*places, crossings)))
    width = np.concatenate((*widths, crossing_widths)) * layout.dd_deg
    is_crossing = np.arange(len(points)) >= len(points) - len(crossings)
    far = (
        np.linalg.norm(points - layout.disc_xy, axis=1) > 0.62 * layout.dd_deg
    )  # 0.62: beyond any disc's rim
    keeps = far & (np.linalg.norm(points, axis=1) < WORLD_DEG)
    return Junctions(points[keeps], is_crossing[keeps], width[keeps])


def _draw_layout(generator: np.random.Generator, is_left: bool | None) -> Layout:
    drawn = bool(generator.random() < 0.5)
    is_left = drawn if is_left is None else is_left
    dd_deg = generator.uniform(8.0, 9.0)  # one 7.5th of the width that a view of 45 degrees sees
    away = np.array([generator.uniform(2.3, 2.7), generator.uniform(0.2, 0.4)]) * dd_deg
    fovea = away / 2 * np.array([1 if is_left else -1, 1])
    ratio, cup = generator.uniform(1.0, 1.15), generator.uniform(0.25, 0.6)
    return Layout(is_left, float(dd_deg), -fovea, fovea, float(ratio), float(cup))


def _pieces(network: Network, layout: Layout) -> Vessels:
    nodes = np.flatnonzero(network.parent >= 0)
    points = layout.to_world(network.points)
    width = network.width[nodes] * layout.dd_deg
    return Vessels(points[network.parent[nodes]], points[nodes], width, network.reach[nodes])


def _thinnest_child(network: Network) -> Float[np.ndarray, " n"]:
    thinnest = np.full(len(network.points), np.inf)
    nodes = np.flatnonzero(network.parent >= 0)
    np.minimum.at(thinnest, network.parent[nodes], network.width[nodes])
    return thinnest


def _crossings(arteries: Network, veins: Network) -> tuple[Float[np.ndarray, "k 2"], Float[np.ndarray, " k"]]:
    """Where a piece of artery meets a piece of vein, and the width of the thinner one."""
    ends = [np.flatnonzero(one.parent >= 0) for one in (arteries, veins)]
    start_a, start_b = (one.points[one.parent[end]] for one, end in zip((arteries, veins), ends, strict=True))
    along_a, along_b = arteries.points[ends[0]] - start_a, veins.points[ends[1]] - start_b
    longest = max(np.linalg.norm(along, axis=1).max() for along in (along_a, along_b))
    trees = cKDTree(start_a + along_a / 2), cKDTree(start_b + along_b / 2)
    near = trees[0].sparse_distance_matrix(trees[1], longest, output_type="ndarray")
    a, b = near["i"], near["j"]
    gap, turn = start_b[b] - start_a[a], _cross(along_a[a], along_b[b])
    turn = np.where(np.abs(turn) < 1e-12, np.inf, turn)  # parallel pieces do not cross
    share_a, share_b = _cross(gap, along_b[b]) / turn, _cross(gap, along_a[a]) / turn
    meets = (share_a >= 0) & (share_a < 1) & (share_b >= 0) & (share_b < 1) & np.isfinite(turn)
    points = start_a[a[meets]] + share_a[meets, None] * along_a[a[meets]]
    width = np.minimum(arteries.width[ends[0]][a[meets]], veins.width[ends[1]][b[meets]])
    order = np.lexsort((points[:, 1], points[:, 0]))  # the tree's own order is not promised
    return points[order], width[order]


def _cross(a: Float[np.ndarray, "s 2"], b: Float[np.ndarray, "s 2"]) -> Float[np.ndarray, " s"]:
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
