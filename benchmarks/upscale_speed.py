"""How many times faster is the product's path than the literal published algorithm?

In one run, both enlarge the same noise by the same network with random weights, tensors in, tensors out; the
literal form is the tests' own (float32, and bfloat16 where it can). `--liif-checkout PATH` runs the authors'
code from a checkout of https://github.com/yinboc/liif too, and checks that the literal form takes as long as
it does, within 10 %.
"""

import argparse
import contextlib
import copy
import importlib
import os
import statistics
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))

from anyres.core.device import choose_precision
from anyres.models.liif.architecture import EDSR_BASELINE, RDN_B, EncoderConfig, Liif, LiifConfig
from anyres.models.liif.raster import enlarge
from tests.models.liif.literal import literal_enlarge
from tools.timing import interleaved, median_ratio, say, write_result

CPU = torch.device("cpu")
CASES = {  # network, side of the picture, factor, times faster that is asked for in default precision
    "RDN-B x2 of 256x256": (RDN_B, 256, 2, 5.5),
    "EDSR-baseline x4 of 192x192": (EDSR_BASELINE, 192, 4, 15.0),
}
TINY = {"tiny x2 of 24x24": (LiifConfig(EncoderConfig("edsr", channels=16, blocks=2)), 24, 2, 1.0)}
SAME = 0.10  # share by which the literal form may differ in time from the authors' code
Way = Callable[[], object]


def main() -> None:
    """Time every case; write and say the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--isa", choices=["avx2"], help="pretend that the processor has no more than this")
    parser.add_argument("--liif-checkout", type=Path, metavar="PATH")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tiny", action="store_true", help="a case of a second, to try the program itself")
    arguments = parser.parse_args()
    if arguments.isa and os.environ.get("ONEDNN_MAX_CPU_ISA") != arguments.isa.upper():
        limits = {"ONEDNN_MAX_CPU_ISA": arguments.isa.upper(), "ATEN_CPU_CAPABILITY": arguments.isa}
        limits["MKL_ENABLE_INSTRUCTIONS"] = arguments.isa.upper()
        sys.exit(
            subprocess.run([sys.executable, *sys.argv], env={**os.environ, **limits}, check=False).returncode
        )
    for name, case in (TINY if arguments.tiny else CASES).items():
        figures = measure(*case[:3], rounds=arguments.rounds, checkout=arguments.liif_checkout)
        report(name, figures, asked=case[3])
        if arguments.tiny:
            continue
        write_result("upscale_speed", f"{name}{', ' + arguments.isa if arguments.isa else ''}", figures)


def measure(
    config: LiifConfig, side: int, scale: int, *, rounds: int, checkout: Path | None
) -> dict[str, Any]:
    """Seconds of every way, and how many times faster than the literal form in float32 each is."""
    torch.manual_seed(0)
    network = Liif(config).eval().requires_grad_(False)
    pixels = torch.from_numpy(np.random.default_rng(0).random((side, side, 3), np.float32))
    size_hw = (side * scale, side * scale)
    plain = in_inference(literal_enlarge, network, pixels.permute(2, 0, 1)[None], size_hw)
    ways = {"literal float32": plain, "literal bfloat16": in_bfloat16(plain)}
    if checkout is not None:
        ways["authors float32"] = authors(checkout, network, pixels, size_hw)
    for dtype in (torch.float32, torch.bfloat16):
        ours = copy.deepcopy(network).to(dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        ways[f"ours {dtype}".replace("torch.", "")] = in_inference(enlarge, ours, pixels, size_hw)
    ways |= pillow(pixels, size_hw)
    seconds = interleaved(ways, rounds=rounds)
    slow = seconds["literal float32"]
    return {
        "default": f"ours {choose_precision('auto', CPU)}".replace("torch.", ""),
        "seconds": {name: round(statistics.median(times), 4) for name, times in seconds.items()},
        "times_faster": {name: round(median_ratio(slow, times), 2) for name, times in seconds.items()},
    }


def report(name: str, figures: dict[str, Any], *, asked: float) -> None:
    """Say the figures, and whether they are what was asked for."""
    say(f"{name}")
    for way, seconds in figures["seconds"].items():
        say(f"  {way:18} {seconds:9.3f} s  {figures['times_faster'][way]:8.2f} x literal float32")
    reached = figures["times_faster"][figures["default"]]
    say(f"  default precision is {figures['default']}: {reached} times; {asked} is asked for")
    if "authors float32" in figures["seconds"]:
        ratio = figures["seconds"]["literal float32"] / figures["seconds"]["authors float32"]
        figures["literal_over_authors"] = round(ratio, 3)
        verdict = "within" if abs(ratio - 1) <= SAME else "NOT within"
        say(f"  the literal form takes {ratio:.2f} of the authors' time: {verdict} {SAME:.0%}")


def in_bfloat16(way: Way) -> Way:
    """The same with convolutions and matrix products in bfloat16; coordinates would not survive it."""

    def run() -> object:
        with torch.autocast("cpu", torch.bfloat16):
            return way()

    return run


def pillow(pixels: Tensor, size_hw: tuple[int, int]) -> dict[str, Way]:
    """What plain resampling takes, for scale."""
    import PIL.Image

    picture = PIL.Image.fromarray((pixels.numpy() * 255).astype(np.uint8))
    kernels = {"Pillow bicubic": PIL.Image.Resampling.BICUBIC, "Pillow Lanczos": PIL.Image.Resampling.LANCZOS}
    return {
        name: lambda kernel=kernel: picture.resize(size_hw[::-1], kernel)  # type: ignore[misc]
        for name, kernel in kernels.items()
    }


def authors(checkout: Path, network: Liif, pixels: Tensor, size_hw: tuple[int, int]) -> Way:
    """The authors' own functions, with the same encoder and decoder weights; their `.cuda()` does nothing."""
    if not (checkout / "models" / "liif.py").is_file():
        sys.exit(f"{checkout} is no checkout of yinboc/liif: models/liif.py is not there.")
    sys.path.insert(0, str(checkout.resolve()))
    board = types.ModuleType("tensorboardX")  # their utils import it for training; it is not installed here
    board.SummaryWriter = object  # type: ignore[attr-defined]
    sys.modules.setdefault("tensorboardX", board)
    models = importlib.import_module("models")
    utils = importlib.import_module("utils")
    kind = {"rdn": "rdn", "edsr": "edsr-baseline"}[network.config.encoder.kind]
    hidden = list(network.config.hidden)
    spec = {
        "encoder_spec": {"name": kind, "args": {"no_upsampling": True}},
        "imnet_spec": {"name": "mlp", "args": {"out_dim": 3, "hidden_list": hidden}},
    }
    theirs = models.make({"name": "liif", "args": spec}).eval()
    batch = (pixels.permute(2, 0, 1)[None] - 0.5) / 0.5

    def run() -> Tensor:
        coord = utils.make_coord(size_hw)
        cell = torch.ones_like(coord) * torch.tensor([2 / size_hw[0], 2 / size_hw[1]])
        with without_cuda(), torch.inference_mode():
            theirs.gen_feat(batch)
            chunks = zip(coord.split(30000), cell.split(30000), strict=True)  # the authors' evaluation batch
            return torch.cat([theirs.query_rgb(place[None], size[None]) for place, size in chunks], dim=1)

    return run


@contextlib.contextmanager
def without_cuda() -> Iterator[None]:
    """Tensors and modules stay where they are when told to go to a GPU."""
    kept = torch.Tensor.cuda, torch.nn.Module.cuda
    torch.Tensor.cuda = torch.nn.Module.cuda = lambda self, *_, **__: self  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        torch.Tensor.cuda, torch.nn.Module.cuda = kept  # type: ignore[method-assign]


def in_inference(function: Callable[..., Tensor], *arguments: Any) -> Way:
    """A call of a function without gradients."""

    def run() -> Tensor:
        with torch.inference_mode():
            return function(*arguments)

    return run


if __name__ == "__main__":
    main()
