"""The door of the advisor: a question in, an answer with a source for every sentence out."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from anyres.advisor.abilities import Ability, Able, Factors, able
from anyres.advisor.answer import Answer
from anyres.advisor.brief import MAX_BYTES, MAX_QUESTION, Brief, read_brief, whole_letters
from anyres.advisor.builtin import builtin_brief
from anyres.advisor.cards import card_of
from anyres.advisor.compose import all_sources, sentences, trained_of
from anyres.advisor.decide import decide
from anyres.advisor.lexicon import ENLARGING
from anyres.advisor.material import Material, asked_source
from anyres.advisor.naming import names_in
from anyres.advisor.plan import document_of_decision, steps_shown
from anyres.advisor.question import Language, read_question
from anyres.advisor.roles import roles
from anyres.advisor.sources import Source
from anyres.core.errors import InputError


def ask(
    question: str | None = None,
    *,
    brief: Brief | Path | None = None,
    sources: Path | None = None,
    library: Path | None = None,
    language: Language | None = None,
) -> Answer:
    """Answer a question about a task with pictures, from given models and papers only.

    Args:
        question: What is asked; a brief may hold it instead, and one given here goes before the brief's.
        brief: What it may be answered from, or its file (text or JSON). Without one the library is asked, and
            without a library what comes with anyres.
        sources: A folder with texts of the provided papers: PDF, HTML, plain text.
        library: A library's file; the user's own if not named.
        language: Of the answer; that of the question if not named.

    Returns:
        The answer, typed: `task`, `roles`, `sentences` with their spans, `links`, `document`. It holds no
        time and no chance: the same question and sources give the same answer.

    Raises:
        InputError: if there is no question, or a file that is none of these.
        LimitError: for a brief that is too large.
    """
    asked = _asked(question, brief, library)
    if sources is not None:
        from anyres.advisor.documents import with_texts

        asked = with_texts(asked, sources)
    return answer_of(asked, language=language)


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
    if any(task in ENLARGING for task in decision.tasks):
        question = question.as_of_enlarging()
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


def _asked(question: str | None, brief: Brief | Path | None, library: Path | None) -> Brief:
    """The brief, or the question with what the library or the program itself holds."""
    if brief is not None:
        read = brief if isinstance(brief, Brief) else read_brief(_content(brief))
        return replace(read, question=whole_letters(question)[:MAX_QUESTION]) if question else read
    if not question or not question.strip():
        raise InputError('There is no question: anyres ask "...", or a brief that holds one: --brief FILE.')
    from anyres.advisor.source_library import Library, path_of_library

    path = library or path_of_library()
    if library is not None and not library.is_file():
        raise InputError(f"There is no library {library}. Make one with `anyres library import`.")
    if path.is_file():
        with Library(path) as opened:
            if len(opened):
                return opened.brief(question)
    return builtin_brief(question)


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise InputError(f"{path} is no file. Name a brief's file, text or JSON.")
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}). Name a brief's file.") from error


def _able(sources: Sequence[Source], language: Language) -> list[Able]:
    return [_able_one(source, language) for source in sources]


def _able_one(source: Source, language: Language) -> Able:
    """What a source can do by its own words, else by our card of its paper."""
    card = card_of(source)
    found = able(source, trained=trained_of(card, language))
    if found.abilities or card is None:
        return found
    by_card = Ability(card.task, card.span(card.claims[0].id, language), 1.0)
    factors = Factors(frozenset(), None, *(trained_of(card, language) or (None, None)))
    return replace(found, abilities=(by_card,), factors=factors)
