"""How good are the advisor's answers? Every item of the test set asked; the advisor beside three baselines.

    python benchmarks/advisor_quality.py [--folders FOLDER ...] [--results FILE] [--misses]

Task, model and roles against the gold; refusals (nothing fits, another model, an attribute that no source
states, a factor that is not there) as labels; nuggets by the spans that the answer cites; citations by
whether the cited words stand in the sentence or share its words. Baselines: the answer that fits any
question, all sources copied, and the model that BM25 puts first. `--misses` prints where the advisor differs
from the gold, and is meant for the dev folders only.
"""

import argparse
import json
import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anyres.advisor.answer import Answer
from anyres.advisor.ask import answer_of
from anyres.advisor.brief import Brief, brief_of
from anyres.advisor.likeness import stem_of
from anyres.advisor.render import rendered
from anyres.evaluation.tables import write_figures
from anyres.workflow.document import document_text, read_document
from anyres.workflow.graph import resolve

HERE = Path(__file__).parent
FOLDERS = ("dev", "dev_b", "dev_c", "dev_d", "dev_e", "dev_f", "test_a", "test_b", "test_c")
ADDRESS = re.compile(r"https?://[^\s<>\"')\]]+")
ENLARGING = ("sisr_any", "sisr", "real_world_sr", "video_sr")


@dataclass(frozen=True)
class Item:
    """One question with its brief, and what is right."""

    id: str
    slice: str
    brief: Brief
    names: Mapping[str, str]  # ids of sources in the brief to those of the pool
    gold: Mapping[str, Any]
    summaries: Mapping[str, str]


@dataclass
class Said:
    """What an answerer said, in the terms of the gold."""

    task: str
    primary: list[str]
    roles: Mapping[str, str]
    refusals: set[str]
    nuggets: Callable[[Mapping[str, Any]], bool]
    citations: tuple[int, int] = (0, 0)  # supporting, all
    foreign_links: int = 0
    links: int = 0
    compiles: bool = True
    workflow: list[str] = field(default_factory=list)


def items(folder: str) -> Iterator[Item]:
    """The items of a folder."""
    pool = {
        one["id"]: one for one in json.loads((HERE / "advisor" / folder / "sources.json").read_text("utf-8"))
    }
    for line in (HERE / "advisor" / folder / "items.jsonl").read_text("utf-8").splitlines():
        raw = json.loads(line)
        kept = {
            name: {**pool[name], **raw.get("overrides", {}).get(name, {})}
            for name in (*raw["models"], *raw["papers"])
        }
        entries = {
            name: {key: value for key, value in one.items() if key not in ("id", "kind")}
            for name, one in kept.items()
        }
        brief = brief_of(
            {
                "question": raw["question"],
                "models": [entries[name] for name in raw["models"]],
                "papers": [entries[name] for name in raw["papers"]],
            }
        )
        listed = {"m": raw["models"], "p": raw["papers"]}
        names = {source.id: listed[source.id[0]][int(source.id[1:]) - 1] for source in brief.sources}
        yield Item(
            raw["id"],
            raw["slice"],
            brief,
            names,
            raw["gold"],
            {name: one["summary"] or "" for name, one in kept.items()},
        )


def refusals_of_gold(gold: Mapping[str, Any]) -> set[str]:
    """What an answer must refuse or warn of, as labels."""
    return refusals_of(gold["outcome"], gold["caveats"], gold["not_stated"])


def refusals_of(outcome: str, caveats: Sequence[str], not_stated: Sequence[str]) -> set[str]:
    """What is refused, as labels.

    A factor that no source has is one refusal, `scale`, whether the outcome is called `none` or `answer` with
    a caveat: the guide for annotators allows both, and they differ.
    """
    labels = {outcome} & {"none", "wrong_model"} | {f"not_stated:{one}" for one in not_stated}
    if any(one.startswith("scale") for one in caveats):
        labels = labels - {"none"} | {"scale"}
    return labels


def ours(item: Item) -> Said:
    """The advisor's answer."""
    answer = answer_of(item.brief)
    text = "".join(rendered(answer, form) for form in ("text", "markdown", "html"))
    given = {link.address for source in item.brief.sources for link in source.links}
    shown = {found.rstrip(".,;") for found in ADDRESS.findall(text)} - {"http://www.w3.org/2000/svg"}
    primary = [item.names[step.source] for step in answer.steps]
    return Said(
        task=answer.task if answer.outcome != "unclear" else "unclear",
        primary=primary,
        roles={item.names[one.source]: one.role for one in answer.roles},
        refusals=refusals_of(answer.outcome, answer.caveats, answer.not_stated),
        nuggets=lambda nugget: _cites(answer, item, nugget),
        citations=_citations(answer),
        foreign_links=len(
            {one for one in shown if one not in given and not any(one == html(link) for link in given)}
        ),
        links=len(shown),
        compiles=_compiles(answer),
        workflow=primary,
    )


def html(address: str) -> str:
    """An address as HTML writes it."""
    return address.replace("&", "&amp;")


def _cites(answer: Answer, item: Item, nugget: Mapping[str, Any]) -> bool:
    start = item.summaries[nugget["source"]].strip().find(nugget["span"])
    end = start + len(nugget["span"])
    for sentence in answer.sentences:
        for span in sentence.spans:
            if item.names.get(span.source) == nugget["source"] and span.field == "summary":
                shared = min(end, span.end) - max(start, span.start)
                if shared >= 0.5 * (end - start):
                    return True
    return False


def _citations(answer: Answer) -> tuple[int, int]:
    supporting = total = 0
    for sentence in answer.sentences:
        said = {
            stem_of(word)
            for word in re.findall(r"[a-z]{3,}|[가-힣]{2,}|\d+(?:\.\d+)?", sentence.text.lower())
        }
        for span in sentence.spans:
            words = answer.sources.words(span).lower()
            carried = {stem_of(word) for word in re.findall(r"[a-z]{3,}|[가-힣]{2,}|\d+(?:\.\d+)?", words)}
            total += 1
            is_shared = bool(said & carried) or words.strip(". ") in sentence.text.lower()
            supporting += is_shared or span.source == "question"
    return supporting, total


def _compiles(answer: Answer) -> bool:
    if answer.document is None:
        return not any(step.runs_here for step in answer.steps) or len(answer.steps) > 1
    return bool(resolve(read_document(document_text(answer.document))).nodes)


def boilerplate(item: Item) -> Said:
    """The answer that would fit any question: each model plays a role."""
    roles = {
        name: "primary" if number == 0 else "supporting" for number, name in enumerate(item.names.values())
    }
    first = next(iter(item.names.values()))
    return Said("sisr_any", [first], roles, set(), lambda nugget: False, workflow=[first])


def everything(item: Item) -> Said:
    """All that was provided, copied: every model fits, every word is cited."""
    models = [item.names[source.id] for source in item.brief.models]
    roles = dict.fromkeys(item.names.values(), "supporting") | dict.fromkeys(models, "primary")
    sentences = sum(len(list(source.prose())) + 1 for source in item.brief.sources)
    needed = sum(len(one["span"]) > 0 for one in item.gold["nuggets"])
    return Said(
        "sisr_any",
        models,
        roles,
        set(),
        lambda nugget: True,
        (needed, max(needed, sentences)),
        workflow=models,
    )


def bm25(item: Item) -> Said:
    """The source whose words are most like the question's is the answer, and its label the task."""
    from anyres.advisor.abilities import able

    documents = {source.id: _stems(" ".join(source.fields.values())) for source in item.brief.sources}
    counts = Counter(stem for stems in documents.values() for stem in set(stems))
    mean = sum(map(len, documents.values())) / max(1, len(documents))
    asked = set(_stems(item.brief.question))

    def score(stems: Sequence[str]) -> float:
        found = Counter(stems)
        return sum(
            math.log(1 + (len(documents) - counts[stem] + 0.5) / (counts[stem] + 0.5))
            * found[stem] * 2.2 / (found[stem] + 1.2 * (0.25 + 0.75 * len(stems) / mean))
            for stem in asked
            if stem in found
        )  # fmt: skip

    best = max(item.brief.sources, key=lambda source: score(documents[source.id]))
    abilities = able(best).abilities
    name = item.names[best.id]
    roles = dict.fromkeys(item.names.values(), "related") | {name: "primary"}
    return Said(
        abilities[0].task if abilities else "none",
        [name],
        roles,
        set(),
        lambda nugget: nugget["source"] == name,
        workflow=[name],
    )


def _stems(text: str) -> list[str]:
    return [stem_of(word) for word in re.findall(r"[a-z]{3,}|[가-힣]{2,}", text.lower())]


def measured(
    answerer: Callable[[Item], Said], asked: Sequence[Item], *, misses: bool = False
) -> dict[str, float]:
    """The figures of an answerer over items."""
    sums: Counter[str] = Counter()
    for item in asked:
        said, gold = answerer(item), item.gold
        task = said.task in gold["tasks"] or (said.task == "unclear" and gold["outcome"] == "unclear")
        model = set(said.primary) <= set(gold["primary"]) and bool(said.primary) == bool(gold["primary"])
        wanted = refusals_of_gold(gold)
        sums.update(
            {
                "items": 1,
                "task": task,
                "model": model,
                "roles": sum(said.roles.get(name) in good for name, good in gold["roles"].items()),
                "sources": len(gold["roles"]),
                "refused rightly": len(said.refusals & wanted),
                "refused": len(said.refusals),
                "to refuse": len(wanted),
                "nuggets found": sum(said.nuggets(one) for one in gold["nuggets"]),
                "nuggets": len(gold["nuggets"]),
                "supporting": said.citations[0],
                "citations": said.citations[1],
                "foreign links": said.foreign_links,
                "links": said.links,
                "compiles": said.compiles,
                "workflow": said.workflow == gold["workflow"],
            }
        )
        if misses and not (task and model):
            sys.stdout.write(
                f"{item.id} {item.brief.question[:140]!r}: said {said.task} {said.primary}, "
                f"gold {gold['tasks']} {gold['primary']}\n"
            )
    return {
        "items": sums["items"],
        "task accuracy": sums["task"] / sums["items"],
        "model selection": sums["model"] / sums["items"],
        "source roles": sums["roles"] / sums["sources"],
        "refusal precision": sums["refused rightly"] / max(1, sums["refused"]),
        "refusal recall": sums["refused rightly"] / max(1, sums["to refuse"]),
        "nugget recall": sums["nuggets found"] / max(1, sums["nuggets"]),
        "citation precision": sums["supporting"] / max(1, sums["citations"]),
        "link fidelity": 1 - sums["foreign links"] / max(1, sums["links"]),
        "workflow of the gold": sums["workflow"] / sums["items"],
        "workflow compiles": sums["compiles"] / sums["items"],
    }


def is_same_twice(asked: Sequence[Item]) -> bool:
    """Whether every answer has the same bytes when it is asked again."""
    return all(
        rendered(answer_of(one.brief), "json") == rendered(answer_of(one.brief), "json") for one in asked
    )


def main() -> None:
    """Read the command line, ask, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folders", nargs="+", default=list(FOLDERS), choices=FOLDERS)
    parser.add_argument("--results", type=Path)
    parser.add_argument("--misses", action="store_true")
    arguments = parser.parse_args()
    by_folder = {folder: list(items(folder)) for folder in arguments.folders}
    tests = [item for folder, found in by_folder.items() if folder.startswith("test") for item in found]
    table = {
        folder: measured(ours, found, misses=arguments.misses and folder.startswith("dev"))
        for folder, found in by_folder.items()
    }
    if tests:
        table["test"] = measured(ours, tests)
        for name, answerer in (
            ("boilerplate", boilerplate),
            ("copy everything", everything),
            ("BM25 first", bm25),
        ):
            table[f"test, {name}"] = measured(answerer, tests)
    for name, figures in table.items():
        shown = "  ".join(
            f"{key} {value:.3f}" if key != "items" else f"{value:.0f} items" for key, value in figures.items()
        )
        sys.stdout.write(f"{name}: {shown}\n")
    every = [item for found in by_folder.values() for item in found]
    same = is_same_twice(every)
    sys.stdout.write(f"the same bytes twice: {same} ({len(every)} answers)\n")
    if arguments.results:
        write_figures(arguments.results, "advisor", {"table": table, "same_bytes_twice": same})


if __name__ == "__main__":
    main()
