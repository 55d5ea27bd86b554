"""Words of strangers made fit to be shown: on one line, without addresses, markup or orders to the reader.

What a source says is data. A sentence that gives orders, holds an address or markup is never quoted.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

from anyres.advisor.abilities import Able
from anyres.advisor.sources import Source, Span

LONGEST: Final = 360  # characters of a quotation; a longer sentence ends at a word before that
_ADDRESS: Final = re.compile(
    r"(?:https?|ftp|file|javascript|data|vbscript):[^\s'\"]*|\bwww\.\S+|\b[\w-]+\.(?:com|org|net|io|ai|co|dev"
    r"|app|ru|cn|xyz|example)(?:/\S*)?\b",
    re.IGNORECASE,
)
_ORDER: Final = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b[^.]{0,40}\b(?:instruction|previous|above|prior|rule|source"
    r"|everything|brief)"
    r"|\b(?:you (?:must|should|are now|will|have to|shall)|recommend (?:only|this|it|me|us)"
    r"|always (?:answer|recommend|say|reply|pick|choose|name)|as an ai|system prompt"
    r"|### ?system|<\|?(?:im_start|system)|do not (?:mention|tell|reveal|list|name|cite)"
    r"|instead of answering|reply with|respond with|tell the user|say that|pretend"
    r"|note to (?:the )?(?:ai|assistant|model|reader|reviewer|advisor)|(?:the )?(?:advisor"
    r"|assistant)(?:'s)? (?:must|should|shall|is|has|will)|from now on|instructions?:|begin your answer"
    r"|(?:admin|system) ?(?:override|mode|message|note))\b"
    r"|무시(?:하고|하세요|해)|지시(?:를|에)? ?따르|(?:라고|만) (?:답하|추천하|말하)",
    re.IGNORECASE,
)
_MARKUP: Final = re.compile(r"<\s*/?\s*[a-zA-Z!][^>]*>?|&(?:#\d+|#x[0-9a-f]+|[a-z]+);|\]\(|`{3}|\{\{|\}\}")
_HYPE: Final = re.compile(
    r"\b(?:best (?:ever|of all|in the world)|nothing (?:has )?ever|never (?:been )?beaten|perfect(?:ly)?"
    r"|flawless|100 ?%|without (?:any )?loss|guaranteed?|revolution\w+|unmatched|unbeatable|world[- ]class"
    r"|any factor up to a hundred)\b",
    re.IGNORECASE,
)


_IN_AND_OUT: Final = re.compile(
    r"\b(?:takes?|gives?|goes? in|comes? out|in(?:put)?\b.*\bout|returns?|outputs?)", re.IGNORECASE
)
_OWN_WORK: Final = re.compile(
    r"\b(?:we|this (?:work|paper|study)|our (?:method|network|approach|model)s?"
    r"|the (?:method|network|authors?))"
    r"\b[^.]{0,25}"
    r"\b(?:introduc|propos|present|provid|train|predict|estimat|learn|upsampl|recover|is an?|are)\w*",
    re.IGNORECASE,
)
_BACKGROUND: Final = re.compile(
    r"\b(?:currently|crucial|fundamental|de facto|frontier|key problem|however|in recent years|typically"
    r"|commonly"
    r"|plays? an? (?:crucial|important|key)|widely)\b",
    re.IGNORECASE,
)


def is_quotable(text: str) -> bool:
    """Whether a sentence may stand in an answer: no order, no address, no markup."""
    return not (_ADDRESS.search(text) or _ORDER.search(text) or _MARKUP.search(text))


def is_praise(text: str) -> bool:
    """Whether a sentence praises beyond what a measurement could carry."""
    return bool(_HYPE.search(text))


def shown(text: str, *, longest: int = LONGEST) -> str:
    """Text on one line, without control and direction marks, cut at a word."""
    plain = "".join(
        " " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter
        for letter in text
        if unicodedata.category(letter) not in ("Cf", "Co", "Cs", "Cn")
    )
    plain = " ".join(plain.split())
    if len(plain) <= longest:
        return plain
    cut = plain[:longest].rsplit(" ", 1)[0].rstrip(",;:")
    return f"{cut} ..."


def without_addresses(text: str, *, longest: int = LONGEST) -> str:
    """Text as `shown`, with a mark where an address stood: only links of sources may look like one."""
    return shown(_ADDRESS.sub("[address]", text), longest=longest)


def shown_name(source: Source) -> str:
    """The name of a source as it may stand in a sentence: without addresses, tags and orders."""
    name = _MARKUP.sub(" ", source.name)
    name = _ADDRESS.sub(" ", name)
    if found := _ORDER.search(name):
        name = name[: found.start()]
    name = shown(name, longest=160).strip(" .,:;-–—(\"'[<#")
    return name or source.id


def telling(able: Able, task: str | None, *, most: int, asked: Sequence[str] = ()) -> list[Span]:
    """The sentences of a source that say best what it does: its own first ones, those that name the task.

    Args:
        able: The source.
        task: The task that matters; its own if not given.
        most: How many sentences.
        asked: Stems of the question's words; a sentence with them counts more.
    """
    source = able.source
    ability = able.ability(task) if task else (able.abilities[0] if able.abilities else None)
    ranked: list[tuple[float, Span]] = []
    for number, (name, start, end) in enumerate(_usable(source)):
        sentence = source.fields[name][start:end]
        score = 2.0 / (1 + number) + 2.5 * bool(_IN_AND_OUT.search(sentence))
        score += 2.5 * bool(_OWN_WORK.search(sentence)) - 2.0 * bool(_BACKGROUND.search(sentence))
        if ability is not None and ability.span.field == name and start <= ability.span.start < end:
            score += 2.0
        lowered = sentence.lower()
        score += min(1.5, 0.5 * sum(stem in lowered for stem in asked))
        ranked.append((score, source.span(name, start, _end(source.fields[name], start, end))))
    best = sorted(ranked, key=lambda one: -one[0])[:most]
    order = {id(span): number for number, (_, span) in enumerate(ranked)}
    return sorted((span for _, span in best), key=lambda span: order[id(span)])


def limits_told(source: Source) -> Span | None:
    """A sentence in which a source says what its result does not prove."""
    for name, start, end in _usable(source):
        if re.search(
            r"plausib|not proven|invented|hallucinat|one possible|cannot be known|not guaranteed"
            r"|from this prior|supplied by|inferred|guess",
            source.fields[name][start:end],
            re.IGNORECASE,
        ):
            return source.span(name, start, _end(source.fields[name], start, end))
    return None


def _usable(source: Source) -> Iterator[tuple[str, int, int]]:
    for name, start, end in source.prose():
        sentence = source.fields[name][start:end]
        if is_quotable(sentence) and not is_praise(sentence):
            yield name, start, end


def _end(text: str, start: int, end: int) -> int:
    """The end of what is quoted of a sentence: all of it, or up to a word before the longest quotation."""
    if end - start <= LONGEST:
        return end
    cut = text.rfind(" ", start, start + LONGEST)
    return cut if cut > start else start + LONGEST
