"""How soon a tile beyond a picture's pixels is seen: the first after encoding, while nothing is enlarged.

The studio's server runs in a process of its own and is asked over HTTP, as the page asks it. The picture is
drawn by the program. Told are the seconds of encoding, of the first tile at each power, and of later tiles.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from anyres.core.image import Image
from anyres.core.resample import resize
from tests.server.live import begun_server
from tools.timing import say, write_result

TILES = 12  # later ones, side by side


def main() -> None:
    """Serve, measure, say and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--width", type=int, default=1200)
    parser.add_argument("--height", type=int, default=900)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, begun_server(Path(folder)) as (address, _):
        path = Path(folder) / "drawn.png"
        coarse = np.random.default_rng(1).random((given.height // 8, given.width // 8, 3), np.float32)
        Image(resize(coarse, (given.height, given.width)).clip(0, 1)).save(path)
        with httpx2.Client(base_url=address, timeout=600) as client:
            figures = measured(client, path.read_bytes())
    for name, value in figures.items():
        say(f"{name}: {value:.3g}")
    write_result("first_tile", f"{given.width} x {given.height}", figures)


def measured(client: httpx2.Client, content: bytes) -> dict[str, float]:
    """Seconds of each step."""
    picture = client.post("/api/files", content=content).json()
    path = f"/api/files/{picture['id']}/continuous/liif-compact"
    found = {"encode_s": asked(lambda: client.put(path))}
    for power in (1, 2, 5):
        column, row = (picture[side] * 2**power // 2 // 256 for side in ("width", "height"))
        found[f"first_tile_at_{2**power}_s"] = asked(lambda: client.get(f"{path}/{power}/{column}/{row}"))  # noqa: B023
    later = [
        asked(lambda: client.get(f"{path}/2/{column}/0"))  # noqa: B023
        for column in range(TILES)
    ]
    assert client.get("/api/runs").json() == [], "something was enlarged"
    return {**found, "later_tile_s": statistics.median(later)}


def asked(ask: Callable[[], httpx2.Response]) -> float:
    """Seconds of a request that must be answered."""
    begun = time.perf_counter()
    answer = ask()
    assert answer.status_code == 200, answer.text
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
