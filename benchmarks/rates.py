"""What can this machine do? Its own rates of the two products that LIIF is made of, in both precisions.

A 3x3 convolution of 64 channels (EDSR's), and the perceptron's 256 x 256 as a 1x1 convolution and as a matrix
product (nn.Linear), in GFLOP/s. No fast path can be faster than these allow: the card's "times faster" are
to be read beside them.
"""

import argparse
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).parents[1]))

from tools.timing import interleaved, say, write_result

CHANNELS, SIDE = 64, 256
WIDTH, QUERIES = 256, 16384


def main() -> None:
    """Measure, say and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    generator = torch.Generator().manual_seed(0)
    ways: dict[str, Callable[[], object]] = {}
    flops: dict[str, float] = {}
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        for product, (way, count) in products(dtype, generator).items():
            ways[f"{product}, {name}"], flops[f"{product}, {name}"] = way, count
    with torch.inference_mode():
        seconds = interleaved(ways, rounds=arguments.rounds)
    rates = {name: round(flops[name] / statistics.median(seconds[name]) / 1e9) for name in ways}
    for name, rate in rates.items():
        say(f"{name}: {rate} GFLOP/s")
    write_result("rates", "this machine", {"gflops_per_second": rates})


def products(dtype: torch.dtype, generator: torch.Generator) -> dict[str, tuple[Callable[[], Tensor], float]]:
    """Each product as a call, and its floating-point operations."""

    def drawn(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator).to(dtype)

    planes = drawn(1, SIDE, SIDE, CHANNELS).permute(0, 3, 1, 2)  # channels last in memory
    kernel = drawn(CHANNELS, CHANNELS, 3, 3).to(memory_format=torch.channels_last)
    rows, matrix = drawn(QUERIES, WIDTH), drawn(WIDTH, WIDTH)
    points = rows.view(1, QUERIES // 128, 128, WIDTH).permute(0, 3, 1, 2)
    perceptron = 2.0 * QUERIES * WIDTH * WIDTH
    return {
        "3x3 convolution": (
            lambda: functional.conv2d(planes, kernel, padding=1),
            2.0 * 9 * SIDE * SIDE * CHANNELS * CHANNELS,
        ),
        "1x1 convolution": (lambda: functional.conv2d(points, matrix[:, :, None, None]), perceptron),
        "matrix product": (lambda: functional.linear(rows, matrix), perceptron),
    }


if __name__ == "__main__":
    main()
