"""A sheet of pictures side by side, each with a line of text above it.

Axes: h w of the sheet, pixels in [0, 1].
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from anyres.core.image import Image
from anyres.core.pillow import text_mask
from anyres.core.sizes import SizeHW

MARGIN = 12  # pixels between panels
LETTERS = 20  # height of the text, pixels
LINE = 32  # height that a line of text takes, pixels
PAPER, INK = 1.0, 0.1


@dataclass(frozen=True)
class Panel:
    """A picture and what is said above it."""

    title: str
    pixels: Float32[np.ndarray, "h w 3"]


def draw_sheet(rows: Sequence[Sequence[Panel]], *, titles: Sequence[str] | None = None) -> Image:
    """A sheet of rows of panels, aligned at the left, with a title above each row where titles are given."""
    strips = []
    for title, panels in zip([None] * len(rows) if titles is None else titles, rows, strict=True):
        columns = [_column(panel) for panel in panels]
        height = max(len(column) for column in columns)
        strip = np.concatenate([_padded(column, height=height) for column in columns], axis=1)
        strips += [strip] if title is None else [_text(title, width=strip.shape[1]), strip]
    width = max(strip.shape[1] for strip in strips)
    sheet = np.concatenate([_padded(strip, width=width) for strip in strips])
    return Image(_padded(sheet, height=len(sheet) + MARGIN))


def grid_size_hw(cell_hw: SizeHW, *, rows: int, columns: int) -> SizeHW:
    """(height, width) in pixels of a sheet without row titles whose panels all have one size."""
    return rows * (LINE + cell_hw[0] + MARGIN) + MARGIN, columns * (cell_hw[1] + 2 * MARGIN)


def _column(panel: Panel) -> Float32[np.ndarray, "h w 3"]:
    width = panel.pixels.shape[1]
    column = np.concatenate((_text(panel.title, width=width), panel.pixels))
    return np.pad(column, ((0, MARGIN), (MARGIN, MARGIN), (0, 0)), constant_values=np.float32(PAPER))


def _text(words: str, *, width: int) -> Float32[np.ndarray, "h w 3"]:
    """A line of text on paper; what is too long for the width is set smaller."""
    room = max(0, width - MARGIN)
    mask = text_mask(words, height=LETTERS)
    if mask.shape[1] > room:
        mask = text_mask(words, height=max(6, LETTERS * room // mask.shape[1]))
    line = np.zeros((LINE, width), np.float32)
    cut = mask[:LINE, :room]
    top = (LINE - len(cut)) // 2
    line[top : top + len(cut), MARGIN // 2 : MARGIN // 2 + cut.shape[1]] = cut
    return np.repeat((PAPER + (INK - PAPER) * line)[..., None], 3, axis=-1)


def _padded(
    pixels: Float32[np.ndarray, "h w 3"], *, height: int = 0, width: int = 0
) -> Float32[np.ndarray, "h2 w2 3"]:
    down, right = max(0, height - pixels.shape[0]), max(0, width - pixels.shape[1])
    return np.pad(pixels, ((0, down), (0, right), (0, 0)), constant_values=np.float32(PAPER))
