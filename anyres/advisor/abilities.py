"""What a source can do, by its own words: which tasks, at which factors, each with the span that says so.

A catalogue's label says more than a title, and a title more than what a summary mentions: a summary also
names what a thing is compared with, tested on or good for, and a sentence that does so counts little.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from anyres.advisor.lexicon import ENLARGING, Task, lexicon
from anyres.advisor.likeness import likeness
from anyres.advisor.sources import Source, Span

LABELS: Final = (
    "detailed_category",
    "name",
    "category",
)  # short fields that name a task, the more telling first
_FIRST: Final = 3  # sentences at the beginning of a summary, which say what a thing is
_LEAST: Final = 1.0  # what a summary alone has to come to
_ALIKE: Final = 2.6  # likeness of a label from which a source counts as doing a task
_ALIKE_PROSE: Final = 10.0  # and of a summary, where the label says nothing
_OF_PROSE, _MOST_OF_PROSE = 0.35, 14.0  # what the likeness of a summary counts beside that of a label
_READ: Final = 600  # characters of a summary that are compared
_SHARE: Final = 0.45  # of the best task's score, for another to count as well
_ASIDE: Final = re.compile(
    r"\b(?:benchmark|tests?|tested|evaluat\w+|gains?|experiments?|applications?|such as in|helps?|useful"
    r"|serves?|behind|comparison|unlike"
    r"|instead of|rather than|no extra|not (?:needed|a|an|meant)|downstream|e\.g\.|ranging from"
    r"|can (?:also )?be used|improv\w+ .{0,30} on"
    r"|demonstrat\w+|needs?, not|does not|do not|is not|are not|never|measured by|pretrained)\b",
    re.IGNORECASE,
)
_OFFERED: Final = re.compile(
    r"\b(?:takes?|gives?|goes in|go in|comes? out|input|output|trained (?:for|anew)|tasks? (?:are|is"
    r"|include)|models? are trained|we (?:propose|present|introduce)"
    r"|upsamples?|removes?|restores?|predicts?|estimates?|detects?|matche?s|enlarges?|a (?:network|model"
    r"|method|transformer|detector|dataset|set))\b",
    re.IGNORECASE,
)
_FIXED_LABEL: Final = re.compile(
    r"(?:(?<![\w.])|(?<=SR))(?:[x×](?P<a>\d{1,2})|(?P<b>\d{1,2})[x×])(?=\b|plus|[_\s])", re.IGNORECASE
)
_FIXED_PROSE: Final = re.compile(
    r"(?:fixed|whole|integer|single) (?:\w+ )?(?:factors?|scales?)(?: of| like|:)? (?P<list>\d(?:(?:, ?"
    r"| and | or |, and |, or )\d)*)"
    r"|(?:factors?|scales?)(?: of)? (?P<list2>\d(?:(?:, ?| and | or |, and |, or )\d)+)"
    r"|(?:enlarged?|enlarging (?:video )?|upscal\w+|super-resolution"
    r"|larger) (?:by )?(?:a factor of )?(?P<one>\d)(?![\d.]|\w)"
    r"|(?P<times>two|three|four|eight) times (?:as|larger|the|higher)|(?P<double>[Dd]oubles|[Tt]wice"
    r"|[Qq]uadruples)",
    re.IGNORECASE,
)
_RANGE: Final = re.compile(
    r"(?:factors?|scales?|magnifications?|upsampling)[^.]{0,40}?(?:between|from|in"
    r"|of)?\s*[x×]?(?P<low>1(?:\.0)?)\s*(?:and|to|-|–|through)\s*[x×]?(?P<high>\d{1,2}(?:\.\d)?)"
    r"|[x×](?P<low2>1)\s?(?:to|-|–|and|through)\s?[x×](?P<high2>\d{1,2})",
    re.IGNORECASE,
)
_WORDS: Final = {"two": 2, "three": 3, "four": 4, "eight": 8, "doubles": 2, "twice": 2, "quadruples": 4}


@dataclass(frozen=True)
class Ability:
    """That a source does a task, and where it says so."""

    task: str
    span: Span
    score: float


@dataclass(frozen=True)
class Factors:
    """By which factors a source enlarges."""

    fixed: frozenset[int]  # empty: any factor, or none is stated
    span: Span | None
    trained: tuple[float, float] | None = None  # where it takes any factor: those seen in training
    trained_span: Span | None = None

    def has(self, factor: float) -> bool:
        """Whether it gives that factor as it is."""
        return not self.fixed or any(abs(factor - one) < 5e-3 for one in self.fixed)


@dataclass(frozen=True)
class Able:
    """A source with all that it can do."""

    source: Source
    abilities: tuple[Ability, ...]  # the best first
    factors: Factors
    mentions: frozenset[str]  # tasks that its words touch at all

    @property
    def tasks(self) -> frozenset[str]:
        """Ids of what it does."""
        return frozenset(one.task for one in self.abilities)

    def ability(self, task: str) -> Ability | None:
        """What it says of a task; of the nearest way of enlarging, where it enlarges otherwise."""
        for one in self.abilities:
            if one.task == task:
                return one
        if task in ENLARGING:
            return next((one for one in self.abilities if one.task in ENLARGING), None)
        return None


def able(source: Source, *, trained: tuple[tuple[float, float], Span] | None = None) -> Able:
    """What a source can do; `trained` is the range of factors where a card of its paper tells it."""
    scores, spans = _scores(source)
    labelled = _labelled(source)
    if labelled:
        abilities = _of_labels(labelled, scores, spans)
    else:
        best = max(scores.values(), default=0.0)
        kept = [task for task, score in scores.items() if score >= max(_LEAST, _SHARE * best)]
        abilities = tuple(Ability(task, spans[task], scores[task]) for task in kept)
        alike = _alike(source)
        if alike is not None and (not abilities or "detailed_category" in source.fields):
            abilities = (alike,)
    ordered = tuple(sorted(abilities, key=lambda one: -one.score))
    factors = _factors(source, {one.task for one in ordered})
    if trained is not None and factors.trained is None:
        factors = replace(factors, trained=trained[0], trained_span=trained[1])
    return Able(source, ordered, factors, frozenset(scores) | {one.task for one in ordered})


def _alike(source: Source) -> Ability | None:
    """The task to whose phrases label and summary together are most alike, if they are alike enough."""
    label = ". ".join(source.fields[name] for name in LABELS if name in source.fields)
    prose = " ".join(source.fields[name][start:end] for name, start, end in source.prose())[:_READ]
    alike = likeness("sources")
    by_label, by_prose = alike(label), alike(prose)
    scores = {task: by_label[task] + _OF_PROSE * min(by_prose[task], _MOST_OF_PROSE) for task in by_label}
    best = max(scores, key=lambda task: scores[task])
    is_labelled = by_label[best] >= _ALIKE or ("detailed_category" in source.fields and by_label[best] > 0)
    if scores[best] < _ALIKE or not (is_labelled or by_prose[best] >= _ALIKE_PROSE):
        return None
    field = next(
        (name for name in LABELS if name in source.fields and alike(source.fields[name])[best]),
        None,
    )
    if field is None:
        first = next(source.prose(), None)
        return Ability(best, source.span(*first) if first else source.span("name"), scores[best])
    return Ability(best, source.span(field), scores[best])


def _labelled(source: Source) -> list[tuple[Task, Span, float]]:
    """Tasks that a label or the title names."""
    for number, name in enumerate(LABELS):
        text = source.fields.get(name, "")
        found = []
        for task in lexicon().tasks.values():
            if task.sources.search(text):
                found.append((task, source.span(name), 10.0 - number))
        if found:
            return found
    return []


def _of_labels(
    labelled: Sequence[tuple[Task, Span, float]], scores: Mapping[str, float], spans: Mapping[str, Span]
) -> tuple[Ability, ...]:
    """Of the ways of enlarging the most special one that the label names; prose makes a bare one clear."""
    found = {
        task.id: Ability(task.id, span, score + scores.get(task.id, 0)) for task, span, score in labelled
    }
    ways = [way for way in ENLARGING if way in found]
    for way in ways[1:]:
        del found[way]
    if ways == ["sisr"] and found["sisr"].span.field == "name":
        special = next((way for way in ENLARGING[:-1] if scores.get(way, 0) >= _LEAST), None)
        if special is not None and not _FIXED_LABEL.search(spans[special].field):
            found[special] = Ability(special, spans[special], found.pop("sisr").score)
    return tuple(found.values())


def _scores(source: Source) -> tuple[dict[str, float], dict[str, Span]]:
    """By task, how much the prose says that the source does it, and the sentence that says it best."""
    scores: dict[str, float] = {}
    spans: dict[str, Span] = {}
    best: dict[str, float] = {}
    for number, (name, start, end) in enumerate(source.prose()):
        sentence = source.fields[name][start:end]
        weight = 1.5 if number < _FIRST else 0.8
        if _OFFERED.search(sentence):
            weight *= 1.3
        if _ASIDE.search(sentence):
            weight *= 0.3
        for task, place in _named_in(sentence):
            gained = weight * (1.0 if place < 160 else 0.7)
            scores[task] = scores.get(task, 0.0) + gained
            if gained > best.get(task, 0.0):
                best[task], spans[task] = gained, source.span(name, start, end)
    for way in ENLARGING[:-1]:  # said in the special words, it is not the plain way
        if scores.get(way, 0) >= _LEAST:
            scores[way] = max(scores[way], scores.pop("sisr", 0.0))
            spans.pop("sisr", None)
            break
    return scores, spans


def _named_in(sentence: str) -> Iterator[tuple[str, int]]:
    for task in lexicon().tasks.values():
        if place := task.sources.search(sentence):
            yield task.id, place.start()


def _factors(source: Source, tasks: set[str]) -> Factors:
    if not tasks & set(ENLARGING):
        return Factors(frozenset(), None)
    label_fixed, label_span = _label_factors(source)
    if label_fixed:
        return Factors(label_fixed, label_span)
    for name, start, end in source.prose():
        sentence = source.fields[name][start:end]
        if "sisr_any" in tasks and (found := _RANGE.search(sentence)):
            low, high = float(found["low"] or found["low2"]), float(found["high"] or found["high2"])
            if high > low:
                return Factors(frozenset(), None, (low, high), source.span(name, start, end))
        if "sisr_any" not in tasks and (fixed := _fixed_in(sentence)):
            return Factors(fixed, source.span(name, start, end))
    return Factors(frozenset(), None)


def _label_factors(source: Source) -> tuple[frozenset[int], Span | None]:
    for name in ("name", "detailed_category"):
        found = list(_FIXED_LABEL.finditer(source.fields.get(name, "").replace("_", " ")))
        values = frozenset(int(one["a"] or one["b"]) for one in found)
        if values:
            return values, source.span(name)
    return frozenset(), None


def _fixed_in(sentence: str) -> frozenset[int]:
    for found in _FIXED_PROSE.finditer(sentence):
        groups = found.groupdict()
        digits = groups["list"] or groups["list2"] or groups["one"]
        word = (groups["times"] or groups["double"] or "").lower()
        values = {int(one) for one in re.findall(r"\d", digits)} if digits else {_WORDS[word]}
        if kept := frozenset(value for value in values if 1 < value <= 16):
            return kept
    return frozenset()
