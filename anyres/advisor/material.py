"""What the sentences of an answer are made from, and how one is said with the spans that carry it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anyres.advisor.abilities import Able
from anyres.advisor.answer import Part, Sentence, StepShown
from anyres.advisor.decide import Decision
from anyres.advisor.lexicon import lexicon
from anyres.advisor.phrases import phrases, with_particles
from anyres.advisor.question import Place, Question
from anyres.advisor.quoting import shown
from anyres.advisor.roles import RoleOf
from anyres.advisor.sources import Source, Span

QUESTION = "question"  # id of the question as a source


@dataclass(frozen=True)
class Material:
    """What the sentences of one answer are made from."""

    question: Question
    decision: Decision
    roles: Sequence[RoleOf]
    steps: Sequence[StepShown]
    every: Sequence[Able]
    language: str
    asked: Source  # the question as a source

    @property
    def words(self) -> Mapping[str, str]:
        """The fixed words of the language."""
        return phrases(self.language).words

    def able(self, source: str) -> Able:
        """What a provided source can do, by its id."""
        return next(one for one in self.every if one.source.id == source)

    def place(self, place: Place | None) -> Span:
        """A stretch of the question; all of it where no words of it are known."""
        return self.asked.span("text", *place) if place else self.asked.span("text")

    def say(
        self,
        part: Part,
        key: str,
        *spans: Span,
        about: str | None = None,
        label: str | None = None,
        **slots: object,
    ) -> Sentence:
        """A sentence from a template, with the spans that carry its slots."""
        text = with_particles(self.words[key].format(**slots))
        told = [span for span in spans if span.field == "detailed_category"]
        for span in told if len({one.source for one in spans}) == 1 else ():  # so short that it is said
            if key != "chain":
                words = self.able(span.source).source.fields[span.field]
                text = self.words["its_label"].format(text=text, label=shown(words, longest=80))
        return Sentence(part, text, spans, about, label)

    def task_name(self, task: str) -> str:
        """What a task is called in the language of the answer."""
        return lexicon().tasks[task].names[self.language]

    @property
    def stems(self) -> list[str]:
        """Beginnings of the question's words, by which sentences of sources are compared."""
        found = (word.lower() for word in re.findall(r"[A-Za-z]{4,}", self.question.text))
        return sorted({word[:6] for word in found if word not in lexicon().stop})


def asked_source(question: str) -> Source:
    """The question as a source, so that sentences about it can cite it."""
    return Source(QUESTION, "question", {"name": "question", "text": question})


def factors_text(able: Able, material: Material) -> str:
    """By which factors a source enlarges, in words."""
    fixed = sorted(able.factors.fixed)
    return joined([f"x{one}" for one in fixed], material) if fixed else "?"


def joined(parts: Sequence[str], material: Material, *, by: str = "fixed_and") -> str:
    """Parts as a list in words."""
    if len(parts) < 2:
        return "".join(parts)
    return ", ".join(parts[:-1]) + material.words[by] + parts[-1]


def number_text(value: float) -> str:
    """A number as it is said."""
    return f"{value:.4g}" if value < 1e4 else f"{value:.0f}"
