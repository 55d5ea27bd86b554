"""Likeness: to which task's phrases a text is most alike, where the lexicon knows none or few of its words.

A bank of short phrases, each of a task, made for this (`phrases.json`); a text gets, for each task, the sum
of how much more often its words stand in that task's phrases than in all others (naive Bayes, as log odds).
What it counts beside the lexicon's words is learned (`ranking.py`).
"""

import functools
import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal

from anyres.advisor.lexicon import lexicon

Bank = Literal["questions", "sources"]
_SMOOTHING: Final = 0.5
_NEUTRAL: Final = 0.5  # log odds that say nothing yet
_CLIP: Final = 2.5  # what one word may say for a task, log odds


class Likeness:
    """A bank of phrases, by task, that texts are compared with."""

    def __init__(self, phrases: Mapping[str, Sequence[str]]) -> None:
        self._weights = _weights(phrases)

    def __call__(self, text: str) -> dict[str, float]:
        """By task, how much more a text is like its phrases than like those of the others; 0 where not."""
        found = set(features(text))
        return {
            task: sum((words[one] for one in found if one in words), 0.0)
            for task, words in self._weights.items()
        }


@functools.cache
def likeness(name: Bank) -> Likeness:
    """The bank of that name that ships."""
    return Likeness(phrases(name))


def phrases(name: Bank) -> Mapping[str, Sequence[str]]:
    """The phrases of a bank that ships, by task."""
    banks: Mapping[str, Mapping[str, Sequence[str]]] = json.loads(
        (Path(__file__).parent / "phrases.json").read_text(encoding="utf-8")
    )
    return banks[name]


def features(text: str) -> list[str]:
    """What a text is compared by: stems of English words and pairs of them, letter pairs of Korean words."""
    stop = lexicon().stop
    found: list[str] = []
    stems: list[str] = []
    for word in re.findall(r"[a-z]+|[가-힣]+", text.lower().replace("’", "'").replace("'", "")):
        if "가" <= word[0] <= "힣":
            found += [word[start : start + 2] for start in range(len(word) - 1)] + [word[:3]]
        elif word not in stop and len(word) > 1:
            stems.append(stem_of(word))
    found += stems
    found += [f"{first} {second}" for first, second in pairwise(stems)]
    return found


def stem_of(word: str) -> str:
    """What is left of an English word without its ending."""
    for ending in (
        "iness",
        "ings",
        "ing",
        "ness",
        "edly",
        "ies",
        "ied",
        "ed",
        "es",
        "er",
        "ly",
        "y",
        "s",
        "e",
    ):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def _weights(phrases: Mapping[str, Sequence[str]]) -> Mapping[str, Mapping[str, float]]:
    counts = {
        task: Counter(one for phrase in texts for one in set(features(phrase)))
        for task, texts in phrases.items()
    }
    sizes = {task: len(texts) for task, texts in phrases.items()}
    total: Counter[str] = Counter()
    for count in counts.values():
        total.update(count)
    everything = sum(sizes.values())
    weights: dict[str, dict[str, float]] = defaultdict(dict)
    for task, count in counts.items():
        others = everything - sizes[task]
        for word, times in count.items():
            here = (times + _SMOOTHING * sizes[task] / everything) / (sizes[task] + 1)
            there = (total[word] - times + _SMOOTHING) / (others + 1)
            weight = math.log(here / there) - _NEUTRAL
            if weight > 0:
                weights[task][word] = min(_CLIP, weight)
    return weights
