"""Write the measured figures into the cards: `python tools/figures.py`.

Between `<!-- figures -->` and `<!-- end of figures -->` a card, and the page of the advisor's design, hold
what `figures.json` and `benchmarks/results` say, and nothing is written there by hand. `--check` writes
nothing and exits 1 if a page is stale; the tests do the same.
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
from anyres.models.retina.evaluation import RetinaEvaluation  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results"
ADVISOR = ROOT / "docs" / "design" / "2026-11-25-advisor.md"
START, END = "<!-- figures -->", "<!-- end of figures -->"


def main() -> int:
    """Write or check every card; the exit code."""
    stale = []
    pages = {ROOT / "anyres" / "models" / model.name / "README.md": card_blocks for model in CATALOG}
    for page, blocks in {**pages, ADVISOR: advisor_blocks}.items():
        text = page.read_text(encoding="utf-8")
        if text != (current := with_figures(text, blocks(page.parent))):
            stale.append(page.relative_to(ROOT).as_posix())
            if "--check" not in sys.argv:
                page.write_text(current, encoding="utf-8")
    verb = "stale" if "--check" in sys.argv else "written"
    sys.stdout.write(f"{verb}: {', '.join(stale) or 'none'}\n")
    return int(bool(stale) and "--check" in sys.argv)


def card_blocks(folder: Path) -> list[str]:
    """What a model's card says of its figures."""
    if folder.name == "retina":
        return [*registration(folder / "figures.json"), *registration_speed()]
    return [*quality(folder / "figures.json"), *speed(), *memory()]


def advisor_blocks(_: Path) -> list[str]:
    """How good and how fast the advisor is, beside its baselines."""
    blocks = []
    for entry in read(RESULTS / "advisor_quality.json").values():
        figures = entry["figures"]["table"]
        names = [name for name in figures["test"] if name != "items"]
        rows = [[name, *(one[name] for one in figures.values())] for name in names]
        header = ["", *(f"{name} ({one['items']:.0f})" for name, one in figures.items())]
        same = "the same" if entry["figures"]["same_bytes_twice"] else "not the same"
        blocks += [
            markdown_table(header, rows),
            f"Asked twice, every answer has {same} bytes.",
            source(entry),
        ]
    for entry in read(RESULTS / "advisor_speed.json").values():
        figures = entry["figures"]
        rows = [
            [told, *(f"{figures[name][key]:.0f}" for key in ("median", "p95", "max"))]
            for name, told in (
                ("answer_ms", "an answer to a brief"),
                ("search_ms", "a search in the library"),
                ("search_and_answer_ms", "a search and the answer"),
            )
        ]
        sizes = f"A library of {figures['papers']} papers and {figures['models']} models (made ones), ms:"
        blocks += [sizes, markdown_table(["", "median", "p95", "largest"], rows), source(entry)]
    return blocks


def with_figures(page: str, blocks: list[str]) -> str:
    """The page with its figures as the files say them."""
    before, _, rest = page.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n\n" + "\n\n".join(blocks) + f"\n\n{END}{after}"


def quality(path: Path) -> list[str]:
    """Tables of `anyres evaluate`."""
    blocks = []
    for entry in read_figures(path).values() if path.exists() else ():
        figures = dict(entry["figures"])
        measured = tuple(Measured(**one) for one in figures.pop("measured"))
        blocks += [str(Evaluation(**figures, measured=measured)), source(entry)]
    return blocks


def registration(path: Path) -> list[str]:
    """Tables of `anyres evaluate retina`, one for each protocol."""
    tables: dict[str, dict[str, Any]] = {}
    sources: dict[str, str] = {}
    for name, entry in (read_figures(path) if path.exists() else {}).items():
        protocol, engine = name.split(" ", 1)
        tables.setdefault(protocol, {})[engine] = entry["figures"]
        sources[protocol] = source(entry)
    titles = {
        "synthetic": "Made eyes of a style that nothing was trained on; not FIRE, nor to be compared with "
        "figures on it:",
        "warped": "Real photographs, each against a warped and differently lit copy of itself, and all pairs "
        "of two different ones:",
    }
    blocks = []
    for protocol, found in tables.items():
        table = str(RetinaEvaluation(protocol, found))  # type: ignore[arg-type]
        name, _, wear = protocol.partition("-")
        spoilt = [f"The moving photographs spoilt to level {wear}."] if wear else []
        blocks += [titles[name], *spoilt, table, sources[protocol]]
    return blocks


def registration_speed() -> list[str]:
    """Seconds and memory of two large photographs."""
    blocks = []
    for name, entry in read(RESULTS / "registration_speed.json").items():
        figures = entry["figures"]
        blocks.append(
            f"{name}: two photographs of {figures['side']} x {figures['side']} pixels, from files to a "
            f"verdict, in {figures['seconds']:.1f} s and {figures['peak_mb']:.0f} MB at most, "
            f"{figures['threads']} threads. {source(entry)}"
        )
    return blocks


def speed() -> list[str]:
    """How many times faster than the literal algorithm."""
    results = read(RESULTS / "upscale_speed.json")
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
    results = read(RESULTS / "megapixel.json")
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
