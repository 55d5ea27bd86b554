"""LIIF on a whole grid of output pixels: the same function as `Liif.forward`, without a query list.

What makes it fast is exact. Neighbours, offsets and weights are separable, so tables of one row and one
column serve all pixels; each row of features is stretched over the output columns once and reused by every
output row that lies on it; the perceptron runs as 1x1 convolutions over blocks that stay in the processor's
cache.
Axes: h w features (and input picture), y x output picture, k width of the decoder's first layer.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor
from torch.nn import functional

from anyres.core.coordinates import Neighbours, neighbours
from anyres.core.fused import pointwise_relu, relu_
from anyres.models.liif.architecture import Liif

BLOCK_VALUES = 2**22  # of a hidden layer at a time: 8 MB in bfloat16, a half for each of two cores


@dataclass(frozen=True)
class FeatureTile:
    """A piece of a picture, encoded: what the decoder needs of it."""

    projected: Float[Tensor, "h w k"]  # Decoder.project of the features
    pixels: Float32[Tensor, "h w 3"]  # the picture itself, for the skip
    origin: tuple[int, int]  # row and column of the piece's first pixel in the picture
    size_hw: tuple[int, int]  # of the whole picture


@dataclass(frozen=True)
class Span:
    """Output rows or columns `start` to `stop` of `total`."""

    start: int
    stop: int
    total: int


def enlarge(
    model: Liif, pixels: Float32[Tensor, "h w 3"], size_hw: tuple[int, int]
) -> Float32[Tensor, "y x 3"]:
    """A whole picture at another size, in [0, 1] but for overshoot; it must fit in memory untiled."""
    tile = encode(model, pixels, origin=(0, 0), size_hw=(pixels.shape[0], pixels.shape[1]))
    return render(model, tile, Span(0, size_hw[0], size_hw[0]), Span(0, size_hw[1], size_hw[1]))


def encode(
    model: Liif, pixels: Float32[Tensor, "h w 3"], *, origin: tuple[int, int], size_hw: tuple[int, int]
) -> FeatureTile:
    """A piece of a picture, as the decoder takes it. `origin` and `size_hw` as in FeatureTile."""
    return encoded(model, features_of(model, pixels), pixels, origin=origin, size_hw=size_hw)


def features_of(model: Liif, pixels: Float32[Tensor, "h w 3"]) -> Float[Tensor, "1 c h w"]:
    """The encoder's features of a piece of a picture."""
    dtype = model.decoder.offset_weight.dtype
    return model.encode(pixels[None].permute(0, 3, 1, 2).to(dtype))  # h w 3 in memory: channels last


def encoded(
    model: Liif,
    features: Float[Tensor, "1 c h w"],
    pixels: Float32[Tensor, "h w 3"],
    *,
    origin: tuple[int, int],
    size_hw: tuple[int, int],
) -> FeatureTile:
    """`encode`, where the features of the piece are there already."""
    projected = model.decoder.project(features)[0].permute(1, 2, 0).contiguous()
    return FeatureTile(projected, pixels, origin, size_hw)


def render(
    model: Liif,
    tile: FeatureTile,
    rows: Span,
    columns: Span,
    *,
    progress: Callable[[float], None] | None = None,
) -> Float32[Tensor, "y x 3"]:
    """Colours of a rectangle of the output picture, in [0, 1] but for overshoot.

    The tile must hold the neighbours of every pixel of the rectangle. `progress` is told the share that is
    done, from 0 to 1, after every few rows: what it raises ends the work.
    """
    width = columns.stop - columns.start
    height = max(1, BLOCK_VALUES // (width * tile.projected.shape[-1]))
    across = _Across(model, tile, columns, cell_y=2 * tile.size_hw[0] / rows.total)
    result = torch.empty((rows.stop - rows.start, width, 3), dtype=torch.float32, device=tile.pixels.device)
    for start in range(rows.start, rows.stop, height):
        stop = min(start + height, rows.stop)
        down = neighbours(tile.size_hw[0], rows.total, start=start, stop=stop)
        result[start - rows.start : stop - rows.start] = _render_rows(model, tile, down, across)
        if progress:
            progress((stop - rows.start) / (rows.stop - rows.start))
    return result


class _Across:
    """Everything that depends on the output column alone, for the lower and the upper neighbour."""

    def __init__(self, model: Liif, tile: FeatureTile, columns: Span, *, cell_y: float) -> None:
        device, dtype = tile.projected.device, tile.projected.dtype
        table = neighbours(tile.size_hw[1], columns.total, start=columns.start, stop=columns.stop)
        weight = model.decoder.offset_weight.float()
        cell = torch.tensor([[cell_y, 2 * tile.size_hw[1] / columns.total]], device=device)
        constant = functional.linear(cell, model.decoder.cell_weight.float())
        offsets = torch.from_numpy(table.offsets).to(device)[..., None] * 2  # one input pixel is 2
        self.chosen = [torch.from_numpy(np.flatnonzero(weights)).to(device) for weights in table.weights]
        self.indices = torch.from_numpy(table.indices - tile.origin[1]).to(device)
        self.terms = (offsets * weight[:, 1] + constant).to(dtype)  # 2 x k
        self.weights = torch.from_numpy(table.weights).to(device)[..., None]  # 2 x 1
        self.down_weight = weight[:, 0]


def _render_rows(
    model: Liif, tile: FeatureTile, down: Neighbours, across: _Across
) -> Float32[Tensor, "y x 3"]:
    """Some rows of the rectangle: the answers of the four neighbours, but for those that weigh nothing.

    At odd whole factors every s-th output pixel lies on an input pixel, whose upper neighbour has weight 0.
    """
    first, last = int(down.indices.min()), int(down.indices.max())
    band = slice(first - tile.origin[0], last + 1 - tile.origin[0])
    device = tile.pixels.device
    shape = down.indices.shape[1], across.indices.shape[1], 3
    result = torch.zeros(shape, dtype=torch.float32, device=device)
    for lateral in (0, 1):
        columns = across.chosen[lateral]
        where = across.indices[lateral][columns]
        stretched = tile.projected[band].index_select(1, where) + across.terms[lateral][columns]
        pixels = tile.pixels[band].index_select(1, where)
        for vertical in (0, 1):
            rows = np.flatnonzero(down.weights[vertical])
            if not len(rows) or not len(columns):
                continue
            lines = down.indices[vertical][rows] - first
            offsets = torch.from_numpy(down.offsets[vertical][rows]).to(device)
            colours = _perceptron(model, _first_layer(stretched, lines, offsets, across.down_weight))
            if model.config.skip == "bilinear":
                colours += (pixels.index_select(0, torch.from_numpy(lines).to(device)) - 0.5) / 0.5
            weight = torch.from_numpy(down.weights[vertical][rows]).to(device)[:, None, None]
            colours *= weight * across.weights[lateral][columns]
            if colours.shape == shape:
                result += colours
            else:
                place = torch.from_numpy(rows).to(device)[:, None], columns[None]
                result.index_put_(place, colours, accumulate=True)
    return result.mul_(0.5).add_(0.5)


def _first_layer(
    stretched: Float[Tensor, "h x k"],
    lines: Int64[np.ndarray, " y"],
    offsets: Float32[Tensor, " y"],
    weight: Float32[Tensor, " k"],
) -> Float[Tensor, "y x k"]:
    """The perceptron's first layer for output rows that lie on these lines of features, before its ReLU."""
    terms = (offsets[:, None] * 2 * weight).to(stretched.dtype)[:, None]  # one input pixel is 2
    shape = len(lines), *stretched.shape[1:]
    hidden = torch.empty(shape, dtype=stretched.dtype, device=stretched.device)
    for line, span in _runs(lines):
        torch.add(stretched[line], terms[span], out=hidden[span])
    return hidden


def _perceptron(model: Liif, first: Float[Tensor, "y x k"]) -> Float32[Tensor, "y x 3"]:
    """`Decoder.colours` as 1x1 convolutions: on some processors three times as fast as matrix products."""
    # The batch axis comes first: added after the permutation its stride would hide that channels are last.
    hidden = relu_(first)[None].permute(0, 3, 1, 2)
    *inner, last = model.decoder.linears[1:]
    for layer in inner:
        hidden = pointwise_relu(hidden, layer)
    colours = functional.conv2d(hidden, last.weight[:, :, None, None], last.bias)
    return colours[0].permute(1, 2, 0).float()


def _runs(indices: np.ndarray) -> Iterator[tuple[int, slice]]:
    """Stretches of equal values: the value, and where it stands."""
    start = 0
    for value, run in groupby(indices.tolist()):
        stop = start + len(list(run))
        yield value, slice(start, stop)
        start = stop
