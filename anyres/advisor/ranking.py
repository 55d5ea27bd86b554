"""How likely each task is what a question asks for: a few signals, added up with weights that were learned.

A signal says one thing of one task: what the lexicon's words come to, how like the question is to phrases of
the task, whether a recommended model does it. The weights (`ranking.toml`) are those of a conditional logit
over the tasks, learned on the development questions by `benchmarks/advisor_fit.py`; a score is a log-odds.
What is no task with pictures has signals of its own. All ways of enlarging are one task here.
"""

import functools
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from anyres.advisor.abilities import Able
from anyres.advisor.cues import cue
from anyres.advisor.lexicon import ENLARGING, NO_TASK, lexicon
from anyres.advisor.likeness import Likeness, likeness
from anyres.advisor.naming import names_in
from anyres.advisor.question import Question

ENLARGE: Final = "enlarge"  # all ways of enlarging, before one of them is chosen
_PLAIN: Final = 3.0  # words of the lexicon name a task plainly
_NAMED: Final = 1.5  # or name it at all
WEIGHTS_FILE: Final = Path(__file__).parent / "ranking.toml"

Signals = Mapping[str, float]  # by name


def scores(question: Question, models: Sequence[Able], papers: Sequence[Able]) -> dict[str, float]:
    """By task and for NO_TASK: the log-odds, up to a constant of the question, that it is what is asked."""
    return {task: _sum(found) for task, found in signals(question, models, papers).items()}


def scores_of_words(question: Question) -> dict[str, float]:
    """The same where nothing is provided yet: as if something did every task."""
    as_if = {"provided": 1.0}
    return {
        task: _sum(found if task == NO_TASK else found | as_if)
        for task, found in signals(question, [], []).items()
    }


def signals(
    question: Question,
    models: Sequence[Able],
    papers: Sequence[Able],
    *,
    bank: Likeness | None = None,
) -> dict[str, dict[str, float]]:
    """By task and for NO_TASK: what speaks for it; most from 0 to 1. `bank`: the one that ships, if None."""
    like = bank or likeness("questions")
    words, alike, whole = _words(question), _alike(like(question.read)), _alike(like(question.text))
    nothing = alike.pop(NO_TASK)
    most_words, most_alike = max(1.0, *words.values()), max(1.0, *alike.values())
    found = {
        task: {
            "words": words[task] / 10,
            "has words": float(words[task] > 0),
            "words beside the most": words[task] / most_words,
            "most words": float(words[task] == most_words),
            "like": alike[task] / 10,
            "like beside the most": alike[task] / most_alike,
            "whole is like": whole[task] / 10,
            "enlarging": float(task == ENLARGE),
            "factor": float(task == ENLARGE and question.factor is not None),
            **_provided(question, task, models, papers),
        }
        for task in words
    }
    is_named = max(*words.values(), question.score(NO_TASK)) >= _NAMED
    for task, of_task in found.items():
        of_task |= _unspoken(of_task["provided"], words[task], is_named=is_named)
    found[NO_TASK] = {
        "no task": 1.0,
        "no task, like": nothing / 10,
        "no task, like beside the most": min(2.0, nothing / most_alike),
        **_of_no_task(question, most_words),
        **_beyond(question, most_words, models, papers),
    }
    return found


def _of_no_task(question: Question, most_words: float) -> dict[str, float]:
    """What the question alone says of being about no task of the list."""
    return {
        "no task, another medium": float(bool(cue("no_pictures").search(question.text))),
        "no task, pictures": float(bool(cue("pictures").search(question.text))),
        "no task, words of tasks": most_words / 10,
        "no task, plain words": float(most_words >= _PLAIN),
        "no task, factor": float(question.factor is not None),
    }


def _unspoken(provided: float, words: float, *, is_named: bool) -> dict[str, float]:
    """What a source is provided for though the question has no word of it; and so where another is named."""
    unspoken = provided * float(words <= 0)
    return {"provided, unspoken": unspoken, "provided, another named": unspoken * float(is_named)}


def families(able: Able) -> list[str]:
    """The tasks that a source does, the best first, all ways of enlarging as one."""
    return list(
        dict.fromkeys(ENLARGE if task in ENLARGING else task for task in (one.task for one in able.abilities))
    )


def is_called(question: Question, able: Able) -> bool:
    """Whether the question calls the source by a name."""
    return any(
        re.search(rf"(?<!\w){re.escape(name)}(?!\w)", question.text, re.IGNORECASE)
        for name in names_in([able.source])
    )


def _provided(
    question: Question, task: str, models: Sequence[Able], papers: Sequence[Able]
) -> dict[str, float]:
    """What the sources say for a task."""
    first, others = models[:1], models[1:]
    doing = [able for able in (*models, *papers) if families(able)[:1] == [task]]
    is_first = any(able in first for able in doing)
    return {
        "first model": float(is_first),
        "first model, turned down": float(is_first and question.is_turned_down),
        "first model, only recommended": float(is_first and question.is_recommendation_told),
        "another model": float(any(able in others for able in doing)),
        "paper": float(any(able in papers for able in doing)),
        "several": float(len(doing) > 1),
        "provided": float(any(task in families(able) for able in (*models, *papers))),
        "called": float(any(is_called(question, able) for able in doing)),
    }


def _beyond(
    question: Question, most_words: float, models: Sequence[Able], papers: Sequence[Able]
) -> dict[str, float]:
    """What speaks for a wish that no task of the list is, and what for one that the sources are about."""
    beyond = max(0.0, question.score(NO_TASK))
    calls = any(is_called(question, able) for able in (*models, *papers))
    return {
        "no task, wishes": min(beyond, 6.0) / 10,
        "no task, wish named": float(beyond >= _PLAIN),
        "no task, wishes beside the words": beyond / max(1.0, beyond + most_words),
        "no task, source called": float(calls),
        "no task, models": float(bool(cue("models").search(question.text))),
    }


def _words(question: Question) -> dict[str, float]:
    """By task, what the words of the lexicon come to."""
    found = {task: question.score(task) for task in lexicon().tasks if task not in ENLARGING}
    base = question.score(ENLARGE)
    video, real = question.score("video_sr"), question.score("real_world_sr")
    ways = max(video if base > 0 else 0.6 * video, 0.4 * real if base > 0 else 0.0, 0.0)
    found[ENLARGE] = base + max(0.0, min(3.0, question.score("sisr_any"))) / 2 + ways
    return found


def _alike(alike: Mapping[str, float]) -> dict[str, float]:
    """All ways of enlarging as one."""
    found = {task: score for task, score in alike.items() if task not in ENLARGING}
    found[ENLARGE] = max(alike[way] for way in ENLARGING)
    return found


def _sum(found: Signals) -> float:
    weights = _weights()
    return sum(weights[name] * value for name, value in found.items())


@functools.cache
def _weights() -> Mapping[str, float]:
    weights: Mapping[str, float] = tomllib.loads(WEIGHTS_FILE.read_text(encoding="utf-8"))["weights"]
    return weights
