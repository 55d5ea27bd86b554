"""How long does an answer take, and a search in a large library?

    python benchmarks/advisor_speed.py [--papers 100000] [--models 10000] [--results FILE]

Questions are those of the test set. The library's entries are made: titles and abstracts drawn from the words
and wordings of the advisor's own phrases and of the test set's pool, so that common words are common. Times
are of one process, warm, in milliseconds.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from anyres.advisor.ask import answer_of
from anyres.advisor.brief import brief_of
from anyres.advisor.source_library import Library
from anyres.evaluation.tables import write_figures

HERE = Path(__file__).parent
PHRASES = Path(__file__).parents[1] / "anyres" / "advisor" / "phrases.json"


def questions() -> Iterator[tuple[str, dict[str, object]]]:
    """Each question of the test set, with its brief as JSON."""
    for folder in sorted((HERE / "advisor").glob("*/items.jsonl")):
        pool = {one["id"]: one for one in json.loads((folder.parent / "sources.json").read_text("utf-8"))}
        for line in folder.read_text("utf-8").splitlines():
            raw = json.loads(line)
            named = {kind: [pool[name] for name in raw[kind]] for kind in ("models", "papers")}
            yield raw["question"], {"question": raw["question"], **named}


def made_entries(kind: str, count: int, *, generator: random.Random) -> Iterator[dict[str, object]]:
    """Models or papers that nobody wrote, in words that people use for them."""
    wordings = json.loads(PHRASES.read_text(encoding="utf-8"))["sources"]
    tasks = sorted(wordings)
    words = sorted({word for task in tasks for text in wordings[task] for word in text.split()})
    for number in range(count):
        task = generator.choice(tasks)
        title = f"{generator.choice(wordings[task])} {generator.choice(words)}-{number}"
        prose = ". ".join(
            f"The method {generator.choice(wordings[task])} with {' '.join(generator.choices(words, k=12))}"
            for _ in range(3)
        )
        if kind == "model":
            yield {
                "name": title,
                "category": "Img2Img",
                "detailed_category": generator.choice(wordings[task]),
            }
        else:
            yield {"title": title, "abstract": f"{prose}."}


def times_ms(call: Callable[[int], object], count: int) -> dict[str, float]:
    """Median, 95th percentile and largest time of calls."""
    taken = []
    for number in range(count):
        start = time.perf_counter()
        call(number)
        taken.append(1e3 * (time.perf_counter() - start))
    taken.sort()
    return {"median": taken[count // 2], "p95": taken[int(0.95 * count)], "max": taken[-1], "calls": count}


def measured(
    asked: Sequence[tuple[str, dict[str, object]]], *, papers: int, models: int
) -> dict[str, object]:
    """All figures."""
    for _, raw in asked[:10]:
        answer_of(brief_of(raw))
    figures: dict[str, object] = {
        "answer_ms": times_ms(lambda number: answer_of(brief_of(asked[number][1])), len(asked))
    }
    generator = random.Random(1)
    with tempfile.TemporaryDirectory() as folder, Library(Path(folder) / "library.sqlite") as library:
        start = time.perf_counter()
        library.add(made_entries("model", models, generator=generator), kind="model")
        library.add(made_entries("paper", papers, generator=generator), kind="paper")
        figures["import_s"] = time.perf_counter() - start
        kept = library.path.parent.glob("library.sqlite*")  # with what is not yet merged into it
        figures["file_mb"] = sum(path.stat().st_size for path in kept) / 1e6
        figures["search_ms"] = times_ms(lambda number: library.brief(asked[number][0]), len(asked))
        figures["search_and_answer_ms"] = times_ms(
            lambda number: answer_of(library.brief(asked[number][0])), len(asked)
        )
    return figures | {"papers": papers, "models": models}


def main() -> None:
    """Read the command line, measure, print and write down."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--papers", type=int, default=100_000)
    parser.add_argument("--models", type=int, default=10_000)
    parser.add_argument("--results", type=Path)
    arguments = parser.parse_args()
    figures = measured(list(questions()), papers=arguments.papers, models=arguments.models)
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")
    if arguments.results:
        write_figures(arguments.results, "advisor", figures)


if __name__ == "__main__":
    main()
