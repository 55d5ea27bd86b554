"""Kinds within a task, of which a model does one: blur by motion or by focus, handwriting or print."""

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from anyres.advisor.abilities import Able
from anyres.advisor.question import Question
from anyres.advisor.sources import Span

_DENYING: Final = re.compile(
    r"\b(?:not|never|no|nor|neither|without|unlike|cannot|instead of|rather than)\b|n['’]t\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Kind:
    """One kind of a task."""

    names: Mapping[str, str]  # by language
    asks: re.Pattern[str]  # words of questions
    tells: re.Pattern[str]  # words of sources
    is_usual: bool  # what is meant where a question tells of no kind


@dataclass(frozen=True)
class OtherKind:
    """That a source does a task of another kind than the one asked for, and where it says so."""

    able: Able
    asked: Kind
    told: Kind
    span: Span


def other_kind(question: Question, task: str, able: Able) -> OtherKind | None:
    """What speaks against a source that does the task; None if question or source tell of no kind."""
    for kinds in _every().get(task, ()):
        asked = [kind for kind in kinds if kind.asks.search(question.read)]
        asked = asked or [kind for kind in kinds if kind.is_usual]
        told = [(kind, span) for kind in kinds for span in _telling(kind, able)]
        if asked and told and not any(kind in asked for kind, _ in told):
            return OtherKind(able, asked[0], *told[0])
    return None


def _telling(kind: Kind, able: Able) -> Iterator[Span]:
    """The name of a source, or its first sentence, that tells of a kind and does not deny it."""
    for field, start, end in [("name", 0, len(able.source.name)), *able.source.prose()]:
        found = kind.tells.search(able.source.fields[field], start, end)
        if found and not _DENYING.search(able.source.fields[field], start, end):
            yield able.source.span(field, start, end)
            return


@functools.cache
def _every() -> Mapping[str, tuple[tuple[Kind, ...], ...]]:
    """By task, for each thing that sets its kinds apart, the kinds."""
    raw = tomllib.loads((Path(__file__).parent / "kinds.toml").read_text(encoding="utf-8"))
    return {
        task: tuple(tuple(_kind(one) for one in kinds.values()) for kinds in ways.values())
        for task, ways in raw.items()
    }


def _kind(raw: Mapping[str, Any]) -> Kind:
    asks, tells = (re.compile("|".join(raw[name]), re.IGNORECASE) for name in ("asks", "tells"))
    return Kind({"en": raw["en"], "ko": raw["ko"]}, asks, tells, raw.get("usual", False))
