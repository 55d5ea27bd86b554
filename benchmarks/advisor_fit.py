"""Learn the weights of the advisor's ranking from the development questions, and say how well it generalises.

    python benchmarks/advisor_fit.py [--write] [--misses]

A conditional logit over the tasks (L-BFGS, a little shrinking). Each folder is also judged by weights that
were learned on the other folders alone, its own questions taken out of the bank of phrases. `--write` writes
`anyres/advisor/ranking.toml`. Test folders are never read.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))

from anyres.advisor.abilities import able
from anyres.advisor.lexicon import ENLARGING
from anyres.advisor.likeness import Likeness, phrases
from anyres.advisor.naming import names_in
from anyres.advisor.question import read_question
from anyres.advisor.ranking import ENLARGE, WEIGHTS_FILE, signals
from benchmarks.advisor_quality import FOLDERS, Item, items
from tools.timing import say

SHRINKING = 3e-4  # of the squared weights, beside the mean log loss
Signals = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Example:
    """A question: the signals of each task, and the tasks that are right."""

    id: str
    signals: Signals
    right: frozenset[str]


def main() -> None:
    """Judge each folder by the others; with --write learn from all of them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--misses", action="store_true", help="print what was missed in the judged folders")
    arguments = parser.parse_args()
    by_folder = {folder: list(examples(folder)) for folder in FOLDERS if folder.startswith("dev")}
    right = asked = 0
    for folder, held_out in by_folder.items():
        weights = learned([one for other, them in by_folder.items() if other != folder for one in them])
        missed = [one for one in held_out if best(one, weights) not in one.right]
        right, asked = right + len(held_out) - len(missed), asked + len(held_out)
        say(f"{folder}: {1 - len(missed) / len(held_out):.3f} of {len(held_out)}, learned from the others")
        for one in missed if arguments.misses else ():
            say(f"  {one.id}: said {best(one, weights)}, right {sorted(one.right)}")
    say(f"all: {right / asked:.3f} of {asked}")
    if arguments.write:
        write(learned([one for them in by_folder.values() for one in them]))


def examples(folder: str) -> Iterator[Example]:
    """The questions of a folder, its own phrases taken out of the bank."""
    found = list(items(folder))
    own = {item.brief.question for item in found}
    bank = Likeness(
        {task: [one for one in texts if one not in own] for task, texts in phrases("questions").items()}
    )
    for item in found:
        yield example(item, bank)


def example(item: Item, bank: Likeness) -> Example:
    """The signals of an item, as the advisor reads it."""
    models, papers = (tuple(map(able, group)) for group in (item.brief.models, item.brief.papers))
    question = read_question(item.brief.question, names=names_in(item.brief.sources))
    right = frozenset(ENLARGE if task in ENLARGING else task for task in item.gold["tasks"])
    return Example(item.id, signals(question, models, papers, bank=bank), right)


def learned(given: Sequence[Example]) -> dict[str, float]:
    """Weights by signal, from examples."""
    names = sorted({name for one in given for found in one.signals.values() for name in found})
    tasks = list(given[0].signals)
    values = torch.tensor(
        [[[one.signals[task].get(name, 0.0) for name in names] for task in tasks] for one in given],
        dtype=torch.float64,
    )
    right = torch.tensor([[task in one.right for task in tasks] for one in given])
    weights = torch.zeros(len(names), dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS([weights], max_iter=1000, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        solver.zero_grad()
        odds = torch.log_softmax(values @ weights, dim=1)
        loss = -odds.masked_fill(~right, -torch.inf).logsumexp(dim=1).mean()
        loss = loss + SHRINKING * weights.square().sum()
        loss.backward()
        return loss

    solver.step(closure)
    return dict(zip(names, weights.tolist(), strict=True))


def best(one: Example, weights: Mapping[str, float]) -> str:
    """The task with the highest score."""
    return max(
        one.signals,
        key=lambda task: sum(weights[name] * value for name, value in one.signals[task].items()),
    )


def write(weights: Mapping[str, float]) -> None:
    """Write the weights where the advisor reads them."""
    lines = [f'"{name}" = {weight:.3f}' for name, weight in weights.items()]
    head = "# Weights of the signals that rank tasks (ranking.py); written by benchmarks/advisor_fit.py.\n"
    WEIGHTS_FILE.write_text("\n".join([head, "[weights]", *lines]) + "\n", encoding="utf-8")
    say(f"written: {WEIGHTS_FILE.name}")


if __name__ == "__main__":
    main()
