"""How LIIF's weights are measured: the paper's two protocols, through the door that users go through.

Section 4.1 of https://arxiv.org/abs/2012.09161 and the authors' code. The truth is cropped so that the factor
gives whole pixels, shrunk by cubic convolution with antialiasing, rounded to 8 bits, and enlarged again; the
result is not rounded. `benchmark`: PSNR of luma, as many pixels shaved off each side as the factor says.
`div2k`: PSNR of RGB, six pixels more. SSIM, which the paper does not give, is of luma with the same shave.
Departs from the authors': the small pictures are made here, with MATLAB's kernel; they used files that MATLAB
made up to x4, and Pillow's kernel, the same one, past it.
Axes: h w the shrunk picture, y x the true and the enlarged one.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float32
from pydantic import BeforeValidator, Field, WithJsonSchema

from anyres.core.device import Precision
from anyres.core.errors import InputError
from anyres.core.files import read_rgb8
from anyres.core.image import Image
from anyres.core.pixels import luma, psnr, psnr_luma, ssim
from anyres.core.resample import resize
from anyres.evaluation.tables import Cell, markdown_table, write_figures
from anyres.models.catalog import find_weights
from anyres.models.liif.inference import Upscaler

Protocol = Literal["benchmark", "div2k"]
SETS: dict[Protocol, tuple[str, ...]] = {
    "benchmark": ("set5", "set14", "b100", "urban100", "manga109"),
    "div2k": ("div2k", "div2k_valid_hr"),
}
SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")
_DIV2K: dict[str, dict[float, float]] = {  # RGB PSNR of the validation pictures
    "bicubic": {2: 31.01, 3: 28.22, 4: 26.66, 6: 24.82, 12: 22.27, 18: 21.00, 24: 20.19, 30: 19.59},
    "EDSR-baseline-LIIF": {
        2: 34.67,
        3: 30.96,
        4: 29.00,
        6: 26.75,
        12: 23.71,
        18: 22.17,
        24: 21.18,
        30: 20.48,
    },
    "RDN-MetaSR": {2: 35.00, 3: 31.27, 4: 29.25, 6: 26.88, 12: 23.73, 18: 22.18, 24: 21.17, 30: 20.47},
    "RDN-LIIF": {2: 34.99, 3: 31.26, 4: 29.27, 6: 26.99, 12: 23.89, 18: 22.34, 24: 21.31, 30: 20.59},
}
PUBLISHED: dict[str, dict[str, dict[float, float]]] = {  # the paper's tables: set, method, factor; luma PSNR
    "set5": {
        "RDN-MetaSR": {2: 38.22, 3: 34.63, 4: 32.38, 6: 29.04, 8: 26.96},
        "RDN-LIIF": {2: 38.17, 3: 34.68, 4: 32.50, 6: 29.15, 8: 27.14},
    },
    "set14": {
        "RDN-MetaSR": {2: 33.98, 3: 30.54, 4: 28.78, 6: 26.51, 8: 24.97},
        "RDN-LIIF": {2: 33.97, 3: 30.53, 4: 28.80, 6: 26.64, 8: 25.15},
    },
    "b100": {
        "RDN-MetaSR": {2: 32.33, 3: 29.26, 4: 27.71, 6: 25.90, 8: 24.83},
        "RDN-LIIF": {2: 32.32, 3: 29.26, 4: 27.74, 6: 25.98, 8: 24.91},
    },
    "urban100": {
        "RDN-MetaSR": {2: 32.92, 3: 28.82, 4: 26.55, 6: 23.99, 8: 22.59},
        "RDN-LIIF": {2: 32.87, 3: 28.82, 4: 26.68, 6: 24.20, 8: 22.79},
    },
    "div2k": _DIV2K,
    "div2k_valid_hr": _DIV2K,
}


@dataclass(frozen=True)
class Measured:
    """One way to enlarge, on one set, at one factor."""

    pictures: str  # name of the set
    count: int  # of pictures in it
    method: str
    scale: float
    psnr_db: float  # mean over the pictures
    ssim: float  # mean over the pictures


@dataclass(frozen=True)
class Evaluation:
    """What was measured; as text, a table for each set with the published figures below."""

    protocol: Protocol
    weights: str
    sha256: str  # of the weights
    precision: str  # that ran
    measured: tuple[Measured, ...]

    def __str__(self) -> str:
        """A Markdown table for each set."""
        names = dict.fromkeys(one.pictures for one in self.measured)
        channels = "luma" if self.protocol == "benchmark" else "RGB"
        head = (
            f"{self.weights} ({self.sha256[:12]}, {self.precision}): PSNR of {channels} in dB, SSIM of luma"
        )
        return "\n\n".join([head, *(self._table(name) for name in names)])

    def _table(self, pictures: str) -> str:
        ours = [one for one in self.measured if one.pictures == pictures]
        scales = list(dict.fromkeys(one.scale for one in ours))
        rows: list[list[Cell]] = []
        for method in dict.fromkeys(one.method for one in ours):
            at = {one.scale: one for one in ours if one.method == method}
            rows.append([method, *(f"{at[scale].psnr_db:.2f} / {at[scale].ssim:.4f}" for scale in scales)])
        for method, figures in PUBLISHED.get(pictures, {}).items():
            rows.append([f"{method}, published", *(figures.get(scale) for scale in scales)])
        header = [f"{pictures} ({ours[0].count} pictures)", *(f"x{scale:g}" for scale in scales)]
        return markdown_table(header, rows)


def parse_scales(given: object) -> object:
    """Factors of a text such as "2,3,4", in the order given; what is no text is left to the declaration."""
    if not isinstance(given, str):
        return given
    try:
        return tuple(float(word) for word in given.split(","))
    except ValueError:
        raise ValueError("should be factors such as 2,3,4") from None


Scales = Annotated[
    tuple[Annotated[float, Field(ge=1, le=64)], ...],
    BeforeValidator(parse_scales),
    WithJsonSchema({"type": "string", "format": "scales"}),
    Field(description="Factors, separated by commas."),
]


def evaluate(
    *,
    data: Annotated[
        Path, Field(description="Folder of the true pictures, or of folders set5, b100 and so on.")
    ],
    weights: Annotated[str, Field(description="Weights to measure.")] = "liif-compact",
    protocol: Annotated[Protocol, Field(description="How the paper counts on which pictures.")] = "benchmark",
    scales: Scales = (2.0, 3.0, 4.0),
    precision: Annotated[Precision, Field(description="Arithmetic.")] = "auto",
    figures: Annotated[Path | None, Field(description="JSON file to put the figures into as well.")] = None,
) -> Evaluation:
    """Measure weights on test pictures as the paper does, beside bicubic and the published figures.

    The pictures are not part of anyres: their licences differ. Give the folder that you have them in.
    """
    sets = find_sets(data, protocol=protocol)
    upscaler = Upscaler.load(find_weights(weights).path, precision=precision, decoded=math.inf)
    measured = [
        one
        for name, paths in sets.items()
        for scale in scales
        for one in measure(upscaler, name, paths, scale, protocol=protocol)
    ]
    result = Evaluation(protocol, weights, upscaler.weights.sha256, upscaler.precision, tuple(measured))
    if figures is not None:
        write_figures(figures, f"{weights} {protocol}", asdict(result))
    return result


def find_sets(folder: Path, *, protocol: Protocol) -> dict[str, list[Path]]:
    """Pictures of the protocol's sets in a folder, or of the folder itself, by the set's small name.

    Raises:
        InputError: if there is no picture.
    """
    inside = sorted(folder.iterdir()) if folder.is_dir() else []
    folders = [one for one in inside if one.is_dir() and one.name.lower() in SETS[protocol]] or [folder]
    sets = {one.resolve().name.lower(): _pictures(one) for one in folders}
    sets = {name: paths for name, paths in sets.items() if paths}
    if not sets:
        raise InputError(
            f"{folder} holds no test pictures ({', '.join(SUFFIXES)}), nor a folder "
            f"{' or '.join(SETS[protocol])} with some. Name the folder that you have them in."
        )
    return sets


def measure(
    upscaler: Upscaler, name: str, paths: Sequence[Path], scale: float, *, protocol: Protocol
) -> tuple[Measured, Measured]:
    """Bicubic and the weights on a set of pictures at one factor."""
    values: Mapping[str, list[tuple[float, float]]] = {"bicubic": [], upscaler.weights.name: []}
    for path in paths:
        small, truth = shrunk_pair(read_rgb8(path), scale)
        size_hw = truth.shape[0], truth.shape[1]
        plain = np.clip(resize(small, size_hw), 0, 1)
        ours = upscaler(Image(pixels=small), size_hw=size_hw).pixels
        for method, made in zip(values, (plain, ours), strict=True):
            values[method].append(compare(made, truth, scale, protocol=protocol))
    bicubic, ours_too = (
        Measured(name, len(paths), method, scale, *(float(mean) for mean in np.mean(pairs, axis=0)))
        for method, pairs in values.items()
    )
    return bicubic, ours_too


def shrunk_pair(
    picture: np.ndarray, scale: float
) -> tuple[Float32[np.ndarray, "h w 3"], Float32[np.ndarray, "y x 3"]]:
    """A picture of 8 bits, shrunk by a factor and rounded, and its part that this is of; in [0, 1]."""
    small_hw = [max(1, math.floor(side / scale + 1e-9)) for side in picture.shape[:2]]  # 1e-9: the authors'
    height, width = (round(side * scale) for side in small_hw)
    truth = picture[:height, :width].astype(np.float32) / 255
    small = np.clip(np.rint(resize(truth, (small_hw[0], small_hw[1])) * 255), 0, 255) / 255
    return small.astype(np.float32), truth


def compare(
    made: Float32[np.ndarray, "y x 3"],
    truth: Float32[np.ndarray, "y x 3"],
    scale: float,
    *,
    protocol: Protocol,
) -> tuple[float, float]:
    """PSNR in dB and SSIM of one picture."""
    shave = math.ceil(scale) + (6 if protocol == "div2k" else 0)
    count = psnr_luma if protocol == "benchmark" else psnr
    return count(made, truth, shave=shave), ssim(luma(made), luma(truth), shave=shave)


def _pictures(folder: Path) -> list[Path]:
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
    return [path for path in paths if path.stem.endswith("_GT")] or paths  # beside truths lie shrunk ones
