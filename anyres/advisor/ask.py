"""The door of the advisor: a question in, an answer with a source for every sentence out."""

from collections.abc import Sequence

from anyres.advisor.abilities import Able, able
from anyres.advisor.answer import Answer
from anyres.advisor.brief import Brief
from anyres.advisor.cards import card_of
from anyres.advisor.compose import Material, all_sources, asked_source, sentences, trained_of
from anyres.advisor.decide import decide, names_in
from anyres.advisor.plan import document_of_decision, steps_shown
from anyres.advisor.question import Language, read_question
from anyres.advisor.roles import roles
from anyres.advisor.sources import Source
from anyres.core.errors import InputError


def answer_of(brief: Brief, *, language: Language | None = None) -> Answer:
    """The answer to a brief's question from its sources alone.

    Args:
        brief: The question and what may be used. Without sources there is no task that anybody does.
        language: Of the answer; that of the question if left out.

    Raises:
        InputError: if there is no question.
    """
    if not brief.question.strip():
        raise InputError(
            "There is no question. Put it before the models of the brief, or give it: "
            'anyres ask "..." --brief FILE.'
        )
    question = read_question(brief.question, names=names_in(brief.sources))
    spoken = language or question.language
    models, papers = _able(brief.models, spoken), _able(brief.papers, spoken)
    every = [*models, *papers]
    decision = decide(question, models, papers)
    steps = steps_shown(decision, every)
    material = Material(
        question=question,
        decision=decision,
        roles=roles(decision, every),
        steps=steps,
        every=every,
        language=spoken,
        asked=asked_source(brief.question),
    )
    return Answer(
        question=brief.question,
        language=spoken,
        outcome=decision.outcome,
        task=decision.task,
        candidates=decision.tasks if decision.outcome == "unclear" else (),
        steps=steps,
        roles=tuple(material.roles),
        caveats=decision.caveats,
        not_stated=tuple(name for name, _ in decision.not_stated),
        sentences=tuple(sentences(material)),
        sources=all_sources(material),
        document=document_of_decision(question, decision, every),
        notices=brief.notices,
    )


def _able(sources: Sequence[Source], language: Language) -> list[Able]:
    return [able(source, trained=trained_of(card_of(source), language)) for source in sources]
