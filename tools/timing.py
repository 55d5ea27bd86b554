"""What every benchmark shares: interleaved timing, and results written with their provenance."""

import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import torch

from anyres.core.machine import provenance
from anyres.evaluation.tables import write_figures

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"


def interleaved(ways: Mapping[str, Callable[[], object]], *, rounds: int) -> dict[str, list[float]]:
    """Seconds of each way in each round; they take turns, so that a busy machine slows all alike."""
    for way in ways.values():
        way()  # caches fill, kernels compile
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def median_ratio(slow: list[float], fast: list[float]) -> float:
    """How many times faster, as the median over the rounds."""
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))


def write_result(question: str, name: str, figures: Mapping[str, object]) -> None:
    """Write figures under a name into the file of a benchmark, and say where they are."""
    source = asdict(provenance())
    source_with_torch = {**figures, "torch": torch.__version__, "threads": torch.get_num_threads()}
    path = RESULTS / f"{question}.json"
    write_figures(path, name, source_with_torch)
    say(f"{source['machine']}; written to {path.parent.name}/{path.name} as {name!r}")


def say(line: str) -> None:
    """A line of the benchmark's report."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
