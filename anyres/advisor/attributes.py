"""What people ask of a model beside what it does: speed, memory, licence, price ... And who tells it."""

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from anyres.advisor.sources import Source, Span

_ASKING: Final = re.compile(
    r"\?|\bhow\b|\bwhat\b|\bwhich\b|\bwhose\b|\bmay (?:i|we|a|the|our|my)\b|\bcan (?:i|we|it)\b|\bdoes\b"
    r"|\bis (?:it|there|that|this)\b|tell me|(?:need|must|want|have|like) to (?:know|write down|state)"
    r"|(?:please|kindly) (?:say|state|give|name|quote|tell|list)|\bwhats\b|, please\b"
    r"|\b(?:give|name|quote|state) (?:me |us )?(?:the|its|their)\b"
    r"|\basks?\b|\bwants? (?:to know|the)\b|\bcite\b|\banything on\b"
    r"|wonder|question|possible at all|나요|까요|습니까|인가요|인지|는지|알려|궁금|되나|될까|죠|얼마|몇",
    re.IGNORECASE,
)
_SCENE: Final = re.compile(  # "how long does it take on a laptop" asks for the time alone
    r"on (?:a|an|my|our|the) (?:old |tiny |small )?(?:phone|laptop|board|server|tablet|pc|mac)\b[^.?]*\?",
    re.I,
)
_OF_THAT_SIZE: Final = re.compile(r"\b(?:for|with|on|in) (?:an?|one|my) \d+[ -]?(?:mp|megapixels?)\b", re.I)
_RUNNING: Final = re.compile(
    r"\b(?:run|work|install|start)(?:s|ed|ing)? (?:it |this )?(?:on|under|in)\b", re.I
)
_OF_A_FIELD: Final = {"training_data": "dataset", "licence": "licence"}  # fields that tell it by themselves


@dataclass(frozen=True)
class _Patterns:
    asks: re.Pattern[str]
    told: re.Pattern[str]


@functools.cache
def _every() -> Mapping[str, _Patterns]:
    raw = tomllib.loads((Path(__file__).parent / "attributes.toml").read_text(encoding="utf-8"))
    return {
        name: _Patterns(re.compile("|".join(one["asks"]), re.I), re.compile("|".join(one["told"]), re.I))
        for name, one in raw.items()
    }


def asked_attributes(text: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """What a question asks about, with the place: an attribute named in a sentence that asks."""
    for sentence in re.finditer(r"[^.?!\n]+(?:\.(?=\d)[^.?!\n]+)*[.?!]?", text):
        if not _ASKING.search(sentence.group()):
            continue
        named = {
            name: found for name, one in _every().items() if (found := one.asks.search(sentence.group()))
        }
        if named.keys() & {"speed", "memory"} and "platform" in named:
            platforms = _every()["platform"].asks.finditer(sentence.group())
            is_scene = all(_SCENE.fullmatch(one.group()) for one in platforms)
            if is_scene and not _RUNNING.search(sentence.group()):
                del named["platform"]
        if (
            named.keys() & {"speed", "memory"}
            and "size_limit" in named
            and _OF_THAT_SIZE.search(sentence.group())
        ):
            del named["size_limit"]
        for name, found in named.items():
            start = sentence.start() + found.start()
            yield name, (start, start + len(found.group()))


def told_by(source: Source, attribute: str) -> Span | None:
    """Where a source tells an attribute; None where it does not."""
    if (name := _OF_A_FIELD.get(attribute)) and name in source.fields:
        return source.span(name)
    for field, start, end in source.prose():
        if _every()[attribute].told.search(source.fields[field], start, end):
            return source.span(field, start, end)
    return None
