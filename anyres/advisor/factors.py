"""By how much a picture shall grow: factors and sizes in a question, in figures and in words."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from anyres.advisor.cues import cue

Place = tuple[int, int]  # start and end in the question
LARGEST_FACTOR: Final = 1_000.0
_NUMBER: Final = r"\d{1,4}(?:[.,]\d{1,3})?"
_NUMBER_WORDS: Final = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "eight": 8, "ten": 10, "twelve": 12, "twenty": 20,
    "seven": 7, "nine": 9, "eleven": 11, "fifteen": 15, "sixteen": 16,
    "thirty": 30, "a hundred": 100, "one and a half": 1.5, "two and a half": 2.5,
    "three and a half": 3.5,
    "four and a half": 4.5, "five and a half": 5.5, "six and a half": 6.5, "seven and a half": 7.5,
    "thirteen": 13, "fourteen": 14, "eighteen": 18, "twenty-five": 25, "forty": 40, "fifty": 50,
    "a dozen": 12,
    "일곱": 7, "아홉": 9, "열두": 12, "열다섯": 15, "열여섯": 16, "스무": 20, "서른": 30, "마흔": 40,
    "쉰": 50, "두": 2, "세": 3, "네": 4, "다섯": 5, "여섯": 6, "여덟": 8, "열": 10, "백": 100,
}  # fmt: skip
_SPELLED: Final = "|".join(sorted((one for one in _NUMBER_WORDS if one.isascii()), key=len, reverse=True))
_SPELLED_KOREAN: Final = "|".join(
    sorted((one for one in _NUMBER_WORDS if not one.isascii()), key=len, reverse=True)
)
_FACTORS: Final = (
    re.compile(rf"(?<![\w.,])[x×]\s?(?P<n>{_NUMBER})(?![\w]|[.,]\d| ?[x×] ?\d)", re.IGNORECASE),
    re.compile(rf"(?<![\w.,×])(?P<n>{_NUMBER})\s?[x×](?!\s?\d|\w)", re.IGNORECASE),
    re.compile(rf"(?<![\w.,])(?P<n>{_NUMBER})[- ]?(?:fold|times\b|배(?!경|포|우|열|송|치))", re.IGNORECASE),
    re.compile(rf"(?<![\w.,-])(?P<w>{_SPELLED})(?:[- ]?fold|[- ]times)\b", re.I),
    re.compile(rf"\b(?:factor|scale) of (?P<w>{_SPELLED})\b", re.I),
    re.compile(rf"\bstraight to (?P<w>{_SPELLED})\b", re.I),
    re.compile(rf"(?<![가-힣])(?P<w>{_SPELLED_KOREAN})\s?배(?!경|포|우|열|송|치)"),
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
_OTHER_TIMES: Final = re.compile(
    r"\W{0,3}(?:longer|slower|faster|quicker|seconds?|minutes?|hours?|more|less)", re.I
)
_BARE_TIMES: Final = re.compile(  # "Fifteen times, in one go": a factor only where enlarging is what is asked
    rf"(?:^|[.?!;:,]\s|\b(?:give me|wants?|needs?|exactly|about|only|make it|by|for|at|to)\s)"
    rf"(?P<all>(?:(?P<n>{_NUMBER})|(?P<w>{_SPELLED}))[- ]times)\b"
    r"(?!\W{0,3}(?:an?|per|each|already|before|now|since|in a row|over|longer|slower|faster|more|less)\b)",
    re.I,
)
_TWICE: Final = re.compile(
    r"\b(?P<w>twice|double[sd]?|doubling|trebl\w+|triple[sd]?|tripling|quadruple[sd]?|quadrupling|quintuple[sd]?"
    r"|half as (?:big|large|wide) again)\b(?! (?:the )?(?:number of )?(?:frames?|fps)\b)",
    re.I,
)
_TWICE_IS: Final = {"twi": 2.0, "dou": 2.0, "tri": 3.0, "tre": 3.0, "qua": 4.0, "qui": 5.0, "hal": 1.5}
_REDUCED_BY: Final = re.compile(  # what is a factor where the reduction shall be undone
    r"\b(?:down-?sampl|down-?scal|shr[iua]nk|reduc)\w* (?:\w+ )?by (?:exactly |just )?"
    rf"(?:(?P<n>{_NUMBER})|(?P<w>{_SPELLED}))\b(?! ?(?:%|percent))",
    re.I,
)
_TO_A_PART: Final = re.compile(
    r"\b(?:down-?sampl|down-?scal|shr[iua]nk|reduc)\w*\b[^.?!]{0,30}?\bto (?:a |an |one )?"
    r"(?P<part>half|third|quarter|fourth|fifth|sixth|eighth|tenth)\b",
    re.I,
)
_PARTS: Final = {"half": 2.0, "third": 3.0, "quarter": 4.0, "fourth": 4.0, "fifth": 5.0, "sixth": 6.0,
                 "eighth": 8.0, "tenth": 10.0}  # fmt: skip
_ENLARGING_NEAR: Final = re.compile(
    r"enlarg|upscal|large|bigger|\bbig\b|\bsize\b|wide|width|height|resolution|magnif|pixel|blow|high\b|tall"
    r"|\bres\b|\bside\b|super|확대|크|키|해상도|업스케일|늘|인쇄",
    re.IGNORECASE,
)
_PAIR: Final = re.compile(
    r"(?<![\d.])(?P<w>\d{2,5})(?:\s?[x×*]\s?|(?<=\d{3}) by (?=\d{3}))(?P<h>\d{2,5})(?!\d|\.\d)", re.IGNORECASE
)
_SIDE: Final = re.compile(
    r"(?<![\d.x×])(?P<n>\d{2,5}|\d{1,2},\d{3})[- ]?(?:px|pixels?|pix|픽셀|p\b)(?![\w])"
    r"|(?<![\d.])(?P<n2>\d{3,5}|\d{1,2},\d{3})\s+(?:wide"
    r"|across)\b|(?<![\d.])(?P<n3>\d{2,5})[- ](?:dots?|per inch|dpi)\b",
    re.IGNORECASE,
)
_OF_AREA: Final = re.compile(
    rf"(?<![\w.,-])(?:(?P<n>{_NUMBER})|(?P<w>{_SPELLED})) times"
    r" (?:the area|the pixels|as many (?:mega)?pixels)",
    re.I,
)
_LENGTH: Final = re.compile(
    r"(?<![\d.,])(?P<n>\d{1,4}(?:[.,]\d{1,2})?) ?(?P<unit>cm|mm|centimet(?:re|er)s?|inch(?:es)?|lines?)\b",
    re.I,
)
_IN_MM: Final = {"mm": 1.0, "cm": 10.0, "ce": 10.0, "in": 25.4, "li": 1.0}
_ONE_THING: Final = re.compile(
    r"^\s?(?:x|×|by|on)\s?$|\b(?:wide|high|tall|long|deep)\b.{0,12}\b(?:and|by)\b|away", re.I
)
_PERCENT: Final = re.compile(r"(?<![\d.,])(?P<n>[1-9]\d{2,3}) ?(?:%|per ?cent\b|퍼센트)", re.I)
_MEGAPIXELS: Final = re.compile(
    r"(?<![\d.,])(?P<n>\d{1,4}(?:[.,]\d{1,2})?)[ -]?(?:(?:mp|mpix|megapixels?)\b|(?P<k>메가픽셀|만 ?화소))",
    re.I,
)
_KOREAN_SIZES: Final = re.compile(
    r"(?<![\d.])(?P<a>\d{2,5}) ?(?:픽셀|px)?(?:에서|짜리|을|를|인데)[^.?!]{0,20}?(?<![\d.])(?P<b>\d{3,5})"
    r" ?(?:픽셀|px)?(?:으로|로|까지)"
)
_NAMED_WIDTHS: Final = {"4k": 3840, "8k": 7680, "full hd": 1920, "full-hd": 1920, "fhd": 1920, "uhd": 3840}
_BARE: Final = re.compile(
    r"(?:wants?|needs?|from|to|at|for|requires|exactly|cover|fill|reach|become|be|make (?:it|them|that)|->|→)"
    r"\s(?P<n>\d{1,2},\d{3}|\d{3,5})(?!\d|[.,:]\d|%|\s?[x×]\s?\d"
    r"|\s?(?!to\b|by\b|and\b|or\b|on\b|across\b|for\b|but\b|wide\b|high\b|in\b)[a-z가-힣])",
    re.I,
)
_PAPER: Final = re.compile(r"(?<![\w.])A(?P<n>[0-8])(?![\w.])")
_SMALLEST_SIDE: Final = 64  # of a picture's size: 8x8 is a block
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
    huge = re.search(
        r"(?:[x×]\s?\d{5,}|(?<!\d)\d{5,}(?:\.\d+)?\s?(?:[x×]|times|배))(?!\w)", text, re.IGNORECASE
    )
    stated = sorted(
        (one for one in (*_stated_factors(text), *_undone_factors(text)) if 1 < one.value <= LARGEST_FACTOR),
        key=lambda one: one.place,
    )
    of_sizes = (
        _factor_of_sizes(text)
        or _factor_of_paper(text)
        or _factor_of_korean_sizes(text)
        or _factor_of_lengths(text)
        or _factor_of_megapixels(text)
        or _factor_of_percent(text)
    )
    found = _factor_of_pairs(text) or _factor_of_area(text) or (stated[0] if stated else of_sizes)
    return found, huge.span() if huge else None


def bare_factor_in(text: str) -> Factor | None:
    """A factor that does not say of what it is: to be read as one only where a picture is to be enlarged."""
    for found in _BARE_TIMES.finditer(text):
        value = _NUMBER_WORDS[found["w"].lower()] if found["w"] else float(found["n"].replace(",", "."))
        if 1 < value <= LARGEST_FACTOR:
            return Factor(float(value), found.span("all"))
    return None


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
            if (
                not needs_near
                or (value % 1 and not _OTHER_TIMES.match(text, found.end()))
                or _ENLARGING_NEAR.search(around)
            ):
                yield Factor(float(value), found.span())
    for found in _TWICE.finditer(text):
        around = text[max(0, found.start() - 40) : found.end() + 40]
        if _ENLARGING_NEAR.search(around) or found["w"].lower() not in ("twice", "doubles"):
            yield Factor(_TWICE_IS[found["w"][:3].lower()], found.span())


def _undone_factors(text: str) -> Iterator[Factor]:
    """Of a reduction that shall be taken back: "shrunk to a third ... undo that" is three."""
    if not cue("undoing").search(text):
        return
    for found in _REDUCED_BY.finditer(text):
        number = found["n"]
        value = float(number.replace(",", ".")) if number else _NUMBER_WORDS[found["w"].lower()]
        yield Factor(float(value), found.span())
    for found in _TO_A_PART.finditer(text):
        yield Factor(_PARTS[found["part"].lower()], found.span())


def _factor_of_pairs(text: str) -> Factor | None:
    """What two sizes such as 640x480 and 1600x1200 give: the larger by the smaller."""
    pairs = [(int(one["w"]), int(one["h"]), one.span()) for one in _PAIR.finditer(text)]
    if len(pairs) < 2 or any(max(one[:2]) < _SMALLEST_SIDE for one in pairs[:2]):
        return None
    small, large = sorted(pairs[:2], key=lambda one: one[0] * one[1])
    return _ratio(
        min(small[:2]),
        max(large[0] * min(small[:2]) / small[0], large[1] * min(small[:2]) / small[1]),
        large[2],
    )


def _factor_of_sizes(text: str) -> Factor | None:
    """What two sides in one question give: "900 pixels wide ... exactly 3150", "32 to 96", "4K"."""
    sides = [(one.start(), max(int(one["w"]), int(one["h"])), one.span()) for one in _PAIR.finditer(text)]
    for found in _SIDE.finditer(text):
        if not any(start <= found.start() < end for _, _, (start, end) in sides):
            number = found["n"] or found["n2"] or found["n3"]
            sides.append((found.start(), _pixels(number), found.span()))
    sides += [(one.start(), _NAMED_WIDTHS[one["k"].lower()], one.span()) for one in _NAMED.finditer(text)]
    if len(sides) < 2:
        sides += [(one.start("n"), _pixels(one["n"]), one.span("n")) for one in _BARE.finditer(text)]
    if len(sides) < 2:
        return None
    low, high = sorted(sorted(sides)[:2], key=lambda one: one[1])
    return _ratio(low[1], high[1], high[2])


def _factor_of_area(text: str) -> Factor | None:
    """What "nine times the area" gives: three times as wide."""
    found = _OF_AREA.search(text)
    if found is None:
        return None
    times = _NUMBER_WORDS[found["w"].lower()] if found["w"] else float(found["n"].replace(",", "."))
    return _ratio(1.0, math.sqrt(times), found.span())


def _factor_of_korean_sizes(text: str) -> Factor | None:
    """What "가로 640에서 1920으로" gives."""
    found = _KOREAN_SIZES.search(text)
    return _ratio(int(found["a"]), int(found["b"]), found.span("b")) if found else None


def _factor_of_megapixels(text: str) -> Factor | None:
    """What two numbers of megapixels give: from 3 to 12 is twice as wide."""
    found = [
        (float(one["n"].replace(",", ".")) / (100 if "화소" in (one["k"] or "") else 1), one.span())
        for one in _MEGAPIXELS.finditer(text)
    ]
    if len(found) < 2:
        return None
    low, high = sorted(found[:2])
    return _ratio(1.0, math.sqrt(high[0] / low[0]), high[1]) if low[0] else None


def _factor_of_percent(text: str) -> Factor | None:
    """What "250 %" gives, where it is about size."""
    found = _PERCENT.search(text)
    if found is None or not _ENLARGING_NEAR.search(text[max(0, found.start() - 50) : found.end() + 50]):
        return None
    return _ratio(100, float(found["n"]), found.span())


def _factor_of_lengths(text: str) -> Factor | None:
    """What two lengths give where size is meant: "2.5 cm wide ... 30 cm"; "576 lines ... 1728".

    Two sides of one thing ("20 cm by 30 cm", "50 cm wide and 70 cm high") give none.
    """
    found = list(_LENGTH.finditer(text))
    if not found or not (_ENLARGING_NEAR.search(text) or _is_of_lines(found[0])):
        return None
    sides = [
        (float(one["n"].replace(",", ".")) * _IN_MM[one["unit"][:2].lower()], one.span()) for one in found
    ]
    if len(found) == 1 and _is_of_lines(found[0]):
        sides += [(float(_pixels(one["n"])), one.span("n")) for one in _BARE.finditer(text)]
    elif len(found) >= 2 and _ONE_THING.search(text[found[0].end() : found[1].start()]):
        return None
    if len(sides) < 2 or len({_is_of_lines(one) for one in found}) > 1:
        return None
    low, high = sorted(sides[:2])
    return _ratio(low[0], high[0], high[1])


def _is_of_lines(found: re.Match[str]) -> bool:
    """Whether a length is one of a video's lines."""
    return found["unit"].lower().startswith("line")


def _factor_of_paper(text: str) -> Factor | None:
    """What two sizes of paper give: from A6 to A2 is four times as wide."""
    found = list(_PAPER.finditer(text))
    if len(found) < 2:
        return None
    first, second = int(found[0]["n"]), int(found[1]["n"])
    return _ratio(1.0, 2 ** (abs(first - second) / 2), found[1].span())


def _ratio(low: int | float, high: int | float, place: Place) -> Factor | None:
    ratio = high / low if low else math.inf
    return Factor(round(ratio, 4), place) if 1 < ratio <= LARGEST_FACTOR else None


def _pixels(text: str) -> int:
    """A count as people write it: 1610 or 1,610."""
    return int(text.replace(",", ""))
