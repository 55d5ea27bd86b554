"""Write the measured figures into the cards: `python tools/figures.py`.

Between `<!-- figures -->` and `<!-- end of figures -->` a card holds what `figures.json` beside it and
`benchmarks/results` say, and nothing is written there by hand. `--check` writes nothing and exits 1 if a card
is stale; the tests do the same.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from anyres.evaluation.tables import markdown_table, read_figures  # noqa: E402
from anyres.models.catalog import CATALOG  # noqa: E402
from anyres.models.liif.evaluation import Evaluation, Measured  # noqa: E402

START, END = "<!-- figures -->", "<!-- end of figures -->"


def main() -> int:
    """Write or check every card; the exit code."""
    stale = []
    for model in CATALOG:
        card = ROOT / "anyres" / "models" / model.name / "README.md"
        text = card.read_text(encoding="utf-8")
        if text != (current := with_figures(text, card.parent)):
            stale.append(card.relative_to(ROOT).as_posix())
            if "--check" not in sys.argv:
                card.write_text(current, encoding="utf-8")
    verb = "stale" if "--check" in sys.argv else "written"
    sys.stdout.write(f"{verb}: {', '.join(stale) or 'none'}\n")
    return int(bool(stale) and "--check" in sys.argv)


def with_figures(card: str, folder: Path) -> str:
    """The card with its figures as the files say them."""
    before, _, rest = card.partition(START)
    _, _, after = rest.partition(END)
    blocks = [*quality(folder / "figures.json"), *speed(), *memory()]
    return f"{before}{START}\n\n" + "\n\n".join(blocks) + f"\n\n{END}{after}"


def quality(path: Path) -> list[str]:
    """Tables of `anyres evaluate`."""
    blocks = []
    for entry in read_figures(path).values() if path.exists() else ():
        figures = dict(entry["figures"])
        measured = tuple(Measured(**one) for one in figures.pop("measured"))
        blocks += [str(Evaluation(**figures, measured=measured)), source(entry)]
    return blocks


def speed() -> list[str]:
    """How many times faster than the literal algorithm."""
    results = read(ROOT / "benchmarks" / "results" / "upscale_speed.json")
    if not results:
        return []
    ways = list(dict.fromkeys(way for one in results.values() for way in one["figures"]["times_faster"]))
    rows = [
        [way, *(times(one["figures"]["times_faster"].get(way)) for one in results.values())] for way in ways
    ]
    told = (
        "Times faster than the published algorithm written literally in float32, random weights, in one run:"
    )
    return [told, markdown_table(["", *results], rows), *(source(one) for one in list(results.values())[:1])]


def memory() -> list[str]:
    """Seconds and memory of a megapixel and more."""
    results = read(ROOT / "benchmarks" / "results" / "megapixel.json")
    blocks = []
    for name, entry in results.items():
        figures, time = entry["figures"], entry["figures"]["time"]
        lines = [
            f"{name}: x2 of a megapixel (1024x1024) in {time['seconds_per_megapixel']:.1f} s without "
            f"start-up and file coding, {time['precision']}, {figures['threads']} threads."
        ]
        lines += [
            f"File to file, a side of {sizes}: {one['peak_mb']} MB of memory at most."
            for sizes, one in figures["memory"].items()
        ]
        blocks += [" ".join(lines), source(entry)]
    return blocks


def source(entry: Mapping[str, Any]) -> str:
    """Where a figure comes from."""
    return f"*`{entry['command']}`, commit {entry['commit']}, {entry['machine']}, {entry['date']}.*"


def times(value: float | None) -> str | None:
    """A factor, with as many digits as it deserves."""
    return None if value is None else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def read(path: Path) -> dict[str, Any]:
    """Results of a benchmark; none if it has not been run."""
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


if __name__ == "__main__":
    sys.exit(main())
