"""Vessels of a made eye: trunks that leave the disc, branches that fill the retina, widths by Murray's law.

Branches grow by space colonisation (Runions, Lane and Prusinkiewicz 2007): places on the retina pull the
nearest vessel until it reaches them. Widths follow Murray 1926: the cube of a vessel's width is the sum of
the cubes of the two that it divides into.
Axes: n nodes of a network, t targets. Units: DD, one disc diameter. Frame: origin at the middle of the disc,
u towards the temple, v downwards, as a photograph shows a left eye and the mirror image of a right one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.interpolate import CubicSpline

from anyres.models.retina.eye_styles import Style, draw_from

STEP: Final = 0.06  # DD, from node to node
_INFLUENCE: Final = 0.75  # DD: farther targets do not pull
_REACHED: Final = 0.13  # DD: a target this near is done
_MOST_STEPS: Final = 170
_APART: Final = 4  # steps between bifurcations of one vessel
_STUMP: Final = 6  # steps: shorter side branches are taken off
_RETINA: Final = 6.8  # DD: radius, about the middle between disc and fovea, that branches fill
_BARE: Final = 0.5  # DD: radius about the fovea without vessels wide enough to be seen

Points = Float[np.ndarray, "n 2"]


@dataclass(frozen=True)
class Network:
    """Arteries or veins, as a forest: node k hangs on `parent[k]`, which comes before it."""

    points: Float[np.ndarray, "n 2"]
    parent: Int[np.ndarray, " n"]  # -1 at the roots, on the disc
    width: Float[np.ndarray, " n"]  # of the piece from the parent to here
    reach: Int[np.ndarray, " n"]  # steps from here to the farthest tip beyond

    def bifurcations(self) -> Int[np.ndarray, " k"]:
        """Nodes with two children."""
        return np.flatnonzero(count_children(self.parent) == 2)


def grow_network(
    fovea: Float[np.ndarray, "2"], style: Style, width: float, generator: np.random.Generator
) -> Network:
    """Four trunks and their branches.

    Args:
        fovea: where it lies, in DD.
        style: how dense the branches are.
        width: of the widest root, in DD.
        generator: all that is random comes from it.
    """
    targets = _targets(fovea, draw_from(style.spacing_dd, generator), generator)
    points, parent = _colonise(_courses(fovea, generator), targets, generator)
    points, parent = _without_stumps(points, parent)
    points = _smooth(points, parent)
    return Network(points, parent, murray_widths(parent, width, generator), _reach(parent))


def murray_widths(
    parent: Int[np.ndarray, " n"], widest: float, generator: np.random.Generator
) -> Float[np.ndarray, " n"]:
    """Widths from the tips inwards: cubes add up. Tips differ by a factor of up to 2 in their cube."""
    cubes = np.where(count_children(parent) == 0, generator.uniform(0.7, 1.4, len(parent)), 0.0)
    for node in range(len(parent) - 1, -1, -1):
        if parent[node] >= 0:
            cubes[parent[node]] += cubes[node]
    return np.asarray(widest * np.cbrt(cubes / cubes.max()))


def count_children(parent: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    """How many nodes hang on each."""
    return np.bincount(parent[parent >= 0], minlength=len(parent))


def bend(points: Points, amplitude: float, generator: np.random.Generator) -> Points:
    """Points moved by a smooth field of waves, so that vessels wind.

    One field moves arteries and veins alike: what did not cross does not cross after.

    Args:
        points: in DD; those on the disc hardly move.
        amplitude: root mean square of the movement far from the disc, in DD.
        generator: draws the waves, 0.7 to 2.8 DD long.
    """
    length = np.exp(generator.uniform(np.log(0.7), np.log(2.8), 24))
    angle, phase = generator.uniform(0, 2 * np.pi, (2, 24))
    wave = 2 * np.pi / length * np.stack((np.cos(angle), np.sin(angle)))
    push = length * generator.normal(size=(2, 24))
    push *= amplitude * 2 / np.linalg.norm(push)
    far = 1 - np.exp(-((np.linalg.norm(points, axis=1) / 0.8) ** 2))  # 0.8 DD: the disc and its rim
    return np.asarray(points + far[:, None] * (np.sin(points @ wave + phase) @ push.T))


@dataclass(frozen=True)
class _Course:
    """A smooth vessel that is laid out before branches grow."""

    points: Points
    node: int = -1  # of the trunk before it, where it leaves that; -1 for a trunk


def _courses(fovea: Float[np.ndarray, "2"], generator: np.random.Generator) -> list[_Course]:
    """Upper and lower temporal arcades and nasal trunks, each followed by the wide branches that leave it."""
    courses = []
    for down in (-1, 1):
        height = generator.uniform(1.65, 2.25)  # of the arcade over the fovea, DD
        u, v = fovea[0], fovea[1] + down * height
        arcade = [(-0.06, 0), (-0.02, 0.55 * down), (0.45, 1.15 * down), (1.2, 0.82 * v), (u + 0.2, v)]
        arcade += [(u + 1.8, fovea[1] + 0.85 * down * height), (u + 3.5, fovea[1] + 0.5 * down * height)]
        out = generator.uniform(0.8, 1.25)
        nasal = [(-0.1, 0), (-0.16, 0.45 * down), (-0.6, 1.15 * down * out), (-1.7, 2.1 * down * out)]
        nasal += [(-3.4, 3.2 * down * out)]
        level = generator.uniform(0.1, 0.5) * down  # of thin vessels from the disc, to macula and nose
        macular = [(0.35, 0.6 * level), (0.9, 1.1 * level), (1.7, fovea[1] + level)]
        nose = [(-0.5, 0.7 * level), (-1.5, 1.4 * level), (-3.2, 1.9 * level)]
        for through, first in ((arcade, macular), (nasal, nose)):
            trunk = _course(np.array(through, float), generator)
            courses += [
                _Course(trunk),
                _leave(trunk, int(generator.integers(2, 6)), np.array(first), generator),
            ]
            for near, far in ((10, 22), (26, 50)):  # steps from the disc
                courses.append(_fork(trunk, int(generator.integers(near, far)), down, generator))
    return courses


def _fork(trunk: Points, node: int, down: int, generator: np.random.Generator) -> _Course:
    """A wide branch: it turns off the trunk, mostly away from the horizontal, and straightens again."""
    node = min(node, len(trunk) - 3)
    heading = trunk[node + 1] - trunk[node]
    side = down * np.sign(heading[0]) * (1 if generator.random() < 0.8 else -1)
    angle = np.arctan2(heading[1], heading[0]) + side * generator.uniform(0.5, 0.85)
    bend_by = -side * generator.uniform(0.0, 0.25)
    through = [trunk[node]]
    for length in (0.45, 0.8, 1.1, 1.3):
        through.append(through[-1] + length * np.array((np.cos(angle), np.sin(angle))))
        angle += bend_by
    return _leave(trunk, node, np.array(through[1:]), generator)


def _leave(
    trunk: Points, node: int, through: Float[np.ndarray, "k 2"], generator: np.random.Generator
) -> _Course:
    """A course from a node of a trunk, without that node."""
    start = trunk[node]
    return _Course(start + _course(np.concatenate(([[0.0, 0.0]], through - start)), generator)[1:], node)


def _course(through: Float[np.ndarray, "k 2"], generator: np.random.Generator) -> Points:
    """A smooth curve through some points, shaken, with a node at each step."""
    far = np.linalg.norm(through - through[0], axis=1, keepdims=True)
    shaken = through - through[0] + generator.normal(size=through.shape) * np.clip(0.035 + 0.05 * far, 0, 0.2)
    shaken[0] = 0
    along = np.concatenate(([0], np.cumsum(np.linalg.norm(np.diff(shaken, axis=0), axis=1))))
    count = int(along[-1] / STEP)
    return np.asarray(through[0] + CubicSpline(along, shaken)(np.linspace(0, along[-1], count)))


def _targets(
    fovea: Float[np.ndarray, "2"], spacing: float, generator: np.random.Generator
) -> Float[np.ndarray, "t 2"]:
    """Places that pull vessels: a shaken grid on the retina, without the disc and the fovea."""
    axis = np.arange(-_RETINA, _RETINA, spacing)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    grid += generator.uniform(-0.48, 0.48, grid.shape) * spacing
    is_inside = np.linalg.norm(grid, axis=1) < _RETINA
    grid = grid[is_inside] + fovea / 2
    keeps = (np.linalg.norm(grid, axis=1) > 0.75) & (np.linalg.norm(grid - fovea, axis=1) > _BARE)
    return np.asarray(grid[keeps])


def _colonise(
    courses: Sequence[_Course], targets: Float[np.ndarray, "t 2"], generator: np.random.Generator
) -> tuple[Points, Int[np.ndarray, " n"]]:
    """Courses and what grows from them as one forest: points and parents."""
    points, parent, heading = _forest(courses)
    crowded = np.linalg.norm(points, axis=1) < 0.3  # on the disc nothing branches
    crowded = _crowd(crowded, parent, np.flatnonzero(count_children(parent) == 2))
    nearest, distance = _nearest(targets, points)
    for _ in range(_MOST_STEPS):
        pulls = (distance < _INFLUENCE) & (distance > _REACHED)
        nodes = np.unique(nearest[pulls])
        children = count_children(parent)
        nodes = nodes[(children[nodes] == 0) | ((children[nodes] == 1) & ~crowded[nodes])]
        if len(nodes) == 0:
            break
        away = _pull(points, targets[pulls], nearest[pulls])[nodes]
        keep = np.where(children[nodes] == 0, 1.2, 0.9)[:, None]  # tips hold their course, twigs turn off it
        turn = _unit(away + keep * heading[nodes] + generator.normal(0, 0.16, (len(nodes), 2)))
        crowded = _crowd(crowded, parent, nodes[children[nodes] == 1])
        start = len(points)
        points = np.concatenate((points, points[nodes] + STEP * turn))
        parent, heading = np.concatenate((parent, nodes)), np.concatenate((heading, turn))
        crowded = np.concatenate((crowded, children[nodes] == 1))
        place, gap = _nearest(targets, points[start:])
        nearest, distance = np.where(gap < distance, place + start, nearest), np.minimum(gap, distance)
    return points, parent


def _forest(courses: Sequence[_Course]) -> tuple[Points, Int[np.ndarray, " n"], Points]:
    """Points, parents and headings of what is laid out."""
    points: list[Points] = []
    parents, headings, start, trunk = [], [], 0, 0
    for course in courses:
        trunk = start if course.node < 0 else trunk
        parent = np.arange(start - 1, start - 1 + len(course.points))
        parent[0] = -1 if course.node < 0 else trunk + course.node
        points.append(course.points)
        parents.append(parent)
        headings.append(np.gradient(course.points, axis=0))
        start += len(parent)
    return np.concatenate(points), np.concatenate(parents), _unit(np.concatenate(headings))


def _crowd(
    crowded: Bool[np.ndarray, " n"], parent: Int[np.ndarray, " n"], nodes: Int[np.ndarray, " k"]
) -> Bool[np.ndarray, " n"]:
    """Which nodes may not branch, after these have: they, and their neighbours along the vessel."""
    crowded = crowded.copy()
    crowded[nodes] = True
    up, is_new = nodes, np.zeros(len(parent), bool)
    is_new[nodes] = True
    for _ in range(_APART):
        up = parent[up]
        up = up[up >= 0]
        crowded[up] = True
        is_new |= np.where(parent >= 0, is_new[parent], False)
    return crowded | is_new


def _pull(points: Points, targets: Float[np.ndarray, "t 2"], nearest: Int[np.ndarray, " t"]) -> Points:
    """Mean direction from each node to the targets that it is the nearest to."""
    away = _unit(targets - points[nearest])
    total = [np.bincount(nearest, away[:, axis], len(points)) for axis in (0, 1)]
    return _unit(np.stack(total, axis=1))


def _nearest(
    targets: Float[np.ndarray, "t 2"], points: Points
) -> tuple[Int[np.ndarray, " t"], Float[np.ndarray, " t"]]:
    """For each target the nearest point, and how far it is."""
    square = (targets[:, None, 0] - points[:, 0]) ** 2 + (targets[:, None, 1] - points[:, 1]) ** 2
    place = square.argmin(axis=1)
    return place, np.sqrt(square[np.arange(len(targets)), place])


def _without_stumps(
    points: Points, parent: Int[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, "m 2"], Int[np.ndarray, " m"]]:
    """The forest without side branches too short to be seen as such."""
    reach, forks = _reach(parent), count_children(parent) == 2
    is_gone = np.zeros(len(parent), bool)
    for node in np.flatnonzero(parent >= 0):
        is_gone[node] = is_gone[parent[node]] or (forks[parent[node]] and reach[node] < _STUMP)
    place = np.cumsum(~is_gone) - 1
    parent = np.where(parent >= 0, place[parent], -1)[~is_gone]
    return points[~is_gone], parent


def _smooth(points: Points, parent: Int[np.ndarray, " n"]) -> Points:
    """Every node with one child moved half-way to the middle of its neighbours, three times."""
    children = count_children(parent)
    child = np.zeros(len(points), int)
    child[parent[parent >= 0]] = np.flatnonzero(parent >= 0)
    inner = np.flatnonzero((children == 1) & (parent >= 0))
    for _ in range(3):
        points = points.copy()
        points[inner] = points[inner] / 2 + (points[parent[inner]] + points[child[inner]]) / 4
    return points


def _reach(parent: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    reach = np.zeros(len(parent), int)
    for node in range(len(parent) - 1, -1, -1):
        if parent[node] >= 0:
            reach[parent[node]] = max(reach[parent[node]], reach[node] + 1)
    return reach


def _unit(vectors: Points) -> Points:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))
