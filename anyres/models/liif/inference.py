"""The door to LIIF: a picture in, the same picture at any size out, row by row, in bounded memory.

A picture that is rendered several times is encoded once, to a `ContinuousImage`, whose features are whole in
memory; each tile then takes its own of them instead of computing them.

Each axis is enlarged by the network up to `DECODED` times; what is asked beyond that is resampled from there,
and an axis that shrinks is resampled with antialiasing. Colour under transparent pixels is replaced before
the network sees it, and transparency goes through the same network: sharp edges without fringes.
Axes: h w the picture, y x its enlargement, c channels.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Shaped

from anyres.core.alpha import fill_transparent
from anyres.core.budget import MEMORY_SHARE, bytes_text
from anyres.core.device import (
    Precision,
    choose_device,
    choose_precision,
    free_memory_bytes,
    is_out_of_memory,
)
from anyres.core.errors import LimitError, WeightsError
from anyres.core.image import Image, Rows
from anyres.core.resample import Kernel, resize_stripes
from anyres.core.resample_window import axis_window, resize_window
from anyres.core.results import FEATURE_TYPES, ContinuousImage
from anyres.core.tiles import Interval, Piece, both, input_interval, output_interval, pieces
from anyres.core.weights import WeightsHeader, file_sha256, parse_config, read_header, read_weights
from anyres.models.liif.architecture import Liif, LiifConfig
from anyres.models.liif.raster import Span, encode, encoded, features_of, render

DECODED = 5.0  # largest factor the network is asked for; past it nothing was gained (benchmarks/beyond_x4.py)
KERNEL: Kernel = "lanczos3"  # of what the network does not do itself
SMALLEST_TILE = 32  # input pixels; below that memory is not the tile's fault
STRIPE_BYTES = 96e6  # of one stripe of the result, in float32


@dataclass(frozen=True)
class LoadedWeights:
    """Which weights a door runs."""

    name: str
    sha256: str
    header: WeightsHeader
    trained_scales: tuple[float, float]  # smallest and largest factor seen in training


class Upscaler:
    """LIIF with its weights, ready to enlarge pictures; holds no picture, so threads can share it."""

    def __init__(
        self, network: Liif, weights: LoadedWeights, *, device: torch.device, decoded: float
    ) -> None:
        self.weights = weights
        self._network = network
        self._device = device
        self._decoded = decoded

    @classmethod
    def load(
        cls,
        path: Path,
        *,
        precision: Precision = "auto",
        device: str = "auto",
        decoded: float | None = None,
    ) -> "Upscaler":
        """The network of a weights file, on a device, in a precision.

        Args:
            path: of the weights file.
            precision: "auto" is bfloat16 where the device has it.
            device: "auto" is the first GPU, or else the CPU.
            decoded: largest factor that the network itself is asked for; DECODED if not given. The published
                protocols ask it for every pixel: `math.inf`.

        Raises:
            WeightsError: if the file is damaged, or holds another model's weights, or a record that is none.
        """
        header = read_header(path)
        if header.model != "liif":
            raise WeightsError(f"{path} holds weights of {header.model}; enlarging needs weights of liif.")
        trained_scales = _trained_scales(path, header)
        with torch.device("meta"):
            network = Liif(parse_config(LiifConfig, header.config))
        network.load_state_dict(read_weights(header, network.state_dict()), assign=True)
        target = choose_device(device)
        network = network.to(target, choose_precision(precision, target))
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        weights = LoadedWeights(path.stem, file_sha256(path), header, trained_scales)
        limit = DECODED if decoded is None else decoded
        return cls(network.eval().requires_grad_(False), weights, device=target, decoded=limit)

    @property
    def precision(self) -> str:
        """The number format it computes in: float32 or bfloat16."""
        return str(self._network.decoder.offset_weight.dtype).removeprefix("torch.")

    def __call__(self, image: Image, *, size_hw: tuple[int, int]) -> Image:
        """The picture at another size, whole in memory."""
        return self.rows(image, size_hw).collect()

    def encode(self, image: Image, *, progress: Callable[[float], None] | None = None) -> ContinuousImage:
        """The features of a picture, tile by tile, from which `rows` renders without encoding again.

        Raises:
            LimitError: if memory does not hold them, or not even the smallest tile.
        """
        layers, channels = _layers(image), self._network.config.encoder.channels
        kind = FEATURE_TYPES[self.precision]
        needed, free = (
            len(layers) * channels * kind.itemsize * image.height * image.width,
            free_memory_bytes(),
        )
        if needed > MEMORY_SHARE * free:
            raise LimitError(
                f"The features of {image.width} x {image.height} pixels need {bytes_text(needed)} of memory; "
                f"{bytes_text(int(MEMORY_SHARE * free))} can be used. Encode a smaller part of the picture."
            )
        features = [np.empty((channels, *image.size_hw), kind) for _ in layers]
        start, tile = 0, self._tile_length()
        while start < image.height:
            band = next(pieces(image.height, length=tile, halo=self._halo, start=start))
            try:
                for number, layer in enumerate(layers):
                    told = _part_of(progress, start, band.inner.stop, image.height, number, len(layers))
                    self._encode_band(features[number], layer, band, tile, told)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                tile = self._smaller(tile, error)
                continue
            start = band.inner.stop
        named = self.weights.name, self.weights.sha256, self.precision, self.weights.trained_scales
        return ContinuousImage(image, tuple(features), *named)

    def rows(
        self,
        picture: Image | ContinuousImage,
        size_hw: tuple[int, int],
        *,
        window: tuple[Interval, Interval] | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> Rows:
        """The picture at another size (height, width), in stripes that are computed as they are taken.

        Args:
            picture: any size from 1 x 1; if encoded, then by this network.
            size_hw: any size from 1 x 1.
            window: rows and columns of the result that are wanted; nothing else is computed.
            progress: told the share that is done, from 0 to 1.

        Raises:
            LimitError: while stripes are taken, if memory does not hold even the smallest tile.
        """
        image = picture.image if isinstance(picture, ContinuousImage) else picture
        features = picture.features if isinstance(picture, ContinuousImage) else None
        down, across = window or (Interval(0, size_hw[0]), Interval(0, size_hw[1]))
        decoded = tuple(
            max(given, min(asked, math.floor(min(self._decoded * given, asked))))
            for asked, given in zip(size_hw, image.size_hw, strict=True)
        )
        decoded_hw, tell = (decoded[0], decoded[1]), progress or (lambda share: None)
        if decoded_hw == size_hw:
            stripes = self._stripes(_Enlargement(image, size_hw, down, across, features), tell)
        elif window is None:
            everything = Interval(0, decoded_hw[0]), Interval(0, decoded_hw[1])
            whole = _Enlargement(image, decoded_hw, *everything, features)
            stripes = _clipped(resize_stripes(self._stripes(whole, tell), decoded_hw, size_hw, kernel=KERNEL))
        else:
            tall = axis_window(decoded_hw[0], size_hw[0], window=down, kernel=KERNEL)
            wide = axis_window(decoded_hw[1], size_hw[1], window=across, kernel=KERNEL)
            part = _Enlargement(image, decoded_hw, tall.reads, wide.reads, features)
            stripes = _clipped(resize_window(self._stripes(part, tell), tall, wide))
        has_alpha, notices = image.alpha is not None, self._notices(image, size_hw)
        return Rows((down.length, across.length), has_alpha, image.encoding, stripes, notices)

    def _notices(self, image: Image, size_hw: tuple[int, int]) -> tuple[str, ...]:
        scale = max(size_hw[0] / image.height, size_hw[1] / image.width)
        low, high = self.weights.trained_scales
        if scale <= high:
            return image.notices
        told = f"x{scale:.3g} is past the factors {self.weights.name} was trained on (x{low:g} to x{high:g})"
        return (*image.notices, f"{told}: it is larger, not more detailed, than at x{high:g}.")

    def _stripes(
        self, task: "_Enlargement", progress: Callable[[float], None]
    ) -> Iterator[Float32[np.ndarray, "h w c"]]:
        image, size_hw = task.image, task.size_hw
        layers = _layers(image)
        tile, start = self._tile_length(), task.needed[0].start
        bytes_per_row = (
            4 * 4 * task.columns.length * size_hw[0] / image.height
        )  # of a row of the picture, enlarged
        highest = max(SMALLEST_TILE, int(STRIPE_BYTES / bytes_per_row))
        while start < task.needed[0].stop:
            length = min(tile, highest)
            band = next(
                pieces(image.height, length=length, halo=self._halo, start=start, end=task.needed[0].stop)
            )
            made = output_interval(band.inner, size_in=image.height, size_out=size_hw[0])
            rows = both(made, task.rows)
            try:
                channels = 4 if image.alpha is not None else 3
                stripe = np.empty((rows.length, task.columns.length, channels), np.float32)
                self._fill(stripe, layers, band, rows, task, tile, progress)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                tile = self._smaller(tile, error)
                continue
            yield stripe
            start = band.inner.stop

    def _fill(
        self,
        stripe: Float32[np.ndarray, "y x c"],
        layers: list[Float32[np.ndarray, "h w 3"]],
        band: Piece,
        rows: Interval,
        task: "_Enlargement",
        tile: int,
        progress: Callable[[float], None],
    ) -> None:
        """Compute one stripe, tile by tile from left to right; colour first, then transparency if any."""
        size_in, size_hw, (down, across) = task.image.size_hw, task.size_hw, task.needed
        with torch.inference_mode():
            for piece in pieces(
                size_in[1], length=tile, halo=self._halo, start=across.start, end=across.stop
            ):
                made = output_interval(piece.inner, size_in=size_in[1], size_out=size_hw[1])
                columns = both(made, task.columns)
                if rows.length == 0 or columns.length == 0:
                    continue
                place = slice(columns.start - task.columns.start, columns.stop - task.columns.start)
                spans = Span(rows.start, rows.stop, size_hw[0]), Span(columns.start, columns.stop, size_hw[1])
                first = (band.inner.start - down.start) * across.length
                first += band.inner.length * (piece.inner.start - across.start)
                last, area = first + band.inner.length * piece.inner.length, down.length * across.length
                for number, layer in enumerate(layers):
                    features = None if task.features is None else task.features[number]
                    told = _part_of(progress, first, last, area, number, len(layers))
                    part = self._tile(layer, features, band, piece, spans, told)
                    if number == 0:
                        stripe[:, place, :3] = part
                    else:
                        stripe[:, place, 3] = part.mean(axis=-1)
            if stripe.shape[-1] == 4 and len(layers) == 1:
                stripe[..., 3] = 1.0

    def _tile(
        self,
        layer: Float32[np.ndarray, "h w 3"],
        features: Shaped[np.ndarray, "c h w"] | None,
        band: Piece,
        piece: Piece,
        spans: tuple[Span, Span],
        progress: Callable[[float], None],
    ) -> Float32[np.ndarray, "y x 3"]:
        """Some rows and columns of the result, from the piece of the picture that they see."""
        pixels = self._pixels(layer, band, piece)
        origin, size_hw = (band.outer.start, piece.outer.start), (layer.shape[0], layer.shape[1])
        if features is None:
            tile = encode(self._network, pixels, origin=origin, size_hw=size_hw)
        else:
            cut = _tensor(features[:, band.outer.slice, piece.outer.slice]).to(self._device)
            tile = encoded(self._network, cut[None], pixels, origin=origin, size_hw=size_hw)
        made = render(self._network, tile, *spans, progress=progress)
        numbers: Float32[np.ndarray, "y x 3"] = made.clamp_(0, 1).cpu().numpy()
        return numbers

    def _encode_band(
        self,
        features: Shaped[np.ndarray, "c h w"],
        layer: Float32[np.ndarray, "h w 3"],
        band: Piece,
        tile: int,
        progress: Callable[[float], None],
    ) -> None:
        """Fill some rows of features, tile by tile from left to right."""
        with torch.inference_mode():
            for piece in pieces(layer.shape[1], length=tile, halo=self._halo):
                made = features_of(self._network, self._pixels(layer, band, piece))[0].cpu()
                rows, columns = band.inner, piece.inner
                top, left = rows.start - band.outer.start, columns.start - piece.outer.start
                inner = made[:, top : top + rows.length, left : left + columns.length]
                features[:, rows.slice, columns.slice] = _array(inner)
                progress(columns.stop / layer.shape[1])

    def _pixels(
        self, layer: Float32[np.ndarray, "h w 3"], band: Piece, piece: Piece
    ) -> Float32[torch.Tensor, "y x 3"]:
        cut = layer[band.outer.slice, piece.outer.slice].copy()  # a picture is read-only
        return torch.from_numpy(cut).to(self._device)

    @property
    def _halo(self) -> int:
        return self._network.encoder.halo + 2  # one for the unfolding, one for the neighbour in the blend

    def _tile_length(self) -> int:
        """Side of a tile, input pixels: four halos for little waste, less where memory is short."""
        config, width = self._network.config.encoder, self._network.config.hidden[0]
        live = 4 * config.channels + 2 * config.layers * config.growth + 3 * width  # channels held at once
        bytes_per_pixel = live * self._network.decoder.offset_weight.element_size()
        budget = free_memory_bytes(self._device) / 4
        tile = max(512, 4 * self._halo)
        while (tile + 2 * self._halo) ** 2 * bytes_per_pixel > budget and tile > SMALLEST_TILE:
            tile //= 2
        return tile

    def _smaller(self, tile: int, error: BaseException) -> int:
        if tile <= SMALLEST_TILE:
            raise LimitError(
                f"Memory ran out even with tiles of {tile} pixels. "
                "Close other programs, or use smaller weights."
            ) from error
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        return tile // 2


@dataclass(frozen=True)
class _Enlargement:
    """What is asked of the network: a picture at a size, and which rows and columns of that."""

    image: Image
    size_hw: tuple[int, int]
    rows: Interval
    columns: Interval
    features: tuple[Shaped[np.ndarray, "c h w"], ...] | None = None  # by layer, where they are there already

    @property
    def needed(self) -> tuple[Interval, Interval]:
        """Rows and columns of the picture in which the asked ones lie."""
        (height, width), size_hw = self.image.size_hw, self.size_hw
        down = input_interval(self.rows, size_in=height, size_out=size_hw[0])
        return down, input_interval(self.columns, size_in=width, size_out=size_hw[1])


def _clipped(stripes: Iterator[Float32[np.ndarray, "h w c"]]) -> Iterator[Float32[np.ndarray, "h w c"]]:
    return (np.clip(stripe, 0, 1, out=stripe) for stripe in stripes)


def _part_of(
    progress: Callable[[float], None] | None, start: int, stop: int, height: int, number: int, count: int
) -> Callable[[float], None]:
    """Tells the share of all that is done, told that of one layer of rows `start` to `stop`."""

    def tell(share: float) -> None:
        if progress:
            progress((start + (stop - start) * (number + share) / count) / height)

    return tell


def _array(values: torch.Tensor) -> Shaped[np.ndarray, "c h w"]:
    """Features as NumPy holds them: the bits of bfloat16."""
    if values.dtype == torch.bfloat16:
        return np.asarray(values.contiguous().view(torch.int16).numpy()).view(np.uint16)
    return np.asarray(values.numpy())


def _tensor(values: Shaped[np.ndarray, "c h w"]) -> torch.Tensor:
    """Features as the network takes them, of their own type; a copy, as the array is read-only."""
    if values.dtype == np.uint16:
        return torch.from_numpy(values.view(np.int16).copy()).view(torch.bfloat16)
    return torch.from_numpy(values.copy())


def _trained_scales(path: Path, header: WeightsHeader) -> tuple[float, float]:
    told: Any = header.record.get("trained_scales", (1.0, 4.0))  # the paper's, where a file does not say
    try:
        low, high = (float(factor) for factor in told)
    except (TypeError, ValueError, OverflowError):
        low = high = math.nan
    if not 0 < low <= high < math.inf:
        raise WeightsError(
            f"The record of {path} gives {told!r} as trained_scales, which are two factors, the smaller "
            "first: [1, 4]. Write or fetch the file again."
        )
    return low, high


def _layers(image: Image) -> list[Float32[np.ndarray, "h w 3"]]:
    """What goes through the network: the colours, and as a grey picture the transparency if there is any."""
    if image.alpha is None or bool((image.alpha == 1).all()):
        return [image.pixels]
    alpha = np.broadcast_to(image.alpha[..., None], image.pixels.shape)
    return [fill_transparent(image.pixels, image.alpha), alpha]
