"""The sentences of an answer: templates whose slots are cited fields, and quotations."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from anyres.advisor.abilities import Able
from anyres.advisor.answer import Part, Sentence, StepShown
from anyres.advisor.builtin import here
from anyres.advisor.cards import TRAINED, Card, card_of, principle, principles
from anyres.advisor.compose_task import task_sentences
from anyres.advisor.lexicon import ENLARGING, is_one_way, lexicon
from anyres.advisor.material import Material, factors_text, joined, number_text
from anyres.advisor.naming import same_paper
from anyres.advisor.phrases import phrases
from anyres.advisor.quoting import is_praise, limits_told, shown, shown_name, telling
from anyres.advisor.roles import RoleOf
from anyres.advisor.sources import Source, Sources, Span

_MOST_QUOTED = {"primary": 3, "supporting": 3, "related": 2, "unrelated": 1}
_MOST_PASSES = 6


def sentences(material: Material) -> list[Sentence]:
    """All sentences, part by part."""
    return [*task_sentences(material), *_workflow(material), *_sources(material)]


def _workflow(material: Material) -> Iterator[Sentence]:
    decision = material.decision
    if not decision.steps:
        if material.every:
            yield material.say(2, "none", material.place(None))
        yield from _factor_sentences(material)
        yield from _limits(material)
        yield from _attributes(material)
        return
    spans = [span for step in decision.steps for span in _carrying(step.by, step.task)]
    yield material.say(2, "chain", *spans, chain=chain_text(material.steps, material.language))
    for step in decision.steps:
        yield from _how(material, step.by, step.task)
    yield from _factor_sentences(material)
    yield from _limits(material)
    yield from _attributes(material)
    runs = all(step.runs_here for step in material.steps)
    for shown_step in material.steps:
        if shown_step.runs_here and not runs:
            continue  # a step alone is no workflow; what is missing is said
        key = "runs" if shown_step.runs_here else "runs_not"
        named = material.able(shown_step.source).source.span("name")
        installed = here().span("runs")
        yield material.say(2, key, installed, named, name=shown_step.by, operation="upscale")


def _carrying(able: Able, task: str) -> Iterator[Span]:
    """The words that say who does a task: its name, and where it says that it does."""
    yield able.source.span("name")
    if (ability := able.ability(task)) is not None and ability.span.field != "name":
        yield ability.span


def _how(material: Material, able: Able, task: str) -> Iterator[Sentence]:
    """How the method works: its own words, those of its paper, and our card of it."""
    told = 0
    card = _card(material, able)
    voices = [
        able,
        *(one for one in material.every if one is not able and same_paper(one.source, able.source)),
    ]
    for voice in voices:
        most = 3 - told
        for span in telling(voice, task, most=most, asked=material.stems) if most > 0 else ():
            told += 1
            yield _quoted(material, 2, voice.source, span)
        if any(is_praise(voice.source.fields[name][start:end]) for name, start, end in voice.source.prose()):
            yield material.say(2, "overstated", voice.source.span("name"), name=shown_name(voice.source))
    for claim in card.claims if card else ():
        yield _claimed(material, card, claim.id)  # type: ignore[arg-type]


def _card(material: Material, able: Able) -> Card | None:
    """The card of the paper that this source, or another provided one of the same method, names."""
    voices = [able, *(one for one in material.every if same_paper(one.source, able.source))]
    return next((card for voice in voices if (card := card_of(voice.source))), None)


def _claimed(
    material: Material, card: Card, claim: str, *, part: Part = 2, about: str | None = None
) -> Sentence:
    span = card.span(claim, material.language)
    found = card.claim(claim)
    key = "label" if found.section and found.is_checked else "label_unchecked"
    label = material.words[key].format(paper=card.short, section=found.section)
    return material.say(part, "claim", span, about=about, label=label, claim=card.source.fields[span.field])


def _quoted(
    material: Material, part: Part, source: Source, span: Span, *, about: str | None = None
) -> Sentence:
    quote = shown(source.fields[span.field][span.start : span.end])
    if part == 3:
        return material.say(3, "in_its_words", span, about=about, quote=quote)
    return material.say(part, "quote", span, name=shown_name(source), quote=quote)


def _factor_sentences(material: Material) -> Iterator[Sentence]:
    factor, factors = material.question.factor, material.decision.factors
    if factor is None or factors is None:
        return
    steps = material.decision.steps
    enlarging = material.decision.short or next(step.by for step in steps if step.task in ENLARGING)
    if factors.fixed and not factors.has(factor.value):
        span = factors.span or enlarging.source.span("name")
        slots = {"name": shown_name(enlarging.source), "fixed": factors_text(enlarging, material)}
        yield material.say(2, "not_fixed", span, factor=number_text(factor.value), **slots)
        largest = max(factors.fixed)
        passes = math.ceil(math.log(factor.value) / math.log(largest) - 1e-9)
        if 1 <= passes <= _MOST_PASSES and largest**passes >= factor.value:
            count = {"count": passes, "fixed": largest, "product": largest**passes}
            yield material.say(
                2, "passes", span, material.place(factor.place), factor=number_text(factor.value), **count
            )
    elif factors.trained and factors.trained_span:
        low, high = factors.trained
        key = "inside" if low <= factor.value <= high + 5e-3 else "outside"
        slots = {
            "low": number_text(low),
            "high": number_text(high),
            "times": number_text(factor.value / high),
        }
        yield material.say(2, key, factors.trained_span, factor=number_text(factor.value), **slots)


def _limits(material: Material) -> Iterator[Sentence]:
    if "not_recovered" in material.decision.caveats:
        wish = material.place(material.question.unknowable)
        yield material.say(2, "not_recovered", principle("evidence", material.language), wish)
        for step in material.decision.steps:
            if span := limits_told(step.by.source):
                yield _quoted(material, 2, step.by.source, span)
    wrong = material.decision.rejected
    if wrong and any(
        is_praise(wrong.able.source.fields[name][start:end]) for name, start, end in wrong.able.source.prose()
    ):
        yield material.say(
            2, "overstated", wrong.able.source.span("name"), name=shown_name(wrong.able.source)
        )


def _attributes(material: Material) -> Iterator[Sentence]:
    names = phrases(material.language).attributes
    by_id = {one.source.id: one.source for one in material.every}
    for name, place, span in material.decision.stated:
        source = by_id[span.source]
        key = "stated_field" if span.field in ("dataset", "licence") else "stated"
        quote = shown(source.fields[span.field][span.start : span.end])
        yield material.say(
            2, key, span, material.place(place), what=names[name], name=shown_name(source), quote=quote
        )
    missing = material.decision.not_stated
    if missing:
        spans = [material.place(place) for _, place in missing]
        yield material.say(
            2, "not_stated", *spans, what=joined([names[name] for name, _ in missing], material)
        )


def _sources(material: Material) -> Iterator[Sentence]:
    for role in material.roles:
        yield _reason(material, role)
        able = material.able(role.source)
        most = _MOST_QUOTED[role.role]
        if role.role == "primary" and material.decision.steps:
            most = 1  # the rest stands in part 2
        spans = telling(able, role.task, most=most, asked=material.stems)
        for span in spans:
            yield _quoted(material, 3, able.source, span, about=role.source)
        card = card_of(able.source)
        if not spans and card is not None and role.role != "primary":
            yield _claimed(material, card, card.claims[0].id, part=3, about=role.source)


def _reason(material: Material, role: RoleOf) -> Sentence:
    able = material.able(role.source)
    name = shown_name(able.source)
    tasks = lexicon().tasks
    slots: dict[str, str] = {"name": name}
    key = {"does_it": "primary"}.get(role.reason, role.reason)
    if role.task:
        slots |= {"task": material.task_name(role.task)}
        types = phrases(material.language).types
        slots |= {"takes": types[tasks[role.task].takes], "gives": types[tasks[role.task].gives]}
    asked = tasks.get(material.decision.task)
    slots["needed"] = phrases(material.language).types[asked.gives] if asked else ""
    if role.step is not None:
        slots["primary"] = shown_name(material.decision.steps[role.step].by.source)
    if role.reason == "nothing_common" and role.task:
        key = "nothing_common_task"
    elif role.reason == "no_task":
        key = "no_task_role" if role.task else "no_task_role_bare"
    elif role.reason == "other_task" and asked and is_one_way(str(role.task), asked.id):
        key = "other_factor"
    elif role.reason == "other_task" and asked and tasks[str(role.task)].gives == asked.gives:
        key = "nothing_common_task" if role.role == "unrelated" else "other_task_same_type"
    return material.say(3, key, role.span, about=role.source, **slots)


def chain_text(steps: Sequence[StepShown], language: str) -> str:
    """Input -> model -> output, the output of a step being the input of the next where the types allow."""
    types = phrases(language).types

    def given(step: StepShown) -> str:
        return types["larger" if step.task in ENLARGING and step.gives == "Image" else step.gives]

    parts = [types[steps[0].takes], steps[0].by, given(steps[0])]
    lines = []
    for before, after in pairwise(steps):
        if before.gives == after.takes or (before.gives == "Image" and after.takes.startswith("Image")):
            parts += [after.by, given(after)]
        else:
            lines.append(" -> ".join(parts))
            parts = [types[after.takes], after.by, given(after)]
    return "; ".join([*lines, " -> ".join(parts)])


def trained_of(card: Card | None, language: str) -> tuple[tuple[float, float], Span] | None:
    """The range of factors of a card, with the claim that says it."""
    if card is None or card.trained_factors is None:
        return None
    return card.trained_factors, card.span(TRAINED, language)


def all_sources(material: Material) -> Sources:
    """The provided sources, the question, and the cards that count here."""
    found = [one.source for one in material.every]
    made = {card.source.id: card.source for one in material.every if (card := card_of(one.source))}
    return Sources([*found, material.asked, *made.values(), here(), principles().source])
