"""Checks of sentences that a language model wrote: each passes all of them or is dropped.

V1 every cited unit exists; V2 no address but those of the sources; V3 no name that the cited units do not
say; V4 no number that they do not say; V5 its words are carried by them, with the same negation, and nothing
is compared that they do not compare; V6 another model's vote is not used here; V7 a chain of steps is the
proposed one; V8 a sentence that connects says nothing by itself.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from anyres.advisor.lexicon import lexicon
from anyres.advisor.likeness import stem_of

Check = Literal["V1", "V2", "V3", "V4", "V5", "V7", "V8"]
COVERED: Final = 0.6  # of the content words of a sentence that its units must carry
_ADDRESS: Final = re.compile(
    r"https?://\S+|www\.\S+|\b10\.\d{4,}/\S+|\barxiv[:\s]*\d{4}\.\d{4,5}|\b[\w-]+\.(?:com|org|net|io|ai)\b\S*",
    re.I,
)
_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)?")
_NAME: Final = re.compile(
    r"\b(?:[A-Z][a-z]+[A-Z]\w*|[A-Z]{2,}[\w-]*|\w*\d\w*[A-Za-z]\w*|[A-Z]\w*-[A-Z]\w*)\b"
)
_CAPITALISED: Final = re.compile(r"(?<=[a-z,;:] )[A-Z][a-z]{2,}\b")
_NEGATION: Final = re.compile(
    r"\b(?:not|no|never|none|neither|nor|cannot|without)\b|n['’]t\b|않|아니|없", re.I
)
_HEDGE: Final = re.compile(
    r"\b(?:may|might|could|perhaps|likely|possibly|plausibl\w+|about|roughly|mostly)\b|수 있|대부분|약 ", re.I
)
_COMPARING: Final = re.compile(
    r"\b(?:better|best|worse|worst|faster|fastest|slower|higher|highest|larger than|more accurate|superior"
    r"|outperform\w*|beats?|state[- ]of[- ]the[- ]art|most|least|ideal\w*|perfect\w*|excellent|amazing"
    r"|impressive|powerful|robust|seamless\w*|stunning|great|remarkabl\w+|unmatched|leading"
    r"|cutting[- ]edge)\b|최고|가장|훨씬|뛰어|완벽|탁월|훌륭",
    re.I,
)
_UNIT_WORDS: Final = {"×": "x", "배": "x", "times": "x", "fold": "x", "percent": "%", "pixels": "px"}


_FREE: Final = frozenset(
    {"task", "workflow", "step", "input", "output", "model", "models", "paper", "papers", "source", "sources"}
    | {
        "provided",
        "given",
        "gives",
        "takes",
        "uses",
        "used",
        "question",
        "asks",
        "asked",
        "named",
        "photograph",
    }
    | {"first", "next", "answer", "each", "into", "their"}
)


@dataclass(frozen=True)
class Unit:
    """One piece of evidence, as the language model was given it."""

    id: int
    words: str
    name: str  # of its source


@dataclass(frozen=True)
class Draft:
    """One sentence as the language model wrote it."""

    part: int
    text: str
    is_claim: bool
    cites: tuple[int, ...]


@dataclass(frozen=True)
class Allowed:
    """What any sentence may say: the question's words, addresses of the sources, the chain of steps."""

    question: str
    addresses: frozenset[str]
    chain: tuple[str, ...]  # names of what runs, in order


def failed(draft: Draft, units: Sequence[Unit], allowed: Allowed) -> tuple[Check, ...]:
    """The checks that a sentence does not pass; empty if it may stand."""
    known = {unit.id: unit for unit in units}
    if not draft.text.strip() or any(one not in known for one in draft.cites):
        return ("V1",)
    cited = [known[one] for one in draft.cites]
    if not draft.is_claim:
        return _failed_glue(draft.text, allowed)
    if not cited:
        return ("V1",)
    words = " ".join([*(f"{unit.words} {unit.name}" for unit in cited)])
    found: list[Check] = []
    if not _has_only_given_addresses(draft.text, allowed):
        found.append("V2")
    if not _has_only_known_names(draft.text, f"{words} {allowed.question}"):
        found.append("V3")
    if not _has_only_known_numbers(draft.text, f"{words} {allowed.question}"):
        found.append("V4")
    if not _is_supported(draft.text, words):
        found.append("V5")
    if not _is_the_chain(draft.text, allowed):
        found.append("V7")
    return tuple(found)


def _failed_glue(text: str, allowed: Allowed) -> tuple[Check, ...]:
    says_something = (
        _NUMBER.search(text)
        or _NAME.search(text)
        or _CAPITALISED.search(text)
        or _COMPARING.search(text)
        or _ADDRESS.search(text)
    )
    content = [
        word
        for word in re.findall(r"[a-z가-힣]{3,}", text.lower())
        if word not in _FREE and word not in lexicon().stop
    ]
    return ("V8",) if says_something or len(content) > 6 or not _is_the_chain(text, allowed) else ()


def _has_only_given_addresses(text: str, allowed: Allowed) -> bool:
    return all(found.group().rstrip(".,;)") in allowed.addresses for found in _ADDRESS.finditer(text))


def _has_only_known_names(text: str, words: str) -> bool:
    lowered = words.lower()
    names = [*_NAME.findall(text), *_CAPITALISED.findall(text)]
    return all(name.lower() in lowered for name in names)


def _has_only_known_numbers(text: str, words: str) -> bool:
    spelled = {
        "two": "2",
        "twice": "2",
        "three": "3",
        "four": "4",
        "five": "5",
        "eight": "8",
        "nine": "9",
        "ten": "10",
    }
    said = {number.replace(",", ".") for number in _NUMBER.findall(words)}
    said |= {digit for word, digit in spelled.items() if re.search(rf"\b{word}\b", words, re.I)}
    asked = {number.replace(",", ".") for number in _NUMBER.findall(_ADDRESS.sub(" ", text))}
    asked |= {digit for word, digit in spelled.items() if re.search(rf"\b{word}\b", text, re.I)}
    if not asked <= said:
        return False
    return all(
        _has_unit(number, unit, words)
        for number, unit in re.findall(r"(\d+(?:[.,]\d+)?) ?(%|dB|GB|ms|seconds?|fps|px|percent)", text)
    )


def _has_unit(number: str, unit: str, words: str) -> bool:
    same = _UNIT_WORDS.get(unit, unit)
    return any(
        found[0].replace(",", ".") == number.replace(",", ".")
        and _UNIT_WORDS.get(found[1], found[1]).startswith(same[:2])
        for found in re.findall(r"(\d+(?:[.,]\d+)?) ?(%|\w+)", words)
    )


def _is_supported(text: str, words: str) -> bool:
    carried = {stem_of(word) for word in re.findall(r"[a-z]{3,}|[가-힣]{2,}", words.lower())}
    content = [
        word
        for word in re.findall(r"[a-z]{3,}|[가-힣]{2,}", text.lower())
        if word not in _FREE and word not in lexicon().stop
    ]
    if content and sum(stem_of(word) in carried for word in content) < COVERED * len(content):
        return False
    if bool(_NEGATION.search(text)) != bool(_NEGATION.search(words)):
        return False
    if _HEDGE.search(words) and not _HEDGE.search(text) and len(words) < 2 * len(text):
        return False
    compared = {found.lower() for found in _COMPARING.findall(text)}
    return compared <= {found.lower() for found in _COMPARING.findall(words)}


def _is_the_chain(text: str, allowed: Allowed) -> bool:
    parts = [part.strip() for part in re.split(r"->|→|=>", text)]
    if len(parts) < 2:
        return True
    named = [one for one in allowed.chain if any(one.lower() in part.lower() for part in parts[1:-1])]
    return len(parts) - 2 == len(allowed.chain) and tuple(named) == allowed.chain
