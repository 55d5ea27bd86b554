"""Where the boxes and wires of a graph stand in a drawing: layers from left to right.

A box stands in the layer behind all that lead to it; a wire that passes a layer takes a place in it; then
each layer is put into the order of what it is joined to, a few times. Units: pixels, x to the right, y down.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

GAP_X, GAP_Y, MARGIN = 72.0, 22.0, 16.0
PASSAGE = 6.0  # height that a wire takes on its way past a box
_SWEEPS = 6  # of ordering, there and back; more changes nothing in graphs that people draw


@dataclass(frozen=True)
class Box:
    """A box to be placed."""

    id: str
    width: float
    height: float
    is_last: bool = False  # stands in the last layer


@dataclass(frozen=True)
class Link:
    """From the middle of a box's right side to a place on the left side of another."""

    start: str
    end: str
    end_y: float  # below the top of the box at its end


@dataclass(frozen=True)
class Layout:
    """Where all is."""

    width: float
    height: float
    corners: Mapping[str, tuple[float, float]]  # left and top of each box
    ways: Sequence[Sequence[tuple[float, float]]]  # points that each link goes through, in the order given


def laid_out(boxes: Sequence[Box], links: Sequence[Link]) -> Layout:
    """The drawing's layout; `boxes` stand in an order in which each comes behind all that lead to it."""
    layers = _layers(boxes, links)
    rows, passages = _rows(boxes, links, layers)
    heights = {box.id: box.height for box in boxes}
    _order(rows, links, passages)
    widths = [
        max((box.width for box in boxes if layers[box.id] == one), default=0.0) for one in range(len(rows))
    ]
    lefts = [MARGIN + sum(widths[:one]) + GAP_X * one for one in range(len(rows))]
    total = max(sum(heights.get(name, PASSAGE) + GAP_Y for name in row) - GAP_Y for row in rows)
    corners: dict[str, tuple[float, float]] = {}
    for index, row in enumerate(rows):
        top = MARGIN + (total - sum(heights.get(name, PASSAGE) + GAP_Y for name in row) + GAP_Y) / 2
        for name in row:
            corners[name] = (lefts[index], top)
            top += heights.get(name, PASSAGE) + GAP_Y
    by_id = {box.id: box for box in boxes}
    ways = []
    for index, link in enumerate(links):
        start, (left, top) = by_id[link.start], corners[link.start]
        way = [(left + start.width, top + start.height / 2)]
        for name in passages[index]:
            x, y = corners[name]
            way += [(x, y + PASSAGE / 2), (x + widths[lefts.index(x)], y + PASSAGE / 2)]
        end_left, end_top = corners[link.end]
        ways.append([*way, (end_left, end_top + link.end_y)])
    width = lefts[-1] + widths[-1] + MARGIN
    return Layout(width, total + 2 * MARGIN, {box.id: corners[box.id] for box in boxes}, ways)


def _layers(boxes: Sequence[Box], links: Sequence[Link]) -> dict[str, int]:
    leading: dict[str, list[str]] = {box.id: [] for box in boxes}
    for link in links:
        leading[link.end].append(link.start)
    layers: dict[str, int] = {}
    for box in boxes:
        layers[box.id] = max((layers[name] + 1 for name in leading[box.id]), default=0)
    last = max(layers.values(), default=0)
    return {box.id: last if box.is_last else layers[box.id] for box in boxes}


def _rows(
    boxes: Sequence[Box], links: Sequence[Link], layers: Mapping[str, int]
) -> tuple[list[list[str]], list[list[str]]]:
    """What stands in each layer, and the names of the places that each link passes through."""
    rows: list[list[str]] = [[] for _ in range(max(layers.values(), default=0) + 1)]
    for box in boxes:
        rows[layers[box.id]].append(box.id)
    passages: list[list[str]] = []
    for index, link in enumerate(links):
        passed = range(layers[link.start] + 1, layers[link.end])
        passages.append([f"({index}:{layer})" for layer in passed])  # no id has brackets
        for layer, name in zip(passed, passages[-1], strict=True):
            rows[layer].append(name)
    return rows, passages


def _order(rows: list[list[str]], links: Sequence[Link], passages: Sequence[Sequence[str]]) -> None:
    """Put each layer into the order of what it is joined to in the layer before, then in the one behind."""
    before: dict[str, list[str]] = {name: [] for row in rows for name in row}
    behind: dict[str, list[str]] = {name: [] for row in rows for name in row}
    for link, passed in zip(links, passages, strict=True):
        chain = [link.start, *passed, link.end]
        for one, other in pairwise(chain):
            behind[one].append(other)
            before[other].append(one)
    for sweep in range(_SWEEPS):
        joined = behind if sweep % 2 else before
        for row in reversed(rows) if sweep % 2 else rows:
            places = {name: place / len(other) for other in rows for place, name in enumerate(other)}
            row.sort(key=lambda name: _mean([places[one] for one in joined[name]], places[name]))


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default
