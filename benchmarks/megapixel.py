"""How long does a megapixel take, and how much memory does a large picture take from file to file?

Seconds: 1024x1024 to 2048x2048 through the door, weights loaded, no file coding. Memory: the peak of a child
process that enlarges one file into another by 4, all its threads and buffers counted, for two sizes.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from anyres.core.image import Image
from anyres.models.catalog import find_weights
from anyres.models.liif.inference import Upscaler
from tools.timing import say, write_result

POLL_S = 0.02


def main() -> None:
    """Measure, say and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--weights", default="liif-compact")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--side", type=int, default=1024, help="of the picture that is timed, pixels")
    parser.add_argument("--memory-sides", type=int, nargs="*", default=[2048, 4096])
    arguments = parser.parse_args()
    figures: dict[str, Any] = {"time": seconds(arguments.weights, arguments.side, arguments.rounds)}
    say(f"{arguments.weights}: {figures['time']}")
    figures["memory"] = {}
    for side in arguments.memory_sides:
        figures["memory"][f"{side} to {4 * side}"] = measured = memory(arguments.weights, side)
        say(f"{side}x{side} to {4 * side}x{4 * side}: {measured}")
    peaks = [one["peak_mb"] for one in figures["memory"].values()]
    if len(peaks) > 1:
        figures["last_over_first_peak"] = round(peaks[-1] / peaks[0], 3)
        say(f"peak of the last over that of the first: {figures['last_over_first_peak']}")
    write_result("megapixel", f"{arguments.weights}, {arguments.side} pixels", figures)


def seconds(weights: str, side: int, rounds: int) -> dict[str, Any]:
    """Median time of doubling a picture, in seconds, and for a megapixel of input."""
    upscaler = Upscaler.load(find_weights(weights).path)
    picture = noise(side)
    times = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        for _stripe in upscaler.rows(picture, (2 * side, 2 * side)).stripes:
            pass
        times.append(time.perf_counter() - start)
    median = statistics.median(times[1:])
    per_megapixel = median / (side * side / 1024**2)
    return {
        "seconds": round(median, 3),
        "seconds_per_megapixel": round(per_megapixel, 3),
        "precision": upscaler.precision,
    }


def memory(weights: str, side: int) -> dict[str, Any]:
    """Largest resident memory of `anyres upscale` on a PNG, by 4, and how long it took."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.png", Path(folder) / "out.png"
        noise(side, smooth=True).save(source)
        code = "from anyres.cli.main import main; main()"
        words = ["upscale", str(source), "--scale", "4", "--model", weights, "-o", str(target)]
        limits = ["--max-megapixels", "1000", "--max-megabytes", "4000"]
        start = time.perf_counter()
        child = subprocess.Popen(
            [sys.executable, "-c", code, *words, *limits], stderr=subprocess.PIPE, text=True
        )
        peak, said = watched(child)
        if child.returncode != 0 or not target.exists():
            sys.exit(f"The command failed with {child.returncode}: {said}")
        spent = time.perf_counter() - start
    return {"peak_mb": round(peak / 1e6), "seconds": round(spent, 1)}


def watched(child: "subprocess.Popen[str]") -> tuple[int, str]:
    """The largest memory of a process and its children while it runs, bytes, and what it said.

    Sampled, which every system can; where the system keeps the peak itself, that is used if it is larger.
    """
    peak, done = 0, threading.Event()
    process = psutil.Process(child.pid)

    def watch() -> None:
        nonlocal peak
        while not done.wait(POLL_S):
            try:
                memory = process.memory_info()
                others = sum(one.memory_info().rss for one in process.children(recursive=True))
            except psutil.Error:
                return
            peak = max(peak, memory.rss + others, getattr(memory, "peak_wset", 0))

    watcher = threading.Thread(target=watch)
    watcher.start()
    said = child.communicate()[1]
    done.set()
    watcher.join()
    if sys.platform != "win32":
        import resource

        kept = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        peak = max(peak, kept * (1 if sys.platform == "darwin" else 1024))
    return peak, said


def noise(side: int, *, smooth: bool = False) -> Image:
    """A square picture; a smooth one makes a small file."""
    if smooth:
        ramp = np.linspace(0, 255, side).astype(np.uint8)
        return Image.from_numpy(np.stack(np.broadcast_arrays(ramp[:, None], ramp, ramp[::-1]), axis=-1))
    return Image.from_numpy(np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8))


if __name__ == "__main__":
    main()
