"""How long two large photographs of an eye take, and how much memory: from files to a verdict.

The photographs are drawn at 1024 pixels and enlarged to the side of FIRE's, since that is what reading,
preparing and warping depend on. Each engine runs in a process of its own, from the command line's door.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from anyres.core.image import Image
from anyres.core.resample import resize
from anyres.models.retina.engines import CLASSICAL
from anyres.models.retina.eye_pairs import make_pair
from tools.timing import say, write_result

SIDE = 2912  # pixels, of FIRE's photographs
DRAWN = 1024
ONE = """
import json, resource, sys, time
from anyres.core.files import read_image
from anyres.models.retina.inference import Registrar
registrar = Registrar.of(sys.argv[1])
started = time.perf_counter()
found = registrar(read_image(sys.argv[2]), read_image(sys.argv[3]))
seconds = time.perf_counter() - started
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": seconds, "peak_mb": peak, "status": found.result.status}))
"""


def main() -> None:
    """Draw, measure each engine, say and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--engines", nargs="+", default=[*CLASSICAL])
    parser.add_argument("--rounds", type=int, default=3, help="the median of so many is told")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = drawn(Path(folder))
        for engine in given.engines:
            rounds = sorted(
                (measured(engine, paths) for _ in range(given.rounds)), key=lambda one: one["seconds"]
            )
            middle = rounds[len(rounds) // 2]
            say(f"{engine}: {middle['seconds']:.2f} s, {middle['peak_mb']:.0f} MB, {middle['status']}")
            write_result("registration_speed", engine, {"side": SIDE, **middle})


def drawn(folder: Path) -> list[str]:
    """Files of a pair."""
    pair = make_pair("S", 77, side=DRAWN)
    paths = []
    for name, one in (("fixed", pair.fixed), ("moving", pair.moving)):
        large = resize(Image.from_numpy(one.pixels).pixels, (SIDE, SIDE)).clip(0, 1)
        paths.append(str(folder / f"{name}.jpg"))
        Image(pixels=large).save(paths[-1])
    return paths


def measured(engine: str, paths: list[str]) -> dict[str, float | str]:
    """Seconds, memory and status of one run in a new process."""
    command = [sys.executable, "-c", ONE, engine, *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


if __name__ == "__main__":
    main()
