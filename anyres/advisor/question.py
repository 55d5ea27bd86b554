"""What a question says, by rules: the tasks it speaks of, the factor, what it asks about the model.

English and Korean, also in one sentence. Negation counts: "it is not blurred, only small" asks for no
deblurring. Every finding keeps its place in the question, so that an answer can cite it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from anyres.advisor.attributes import asked_attributes
from anyres.advisor.cues import cue
from anyres.advisor.factors import Factor, bare_factor_in, factor_in
from anyres.advisor.lexicon import NO_TASK, Lexicon, Word, lexicon

Language = Literal["en", "ko"]
Place = tuple[int, int]  # start and end in the question
_CAPS: Final = {1.5: 4.5, 0.5: 1.0}  # what many plain or weak words may come to together
_DENIED: Final = -0.5  # share of its weight that a word counts which the question denies
_ASIDE: Final = 0.3  # and one that only says what was recommended
_REJECTED: Final = -0.3  # and one of a sentence that turns something down

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


_SENTENCE: Final = re.compile(r"[^.?!;\n]+(?:[.,](?=\d)[^.?!;\n]+)*[.?!;\n]*")


@dataclass(frozen=True)
class Mention:
    """A word of the lexicon in the question."""

    task: str  # an id, or "enlarge", or NO_TASK for what is beyond the list
    place: Place
    weight: float  # of the word; below 0 where it speaks against the task
    share: float = 1.0  # of it that counts, by how the word is said


@dataclass(frozen=True)
class Question:
    """A question, read."""

    text: str
    read: str  # what says what is wanted: without names of sources, asides and what is denied
    language: Language
    mentions: tuple[Mention, ...]
    factor: Factor | None
    refused_factor: Place | None  # a number that is no factor of a picture
    attributes: tuple[tuple[str, Place], ...]  # what it asks of the model beside what it does
    unknowable: Place | None  # what it hopes to see that no picture can prove
    is_explanation_wanted: bool
    is_sequence: bool
    is_turned_down: bool = False  # a sentence of several turns something down
    is_recommendation_told: bool = False  # a sentence of several only says what was recommended
    bare_factor: Factor | None = None  # a factor if the question is about enlarging: "eight times, please"

    def as_of_enlarging(self) -> "Question":
        """The question where it is known to be about enlarging: a bare factor is its factor."""
        return replace(self, factor=self.factor or self.bare_factor)

    def score(self, task: str) -> float:
        """How strongly the words speak for a task."""
        sums: dict[float, float] = {}
        against = 0.0
        for mention in self.mentions:
            if mention.task == task:
                counted = mention.weight * mention.share
                if counted > 0:
                    sums[mention.weight] = sums.get(mention.weight, 0.0) + counted
                else:
                    against += counted
        return sum(min(value, _CAPS.get(weight, value)) for weight, value in sums.items()) + against

    def first_place(self, task: str) -> Place | None:
        """Where it speaks of the task first, in its strongest words."""
        found = [one for one in self.mentions if one.task == task and one.weight * one.share > 0]
        return min(found, key=lambda one: (-one.weight, one.place), default=None).place if found else None  # type: ignore[union-attr]


def read_question(text: str, *, names: Iterable[str] = ()) -> Question:
    """What the question says; `names` of models in it say nothing of the task."""
    words = lexicon()
    whole, text = text, _without(text, names)
    asides = tuple(_asides(text))
    factor, refused = factor_in(_blanked(text, (place for place, _ in asides)))
    if factor is None:
        factor, refused = factor_in(text)
    unknowable = cue("unknowable").search(text)
    mentions = tuple(_mentions(text, words, asides))
    return Question(
        text=whole,
        read=_wanted(text, mentions, asides),
        language=language_of(whole),
        mentions=mentions,
        factor=factor,
        refused_factor=refused,
        attributes=tuple(asked_attributes(text)),
        unknowable=unknowable.span() if unknowable else None,
        is_explanation_wanted=bool(cue("explaining").search(text)),
        is_sequence=bool(cue("sequence").search(text)),
        is_turned_down=any(share == _REJECTED for _, share in asides),
        is_recommendation_told=any(share == _ASIDE for _, share in asides),
        bare_factor=bare_factor_in(text),
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


def _mentions(text: str, words: Lexicon, asides: Sequence[tuple[Place, float]]) -> Iterator[Mention]:
    clauses = [0, *(found.end() for found in _CLAUSE.finditer(text))]
    groups: list[tuple[str, Sequence[Word]]] = [("enlarge", words.enlarge), (NO_TASK, words.beyond)]
    groups += [(task.id, task.asks) for task in words.tasks.values()]
    for task, asks in groups:
        for word in asks:
            places = [one.span() for one in word.pattern.finditer(text) if one.group()]
            shares = [_share(text, place, clauses, asides) for place in places]
            if not places or (word.weight < 0 and max(shares) < 1):
                continue
            best = max(range(len(places)), key=lambda number: shares[number])
            yield Mention(task, places[best], word.weight, shares[best])


def _asides(text: str) -> Iterator[tuple[Place, float]]:
    """Sentences that do not say what is wanted, and what their words count."""
    sentences = list(_SENTENCE.finditer(text))
    for sentence in sentences if len(sentences) > 1 else ():
        if cue("turned_down").search(sentence.group().strip()):
            yield sentence.span(), _REJECTED
        elif cue("recommended").search(sentence.group()):
            yield sentence.span(), _ASIDE


def _blanked(text: str, places: Iterable[Place]) -> str:
    """The text with blanks at these places, letter for letter, so that all others stay true."""
    letters = list(text)
    for start, end in places:
        letters[start:end] = " " * (end - start)
    return "".join(letters)


def _share(text: str, place: Place, clauses: Sequence[int], asides: Sequence[tuple[Place, float]]) -> float:
    for (start, end), share in asides:
        if start <= place[0] < end:
            return share
    return _DENIED if _is_denied(text, place, clauses) else 1.0


def _wanted(text: str, mentions: Sequence[Mention], asides: Sequence[tuple[Place, float]]) -> str:
    """The question without asides and without words that it denies; all of it if nothing were left."""
    gone = [place for place, _ in asides]
    gone += [mention.place for mention in mentions if mention.share == _DENIED]
    left = _blanked(text, gone)
    return left if len(left.split()) >= 3 else text


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
