"""An answer: three parts of sentences, each with the spans that it rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from anyres.advisor.decide import Outcome
from anyres.advisor.question import Language
from anyres.advisor.roles import RoleOf
from anyres.advisor.sources import Sources, Span
from anyres.workflow.document import Document, document_text

Part = Literal[1, 2, 3]


@dataclass(frozen=True)
class Sentence:
    """One sentence. Its quotation, if it has one, is cut out of its first span when it is shown."""

    part: Part
    text: str
    spans: tuple[Span, ...]
    about: str | None = None  # the source that it speaks of, in part 3
    label: str | None = None  # whose words it has, where they are not the sources': "our summary of LIIF"

    def __post_init__(self) -> None:
        assert self.spans, f"a sentence without a source: {self.text}"


@dataclass(frozen=True)
class StepShown:
    """A step of the chain: what goes in, who does it, what comes out."""

    task: str
    takes: str
    by: str  # a name
    gives: str
    source: str
    runs_here: bool


@dataclass(frozen=True)
class RunFacts:
    """What came of running the document: facts by name, as text."""

    facts: Mapping[str, str]
    outputs: tuple[str, ...] = ()  # paths of what was written; no part of the facts


@dataclass(frozen=True)
class Answer:
    """What is answered, typed; `sentences` is all that is said."""

    question: str
    language: Language
    outcome: Outcome
    task: str  # one id
    candidates: tuple[str, ...]  # ids, where the question fits two tasks
    steps: tuple[StepShown, ...]
    roles: tuple[RoleOf, ...]
    caveats: tuple[str, ...]
    not_stated: tuple[str, ...]
    sentences: tuple[Sentence, ...]
    sources: Sources
    document: Document | None  # None where nothing here can run it
    run: RunFacts | None = None
    notices: tuple[str, ...] = ()
    removed: int = 0  # sentences of a language model that the checks did not let through
    is_prose: bool = field(default=False)  # whether a language model worded it

    @property
    def links(self) -> Mapping[str, tuple[str, ...]]:
        """By source, the addresses that it gave, byte for byte."""
        return {
            name: tuple(link.address for link in source.links)
            for name, source in self.sources.items()
            if source.kind in ("model", "paper")
        }

    def sentences_of(self, part: Part, *, about: str | None = None) -> list[Sentence]:
        """The sentences of a part; of part 3 those about one source."""
        return [one for one in self.sentences if one.part == part and (about is None or one.about == about)]

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON values; the words of every span are cut out anew."""
        return {
            "anyres_answer": 1,
            "question": self.question,
            "language": self.language,
            "outcome": self.outcome,
            "task": self.task,
            "candidates": list(self.candidates),
            "roles": {
                one.source: {
                    "name": self.sources[one.source].name,
                    "role": one.role,
                    "reason": one.reason,
                    "task": one.task,
                }
                for one in self.roles
            },
            "caveats": list(self.caveats),
            "not_stated": list(self.not_stated),
            "sentences": [self._sentence_json(one) for one in self.sentences],
            "links": {name: list(addresses) for name, addresses in self.links.items()},
            "workflow": {
                "steps": [vars(step) for step in self.steps],
                "document": _document_json(self.document),
            },
            "run": self.run and {"facts": dict(self.run.facts), "outputs": list(self.run.outputs)},
            "notices": list(self.notices),
            "removed": self.removed,
        }  # fmt: skip

    def _sentence_json(self, sentence: Sentence) -> dict[str, Any]:
        return {
            "part": sentence.part,
            "text": sentence.text,
            "about": sentence.about,
            "label": sentence.label,
            "spans": [{**vars(span), "words": self.sources.words(span)} for span in sentence.spans],
        }


def _document_json(document: Document | None) -> Any:
    import json

    return None if document is None else json.loads(document_text(document))


def references(sentences: Sequence[Sentence]) -> dict[str, int]:
    """A number for each source that the sentences cite, in the order of their first citation."""
    found: dict[str, int] = {}
    for sentence in sentences:
        for span in sentence.spans:
            found.setdefault(span.source, len(found) + 1)
    return found
