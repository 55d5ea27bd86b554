"""By how much a picture shall grow: factors and sizes in a question, in figures and in words."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

Place = tuple[int, int]  # start and end in the question
LARGEST_FACTOR: Final = 1_000.0
_NUMBER: Final = r"\d{1,4}(?:[.,]\d{1,3})?"
_NUMBER_WORDS: Final = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "eight": 8, "ten": 10, "twelve": 12, "twenty": 20,
    "seven": 7, "nine": 9, "thirty": 30, "a hundred": 100, "one and a half": 1.5, "two and a half": 2.5,
    "three and a half": 3.5,
    "four and a half": 4.5, "five and a half": 5.5, "six and a half": 6.5, "seven and a half": 7.5,
    "두": 2, "세": 3, "네": 4, "다섯": 5, "여섯": 6, "여덟": 8, "열": 10,
}  # fmt: skip
_SPELLED: Final = "|".join(sorted((one for one in _NUMBER_WORDS if one.isascii()), key=len, reverse=True))
_FACTORS: Final = (
    re.compile(rf"(?<![\w.,])[x×]\s?(?P<n>{_NUMBER})(?![\w]|[.,]\d| ?[x×] ?\d)", re.IGNORECASE),
    re.compile(rf"(?<![\w.,×])(?P<n>{_NUMBER})\s?[x×](?!\s?\d|\w)", re.IGNORECASE),
    re.compile(rf"(?<![\w.,])(?P<n>{_NUMBER})[- ]?(?:fold|times\b|배(?!경|포|우|열|송|치))", re.IGNORECASE),
    re.compile(rf"\b(?P<w>{_SPELLED})[- ](?:fold|times)\b", re.I),
    re.compile(rf"\b(?:factor|scale) of (?P<w>{_SPELLED})\b", re.I),
    re.compile(rf"\bstraight to (?P<w>{_SPELLED})\b", re.I),
    re.compile(r"(?P<w>두|세|네|다섯|여섯|여덟|열)\s?배(?!경|포|우|열|송|치)"),
    re.compile(
        r"\b(?:scale|factors?|magnification|zoom)(?:\s+(?:of|is|=))?\s*=?\s*(?P<n>\d{1,3}(?:[.,]\d{1,3})?)\b",
        re.I,
    ),
    re.compile(
        r"\bby\s+(?:a\s+factor\s+of\s+)?(?P<n>\d{1,2}(?:\.\d{1,3})?)"
        r"(?![\w%]|\.\d|\s*(?:px|pixel|percent|mm|cm|people))",
        re.I,
    ),
)  # fmt: skip
_TWICE: Final = re.compile(
    r"\b(?P<w>twice|double[sd]?|doubling|triple[sd]?|tripling|quadruple[sd]?|quadrupling)\b", re.I
)
_TWICE_IS: Final = {"tw": 2.0, "do": 2.0, "tr": 3.0, "qu": 4.0}
_ENLARGING_NEAR: Final = re.compile(
    r"enlarg|upscal|large|bigger|\bbig\b|\bsize\b|wide|width|height|resolution|magnif|pixel|blow|high\b|tall"
    r"|\bres\b|super|확대|크|키|해상도|업스케일|늘|인쇄",
    re.IGNORECASE,
)
_PAIR: Final = re.compile(r"(?<![\d.])(?P<w>\d{2,5})\s?[x×*]\s?(?P<h>\d{2,5})(?![\d.])", re.IGNORECASE)
_SIDE: Final = re.compile(
    r"(?<![\d.x×])(?P<n>\d{2,5})[- ]?(?:px|pixels?|pix|픽셀|p\b)(?![\w])|(?<![\d.])(?P<n2>\d{3,5})\s+(?:wide"
    r"|across)\b",
    re.IGNORECASE,
)
_NAMED_WIDTHS: Final = {"4k": 3840, "8k": 7680, "full hd": 1920, "full-hd": 1920, "fhd": 1920, "uhd": 3840}
_NAMED: Final = re.compile(r"\b(?P<k>4k|8k|full[- ]hd|fhd|uhd)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Factor:
    """By how much a picture shall grow, as the question says or as its two sizes give."""

    value: float
    place: Place

    @property
    def is_whole(self) -> bool:
        """Whether a model for whole factors could reach it."""
        return abs(self.value - round(self.value)) < 5e-3


def factor_in(text: str) -> tuple[Factor | None, Place | None]:
    """The factor that is asked for; and a number that was meant as one and cannot be."""
    huge = re.search(r"(?:[x×]\s?\d{5,}|\d{5,}(?:\.\d+)?\s?(?:[x×]|times|배))(?!\w)", text, re.IGNORECASE)
    sized = _factor_of_sizes(text)
    stated = sorted(
        (one for one in _stated_factors(text) if 1 < one.value <= LARGEST_FACTOR), key=lambda one: one.place
    )
    if sized and (not stated or not any(abs(one.value / sized.value - 1) < 0.1 for one in stated)):
        return (sized if not stated else stated[0]), (huge.span() if huge else None)
    return (stated[0] if stated else None), (huge.span() if huge else None)


def _stated_factors(text: str) -> Iterator[Factor]:
    pairs = [one.span() for one in _PAIR.finditer(text)]
    for pattern in _FACTORS:
        for found in pattern.finditer(text):
            if any(start <= found.start() < end for start, end in pairs):
                continue
            groups = found.groupdict()
            word = groups.get("w")
            value = _NUMBER_WORDS[word.lower()] if word else float(groups["n"].replace(",", "."))
            needs_near = "times" in found.group().lower() or found.group().lower().startswith("by")
            around = text[max(0, found.start() - 50) : found.end() + 50]
            if not needs_near or _ENLARGING_NEAR.search(around):
                yield Factor(float(value), found.span())
    for found in _TWICE.finditer(text):
        around = text[max(0, found.start() - 40) : found.end() + 40]
        if _ENLARGING_NEAR.search(around) or found["w"].lower() in ("triple", "quadruple", "double"):
            yield Factor(_TWICE_IS[found["w"][:2].lower()], found.span())


def _factor_of_sizes(text: str) -> Factor | None:
    """What two sizes in one question give: the larger by the smaller."""
    widths: list[tuple[int, int, Place]] = []  # order, pixels, place
    pairs = [(int(one["w"]), int(one["h"]), one.span()) for one in _PAIR.finditer(text)]
    if len(pairs) >= 2 and all(max(one[:2]) >= 64 for one in pairs[:2]):
        small, large = sorted(pairs[:2], key=lambda one: one[0] * one[1])
        ratio = max(large[0] / small[0], large[1] / small[1])
        return Factor(round(ratio, 4), large[2]) if 1 < ratio <= LARGEST_FACTOR else None
    for width, height, place in pairs:
        widths.append((place[0], max(width, height), place))
    for found in _SIDE.finditer(text):
        if not any(start <= found.start() < end for _, _, (start, end) in pairs):
            widths.append((found.start(), int(found["n"] or found["n2"]), found.span()))
    widths += [(one.start(), _NAMED_WIDTHS[one["k"].lower()], one.span()) for one in _NAMED.finditer(text)]
    bare = re.compile(
        r"(?:wants?|needs?|from|to|at|requires|exactly|->|→)\s(?P<n>\d{3,5})(?!\d|[.,:]\d|%|\s?[x×]\s?\d"
        r"|\s?(?!to\b|by\b|and\b|or\b|on\b)[a-z가-힣])",
        re.I,
    )
    if len(widths) == 1:
        widths += [(one.start("n"), int(one["n"]), one.span("n")) for one in bare.finditer(text)]
    if len(widths) < 2:
        return None
    first, second = sorted(widths)[:2]
    low, high = sorted((first, second), key=lambda one: one[1])
    ratio = high[1] / low[1]
    if not 1 < ratio <= LARGEST_FACTOR or not math.isfinite(ratio):
        return None
    return Factor(round(ratio, 4), high[2])
