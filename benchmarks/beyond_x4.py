"""Past x4, is it better to ask the network for every pixel, or for x4 to x6 and resample from there?

The six validation photographs, shrunk by each factor and enlarged again: PSNR of luma in dB and seconds. The
result decides `DECODED` in anyres/models/liif/inference.py.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from anyres.core.pixels import psnr_luma
from anyres.core.resample import Kernel, resize
from anyres.core.weights import parse_config, read_header, read_weights
from anyres.evaluation.tables import markdown_table
from anyres.models.catalog import find_weights
from anyres.models.liif.architecture import Liif, LiifConfig
from anyres.models.liif.evaluation import shrunk_pair
from anyres.models.liif.raster import enlarge
from anyres.models.liif.validation import NAMED, load_validation
from tools.timing import say, write_result

DATA = Path(os.environ.get("ANYRES_DATA", Path(__file__).parents[2] / "shared" / "data")) / "photos_cc0"
Way = Callable[[np.ndarray, tuple[int, int]], np.ndarray]


def main() -> None:
    """Measure every way at every factor; say and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the validation photographs")
    parser.add_argument("--weights", default="liif-compact")
    parser.add_argument("--scales", type=float, nargs="*", default=[6.0, 8.0, 12.0])
    parser.add_argument("--decoded", type=float, nargs="*", default=[4.0, 5.0, 6.0])
    parser.add_argument("--pictures", type=int, default=6, help="how many of the photographs")
    arguments = parser.parse_args()
    network = load(arguments.weights)
    pictures = load_validation(arguments.data, NAMED)[: arguments.pictures]
    ways: dict[str, Way] = {
        "bicubic": partial(resampled, kernel="cubic"),
        "network": partial(decoded, network),
    }
    kernels: tuple[Kernel, ...] = ("cubic", "lanczos3")
    for factor in arguments.decoded:
        for kernel in kernels:
            ways[f"x{factor:g}, then {kernel}"] = partial(both, network, factor=factor, kernel=kernel)
    figures = {
        f"x{scale:g}": {name: measure(way, pictures, scale) for name, way in ways.items()}
        for scale in arguments.scales
    }
    rows = [
        [name, *(f"{at[name]['psnr_db']:.3f} / {at[name]['seconds']:.2f}" for at in figures.values())]
        for name in ways
    ]
    say(markdown_table(["PSNR in dB / seconds", *figures], rows))
    write_result("beyond_x4", arguments.weights, figures)


def load(name: str) -> Liif:
    """The network of named weights, in float32, so that only the way differs."""
    header = read_header(find_weights(name).path)
    network = Liif(parse_config(LiifConfig, header.config))
    network.load_state_dict(read_weights(header, network.state_dict()))
    return network.eval().requires_grad_(False)


def measure(way: Way, pictures: Sequence[np.ndarray], scale: float) -> dict[str, Any]:
    """Mean PSNR and time of one way at one factor."""
    values, spent = [], 0.0
    for picture in pictures:
        small, truth = shrunk_pair(picture, scale)
        start = time.perf_counter()
        made = np.clip(way(small, (truth.shape[0], truth.shape[1])), 0, 1)
        spent += time.perf_counter() - start
        values.append(psnr_luma(made, truth, shave=round(scale)))
    return {"psnr_db": round(float(np.mean(values)), 4), "seconds": round(spent / len(values), 3)}


def resampled(small: np.ndarray, size_hw: tuple[int, int], *, kernel: Kernel) -> np.ndarray:
    """Without a network."""
    return resize(small, size_hw, kernel=kernel)


def decoded(network: Liif, small: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    """Every pixel by the network."""
    with torch.inference_mode():
        return enlarge(network, torch.from_numpy(small), size_hw).clamp(0, 1).numpy()


def both(
    network: Liif, small: np.ndarray, size_hw: tuple[int, int], *, factor: float, kernel: Kernel
) -> np.ndarray:
    """By the network up to a factor, and resampled from there."""
    reached = tuple(
        min(asked, int(factor * given)) for asked, given in zip(size_hw, small.shape, strict=False)
    )
    return resize(decoded(network, small, (reached[0], reached[1])), size_hw, kernel=kernel)


if __name__ == "__main__":
    main()
