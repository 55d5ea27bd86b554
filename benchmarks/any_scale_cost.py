"""What does any scale cost? LIIF against a pixel-shuffle network for x2 alone, same encoder, data and steps.

Both are trained first (`anyres train liif DATA --recipe liif-compact --steps N`, and the same with
`--recipe pixel-shuffle-x2`); their run folders are given here. PSNR of luma at x2, in float32, on the test
pictures of a folder, by the protocol of `anyres evaluate`. Numbers of steps that differ are said.
"""

import argparse
import math
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from anyres.core.files import read_rgb8
from anyres.core.image import Image
from anyres.core.weights import parse_config, read_header, read_weights
from anyres.models.liif.control import PixelShuffle, PixelShuffleConfig
from anyres.models.liif.evaluation import compare, find_sets, shrunk_pair
from anyres.models.liif.inference import Upscaler
from tools.timing import say, write_result

SCALE = 2


def main() -> None:
    """Measure both on every set, say and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--any-scale", type=Path, required=True, help="run folder of liif-compact")
    parser.add_argument("--one-scale", type=Path, required=True, help="run folder of pixel-shuffle-x2")
    parser.add_argument("--data", type=Path, required=True, help="test pictures, as for `anyres evaluate`")
    arguments = parser.parse_args()
    paths = {name: getattr(arguments, name) / "best.safetensors" for name in ("any_scale", "one_scale")}
    steps = {name: read_header(path).record["step"] for name, path in paths.items()}
    upscaler = Upscaler.load(paths["any_scale"], precision="float32", device="cpu", decoded=math.inf)
    control = load_control(paths["one_scale"])
    say(f"steps of the best weights: {steps}")
    for name, pictures in find_sets(arguments.data, protocol="benchmark").items():
        pairs = [shrunk_pair(read_rgb8(path), SCALE) for path in pictures]
        ours = float(np.mean([luma_db(enlarged(upscaler, small), truth) for small, truth in pairs]))
        theirs = float(np.mean([luma_db(shuffled(control, small), truth) for small, truth in pairs]))
        say(f"{name} x2: any scale {ours:.3f} dB, one scale {theirs:.3f} dB, cost {theirs - ours:+.3f} dB")
        figures = {"any_scale_db": round(ours, 4), "one_scale_db": round(theirs, 4), "steps": steps}
        write_result("any_scale_cost", name, figures)


def luma_db(made: np.ndarray, truth: np.ndarray) -> float:
    """PSNR of luma in dB."""
    return compare(made, truth, SCALE, protocol="benchmark")[0]


def load_control(path: Path) -> PixelShuffle:
    """The control of a weights file."""
    header = read_header(path)
    network = PixelShuffle(parse_config(PixelShuffleConfig, header.config))
    network.load_state_dict(read_weights(header, network.state_dict()))
    return network.eval().requires_grad_(False)


def enlarged(upscaler: Upscaler, small: np.ndarray) -> np.ndarray:
    """The picture twice as large, by LIIF."""
    return upscaler(Image(pixels=small), size_hw=(small.shape[0] * SCALE, small.shape[1] * SCALE)).pixels


def shuffled(control: PixelShuffle, small: np.ndarray) -> np.ndarray:
    """The picture twice as large, by the control."""
    size_hw = small.shape[0] * SCALE, small.shape[1] * SCALE
    return control.enlarge(torch.from_numpy(small.copy()), size_hw).clamp(0, 1).numpy()


if __name__ == "__main__":
    main()
