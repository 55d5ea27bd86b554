"""Checks of sentences that a language model wrote: each passes all of them or is dropped.

V1 every cited unit exists; V2 no address but those of the sources; V3 no name that the cited units do not
say; V4 no number that they do not say; V5 its words are carried by them, with the same negation, and nothing
is compared that they do not compare; V6 another model's vote is not used here; V7 a chain of steps is the
proposed one; V8 a sentence that connects says nothing by itself.
"""

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Final, Literal

from anyres.advisor.lexicon import lexicon
from anyres.advisor.likeness import stem_of
from anyres.advisor.quoting import is_quotable

Check = Literal["V1", "V2", "V3", "V4", "V5", "V7", "V8"]
_ADDRESS: Final = re.compile(
    r"[a-z][a-z+.-]*://\S+|\b(?:javascript|data|vbscript|mailto|doi):\S+|\bwww\.\S+|\S+@\S+|\b10\.\d{4,}/\S+"
    r"|\barxiv[:\s]*\d{4}\.\d{4,5}\S*|\b[\w-]+(?:\.[\w-]+)*\.[a-z]{2,24}\b\S*",
    re.I,
)
_WORD: Final = re.compile(r"[가-힣]{2,}|(?:(?![가-힣])[^\W\d_]){2,}")
_NAME: Final = re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*")
_PARTICLE: Final = re.compile(
    r"(?<=[가-힣])(?:에서는|에서|에게|에는|으로|까지|부터|은|는|이|가|을|를|의|에|도|와|과|로|만)$"
)
_NEGATION: Final = re.compile(
    r"\b(?:not|no|never|none|neither|nor|cannot|without|nothing|nobody|nowhere)\b|n['’]t\b", re.I
)
_NOT_KOREAN: Final = re.compile(r"\S+ ?(?:않|아니|아닙|아닌|없|못)|(?:\S+ )?(?<!\S)(?:안|못) \S+")
_HEDGE: Final = re.compile(
    r"\b(?:may|might|could|perhaps|likely|possibly|plausibl[ey]|roughly|mostly|about(?= \d))\b", re.I
)
_COMPARING: Final = re.compile(r"\b(?:more|most|less|least|fewer|fewest)\b|가장|훨씬|더 ", re.I)
_BOUND: Final = re.compile(
    r"\b(?:(?:more|less|fewer|larger|smaller|higher|lower) than|at least|at most|up to|over|under|above|below"
    r"|beyond)\b|이상|이하|초과|미만",
    re.I,
)
_UNIT: Final = (
    r"(?: ?(?P<unit>%|percent\b|dB\b|[kMG]B\b|ms\b|seconds?\b|minutes?\b|hours?\b|days?\b|fps\b|px\b"
    r"|(?:mega)?pixels?\b|°|초|분|시간))?"
)
_NUMBER: Final = re.compile(rf"(?<![\w.])(?P<number>\d+(?:[.,]\d+)*){_UNIT}")
_RANGE: Final = re.compile(r"(\d+(?:\.\d+)?)(?: and | to | ?[~–-] ?|에서 )(\d+(?:\.\d+)?)")
_SPELLED: Final = {
    word: str(number)
    for number, words in enumerate(
        (
            "two 두",
            "three 세",
            "four 네",
            "five 다섯",
            "six 여섯",
            "seven 일곱",
            "eight 여덟",
            "nine 아홉",
            "ten 열",
        ),
        start=2,
    )
    for word in words.split()
}
_TIMES: Final = re.compile(
    r"\b(?:once|twice|thrice|half|halves|double[ds]?|tripled?|quadrupled?|hundreds?|thousands?|\w+fold)\b|절반",
    re.I,
)
_ARROW: Final = re.compile(r"\s*(?:-+>|=+>|[→⇒➜⟶➔»]|>)\s*")
_FREE: Final = frozenset(
    """
    task workflow step steps input output model paper papers source sources provided given gives takes uses
    used question asks asked named photograph first next answer each into their here how works follows below
    part makes is it 작업 흐름 워크플로 다음 같습니다 단계 입력 출력 순서 방법 있습니다 됩니다 입니다 합니다
    """.split()  # noqa: SIM905  # words in a row are read more easily
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
    if not re.search(r"[^\W_]", draft.text) or any(one not in known for one in draft.cites):
        return ("V1",)
    cited = [known[one] for one in draft.cites]
    if not draft.is_claim:
        return () if _is_connecting(draft.text) else ("V8",)
    if not cited:
        return ("V1",)
    words = " | ".join(f"{unit.words} | {unit.name}" for unit in cited)
    passed: dict[Check, bool] = {
        "V2": _has_only_given_addresses(draft.text, allowed),
        "V3": _has_only_known_names(draft.text, f"{words} {allowed.question}"),
        "V4": _has_only_known_numbers(draft.text, words),
        "V5": _is_supported(draft.text, words, allowed),
        "V7": _is_the_chain(draft.text, [unit.words for unit in cited], allowed),
    }
    return tuple(check for check, is_passed in passed.items() if not is_passed)


def _is_connecting(text: str) -> bool:
    """Whether a sentence is made of nothing but words that say nothing."""
    return (
        is_quotable(text)
        and not re.search(r"\d", text)
        and not _ARROW.search(text)
        and not _ADDRESS.search(text)
        and not _NEGATION.search(text)
        and not _COMPARING.search(text)
        and not _content(text)
    )


def _has_only_given_addresses(text: str, allowed: Allowed) -> bool:
    return all(found.group().rstrip(".,;)") in allowed.addresses for found in _ADDRESS.finditer(text))


def _has_only_known_names(text: str, words: str) -> bool:
    known = {part.lower() for name in _NAME.findall(words) for part in (name, *re.split("[-_]", name))}
    stems = {stem_of(word) for word in known}
    return all(_is_plain_or_known(name, known, stems) for name in _NAME.findall(_ADDRESS.sub(" ", text)))


def _is_plain_or_known(name: str, known: Set[str], stems: Set[str]) -> bool:
    lowered = name.lower()
    if name.isdigit() or (name == lowered and name.replace("-", "").isalpha()) or lowered in known:
        return True
    is_word = re.fullmatch("[A-Z][a-z]*", name) is not None
    return is_word and (stem_of(lowered) in stems or lowered in _FREE or lowered in lexicon().stop)


def _has_only_known_numbers(text: str, words: str) -> bool:
    asked, said = _ADDRESS.sub(" ", text), _ADDRESS.sub(" ", words)
    ranges = set(_RANGE.findall(said))
    if not set(_RANGE.findall(asked)) <= ranges:
        return False
    alone = _numbers(_RANGE.sub(" ", said))
    return (
        _numbers(_RANGE.sub(" ", asked)) <= alone
        and _lowered(_TIMES, asked) <= _lowered(_TIMES, said)
        and (not re.search(r"\d", asked) or _lowered(_BOUND, asked) <= _lowered(_BOUND, said))
    )


def _numbers(text: str) -> set[tuple[str, str]]:
    """Each number with its unit; a factor has none: 2x, 2×, 2배."""
    plain = re.sub(r"(?<=\d) ?(?:x\b|×|배)", " ", text)
    found = {
        (one["number"].replace(",", "."), (one["unit"] or "").rstrip("s")) for one in _NUMBER.finditer(plain)
    }
    for word, number in _SPELLED.items():
        if re.search(rf"\b{word}\b" if word.isascii() or len(word) == 1 else word, text, re.I):
            found.add((number, ""))
    return found


def _lowered(pattern: re.Pattern[str], text: str) -> set[str]:
    return {found.lower() for found in pattern.findall(text)}


def _is_supported(text: str, words: str, allowed: Allowed) -> bool:
    plain = text
    for address in allowed.addresses:
        plain = plain.replace(address, " ")
    plain, said = _ADDRESS.sub(" ", plain), _ADDRESS.sub(" ", words)
    content, carried = _content(plain), set(map(_stem, _WORD.findall(said.lower())))
    has_word = bool(content) or bool(_numbers(plain))
    if not has_word or not set(content) <= carried or not is_quotable(plain):
        return False
    return (
        _follows(_NEGATION, plain, said)
        and _follows(_HEDGE, plain, said)
        and all(one in said for one in _NOT_KOREAN.findall(plain))
        and _lowered(_COMPARING, plain) <= _lowered(_COMPARING, said)
    )


def _content(text: str) -> list[str]:
    """Stems of the words that say something."""
    stop = lexicon().stop
    found = [(word, _stem(word)) for word in _WORD.findall(text.lower())]
    return [stem for word, stem in found if not {word, stem} & _FREE and word not in stop]


def _stem(word: str) -> str:
    return _PARTICLE.sub("", word) if "가" <= word[0] <= "힣" else stem_of(word)


def _follows(pattern: re.Pattern[str], text: str, words: str) -> bool:
    """Whether "not" (or "may") stands before the same words in both."""
    here, there = _marked(pattern, text), _marked(pattern, words)
    free = set(_content(pattern.sub(" ", _without_marked(pattern, text))))
    return here <= there and not free & there - set(_content(_without_marked(pattern, words)))


def _marked(pattern: re.Pattern[str], text: str) -> set[str]:
    """The first word that says something after each match, within its clause."""
    clauses = (re.split(r"[,;:.|]", text[found.end() :])[0] for found in pattern.finditer(text))
    return {content[0] for clause in clauses if (content := _content(clause))}


def _without_marked(pattern: re.Pattern[str], text: str) -> str:
    """The text without what `_marked` finds."""
    kept = text
    for found in reversed(list(pattern.finditer(text))):
        clause = re.split(r"[,;:.|]", text[found.end() :])[0]
        for word in _WORD.finditer(clause):
            if _content(word.group()):
                kept = kept[: found.end() + word.start()] + " " + kept[found.end() + word.end() :]
                break
    return kept


def _is_the_chain(text: str, units: Sequence[str], allowed: Allowed) -> bool:
    if len(parts := _steps(text)) < 2:
        return True
    if not any(parts == _steps(words) for unit in units for words in unit.split(" | ")):
        return False
    names = [name.lower() for name in allowed.chain]
    return bool(names) and [part for part in parts if part in names] == names


def _steps(text: str) -> list[str]:
    return [part.lower() for part in _ARROW.split(text.strip(" ."))]
