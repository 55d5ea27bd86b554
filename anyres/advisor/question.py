"""What a question says, by rules: the tasks it speaks of, the factor, what it asks about the model.

English and Korean, also in one sentence. Negation counts: "it is not blurred, only small" asks for no
deblurring. Every finding keeps its place in the question, so that an answer can cite it.
"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from anyres.advisor.lexicon import Lexicon, Word, lexicon

Language = Literal["en", "ko"]
Place = tuple[int, int]  # start and end in the question
LARGEST_FACTOR: Final = 1_000.0
_CAPS: Final = {1.5: 4.5, 0.5: 1.0}  # what many plain or weak words may come to together
_NEGATED: Final = -0.5  # what a word counts that the question denies

_CLAUSE: Final = re.compile(
    r"[.;:!?\n()]|,? but | and (?=(?:has|have|is|are|was|were|it|they|i|my|now|the|everything|all|would"
    r"|want)\b)|, (?=(?:only|just|it|they|i|we|the)\b)| – | — ",
    re.IGNORECASE,
)
_NEGATION: Final = re.compile(
    r"\b(?:no(?!\s+(?:matter|doubt|idea|longer|one))|not(?!\s+only|\s+sure|\s+sit|\s+knowing)|n[o']t|never"
    r"|neither|nor"
    r"|nothing|\w+n['’]?t(?<!want)(?<!print)(?<!cont)(?<!front)(?<!paint)(?<!wont)|rather than|instead of"
    r"|nobody)\b",
    re.IGNORECASE,
)
_NOT_NEGATION: Final = re.compile(r"\b(?:\w+nt|can['’]?t|cannot|couldn['’]?t|ain)\b", re.IGNORECASE)
_CONTRACTION: Final = re.compile(
    r"\b(?:is|are|was|were|do|does|did|has|have|had|would|should|could|need|wo|must)n['’]?t\b", re.I
)
_DENIED_AFTER: Final = re.compile(
    r"^\W*(?:\w+\W+){0,3}?(?:(?:is|are|was|were)\s+)?(?:not\s+(?:required|needed|necessary|wanted"
    r"|the\s+(?:problem|point|issue))"
    r"|of\s+no\s+use|isn['’]t\s+(?:required|needed|the\s+(?:problem|point|issue)))",
    re.IGNORECASE,
)
_KOREAN_NEGATION: Final = re.compile(
    r"^[^.,!?\n]{0,14}?(?:아니|않(?!게)|말고|필요\s*없|필요는\s*없|없(?!애|앨|앤|어지|어졌|이|음|앴)|대신)"
)

_NUMBER: Final = r"\d{1,4}(?:[.,]\d{1,3})?"
_NUMBER_WORDS: Final = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "eight": 8, "ten": 10, "twelve": 12, "twenty": 20,
    "a hundred": 100, "one and a half": 1.5, "두": 2, "세": 3, "네": 4, "다섯": 5, "여섯": 6, "여덟": 8, "열": 10,
}  # fmt: skip
_FACTORS: Final = (
    re.compile(rf"(?<![\w.,])[x×]\s?(?P<n>{_NUMBER})(?![\w]|[.,]\d| ?[x×] ?\d)", re.IGNORECASE),
    re.compile(rf"(?<![\w.,×])(?P<n>{_NUMBER})\s?[x×](?!\s?\d|\w)", re.IGNORECASE),
    re.compile(rf"(?<![\w.,])(?P<n>{_NUMBER})[- ]?(?:fold|times\b|배(?!경|포|우|열|송|치))", re.IGNORECASE),
    re.compile(
        r"\b(?P<w>two|three|four|five|six|eight|ten|twelve|twenty|a hundred|one and a half)[- ](?:fold"
        r"|times)\b", re.I
    ),
    re.compile(r"(?P<w>두|세|네|다섯|여섯|여덟|열)\s?배(?!경|포|우|열|송|치)"),
    re.compile(r"\b(?:scale|factor|factors|magnification|zoom)(?:\s+(?:of|is|=))?\s*=?\s*(?P<n>\d{1,3}(?:[.,]\d{1,3})?)\b", re.I),
    re.compile(r"\bby\s+(?:a\s+factor\s+of\s+)?(?P<n>\d{1,2}(?:\.\d{1,3})?)(?![\w%]|\.\d|\s*(?:px|pixel|percent|mm|cm|people))", re.I),
)  # fmt: skip
_TWICE: Final = re.compile(
    r"\b(?P<w>twice|double[sd]?|doubling|triple[sd]?|tripling|quadruple[sd]?|quadrupling)\b", re.I
)
_TWICE_IS: Final = {"tw": 2.0, "do": 2.0, "tr": 3.0, "qu": 4.0}
_ENLARGING_NEAR: Final = re.compile(
    r"enlarg|upscal|larger|bigger|\bsize\b|wide|width|height|resolution|magnif|pixel|blow|high\b|tall"
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
_WANTED: Final = re.compile(
    r"(?:\bto\b|\bat\b|\binto\b|want|need|exactly|target|become|wants|required?|requires|bring|->|→|으로|로\b"
    r"|필요|까지)"
    r"[^.;!?]{0,40}$",
    re.IGNORECASE,
)  # fmt: skip
_GIVEN: Final = re.compile(
    r"(?:\bfrom\b|\bis\b|\bare\b|only|have|hold|\bof\b|\bat\b|원본|밖에)[^.;!?]{0,25}$", re.I
)

_ATTRIBUTES: Final = {
    "speed": r"how (?:long|fast|quick|many seconds|many minutes|slow)|seconds|\bfps\b|real[- ]?time"
    r"|latency|\bspeed\b"
    r"|millisecond|run ?time|throughput|얼마나 (?:걸|빠)|몇 (?:초|분)|속도|실시간|시간이",
    "memory": r"\b(?:v?ram|gpu memory|memory)\b|\d+ ?gb\b|메모리|용량이? (?:얼|몇)|몇 기가",
    "licence": r"licen[cs]e(?! plate)|under which (?:terms|licen)|open[- ]?source|라이선스|라이센스|저작권",
    "commercial_use": r"commercial|earn money|make money|sell (?:the|it|them|prints|this|our|my)"
    r"|for (?:a )?(?:paying|client|customer|profit)"
    r"|we sell|in a (?:paid|product)|상업|돈 받고|판매|수익|팔아",
    "price": r"\b(?:price|pricing|cost|costs|fee|expensive|cheap|free of charge|subscription)\b"
    r"|how much (?:does|is|do|would|will)"
    r"|비용|가격|얼마(?:예요|인가|인지|죠|입니까|나요)|무료|유료|요금",
    "training_data": r"(?:trained|training) (?:on|with|data|set|pictures|images)|what (?:data|pictures"
    r"|images|photos)[^.?]{0,20} train"
    r"|which (?:data ?set|pictures|images|photos)|학습 ?데이터|어떤 데이터|데이터셋|학습(?:했|된|시)",
    "accuracy": r"how (?:accurate|precise|reliable|good|well|exact)|accuracy|error rate|\bpsnr\b|\bssim\b"
    r"|\bmap\b(?= (?:of|on|score))|\bap\b|\bmiou\b"
    r"|how many (?:percent|mistakes|errors)|percent of|정확도|얼마나 (?:정확|잘)|오차",
    "size_limit": r"(?:largest|biggest|maximum|max\.?) (?:\w+ )?(?:size|picture|image|resolution|input"
    r"|photo|dimension)|size limit|how (?:large|big) (?:can|may|a)"
    r"|up to (?:what|which) size|max(?:imum)? (?:pixels|megapixels)|최대 (?:크기|해상도|몇)|크기 제한",
    "platform": r"(?:run|work|available|install)s? (?:it )?(?:on|under|in) (?:a |an |my |the "
    r"|our )?(?:windows|mac|linux|phone|android|iphone|ios|raspberry|browser|laptop|cpu|jetson|ipad|tablet"
    r"|old)"
    r"|\b(?:offline|onnx|tensorrt|core ?ml|docker|android|iphone|raspberry pi|jetson|plug-?in)\b"
    r"|without a (?:gpu|graphics card)"
    r"|(?:윈도우|맥|아이폰|안드로이드|휴대폰|핸드폰|CPU|GPU|노트북)[^.?]{0,8}(?:에서|로|없이)|오프라인",
}  # fmt: skip
_ASKING: Final = re.compile(
    r"\?|\bhow\b|\bwhat\b|\bwhich\b|\bmay (?:i|we)\b|\bcan (?:i|we|it)\b|\bdoes\b|\bis (?:it|there|that"
    r"|this)\b|tell me|need to know|must know|want to know"
    r"|would like to know|please (?:say|state|give)|wonder|question|나요|까요|습니까|인가요|인지|는지|알려|궁금|되나|될까|죠",
    re.IGNORECASE,
)
_UNKNOWABLE: Final = re.compile(
    r"number ?plates?|licen[cs]e plates?|\bplate\b|(?:truly|really|actually) (?:look|looked|was|were)"
    r"|identify (?:him|her|them|the (?:man|woman|thief|person|driver|suspect))"
    r"|\b(?:police|court|forensic|evidence|witness|suspect|prove|proof|thief|burglar|culprit)\b"
    r"|original (?:paint|colou?rs?)|true (?:colou?rs?|face|detail)|exactly as (?:it|he|she|they) (?:was|were)"
    r"|번호판|진짜 (?:얼굴|모습|색)|실제 (?:얼굴|모습|색)|원래 (?:색|얼굴|모습)|범인|증거|법정|경찰|신원",
    re.IGNORECASE,
)
_EXPLAINING: Final = re.compile(
    r"\b(?:how (?:does|do|can|is|come)|why|explain|what happens|amazed|wonder)\b|어떻게|왜|원리|설명", re.I
)
_SEQUENCE: Final = re.compile(
    r"\b(?:first|then|afterwards?|before(?:hand)?|after that|next|step (?:one|two|1|2)|steps?|finally"
    r"|in (?:what|which|that|this) order|pipeline|chain"
    r"|both|two (?:independent|separate|different) (?:things|results|outputs|tasks)|side by side"
    r"|followed by|subsequently|as well as|and also|prior to|in parallel|once (?:it|they"
    r"|that)[^.]{0,30}done)\b"
    r"|먼저|그\s?다음|다음에|후에|한 뒤|한 다음|그리고 나서|순서|단계|전에|동시에|둘 다|각각|이어서|하고 나서|파이프라인",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Mention:
    """A word of the lexicon in the question."""

    task: str  # an id, or "enlarge"
    place: Place
    weight: float  # below 0 where it speaks against the task


@dataclass(frozen=True)
class Factor:
    """By how much a picture shall grow, as the question says or as its two sizes give."""

    value: float
    place: Place

    @property
    def is_whole(self) -> bool:
        """Whether a model for whole factors could reach it."""
        return abs(self.value - round(self.value)) < 5e-3


@dataclass(frozen=True)
class Question:
    """A question, read."""

    text: str
    read: str  # the text with the names of sources blanked out
    language: Language
    mentions: tuple[Mention, ...]
    factor: Factor | None
    refused_factor: Place | None  # a number that is no factor of a picture
    attributes: tuple[tuple[str, Place], ...]  # what it asks of the model beside what it does
    unknowable: Place | None  # what it hopes to see that no picture can prove
    is_explanation_wanted: bool
    is_sequence: bool

    def score(self, task: str) -> float:
        """How strongly the words speak for a task."""
        sums = dict.fromkeys([3.0, 1.5, 0.5, -2.0], 0.0)
        denied = 0.0
        for mention in self.mentions:
            if mention.task == task:
                if mention.weight in sums:
                    sums[mention.weight] += mention.weight
                else:
                    denied += mention.weight
        return sum(min(value, _CAPS.get(weight, value)) for weight, value in sums.items()) + denied

    def first_place(self, task: str) -> Place | None:
        """Where it speaks of the task first, in its strongest words."""
        found = [one for one in self.mentions if one.task == task and one.weight > 0]
        return min(found, key=lambda one: (-one.weight, one.place), default=None).place if found else None  # type: ignore[union-attr]


def read_question(text: str, *, names: Iterable[str] = ()) -> Question:
    """What the question says; `names` of models in it say nothing of the task."""
    words = lexicon()
    whole, text = text, _without(text, names)
    factor, refused = _factor(text)
    unknowable = _UNKNOWABLE.search(text)
    return Question(
        text=whole,
        read=text,
        language=language_of(whole),
        mentions=tuple(_mentions(text, words)),
        factor=factor,
        refused_factor=refused,
        attributes=tuple(_attributes(text)),
        unknowable=unknowable.span() if unknowable else None,
        is_explanation_wanted=bool(_EXPLAINING.search(text)),
        is_sequence=bool(_SEQUENCE.search(text)),
    )


def _without(text: str, names: Iterable[str]) -> str:
    """The question with these names blanked out, letter for letter, so that places stay true."""
    for name in sorted(names, key=len, reverse=True):
        text = re.sub(
            rf"(?<!\w){re.escape(name)}(?!\w)", lambda found: " " * len(found.group()), text, flags=re.I
        )
    return text


def language_of(text: str) -> Language:
    """Korean where at least a fifth of the letters are Hangul."""
    hangul = len(re.findall(r"[가-힣]", text))
    letters = len(re.findall(r"[A-Za-z가-힣]", text))
    return "ko" if hangul and hangul * 5 >= letters else "en"


def _mentions(text: str, words: Lexicon) -> Iterator[Mention]:
    clauses = [0, *(found.end() for found in _CLAUSE.finditer(text))]
    groups: list[tuple[str, Sequence[Word]]] = [("enlarge", words.enlarge)]
    groups += [(task.id, task.asks) for task in words.tasks.values()]
    for task, asks in groups:
        for word in asks:
            found = [one for one in word.pattern.finditer(text) if one.group()]
            if not found:
                continue
            denials = [_is_denied(text, one.span(), clauses) for one in found]
            place = found[denials.index(False)].span() if False in denials else found[0].span()
            weight = word.weight if False in denials else _NEGATED * abs(word.weight)
            if word.weight > 0 or False in denials:
                yield Mention(task, place, weight)


def _is_denied(text: str, place: Place, clauses: Sequence[int]) -> bool:
    begin = max(start for start in clauses if start <= place[0])
    before = text[begin : place[0]]
    near = " ".join(before.split()[-6:])
    found = [one for one in _NEGATION.finditer(near) if not _is_no_denial(one.group())]
    if found:
        return True
    after = text[place[1] : place[1] + 60]
    return bool(_DENIED_AFTER.match(after) or _KOREAN_NEGATION.match(after))


def _is_no_denial(word: str) -> bool:
    """Words that end like a negation, or say that something is hard to see."""
    return bool(_NOT_NEGATION.fullmatch(word)) and not _CONTRACTION.fullmatch(word)


def _factor(text: str) -> tuple[Factor | None, Place | None]:
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
        r"(?:wants?|needs?|to|at|requires|exactly|->|→)\s(?P<n>\d{3,5})(?!\d|[.,:]\d|%|\s?[x×]\s?\d"
        r"|\s?[a-z가-힣])",
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


def _attributes(text: str) -> Iterator[tuple[str, Place]]:
    """What the question asks about: an attribute named in a sentence that asks."""
    for sentence in re.finditer(r"[^.?!\n]+[.?!]?", text):
        if not _ASKING.search(sentence.group()):
            continue
        for name, pattern in _ATTRIBUTES.items():
            if found := re.search(pattern, sentence.group(), re.IGNORECASE):
                start = sentence.start() + found.start()
                yield name, (start, start + len(found.group()))
