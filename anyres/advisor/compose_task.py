"""The first part of an answer: which task it is, and why what was recommended does not do it."""

import re
from collections.abc import Iterator, Sequence

from anyres.advisor.answer import Sentence
from anyres.advisor.kinds import OtherKind
from anyres.advisor.lexicon import ENLARGING, NO_TASK, lexicon
from anyres.advisor.material import Material, factors_text, joined, number_text
from anyres.advisor.question import Place, Question
from anyres.advisor.quoting import shown, shown_name
from anyres.advisor.sources import Span


def task_sentences(material: Material) -> Iterator[Sentence]:
    """Which task it is, by which factor, and what was recommended in vain."""
    question, decision = material.question, material.decision
    if decision.task == NO_TASK:
        yield material.say(1, "no_task", material.place(None))
        if material.every:
            yield material.say(1, "none", material.place(None))
        return
    places = [_place_of(question, task) for task in decision.tasks]
    spans = [material.place(place) for place in dict.fromkeys(place for place in places if place)] or [
        material.place(None)
    ]
    if decision.outcome == "unclear":
        yield from _unclear(material, spans)
        return
    goals = [lexicon().tasks[task].goals[material.language] for task in decision.tasks]
    if len(decision.tasks) == 1:
        yield material.say(
            1, "task", *spans, goal=goals[0], task=material.task_name(decision.task), id=decision.task
        )
    else:
        named = [
            f"{number}. {material.task_name(task)} ({task})"
            for number, task in enumerate(decision.tasks, start=1)
        ]
        goal = joined(goals, material)
        yield material.say(1, "tasks", *spans, goal=goal, tasks="; ".join(named))
    yield from _asked_factor(material)
    if decision.outcome == "none":
        yield material.say(1, "none", *spans)
    if decision.other_kind:
        yield _of_other_kind(material, decision.other_kind)
    yield from _rejection(material)


def _asked_factor(material: Material) -> Iterator[Sentence]:
    """By how much the picture shall grow, as it was said or as two sizes give it."""
    question, decision = material.question, material.decision
    if question.factor and any(task in ENLARGING for task in decision.tasks):
        stated = re.search(r"[\d.,]+", question.text[slice(*question.factor.place)])
        is_stated = (
            not stated
            or abs(float(stated[0].strip(".,").replace(",", ".") or 0) - question.factor.value) < 5e-3
        )
        key = "factor" if is_stated else "factor_of_sizes"
        yield material.say(
            1, key, material.place(question.factor.place), factor=number_text(question.factor.value)
        )
    if question.refused_factor:
        start, end = question.refused_factor
        yield material.say(
            1, "no_factor", material.place((start, end)), words=shown(question.text[start:end], longest=40)
        )


def _unclear(material: Material, spans: Sequence[Span]) -> Iterator[Sentence]:
    first, second = material.decision.tasks
    able = [next(one for one in material.every if one.ability(task)) for task in (first, second)]
    shown_by = [shown_name(one.source) for one in able]
    cited = [one.ability(task).span for one, task in zip(able, (first, second), strict=True)]  # type: ignore[union-attr]
    names = {"first": material.task_name(first), "second": material.task_name(second)}
    yield material.say(1, "unclear", *spans, *cited, first_by=shown_by[0], second_by=shown_by[1], **names)
    goals = [lexicon().tasks[task].goals[material.language] for task in (first, second)]
    yield material.say(1, "which", *spans, first_goal=goals[0], second_goal=goals[1])


def _rejection(material: Material) -> Iterator[Sentence]:
    decision = material.decision
    if decision.rejected is None:
        return
    rejected, chosen = decision.rejected.able, decision.steps[0]
    ability = chosen.by.ability(chosen.task)
    assert ability is not None
    names = {"rejected": shown_name(rejected.source), "chosen": shown_name(chosen.by.source)}
    if decision.rejected.is_for_factor and material.question.factor:
        fixed = factors_text(rejected, material)
        span = rejected.factors.span or rejected.source.span("name")
        factor = number_text(material.question.factor.value)
        yield material.say(1, "wrong_factor", span, ability.span, fixed=fixed, factor=factor, **names)
    elif decision.rejected.other_kind:
        yield _of_other_kind(material, decision.rejected.other_kind)
    elif rejected.abilities:
        own = rejected.abilities[0]
        yield material.say(1, "wrong", own.span, ability.span, its_task=material.task_name(own.task), **names)
    else:
        yield material.say(1, "wrong_unknown", rejected.source.span("name"), ability.span, **names)


def _of_other_kind(material: Material, other: OtherKind) -> Sentence:
    """What a source does of the task, and what is asked."""
    told, asked = (kind.names[material.language] for kind in (other.told, other.asked))
    return material.say(
        1, "other_kind", other.span, name=shown_name(other.able.source), told=told, asked=asked
    )


def _place_of(question: Question, task: str) -> Place | None:
    if task not in ENLARGING:
        return question.first_place(task)
    places = [question.first_place("enlarge"), question.first_place(task)]
    return next((place for place in places if place), question.factor.place if question.factor else None)
