"""The tasks that the advisor knows, and the words for them, from `lexicon.toml`.

A pattern is plain words: `*` stands for the rest of a word, `_` for up to three words, `(a|b)` for either.
Korean patterns may have any ending and may be written without blanks.
"""

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

NO_TASK: Final = "none"
ENLARGING: Final = ("sisr_any", "real_world_sr", "video_sr", "sisr")  # the more special ones first
WEIGHTS: Final = {"strong": 3.0, "plain": 1.5, "weak": 0.5, "not": -2.0}
_HANGUL: Final = re.compile(r"[가-힣]")
_PARTS: Final = re.compile(r"\[[^\]]*\]|_ | |\*|\\.|[^\[ *]")


@dataclass(frozen=True)
class Word:
    """A pattern of questions, and how much it speaks for its task."""

    pattern: re.Pattern[str]
    weight: float


@dataclass(frozen=True)
class Task:
    """One thing that is done to or with pictures."""

    id: str
    names: Mapping[str, str]  # by language
    goals: Mapping[str, str]  # what somebody wants, after "to ..."
    takes: str
    gives: str
    group: str  # tasks with an idea in common
    asks: tuple[Word, ...]
    sources: re.Pattern[str]  # of titles, labels and summaries

    @property
    def is_enlarging(self) -> bool:
        """Whether it is one of the ways of enlarging."""
        return self.id in ENLARGING


@dataclass(frozen=True)
class Lexicon:
    """All tasks, the words that all ways of enlarging share, and those of wishes beyond the tasks."""

    tasks: Mapping[str, Task]
    enlarge: tuple[Word, ...]
    beyond: tuple[Word, ...]  # of what no task of the list is: a person known again, a diagnosis, a letter
    stop: frozenset[str]  # words that say nothing of a task


def is_one_way(task: str, other: str) -> bool:
    """Whether two tasks are ways of enlarging the same thing, which a factor alone tells apart."""
    return {task, other} <= set(ENLARGING) and (task == "video_sr") == (other == "video_sr")


@functools.cache
def lexicon() -> Lexicon:
    """The lexicon that ships."""
    raw = tomllib.loads((Path(__file__).parent / "lexicon.toml").read_text(encoding="utf-8"))
    tasks = {name: _task(name, entry) for name, entry in raw["tasks"].items()}
    return Lexicon(
        tasks, tuple(_words(raw["enlarge"])), tuple(_words(raw["beyond"])), frozenset(raw["stop"].split())
    )


def _task(name: str, entry: Mapping[str, Any]) -> Task:
    return Task(
        id=name,
        names={"en": entry["en"], "ko": entry["ko"]},
        goals={"en": entry["goal_en"], "ko": entry["goal_ko"]},
        takes=entry["takes"],
        gives=entry["gives"],
        group=entry["group"],
        asks=tuple(_words(entry)),
        sources=re.compile("|".join(compiled(one).pattern for one in entry["sources"]), re.IGNORECASE),
    )


def _words(entry: Mapping[str, Any]) -> Iterator[Word]:
    for kind, weight in WEIGHTS.items():
        for text in entry.get(kind, ()):
            yield Word(compiled(text), weight)


@functools.cache
def compiled(text: str) -> re.Pattern[str]:
    """A pattern of the lexicon as a regular expression; all repetitions in it are bounded."""
    is_korean = bool(_HANGUL.search(text))
    made = "".join(_part(part, is_korean=is_korean) for part in _PARTS.findall(text))
    return re.compile(made if is_korean else rf"(?<!\w)(?:{made})(?!\w)", re.IGNORECASE)


def _part(part: str, *, is_korean: bool) -> str:
    if part == "_ ":
        return ".{0,12}?" if is_korean else r"(?:[\w'’/&→>-]{1,30},?\s{1,3}){0,3}?"
    if part == " ":
        return r"\s{0,2}" if is_korean else r"[\s\-–]{1,3}"
    return r"\w{0,20}" if part == "*" else part
